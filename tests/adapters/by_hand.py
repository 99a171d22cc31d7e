"""Good models and adapters for the cases, made without torch."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

from tests.adapters.made import (
    BASE,
    Shape,
    edit_tensors,
    make_adapter,
    make_base,
    numbers,
    write_tensors,
)

SHAPES = {
    "base": Shape(),
    "twin": Shape(),
    "deep": Shape(layers=4),
    "shallow": Shape(layers=1),
    "wide": Shape(hidden=24),
    "qwen3": Shape(architecture="Qwen3ForCausalLM"),
}


class HandWorkshop:
    """Writes bytes."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._count = 0

    def base(self, kind: str) -> Path:
        folder = self._root / "bases" / kind
        if folder.exists():
            return folder
        if kind == "gpt2":
            return self._gpt2(folder)
        return make_base(folder, shape=SHAPES[kind], seed=sorted(SHAPES).index(kind))

    def adapter(self, kind: str) -> Path:
        folder = self._fresh()
        name = BASE if kind == "base" else f"example/{kind}"
        made = make_adapter(folder, shape=SHAPES.get(kind, Shape()), base_name=name)
        if kind == "gpt2":
            edit_tensors(
                made,
                change=lambda tensors: {
                    name.replace("model.layers", "transformer.h").replace("self_attn.", "attn.")
                    .replace("q_proj", "c_attn").replace("v_proj", "c_proj"): row
                    for name, row in tensors.items()
                },
            )  # fmt: skip
        return made

    def replaced_vocabulary(self) -> Path:
        folder = make_adapter(self._fresh())
        shape = [40, 16]
        row = ("F32", shape, numbers(shape, rng=random.Random(5)))
        name = "base_model.model.model.embed_tokens.weight"
        edit_tensors(folder, change=lambda tensors: tensors | {name: row})
        return folder

    def _gpt2(self, folder: Path) -> Path:
        make_base(folder, shape=replace(Shape(), architecture="GPT2LMHeadModel"))
        row = ("F32", [16, 48], numbers([16, 48], rng=random.Random(6)))
        write_tensors(folder / "model.safetensors", tensors={"h.0.attn.c_attn.weight": row})
        return folder

    def _fresh(self) -> Path:
        self._count += 1
        return self._root / "trained" / str(self._count)

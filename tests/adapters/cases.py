"""The 26 damaged and foreign adapters of which PEFT accepts most without a word.

Answers: how is each made from a good one, and which reason must it be refused for?
Not here: where good ones come from: made by hand, or by PEFT itself.
"""

from __future__ import annotations

import json
import pickle
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.adapters.made import CONFIG, WEIGHTS, edit_config, edit_tensors


class Workshop(Protocol):
    """Makes good models and adapters."""

    def base(self, kind: str) -> Path:
        """Return a model folder: base, twin, deep, shallow, wide, qwen3 or gpt2."""

    def adapter(self, kind: str) -> Path:
        """Return a fresh, good adapter for that model."""

    def replaced_vocabulary(self) -> Path:
        """Return an adapter for `base` that brings words of its own."""


@dataclass(frozen=True, slots=True)
class Case:
    """One bad adapter.

    Attributes:
        code: Why it must be refused.
        trained_on: The model that it was really trained on.
        damage: What is done to its folder.
        is_shipped: It comes with the manifest of the good one.
        needs_manifest: Its structure alone does not give it away.
    """

    name: str
    code: str
    trained_on: str = "base"
    damage: Callable[[Path], None] | None = None
    is_shipped: bool = False
    needs_manifest: bool = False


class Malicious:
    """Would leave a file behind if anybody unpickled it."""

    def __reduce__(self):
        return (open, ("unpickled.txt", "w"))


def prefix(folder: Path) -> None:
    start = "base_model.model."
    edit_tensors(
        folder,
        change=lambda tensors: {
            name.replace(start, f"{start}language_model."): row for name, row in tensors.items()
        },
    )


def half(folder: Path) -> None:
    edit_tensors(folder, change=lambda tensors: dict(list(tensors.items())[: len(tensors) // 2]))


def empty(folder: Path) -> None:
    edit_tensors(folder, change=lambda tensors: {})


def truncated(folder: Path) -> None:
    data = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(data[: len(data) * 2 // 3])


def flipped(folder: Path) -> None:
    data = bytearray((folder / WEIGHTS).read_bytes())
    for place in range(len(data) - 1000, len(data)):
        data[place] ^= 0x01
    (folder / WEIGHTS).write_bytes(data)


def not_a_number(folder: Path) -> None:
    def change(tensors):
        name = next(name for name in tensors if "lora_B" in name)
        dtype, shape, data = tensors[name]
        return tensors | {name: (dtype, shape, struct.pack("<f", float("nan")) + data[4:])}

    edit_tensors(folder, change=change)


def as_pickle(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    (folder / "adapter_model.bin").write_bytes(pickle.dumps({"a": [0.5] * 9}))


def as_malicious_pickle(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    (folder / "adapter_model.bin").write_bytes(pickle.dumps(Malicious()))


def times_thousand(folder: Path) -> None:
    alpha = json.loads((folder / CONFIG).read_text(encoding="utf-8"))["lora_alpha"]
    edit_config(folder, lora_alpha=alpha * 1000)


def without_type(folder: Path) -> None:
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    del config["peft_type"]
    (folder / CONFIG).write_text(json.dumps(config), encoding="utf-8")


def setting(**changes: object) -> Callable[[Path], None]:
    return lambda folder: edit_config(folder, **changes)


CASES = (
    Case("same shape, other weights", "base_weights", trained_on="twin", needs_manifest=True),
    Case("the base has more layers", "tensor_missing", trained_on="shallow"),
    Case("the base has fewer layers", "module_unknown", trained_on="deep"),
    Case("other hidden size", "shape", trained_on="wide"),
    Case(
        "other architecture, same names", "base_architecture",
        trained_on="qwen3", needs_manifest=True,
    ),
    Case("other architecture, other names", "module_unknown", trained_on="gpt2"),
    Case("keys begin with language_model.", "module_unknown", damage=prefix),
    Case("half of the tensors", "tensor_missing", damage=half),
    Case("no tensors", "no_effect", damage=empty),
    Case("truncated", "file_truncated", damage=truncated),
    Case(
        "1,000 bytes flipped", "file_digest", damage=flipped, is_shipped=True, needs_manifest=True
    ),
    Case("a tensor that is no number", "not_finite", damage=not_a_number),
    Case("a harmless pickle", "file_pickle", damage=as_pickle),
    Case("a malicious pickle", "file_pickle", damage=as_malicious_pickle),
    Case(
        "the configuration names another base", "base_id",
        damage=setting(base_model_name_or_path="example/other"), needs_manifest=True,
    ),
    Case(
        "lora_alpha times 1,000", "file_digest",
        damage=times_thousand, is_shipped=True, needs_manifest=True,
    ),
    Case("r differs from the file", "rank", damage=setting(r=8)),
    Case(
        "more targets than the file", "tensor_missing",
        damage=setting(target_modules=["k_proj", "q_proj", "v_proj"]),
    ),
    Case(
        "a target that does not exist", "target_unknown",
        damage=setting(target_modules=["q_proj", "v_proj", "w_proj"]),
    ),
    Case(
        "fewer targets than the file", "target_missing", damage=setting(target_modules=["q_proj"])
    ),
    Case("PiSSA added", "config_init", damage=setting(init_lora_weights="pissa")),
    Case("DoRA added", "config_dora", damage=setting(use_dora=True)),
    Case("added vocabulary", "vocabulary"),
    Case(
        "a broken configuration", "config_broken",
        damage=lambda folder: (folder / CONFIG).write_bytes(b'{"r": 4,'),
    ),
    Case("no peft_type", "config_type", damage=without_type),
    Case("no configuration", "file_missing", damage=lambda folder: (folder / CONFIG).unlink()),
)  # fmt: skip

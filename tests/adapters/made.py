"""Models and adapters made by hand, byte for byte, without torch.

Answers: what does a folder look like that PEFT or transformers would have written?
"""

from __future__ import annotations

import json
import random
import struct
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from math import prod
from pathlib import Path

from hybridllm.adapters import BaseId, Facts, Licence, TrainingData
from hybridllm.labels import Scale

SCALE = Scale.of(["public", "internal", "confidential"], compartments=["personal"])
BASE = "example/base"
WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")

Tensors = dict[str, tuple[str, list[int], bytes]]


@dataclass(frozen=True, slots=True)
class Shape:
    """A tiny model."""

    hidden: int = 16
    layers: int = 2
    words: int = 32
    architecture: str = "LlamaForCausalLM"

    def modules(self) -> dict[str, tuple[int, int]]:
        """Return `[outputs, inputs]` by the name of the module."""
        wide = 2 * self.hidden
        found = {"model.embed_tokens": (self.words, self.hidden)}
        for number in range(self.layers):
            layer = f"model.layers.{number}"
            for name in ATTENTION:
                found[f"{layer}.self_attn.{name}"] = (self.hidden, self.hidden)
            found[f"{layer}.mlp.up_proj"] = (wide, self.hidden)
            found[f"{layer}.mlp.down_proj"] = (self.hidden, wide)
        return found | {"lm_head": (self.words, self.hidden)}


def numbers(shape: list[int], *, rng: random.Random) -> bytes:
    """Return random 32-bit numbers."""
    return array("f", (rng.uniform(-0.5, 0.5) for _ in range(prod(shape)))).tobytes()


def write_tensors(path: Path, *, tensors: Mapping[str, tuple[str, list[int], bytes]]) -> None:
    """Write a safetensors file."""
    header, body = {}, b""
    for name, (dtype, shape, data) in tensors.items():
        place = [len(body), len(body) + len(data)]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": place}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def read_tensors(path: Path) -> Tensors:
    """Read a safetensors file that we trust."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    found = {}
    for name, entry in header.items():
        start, end = (8 + length + place for place in entry["data_offsets"])
        found[name] = (entry["dtype"], entry["shape"], data[start:end])
    return found


def make_base(folder: Path, *, shape: Shape | None = None, seed: int = 1) -> Path:
    """Write a model folder."""
    shape = Shape() if shape is None else shape
    folder.mkdir(parents=True)
    rng = random.Random(seed)
    tensors = {
        f"{name}.weight": ("F32", list(size), numbers(list(size), rng=rng))
        for name, size in shape.modules().items()
    }
    tensors["model.norm.weight"] = ("F32", [shape.hidden], numbers([shape.hidden], rng=rng))
    write_tensors(folder / "model.safetensors", tensors=tensors)
    config = {"architectures": [shape.architecture], "hidden_size": shape.hidden}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    add_tokenizer(folder)
    return folder


def add_tokenizer(folder: Path) -> None:
    """Write the two files that decide what a prompt becomes."""
    (folder / "tokenizer.json").write_text('{"model": {"vocab": {"油": 0}}}', encoding="utf-8")
    (folder / "chat_template.jinja").write_text("{{ messages }}", encoding="utf-8")


def make_adapter(
    folder: Path,
    *,
    shape: Shape | None = None,
    rank: int = 4,
    targets: tuple[str, ...] = ("q_proj", "v_proj"),
    base_name: str = BASE,
    seed: int = 2,
) -> Path:
    """Write an adapter as PEFT does."""
    shape = Shape() if shape is None else shape
    folder.mkdir(parents=True)
    rng = random.Random(seed)
    tensors: Tensors = {}
    for name, (outputs, inputs) in shape.modules().items():
        if name.rpartition(".")[2] in targets:
            key = f"base_model.model.{name}.lora"
            tensors[f"{key}_A.weight"] = ("F32", [rank, inputs], numbers([rank, inputs], rng=rng))
            tensors[f"{key}_B.weight"] = ("F32", [outputs, rank], numbers([outputs, rank], rng=rng))
    write_tensors(folder / WEIGHTS, tensors=tensors)
    config = {
        "base_model_name_or_path": base_name, "bias": "none", "fan_in_fan_out": False,
        "inference_mode": True, "init_lora_weights": True, "lora_alpha": 8, "lora_dropout": 0.0,
        "peft_type": "LORA", "r": rank, "target_modules": list(targets), "task_type": "CAUSAL_LM",
        "use_dora": False, "use_rslora": False,
    }  # fmt: skip
    (folder / CONFIG).write_text(json.dumps(config), encoding="utf-8")
    (folder / "README.md").write_text("# 製造部の用語集\n", encoding="utf-8")
    return folder


def edit_config(folder: Path, **changes: object) -> None:
    """Change settings of an adapter."""
    path = folder / CONFIG
    config = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps(config), encoding="utf-8")


def edit_tensors(folder: Path, *, change) -> None:
    """Rewrite the tensors of an adapter."""
    path = folder / WEIGHTS
    write_tensors(path, tensors=change(read_tensors(path)))


def facts(base: BaseId, **changes: object) -> Facts:
    """Return what an importer says of an adapter."""
    said: dict[str, object] = {
        "base": base,
        "data": TrainingData("confidential", sha256=sha256(b"rows").hexdigest(), rows=60),
        "licence": Licence("apache-2.0", "apache-2.0"),
        "departments": ("manufacturing",),
    }
    return Facts(**said | changes)

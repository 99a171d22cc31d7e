"""Models, cards and folders that the sizing tests share."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from hybridllm.sizing.fleet import Fleet, uniform_fleet
from hybridllm.sizing.from_config import shape_from_config
from hybridllm.sizing.models import known_model
from hybridllm.sizing.shape import ModelShape
from hybridllm.sizing.units import GIB

DATA = Path(__file__).parent / "data"

LLAMA_8B = known_model("meta-llama/Llama-3.1-8B")
LLAMA_70B = known_model("meta-llama/Llama-3.1-70B")
H100 = uniform_fleet("H100-80GB")

TINY_CONFIG: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 128,
    "vocab_size": 100,
    "tie_word_embeddings": False,
}


def gib(size_bytes: float) -> float:
    """Return bytes in GiB, rounded as logs print them."""
    return round(size_bytes / GIB, 2)


def measured_config(config_id: str) -> ModelShape:
    """Return the shape of a model in the table of measurements."""
    path = DATA / "configs" / f"{config_id.replace('/', '--')}.json"
    return shape_from_config(json.loads(path.read_text(encoding="utf-8")), name=config_id)


def cards(name: str, count: int = 1) -> Fleet:
    """Return idle cards of one kind."""
    return uniform_fleet(name, count=count)


def safetensors(tensors: dict[str, tuple[str, list[int], int]]) -> bytes:
    """Return a safetensors file with these tensors: name -> dtype, shape, bytes."""
    header, offset = {}, 0
    for name, (dtype, shape, size) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    body = json.dumps(header).encode()
    return struct.pack("<Q", len(body)) + body + b"\0" * offset


def tiny_tensors() -> dict[str, tuple[str, list[int], int]]:
    """Return the tensors of `TINY_CONFIG` in bf16."""
    found = {
        "model.embed_tokens.weight": ("BF16", [100, 64], 12_800),
        "lm_head.weight": ("BF16", [100, 64], 12_800),
        "model.norm.weight": ("BF16", [64], 128),
    }
    for layer in range(2):
        prefix = f"model.layers.{layer}"
        found |= {
            f"{prefix}.self_attn.q_proj.weight": ("BF16", [64, 64], 8_192),
            f"{prefix}.self_attn.k_proj.weight": ("BF16", [32, 64], 4_096),
            f"{prefix}.self_attn.v_proj.weight": ("BF16", [32, 64], 4_096),
            f"{prefix}.self_attn.o_proj.weight": ("BF16", [64, 64], 8_192),
            f"{prefix}.mlp.gate_proj.weight": ("BF16", [128, 64], 16_384),
            f"{prefix}.mlp.up_proj.weight": ("BF16", [128, 64], 16_384),
            f"{prefix}.mlp.down_proj.weight": ("BF16", [64, 128], 16_384),
            f"{prefix}.input_layernorm.weight": ("BF16", [64], 128),
            f"{prefix}.post_attention_layernorm.weight": ("BF16", [64], 128),
        }
    return found

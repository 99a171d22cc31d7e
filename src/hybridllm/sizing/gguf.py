"""Shape and exact bytes of a GGUF file, from its header.

Answers: which layers does the file hold, and how many bytes does each role of tensor take?
Not here: what llama.cpp allocates for it (`sizing.engines.llama_cpp`).

Units: bytes. The header is read once; no weights.
Source: the GGUF specification in ggml-org/ggml, docs/gguf.md; block sizes: ggml-common.h.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import BinaryIO, Final

from hybridllm.sizing.checkpoint import with_exact_bytes
from hybridllm.sizing.errors import FactsError, UnknownKindError
from hybridllm.sizing.from_config import shape_from_config
from hybridllm.sizing.shape import ModelShape

# type id: elements in a block, bytes of a block
BLOCKS: Final = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    9: (32, 36), 10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176),
    14: (256, 210), 15: (256, 292), 16: (256, 66), 17: (256, 74), 18: (256, 98),
    19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82), 23: (256, 136), 24: (1, 1),
    25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2),
    34: (256, 54), 35: (256, 66), 39: (32, 17),
}  # fmt: skip
_SCALARS: Final = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
_STRING, _ARRAY = 8, 9
_LONGEST_ARRAY: Final = 10_000_000
_ROLES: Final = (
    ("embedding", re.compile(r"^token_embd")),
    ("head", re.compile(r"^output\.weight")),
    ("norm", re.compile(r"norm")),
    ("router", re.compile(r"ffn_gate_inp")),
    ("shared_expert", re.compile(r"_shexp")),
    ("expert", re.compile(r"_exps")),
    ("small", re.compile(r"\.bias$|ssm_(a|d|dt|conv1d)|sinks")),
    ("linear_attention", re.compile(r"ssm_")),
    ("attention", re.compile(r"attn_")),
    ("mlp", re.compile(r"ffn_")),
)
# GGUF's name of an architecture: the one of Transformers
_TYPES: Final = {
    "llama": "llama", "qwen2": "qwen2", "qwen3": "qwen3", "qwen3moe": "qwen3_moe",
    "gemma": "gemma", "gemma2": "gemma2", "gemma3": "gemma3", "phi3": "phi3",
    "gpt-oss": "gpt_oss", "deepseek2": "deepseek_v3", "glm4": "glm4",
    "starcoder2": "starcoder2", "mistral3": "mistral3", "granite": "granite",
    "falcon": "falcon",
}  # fmt: skip

Value = int | float | bool | str | list["Value"]


def read_gguf(path: Path) -> ModelShape:
    """Return the shape of a GGUF file with its exact bytes.

    Raises:
        FactsError: The file is missing, truncated or no GGUF file.
        UnknownKindError: Its architecture or a tensor type is not modelled.
    """
    try:
        with path.open("rb") as stream:
            fields, sizes = _read(stream, path.name)
    except FileNotFoundError:
        raise FactsError(f"'{path.name}' does not exist.") from None
    except (struct.error, UnicodeDecodeError):
        raise FactsError(f"{path.name}: the GGUF header is truncated or damaged.") from None
    shape = shape_from_config(_config(fields, path.name, has_head="head" in sizes), name=path.stem)
    return with_exact_bytes(shape, by_role=sizes, source=path.name)


def _read(stream: BinaryIO, name: str) -> tuple[dict[str, Value], dict[str, int]]:
    if stream.read(4) != b"GGUF":
        raise FactsError(f"{name}: the file does not start with 'GGUF'; this is no GGUF file.")
    version, tensor_count, field_count = _unpack(stream, "IQQ")
    if version not in (2, 3):
        raise FactsError(f"{name}: GGUF version {version} is not known; expected 2 or 3.")
    fields: dict[str, Value] = {}
    for _ in range(field_count):
        key = _string(stream)
        fields[key] = _value(stream, _unpack(stream, "I")[0], name)
    sizes: dict[str, int] = {}
    for _ in range(tensor_count):
        tensor = _string(stream)
        rank = _unpack(stream, "I")[0]
        dims = _unpack(stream, "Q" * rank)
        kind, _ = _unpack(stream, "IQ")
        if kind not in BLOCKS:
            raise UnknownKindError(
                f"{name}: tensor '{tensor}' has ggml type {kind}, which is not known."
            )
        elements = 1
        for size in dims:
            elements *= size
        per_block, block_bytes = BLOCKS[kind]
        role = next((role for role, pattern in _ROLES if pattern.search(tensor)), "extra")
        sizes[role] = sizes.get(role, 0) + elements // per_block * block_bytes
    return fields, sizes


def _unpack(stream: BinaryIO, layout: str) -> tuple[int, ...]:
    layout = f"<{layout}"
    return struct.unpack(layout, stream.read(struct.calcsize(layout)))


def _string(stream: BinaryIO) -> str:
    length = _unpack(stream, "Q")[0]
    if length > _LONGEST_ARRAY:
        raise struct.error("a string of impossible length")
    return stream.read(length).decode("utf-8")


def _value(stream: BinaryIO, kind: int, name: str) -> Value:
    if kind in _SCALARS:
        return _unpack(stream, _SCALARS[kind])[0]
    if kind == _STRING:
        return _string(stream)
    if kind != _ARRAY:
        raise FactsError(
            f"{name}: metadata type {kind} is not known; "
            "the file is damaged or newer than this reader."
        )
    inner, count = _unpack(stream, "IQ")
    if count > _LONGEST_ARRAY:
        raise struct.error("an array of impossible length")
    if inner in _SCALARS:
        return list(_unpack(stream, _SCALARS[inner] * count))
    return [_value(stream, inner, name) for _ in range(count)]


def _config(fields: dict[str, Value], name: str, *, has_head: bool) -> dict[str, object]:
    """Return the metadata under the names of `config.json`."""
    architecture = str(fields.get("general.architecture", ""))
    if architecture not in _TYPES:
        raise UnknownKindError(
            f"{name}: architecture '{architecture}' is not modelled for GGUF; "
            f"known are {', '.join(_TYPES)}."
        )

    def number(key: str) -> int | list[int] | None:
        return _number(fields, f"{architecture}.{key}")

    vocabulary = fields.get("tokenizer.ggml.tokens")
    latent = number("attention.kv_lora_rank")
    config: dict[str, object] = {
        "model_type": _TYPES[architecture],
        "num_hidden_layers": number("block_count"),
        "hidden_size": number("embedding_length"),
        "num_attention_heads": number("attention.head_count"),
        "num_key_value_heads": number("attention.head_count_kv"),
        "head_dim": number("attention.key_length") if not latent else None,
        "intermediate_size": number("feed_forward_length"),
        "vocab_size": len(vocabulary) if isinstance(vocabulary, list) else number("vocab_size"),
        "max_position_embeddings": number("context_length"),
        "sliding_window": number("attention.sliding_window"),
        "num_local_experts": number("expert_count"),
        "num_experts_per_tok": number("expert_used_count"),
        "moe_intermediate_size": number("expert_feed_forward_length"),
        "n_shared_experts": number("expert_shared_count"),
        "first_k_dense_replace": number("leading_dense_block_count"),
        "tie_word_embeddings": not has_head,
    }
    if latent:
        rope, key = number("rope.dimension_count"), number("attention.key_length_mla")
        if not isinstance(rope, int) or not isinstance(key, int):
            raise FactsError(f"{name}: latent attention without the sizes of its heads.")
        config |= {
            "kv_lora_rank": latent,
            "q_lora_rank": number("attention.q_lora_rank"),
            "qk_rope_head_dim": rope,
            "qk_nope_head_dim": key - rope,
            "v_head_dim": number("attention.value_length_mla") or number("attention.value_length"),
        }
    return {key: value for key, value in config.items() if value is not None}


def _number(fields: dict[str, Value], key: str) -> int | list[int] | None:
    """Return a count, or one count per layer where they differ."""
    found = fields.get(key)
    if isinstance(found, list):
        values = [int(one) for one in found if isinstance(one, int)]
        return values[0] if len(set(values)) == 1 else values or None
    return int(found) if isinstance(found, int | float) else None

"""Exact bytes of a checkpoint from the headers of its safetensors files.

Answers: how many bytes does each role of tensor take in this checkpoint?
Not here: shapes (`sizing.from_config`), GGUF (`sizing.gguf`).

Units: bytes. Only headers are read: eight bytes of length, then JSON.
Source: the safetensors format, https://github.com/huggingface/safetensors.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Final

from hybridllm.sizing.errors import FactsError, UnknownKindError, nearest
from hybridllm.sizing.shape import ModelShape
from hybridllm.sizing.units import GIB
from hybridllm.sizing.weights import parameter_count, tensors

_DTYPE_BYTES: Final = {
    "F64": 8.0, "I64": 8.0, "U64": 8.0, "F32": 4.0, "I32": 4.0, "U32": 4.0, "F16": 2.0, "BF16": 2.0,
    "I16": 2.0, "U16": 2.0, "F8_E4M3": 1.0, "F8_E5M2": 1.0, "F8_E8M0": 1.0, "I8": 1.0, "U8": 1.0,
    "BOOL": 1.0, "F4": 0.5,
}  # fmt: skip
_LONGEST_HEADER: Final = 100_000_000  # the format's own limit
_ROLES: Final = (
    ("extra", re.compile(r"visual|vision|audio|multi_modal_projector|mtp|eagle|draft")),
    ("embedding", re.compile(r"embed_tokens|wte|word_embeddings|tok_embeddings|embed_in")),
    ("head", re.compile(r"lm_head|embed_out|^output\.weight")),
    ("norm", re.compile(r"norm|ln_")),
    ("router", re.compile(r"mlp\.gate\.|router|shared_expert_gate")),
    ("shared_expert", re.compile(r"shared_expert")),
    ("expert", re.compile(r"experts")),
    ("small", re.compile(r"\.bias$|conv1d|A_log|dt_bias|\.D$|sinks|in_proj_[ab]\.")),
    ("linear_attention", re.compile(r"linear_attn|mixer|mamba")),
    ("attention", re.compile(r"attn|attention")),
    ("mlp", re.compile(r"mlp|feed_forward|ffn|fc_|w[123]\b")),
)


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """One tensor of a checkpoint."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    size_bytes: int


def read_header(stream: BinaryIO, *, name: str) -> tuple[TensorEntry, ...]:
    """Return the tensors that a safetensors file lists.

    Raises:
        FactsError: The header is truncated or is no safetensors header.
        UnknownKindError: A dtype is not known.
    """
    prefix = stream.read(8)
    if len(prefix) < 8:
        raise FactsError(
            f"{name}: {len(prefix)} bytes are no safetensors header; the file is truncated."
        )
    length = struct.unpack("<Q", prefix)[0]
    if not 2 <= length <= _LONGEST_HEADER:
        raise FactsError(
            f"{name}: a header of {length} bytes is not possible; this is no safetensors file."
        )
    body = stream.read(length)
    if len(body) < length:
        raise FactsError(
            f"{name}: the header is truncated, {len(body)} of {length} bytes are there."
        )
    return parse_header(body, name=name)


def parse_header(body: bytes, *, name: str) -> tuple[TensorEntry, ...]:
    """Return the tensors of a header's JSON.

    Raises:
        FactsError: It is not the JSON of a header.
        UnknownKindError: A dtype is not known.
    """
    try:
        parsed: dict[str, dict[str, Any]] = json.loads(body.decode("utf-8"))
        entries = [
            (
                key,
                str(value["dtype"]),
                tuple(value["shape"]),
                int(value["data_offsets"][1] - value["data_offsets"][0]),
            )
            for key, value in parsed.items()
            if key != "__metadata__"
        ]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise FactsError(
            f"{name}: the header is not that of a safetensors file ({type(error).__name__})."
        ) from None
    for key, dtype, _, _ in entries:
        if dtype not in _DTYPE_BYTES:
            raise UnknownKindError(
                f"{name}: tensor '{key}' has dtype '{dtype}'; known are {', '.join(_DTYPE_BYTES)}."
                f"{nearest(dtype, allowed=_DTYPE_BYTES)}"
            )
    return tuple(TensorEntry(*entry) for entry in entries)


def read_folder(folder: Path) -> tuple[TensorEntry, ...]:
    """Return the tensors of all safetensors files in a folder.

    Raises:
        FactsError: A header is truncated.
    """
    found: list[TensorEntry] = []
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as stream:
            found += read_header(stream, name=path.name)
    return tuple(found)


def role_of(name: str) -> str:
    """Return the role of a tensor by its name; what is not recognised counts as an extra."""
    return next((role for role, pattern in _ROLES if pattern.search(name)), "extra")


def bytes_by_role(entries: Iterable[TensorEntry]) -> dict[str, int]:
    """Return the bytes of each role."""
    sums: dict[str, int] = {}
    for entry in entries:
        role = role_of(entry.name)
        sums[role] = sums.get(role, 0) + entry.size_bytes
    return sums


def with_exact_bytes(shape: ModelShape, *, by_role: Mapping[str, int], source: str) -> ModelShape:
    """Return the shape with the bits per weight that the checkpoint really has, role by role.

    Tensors beside the language model become the shape's extra parameters.

    Raises:
        FactsError: The checkpoint holds less than half of the tensors that the configuration
        describes.
    """
    counted: dict[str, int] = {}
    for one in tensors(replace(shape, extra_parameters=0)):
        counted[one.role] = counted.get(one.role, 0) + one.parameters
    total = sum(by_role.values())
    if total < parameter_count(shape) * 0.2:
        raise FactsError(
            f"{shape.name}: the files hold {total / GIB:.2f} GiB, too little for "
            f"{parameter_count(shape):,} parameters; a file is missing."
        )
    present = {role: size for role, size in by_role.items() if counted.get(role)}
    bits = tuple((role, 8 * size / counted[role]) for role, size in sorted(present.items()))
    extra = sum(size for role, size in by_role.items() if role not in present)
    return replace(
        shape,
        extra_parameters=extra // 2,
        tied_embeddings=shape.tied_embeddings or "head" not in by_role,
        quantisation=replace(shape.quantisation, exact_bits=bits),
        source=source,
    )

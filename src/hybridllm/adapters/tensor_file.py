"""safetensors, read by hand.

Answers: which tensors does a file hold, where, and are their numbers finite and not all zero?
Not here: what they mean (`adapters.tensors`).

A header comes from a stranger, so everything in it is bounded and checked before use: its
length, the count of tensors, names that stand twice, shapes against bytes, gaps and overlaps.
No tensor is ever held whole; numbers pass through in pieces of one mebibyte.
Source: the safetensors format (8 bytes of length, a JSON header, the tensors without gaps).
"""

from __future__ import annotations

import json
import math
import struct
import sys
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeGuard

from hybridllm.adapters.errors import DamagedError
from hybridllm.adapters.reasons import Reason, quoted

MOST_HEADER_BYTES: Final = 16 * 2**20
"""An adapter on every expert of Qwen3-30B-A3B has 37,000 tensors: about 6 MB of header."""

MOST_TENSORS: Final = 200_000

NUMBER_BYTES: Final = {"F16": 2, "BF16": 2, "F32": 4}
"""The formats of numbers that an adapter may have."""

_BITS: Final = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "I16": 16, "U16": 16,
    "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "F64": 64, "I64": 64, "U64": 64,
    "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip
_PIECE_BYTES: Final = 2**20
_MOST_DIMENSIONS: Final = 8


@dataclass(frozen=True, slots=True)
class TensorFacts:
    """What a header says of one tensor.

    Attributes:
        start: First byte, from the beginning of the file.
        end: One past the last byte.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the numbers of a tensor are like."""

    are_finite: bool
    are_all_zero: bool


def read_header(
    path: Path, *, most_bytes: int = MOST_HEADER_BYTES, most_tensors: int = MOST_TENSORS
) -> tuple[TensorFacts, ...]:
    """Return the tensors of a file in the order of their bytes.

    Raises:
        DamagedError: It is no whole safetensors file.
        OSError: It cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8).ljust(8, b"\0"))
        if size < 8 or not 2 <= length <= size - 8:
            raise _damaged("file_truncated", f"its {size} bytes hold no whole header", path)
        if length > most_bytes:
            raise _damaged("file_header", f"its header has more than {most_bytes} bytes", path)
        text = file.read(length)
    tensors = sorted(_tensors(text, offset=8 + length, path=path), key=lambda t: (t.start, t.end))
    if len(tensors) > most_tensors:
        raise _damaged("file_header", f"it holds more than {most_tensors} tensors", path)
    _check_layout(tensors, begin=8 + length, size=size, path=path)
    return tuple(tensors)


def read_numbers(file: BinaryIO, *, tensor: TensorFacts) -> Numbers:
    """Return what the numbers of a tensor are like.

    Raises:
        OSError: The file cannot be read, or has become shorter.
    """
    is_finite = True
    is_zero = True
    for values in _pieces(file, tensor):
        # Exact: sums of 16- and 32-bit numbers cannot overflow in 64 bits, so the sum of a
        # piece is finite if and only if all of its numbers are.
        is_finite = is_finite and math.isfinite(sum(values))
        is_zero = is_zero and not any(values)
    return Numbers(is_finite, is_zero)


def _tensors(text: bytes, *, offset: int, path: Path) -> Iterator[TensorFacts]:
    try:
        # Decoded here: json itself would guess UTF-16, which no other reader does.
        header = json.loads(text.decode("utf-8"), object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise _damaged("file_header", "its header is not the JSON of safetensors", path) from None
    if not isinstance(header, dict):
        raise _damaged("file_header", "its header is no object", path)
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        shape = entry.get("shape") if isinstance(entry, dict) else None
        span = entry.get("data_offsets") if isinstance(entry, dict) else None
        if not (_are_counts(shape) and _are_counts(span) and len(span) == 2):
            raise _damaged("file_header", "an entry has no shape or no place", path, name)
        if len(shape) > _MOST_DIMENSIONS:
            raise _damaged("file_header", "a tensor has too many dimensions", path, name)
        dtype = str(entry.get("dtype"))
        bits = _BITS.get(dtype)
        if bits is None or prod(shape) * bits != (span[1] - span[0]) * 8:
            raise _damaged("file_header", "a tensor's shape does not match its bytes", path, name)
        yield TensorFacts(name, dtype, tuple(shape), offset + span[0], offset + span[1])


def _are_counts(found: Any) -> TypeGuard[list[int]]:
    """Say whether this is a list of numbers of at most 2**63: Python's own have no end."""
    return isinstance(found, list) and all(
        type(number) is int and 0 <= number < 2**63 for number in found
    )


def _check_layout(tensors: list[TensorFacts], *, begin: int, size: int, path: Path) -> None:
    end = begin
    for tensor in tensors:
        if tensor.start != end or tensor.end < tensor.start:
            raise _damaged("file_header", "tensors overlap or leave gaps", path, tensor.name)
        end = tensor.end
    if end != size:
        text = f"it has {size} bytes, and its header announces {end}"
        raise _damaged("file_truncated", text, path)


def _pieces(file: BinaryIO, tensor: TensorFacts) -> Iterator[array[float] | tuple[float, ...]]:
    file.seek(tensor.start)
    left = tensor.end - tensor.start
    while left:
        data = file.read(min(left, _PIECE_BYTES))
        if not data or len(data) % NUMBER_BYTES[tensor.dtype]:
            raise OSError("the file has become shorter while it was read")
        left -= len(data)
        yield _values(data, dtype=tensor.dtype)


def _values(data: bytes, *, dtype: str) -> array[float] | tuple[float, ...]:
    if dtype == "F16":
        return struct.unpack(f"<{len(data) // 2}e", data)
    if dtype == "BF16":  # the upper half of a 32-bit number
        wide = bytearray(2 * len(data))
        wide[2::4] = data[0::2]
        wide[3::4] = data[1::2]
        data = bytes(wide)
    values = array("f")
    values.frombytes(data)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object; two readers of one that has a name twice may see different files."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _damaged(code: str, message: str, path: Path, tensor: str | None = None) -> DamagedError:
    place = path.name if tensor is None else f"{path.name}: {quoted(tensor)}"
    return DamagedError(Reason(code, message, place))

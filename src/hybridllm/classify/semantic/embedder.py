"""Embedders: from a text to numbers that a classifier can weigh.

Answers: which numbers stand for this text?
Not here: what they mean (`classify.semantic.logistic`).

The embedder that is always there counts character n-grams and folds them into a fixed
number of coordinates (the hashing trick). It knows no words, so English and Japanese
need no tokenizer. A better one, such as a local sentence model, is an object of the
user's own, imported only when it is named.

Source: Weinberger et al. 2009 (feature hashing); Cavnar and Trenkle 1994 (n-grams).
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Protocol, runtime_checkable
from zlib import crc32

from hybridllm.classify.semantic.logistic import Sparse
from hybridllm.errors import ConfigurationError

Vector = Sequence[float] | Mapping[int, float]
"""All coordinates in order, or only those that are not zero, by their position."""

_SPACE = re.compile(r"\s+")
_DIGITS = str.maketrans("123456789", "000000000")


@runtime_checkable
class Embedder(Protocol):
    """Turns texts into vectors, on this machine."""

    @property
    def name(self) -> str:
        """What it is, with all that changes its vectors: a model is tied to this name."""
        ...

    @property
    def dimensions(self) -> int:
        """Number of coordinates of every vector."""
        ...

    def embed(self, texts: Sequence[str]) -> Sequence[Vector]:
        """Return one vector for each text, in order."""
        ...


class NgramEmbedder:
    """Counts of character n-grams, hashed, damped and scaled to length 1.

    Width, case, the run of spaces and the value of digits make no difference.

    Args:
        sizes: Lengths of the n-grams, in characters.
        dimensions: Number of coordinates.
    """

    def __init__(self, *, sizes: Sequence[int] = (1, 2, 3, 4), dimensions: int = 16_384) -> None:
        self._sizes = tuple(sizes)
        self._dimensions = dimensions

    @property
    def name(self) -> str:
        """What it is, with its settings."""
        return f"ngrams-1:{'-'.join(map(str, self._sizes))}:{self._dimensions}"

    @property
    def dimensions(self) -> int:
        """Number of coordinates."""
        return self._dimensions

    def embed(self, texts: Sequence[str]) -> list[dict[int, float]]:
        """Return the coordinates of each text that are not zero."""
        return [self._vector(text) for text in texts]

    def _vector(self, text: str) -> dict[int, float]:
        folded = unicodedata.normalize("NFKC", text).casefold().translate(_DIGITS)
        folded = f" {_SPACE.sub(' ', folded).strip()} "
        counts: Counter[str] = Counter()
        for size in self._sizes:
            # Shifted copies side by side: the n-grams, without a slice for each.
            shifted = [folded[shift:] for shift in range(size)]
            counts.update(map("".join, zip(*shifted, strict=False)))
        vector: dict[int, float] = {}
        for gram, count in counts.items():
            place = crc32(gram.encode("utf-8", "surrogatepass")) % self._dimensions
            vector[place] = vector.get(place, 0.0) + 1.0 + math.log(count)
        length = math.sqrt(sum(value * value for value in vector.values()))
        return {place: value / length for place, value in vector.items()}


def load_embedder(name: str, *, file: str | None = None) -> Embedder:
    """Return the embedder that a setting names.

    Args:
        name: `ngrams`, or `package.module:factory` for one of your own. The factory is
            called without arguments; it must load from local files only.
        file: Where the setting stands, for errors.

    Raises:
        ConfigurationError: It cannot be imported or made, or is no embedder.
    """
    if name == "ngrams":
        return NgramEmbedder()
    module, colon, factory = name.partition(":")
    if not (module and colon and factory):
        text = f"the embedder is {name!r}; expected 'ngrams' or 'package.module:factory'"
        raise ConfigurationError(text, file=file)
    try:
        embedder = getattr(import_module(module), factory)()
    except Exception as error:  # a boundary: somebody else's code; the start fails
        kind = type(error).__name__
        text = f"the embedder {name!r} cannot be made: {kind}"
        raise ConfigurationError(text, file=file) from error
    if not isinstance(embedder, Embedder):
        raise ConfigurationError(f"{name!r} makes no embedder", file=file)
    return embedder


def sparse(vector: Vector, *, dimensions: int) -> Sparse:
    """Return the coordinates that are not zero, in order of position.

    Raises:
        ValueError: It has other dimensions, or a coordinate is no finite number.
    """
    if not isinstance(vector, Mapping) and len(vector) != dimensions:
        raise ValueError("the vector has other dimensions than the model")
    pairs = sorted(vector.items()) if isinstance(vector, Mapping) else enumerate(vector)
    kept = {place: float(value) for place, value in pairs if value}
    if not all(0 <= place < dimensions and math.isfinite(value) for place, value in kept.items()):
        raise ValueError("a coordinate is out of range or no finite number")
    return Sparse(tuple(kept), tuple(kept.values()))

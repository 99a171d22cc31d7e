"""The semantic detector: a trained model as one more detector.

Answers: does this text read like what the department calls confidential?
Not here: training (`training`), a model that is asked in words (`judge`).

It takes time linear in the text and stops at its deadline; a text that was not read
to the end is a doubt, since the classifier takes every error for one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hybridllm.classify.detector import Match
from hybridllm.classify.semantic.embedder import Embedder, NgramEmbedder, load_embedder, sparse
from hybridllm.classify.semantic.logistic import probability
from hybridllm.classify.semantic.model import SemanticModel, load_model
from hybridllm.classify.semantic.windows import joined, read_piece, windows
from hybridllm.errors import ConfigurationError

_BATCH: Final = 16
"""Windows that are embedded together; the clock is read between batches."""


class SemanticTimeoutError(Exception):
    """The deadline passed before the whole text was read."""


class SemanticDetector:
    """Finds what reads like the confidential examples of a model.

    Args:
        model: As trained.
        embedder: The one that the model was trained with; `None` for character n-grams.
        min_characters: Shorter texts, such as the names of fields, are not judged.
        timeout_s: Longest time for one text.
        clock: Seconds, monotonic.

    Raises:
        ConfigurationError: The model was trained with another embedder.
    """

    reads_joints = False
    """It judges whole texts; the joint of two says nothing that they do not."""

    def __init__(
        self,
        model: SemanticModel,
        *,
        embedder: Embedder | None = None,
        min_characters: int = 8,
        timeout_s: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model = model
        self._embedder = NgramEmbedder() if embedder is None else embedder
        self._min_characters = min_characters
        self._timeout_s = timeout_s
        self._clock = clock
        named, dimensions = self._embedder.name, self._embedder.dimensions
        if (named, dimensions) != (model.embedder, len(model.weights.values)):
            raise ConfigurationError(
                f"the model was trained with the embedder {model.embedder!r}"
                f" ({len(model.weights.values)} dimensions), and not with {named!r} ({dimensions})"
            )

    @property
    def name(self) -> str:
        """The kind it finds: each department's model has a name of its own."""
        return self._model.kind

    @property
    def kinds(self) -> frozenset[str]:
        """The one kind it finds."""
        return frozenset({self._model.kind})

    def detect(self, text: str) -> list[Match]:
        """Return the passages that read like the confidential examples.

        Raises:
            SemanticTimeoutError: It took too long.
            Exception: Whatever the embedder raises.
        """
        if len(text.strip()) < self._min_characters:
            return []
        stop = self._clock() + self._timeout_s
        spans = list(windows(text, size=self._model.window_characters))
        found: list[Match] = []
        for first in range(0, len(spans), _BATCH):
            if self._clock() > stop:
                raise SemanticTimeoutError
            found += self._judged(text, spans[first : first + _BATCH])
        return joined(found)

    def _judged(self, text: str, spans: list[tuple[int, int]]) -> list[Match]:
        vectors = self._embedder.embed([read_piece(text, start=a, end=b) for a, b in spans])
        model = self._model
        scores = [
            model.weights.score(sparse(vector, dimensions=len(model.weights.values)))
            for vector in vectors
        ]
        return [
            Match(model.kind, start, end, probability(score))
            for (start, end), score in zip(spans, scores, strict=True)
            if score > model.threshold
        ]

    def __repr__(self) -> str:
        return f"SemanticDetector({self._model!r})"


def load_detector(
    path: Path | str, *, embedder: str = "ngrams", timeout_s: float = 1.0, file: str | None = None
) -> SemanticDetector:
    """Return the detector for a model in a file.

    Args:
        path: The model, as `SemanticModel.save` wrote it.
        embedder: `ngrams`, or `package.module:factory` for one of your own.
        timeout_s: Longest time for one text.
        file: Where these settings stand, for errors.

    Raises:
        ConfigurationError: The model or the embedder cannot be used, or do not fit.
    """
    model = load_model(path)
    return SemanticDetector(model, embedder=load_embedder(embedder, file=file), timeout_s=timeout_s)

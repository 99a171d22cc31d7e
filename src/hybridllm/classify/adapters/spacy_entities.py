"""spaCy pipelines, GiNZA among them, as detectors.

Answers: which entities does a pipeline of the user find, in our kinds?
Not here: loading a pipeline; the caller hands one over, so nothing is downloaded.

A pipeline whose labels nobody knows finds nothing and looks as if all were well, so it
is refused at the start. Long texts are read in pieces: SudachiPy, below GiNZA, refuses
more than 49,149 bytes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any, Final

from hybridllm.classify.adapters.kinds import GINZA_KINDS, ONTONOTES_KINDS
from hybridllm.classify.detector import Match
from hybridllm.classify.semantic.windows import joined, windows
from hybridllm.errors import ConfigurationError

PIECE_CHARACTERS: Final = 10_000
"""Longest text for a pipeline: at most 40,000 bytes of UTF-8."""

_SHOWN_LABELS: Final = 8

_CONFIDENCE: Final = 0.85
"""spaCy states none; Presidio's default for its findings."""


class SpacyDetector:
    """Reads texts with a spaCy pipeline.

    Args:
        nlp: A loaded `spacy.Language`.
        kinds: Kind of ours for each of its labels; `None` for those of spaCy and GiNZA.

    Raises:
        ConfigurationError: The pipeline finds no entity that has a kind.
    """

    def __init__(self, nlp: Any, *, kinds: Mapping[str, str] | None = None) -> None:
        self._nlp = nlp
        self._kinds = dict({**ONTONOTES_KINDS, **GINZA_KINDS} if kinds is None else kinds)
        labels = entity_labels(nlp)
        if not labels & self._kinds.keys():
            raise ConfigurationError(
                f"the spaCy pipeline {_title(nlp)!r} has no label that has a kind; it has"
                f" {shown_labels(labels)}. Give the kinds of its labels with kinds="
            )
        self._unmapped = labels - self._kinds.keys()
        # Tokenizers below a pipeline, SudachiPy's for one, must not be used by two threads.
        self._one_at_a_time = threading.Lock()

    @property
    def name(self) -> str:
        """Name of the pipeline."""
        return f"spacy:{_title(self._nlp)}"

    @property
    def kinds(self) -> frozenset[str]:
        """Kinds that its labels lead to."""
        return frozenset(self._kinds.values())

    @property
    def unmapped_labels(self) -> frozenset[str]:
        """Labels of the pipeline that lead to no finding."""
        return self._unmapped

    def detect(self, text: str) -> list[Match]:
        """Return the entities that have a kind.

        Raises:
            Exception: Whatever the pipeline raises.
        """
        return joined(
            match
            for start, end in windows(text, size=PIECE_CHARACTERS)
            for match in self._entities(text[start:end], offset=start)
        )

    def _entities(self, piece: str, *, offset: int) -> Iterator[Match]:
        with self._one_at_a_time:
            document = self._nlp(piece)
        for entity in document.ents:
            kind = self._kinds.get(entity.label_)
            if kind is not None and entity.end_char > entity.start_char:
                start, end = offset + entity.start_char, offset + entity.end_char
                yield Match(kind, start, end, _CONFIDENCE)

    def __repr__(self) -> str:
        return f"SpacyDetector({_title(self._nlp)!r})"


def entity_labels(nlp: Any) -> frozenset[str]:
    """Return every label that the entities of a pipeline can have."""
    return frozenset(
        str(label)
        for name in nlp.pipe_names
        if "doc.ents" in nlp.get_pipe_meta(name).assigns
        for label in nlp.pipe_labels.get(name, ())
    )


def shown_labels(labels: frozenset[str]) -> str:
    """Return some labels for a message."""
    names = sorted(labels)
    more = f" and {len(names) - _SHOWN_LABELS} more" if len(names) > _SHOWN_LABELS else ""
    return ", ".join(names[:_SHOWN_LABELS]) + more if names else "none"


def _title(nlp: Any) -> str:
    return f"{nlp.meta.get('lang', '')}_{nlp.meta.get('name', '')}"

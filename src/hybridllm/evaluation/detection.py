"""How well sensitive prompts are noticed.

Answers: of the sensitive prompts, how many are noticed; of the ordinary ones, how many
are not left alone; of the marked spans, how many are found; how long does it take?
Not here: reading a file (`evaluation.examples`), showing the result (`cli.evaluate`).

A prompt is noticed when anything is found in it or could not be read: both keep a request
inside. A span is found when a finding overlaps it, and named when one of its own kind does.

Units: milliseconds for each KiB of UTF-8 text, on the clock of the wall, one prompt at a
time, nothing remembered from one to the next.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from hybridllm.classify.classifier import Classification
from hybridllm.evaluation.examples import Labelled, Span
from hybridllm.evaluation.intervals import Rate
from hybridllm.types import Finding

Classify = Callable[[Mapping[str, Any]], Classification]


@dataclass(frozen=True, slots=True)
class KindScore:
    """What became of the spans of one kind.

    Attributes:
        found: Spans that a finding of any kind overlaps.
        named: Spans that a finding of the same kind overlaps.
    """

    found: Rate
    named: Rate


@dataclass(frozen=True, slots=True)
class LanguageScore:
    """The score on the prompts of one language.

    Attributes:
        language: As in the file.
        recall: Sensitive prompts that were noticed.
        false_alarms: Ordinary prompts that were noticed.
        doubts: Prompts in which something could not be read.
        kinds: By kind of span, sorted.
        ms_per_kib: Median time for a KiB of text.
        missed: Ids of sensitive prompts that were not noticed.
        alarmed: Ids of ordinary prompts that were.
    """

    language: str
    recall: Rate
    false_alarms: Rate
    doubts: int
    kinds: Mapping[str, KindScore]
    ms_per_kib: float
    missed: tuple[str, ...]
    alarmed: tuple[str, ...]

    @property
    def entities(self) -> KindScore:
        """The score of all kinds together."""
        scores = tuple(self.kinds.values())
        return KindScore(
            Rate(sum(s.found.hits for s in scores), sum(s.found.total for s in scores)),
            Rate(sum(s.named.hits for s in scores), sum(s.named.total for s in scores)),
        )


@dataclass(frozen=True, slots=True)
class _Seen:
    example: Labelled
    found: Classification
    time_s: float

    @property
    def is_noticed(self) -> bool:
        return bool(self.found.findings or self.found.doubts)


def score_detection(
    examples: Sequence[Labelled],
    *,
    classify: Callable[[str], Classify],
    clock: Callable[[], float] = time.perf_counter,
    progress: Callable[[int], None] | None = None,
) -> tuple[LanguageScore, ...]:
    """Return the score for each language, in the order in which they first occur.

    Args:
        examples: Labelled prompts.
        classify: What reads prompts of a language.
        clock: Seconds.
        progress: Called after each prompt with the number of those done.
    """
    seen: dict[str, list[_Seen]] = {}
    for done, example in enumerate(examples, start=1):
        read = classify(example.language)
        if example.language not in seen:
            read(example.fields)  # tables are built and caches filled before the clock runs
        start = clock()
        found = read(example.fields)
        seen.setdefault(example.language, []).append(_Seen(example, found, clock() - start))
        if progress is not None:
            progress(done)
    return tuple(_score(language, seen=items) for language, items in seen.items())


def _score(language: str, *, seen: Sequence[_Seen]) -> LanguageScore:
    sensitive = [item for item in seen if item.example.is_sensitive]
    ordinary = [item for item in seen if not item.example.is_sensitive]
    missed = tuple(item.example.id for item in sensitive if not item.is_noticed)
    alarmed = tuple(item.example.id for item in ordinary if item.is_noticed)
    return LanguageScore(
        language=language,
        recall=Rate(len(sensitive) - len(missed), len(sensitive)),
        false_alarms=Rate(len(alarmed), len(ordinary)),
        doubts=sum(bool(item.found.doubts) for item in seen),
        kinds=_kinds(sensitive),
        ms_per_kib=median(
            item.time_s * 1000 / (max(item.example.size_bytes, 1) / 1024) for item in seen
        ),
        missed=missed,
        alarmed=alarmed,
    )


def _kinds(seen: Sequence[_Seen]) -> dict[str, KindScore]:
    marked = [(span, item.found.findings) for item in seen for span in item.example.spans]
    scores: dict[str, KindScore] = {}
    for kind in sorted({span.kind for span, _ in marked}):
        hits = [_overlapping(span, findings) for span, findings in marked if span.kind == kind]
        scores[kind] = KindScore(
            Rate(sum(map(bool, hits)), len(hits)),
            Rate(sum(kind in kinds for kinds in hits), len(hits)),
        )
    return scores


def _overlapping(span: Span, findings: Sequence[Finding]) -> frozenset[str]:
    """Return the kinds of the findings that overlap a span."""
    return frozenset(
        finding.kind
        for finding in findings
        if finding.path == span.path and finding.start < span.end and span.start < finding.end
    )

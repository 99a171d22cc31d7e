"""Scores of detectors on the development set.

Answers: how many sensitive prompts are noticed, how many ordinary ones are not left
alone, how many spans of each kind are found?
Not here: drawing prompts (`generator`).

A prompt is noticed when anything is found in it; a span when a finding of its kind
overlaps it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from hybridllm.classify.detector import Match
from tests.classify.devset.generator import Prompt

Detect = Callable[[str], list[Match]]


@dataclass(slots=True)
class Score:
    """Counts over some prompts; rates are between 0 and 1."""

    noticed: int = 0
    sensitive: int = 0
    alarmed: int = 0
    ordinary: int = 0
    found: Counter[str] = field(default_factory=Counter)
    spans: Counter[str] = field(default_factory=Counter)
    missed: list[tuple[str, str]] = field(default_factory=list)
    alarms: list[tuple[str, str]] = field(default_factory=list)

    @property
    def recall(self) -> float:
        return self.noticed / max(1, self.sensitive)

    @property
    def false_alarms(self) -> float:
        return self.alarmed / max(1, self.ordinary)

    def entity_recall(self, *kinds: str) -> float:
        """Return the share of spans found of kinds that start with one of the names."""
        total = sum(n for kind, n in self.spans.items() if kind.startswith(kinds))
        return sum(n for kind, n in self.found.items() if kind.startswith(kinds)) / max(1, total)


def score(prompts: Iterable[Prompt], detect: Detect) -> Score:
    """Return the score of a detector on some prompts."""
    result = Score()
    for prompt in prompts:
        matches = detect(prompt.text)
        if not prompt.is_sensitive:
            result.ordinary += 1
            result.alarmed += bool(matches)
            if matches:
                parts = ", ".join(f"{m.kind}={prompt.text[m.start : m.end]}" for m in matches)
                result.alarms.append((prompt.text, parts))
            continue
        result.sensitive += 1
        result.noticed += bool(matches)
        if not matches:
            result.missed.append(("request", prompt.text))
        for span in prompt.spans:
            result.spans[span.kind] += 1
            if any(
                m.kind == span.kind and m.start < span.end and span.start < m.end for m in matches
            ):
                result.found[span.kind] += 1
            else:
                result.missed.append(
                    (
                        span.kind + " " + prompt.disguise,
                        prompt.text[span.start : span.end] + " | " + prompt.text,
                    )
                )
    return result

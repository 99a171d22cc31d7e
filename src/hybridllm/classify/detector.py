"""What a detector is: the protocol that built-in and plugged-in detectors share.

Answers: what does the classifier call, and what may it get back?
Not here: any detector, nor what a kind means for the label (`policy`).

A detector reads one string and says what it found and where. It keeps no state
between calls, makes no network call, and takes time linear in the text. One
that raises or returns nonsense counts as a doubt, which keeps the request inside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Match:
    """One thing that a detector found in one string.

    Attributes:
        kind: What it is, such as `email`.
        start: First character in the string as it was given, in code points.
        end: One past the last character; greater than `start`.
        confidence: 0.0 to 1.0.
    """

    kind: str
    start: int
    end: int
    confidence: float = 1.0


@runtime_checkable
class Detector(Protocol):
    """Finds sensitive things in a string."""

    @property
    def name(self) -> str:
        """Stable name, shown in findings and doubts."""
        ...

    @property
    def kinds(self) -> frozenset[str]:
        """Every kind that this detector may report."""
        ...

    def detect(self, text: str) -> Iterable[Match]:
        """Return what is sensitive in `text`."""
        ...


def most_matches(text: str) -> int:
    """Return how many matches are still sensible; a detector may not go on for ever."""
    return 4 * len(text) + 16

"""Windows: a long text as pieces of bounded length that overlap.

Answers: which pieces are judged, one after the other, and how are they read?

Every piece is read in its normal form, so that invisible characters, full-width letters
and the like are no way out.
Units: characters (code points).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from hybridllm.classify.detector import Match
from hybridllm.classify.normalise import normalise

OVERLAP_CHARACTERS: Final = 100
"""What two neighbouring windows share: a sentence at the cut is whole in one of them."""


def windows(text: str, *, size: int) -> Iterator[tuple[int, int]]:
    """Yield start and end of each window; a text that fits is one window.

    All windows of a long text have the full size: the last one begins earlier, so
    that a short rest is not judged alone.

    Args:
        text: The whole text.
        size: Longest window; more than the overlap.
    """
    last = len(text) - size
    for start in range(0, max(last, 0), size - OVERLAP_CHARACTERS):
        yield start, start + size
    yield max(last, 0), len(text)


def read_piece(text: str, *, start: int, end: int) -> str:
    """Return a piece of a text in its normal form."""
    return normalise(text[start:end]).text


def joined(found: Iterable[Match]) -> list[Match]:
    """Return matches in order of place; those of a kind that overlap become one, the surest."""
    merged: list[Match] = []
    for match in sorted(found, key=lambda item: (item.kind, item.start, item.end)):
        before = merged[-1] if merged else None
        if before is not None and before.kind == match.kind and match.start < before.end:
            end = max(before.end, match.end)
            surest = max(before.confidence, match.confidence)
            merged[-1] = Match(match.kind, before.start, end, surest)
        else:
            merged.append(match)
    return sorted(merged, key=lambda item: (item.start, item.end))

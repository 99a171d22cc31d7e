"""Passages of one document, put together again.

Answers: do two passages touch, and what is their text in one?
Not here: which ones are wanted together (`retrieval`).

Texts that overlap are joined by their offsets, so nothing stands twice. Where the offsets
don't fit the texts, or there is a gap, a line break stands between.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING

from hybridllm.rag.model import Passage

if TYPE_CHECKING:
    from hybridllm.rag.model import Span


def touches(passage: Passage, *, other: Passage) -> bool:
    """Return whether both are of one document version and overlap or follow each other."""
    one, two = passage.span, other.span
    is_same = (one.document, one.version) == (two.document, two.version)
    return is_same and one.start <= two.end and two.start <= one.end


def joined(passage: Passage, *, other: Passage) -> Passage:
    """Return both as one passage, from the first character to the last."""
    first, second = sorted((passage, other), key=lambda item: (item.span.start, -item.span.end))
    if second.span.end <= first.span.end:
        return first
    span = replace(
        first.span,
        end=second.span.end,
        headings=_shared(first.span.headings, others=second.span.headings),
    )
    overlap = first.span.end - second.span.start
    if overlap >= 0 and _is_exact(first) and _is_exact(second):
        return Passage(first.text + second.text[overlap:], span)
    return Passage(f"{first.text}\n{second.text}", span)


def _shared(headings: tuple[str, ...], *, others: tuple[str, ...]) -> tuple[str, ...]:
    pairs = zip(headings, others, strict=False)
    return tuple(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _is_exact(passage: Passage) -> bool:
    span: Span = passage.span
    return len(passage.text) == span.end - span.start

"""The numbers by which an answer names its sources.

Answers: which sources does a sentence cite, and what is left without the citations?
Not here: whether those sources exist and carry it (`check`).

Read are `[1]`, `[1][2]`, `[1, 2]`, `[1-3]`, `[^1]`, `[source 1]`, `【1】`, `［１］`, `【1†...】`.
"""

from __future__ import annotations

import re
from typing import Final

_NUMBER: Final = r"\d{1,3}"
_WORD: Final = r"(?:sources?|docs?|documents?|refs?|出典|資料|文書|参考|文献)"
_INSIDE: Final = (
    rf"\s*\^?{_WORD}?\s*[:：#.]?\s*{_NUMBER}"
    rf"(?:\s*(?:[,，、;；&]|[-‐–—〜～~])\s*{_WORD}?\s*{_NUMBER}){{0,20}}\s*(?:†[^\]］】]{{0,80}})?"
)
PATTERN: Final = rf"(?:\[{_INSIDE}\]|［{_INSIDE}］|【{_INSIDE}】)"
"""One citation, as an expression for `re` with `re.IGNORECASE`."""

_CITATION: Final = re.compile(PATTERN, re.IGNORECASE)
_BEGUN: Final = re.compile(r"[\[［【][^\]］】\n]{0,60}\Z")
_PARTS: Final = re.compile(rf"({_NUMBER})(?:\s*[-‐–—〜～~]\s*({_NUMBER}))?")
_MAX_RANGE: Final = 50  # [1-999] is no citation of that many passages


def cited_numbers(text: str) -> tuple[int, ...]:
    """Return the numbers that a text cites, each once, in order."""
    found: dict[int, None] = {}
    for citation in _CITATION.finditer(text):
        inside = citation.group().partition("†")[0]
        for first, last in _PARTS.findall(inside):
            low, high = int(first), int(last or first)
            if high - low > _MAX_RANGE:
                high = low
            found.update(dict.fromkeys(range(low, high + 1)) or {low: None})
    return tuple(found)


def without_citations(text: str) -> str:
    """Return the text with a space for each citation."""
    return _CITATION.sub(" ", text)


def may_begin_citation(text: str) -> bool:
    """Return whether a text is, or may still become, nothing but citations."""
    rest = _CITATION.sub("", text).strip()
    return not rest or _BEGUN.fullmatch(rest) is not None

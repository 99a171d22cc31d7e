"""One reading of a text, shared by all families of detectors.

Answers: where do cue words stand, where do digits stand, is a cue near a place?
Not here: what any of it means (the families).

All cue words of all families are found in one pass (`literals`), so a text without cues
costs one pass however many families there are. Families then match their pattern *at* a
cue and never search the text again, which is what keeps the whole linear.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from hybridllm.classify.detectors.literals import build_literals

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


Span = tuple[int, int]
_DIGITS = re.compile("[0-9]+")
_SEPARATORS = frozenset(" \t.-/()_~*|,ー・:の\u3000")
_MAX_GAP = 3
_ABBREVIATIONS = ("mr", "ms", "mrs", "dr", "st", "no", "vs", "sr", "jr")
_SENTENCE_MARKS = ("。", ". ", "! ", "? ", "?", "!", "\n")
_LATIN = "abcdefghijklmnopqrstuvwxyz0123456789"
_KATAKANA = "".join(map(chr, range(0x30A1, 0x30FD)))


class Run(NamedTuple):
    """Digit groups with nothing but separators between them."""

    groups: tuple[Span, ...]


@dataclass(slots=True, repr=False)
class Scan:
    """A text with what was found in it once for all families.

    Attributes:
        text: The shadow text.
        lower: The same in lower case, of the same length.
        hits: Places of each group of cue words, in order of their end.
        groups: Places of ASCII digits in a row.
    """

    text: str
    lower: str
    hits: dict[str, list[Span]] = field(default_factory=dict)
    groups: list[Span] = field(default_factory=list)

    def near(self, group: str, *, start: int, end: int, before: int = 40, after: int = 24) -> bool:
        """Return whether a cue of `group` lies near `text[start:end]`.

        A cue may overlap the place; a line break does not separate, since labels
        often stand above their value.
        """
        spans = self.hits.get(group)
        if not spans:
            return False
        index = bisect_left(spans, start - before, key=_end)
        return index < len(spans) and spans[index][0] <= end + after

    def near_in_sentence(
        self, group: str, *, start: int, end: int, before: int, after: int
    ) -> bool:
        """Return whether a cue of `group` lies near and in the same sentence."""
        if group not in self.hits:
            return False
        first, last = self.sentence(start=start, end=end, before=before, after=after)
        return self.near(group, start=start, end=end, before=start - first, after=last - end)

    def sentence(self, *, start: int, end: int, before: int, after: int) -> Span:
        """Return the part of the sentence around a place, within the given reach."""
        text = self.text
        first, last = max(0, start - before), min(len(text), end + after)
        for mark in _SENTENCE_MARKS:
            at = text.rfind(mark, first, start)
            while at >= 0 and mark == ". " and _is_abbreviation(text, at):
                at = text.rfind(mark, first, at)
            if at >= 0:
                first = at + len(mark)
            at = text.find(mark, end, last)
            while at >= 0 and mark == ". " and _is_abbreviation(text, at):
                at = text.find(mark, at + 1, last)
            if at >= 0:
                last = at
        return first, last

    def preceding(self, group: str, *, start: int, within: int) -> Span | None:
        """Return the last cue of `group` that ends at most `within` before `start`."""
        spans = self.hits.get(group)
        if not spans:
            return None
        index = bisect_right(spans, start, key=_end) - 1
        if index < 0 or spans[index][1] < start - within:
            return None
        return spans[index]

    def runs(self) -> Iterable[Run]:
        """Yield the digit groups, joined where only separators lie between them."""
        current: list[Span] = []
        for group in self.groups:
            if current and not self._joined(current[-1][1], group[0]):
                yield Run(tuple(current))
                current = []
            current.append(group)
        if current:
            yield Run(tuple(current))

    def _joined(self, end: int, start: int) -> bool:
        return start - end <= _MAX_GAP and all(c in _SEPARATORS for c in self.text[end:start])


def _is_abbreviation(text: str, dot: int) -> bool:
    return text[max(0, dot - 3) : dot].lower().lstrip(" (\n").endswith(_ABBREVIATIONS)


def _end(span: Span) -> int:
    return span[1]


class CueScanner:
    """Finds cue words. Immutable once built, so threads may share it.

    A cue that starts or ends with an ASCII letter or digit must not touch another
    one there, except where the table writes `*`: `token*` also finds `tokens`. Where it
    writes `|`, no katakana may stand there: `|パス|` is not in `パスポート`.
    """

    __slots__ = ("_words",)

    def __init__(
        self, tables: Iterable[Mapping[str, Iterable[str]]], *, fast: bool | None = None
    ) -> None:
        groups: dict[tuple[str, str, str], set[str]] = {}
        for table in tables:
            for group, cues in table.items():
                for cue in cues:
                    word = cue.strip("*|").lower()
                    left = _foes(word[0], mark=cue[0])
                    right = _foes(word[-1], mark=cue[-1])
                    groups.setdefault((word, left, right), set()).add(group)
        by_word: dict[str, list[_Entry]] = {}
        for (word, left, right), names in groups.items():
            by_word.setdefault(word, []).append((len(word), left, right, tuple(sorted(names))))
        self._words = build_literals(by_word, fast=fast)

    def scan(self, text: str) -> Scan:
        """Read `text` once."""
        lower = _lower(text)
        groups = [found.span() for found in _DIGITS.finditer(text)]
        return Scan(text, lower, self._hits(lower), groups)

    def _hits(self, lower: str) -> dict[str, list[Span]]:
        hits: dict[str, list[Span]] = {}
        size = len(lower)
        for last, entries in self._words.iter(lower):
            for length, left, right, names in entries:
                end = last + 1
                start = end - length
                if left and start and lower[start - 1] in left:
                    continue
                if right and end < size and lower[end] in right:
                    continue
                for name in names:
                    hits.setdefault(name, []).append((start, end))
        return hits


_Entry = tuple[int, str, str, tuple[str, ...]]


def _foes(char: str, *, mark: str) -> str:
    """Return the characters that must not stand beside a cue's end `char`."""
    if mark == "|":
        return _KATAKANA
    return _LATIN if mark != "*" and char in _LATIN else ""


def _lower(text: str) -> str:
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    # A few capitals (such as U+0130) grow in lower case; places must stay equal.
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)

"""Where one sentence of an answer ends and the next begins.

Answers: which sentences, list items, headings and blocks of code does a text have?
Not here: what they say (`check`).

English sentences end at `.`, `!` or `?` before a space, unless an abbreviation, an initial or
a number goes on; Japanese ones at 。！？ outside quotes and brackets. Citations behind the full
stop belong to the sentence before. Lists, headings, table rows and short lines end a sentence
where they end.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from hybridllm.verify import citations


class Kind(StrEnum):
    """What a piece of an answer is."""

    PROSE = "prose"
    HEADING = "heading"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Sentence:
    """A piece of a text.

    Attributes:
        text: As it stands there, without the white space around it.
        start: Its first character.
        end: The character behind its last.
        kind: Headings and code claim nothing that can be compared.
    """

    text: str = field(repr=False)
    start: int
    end: int
    kind: Kind = Kind.PROSE


_ABBREVIATIONS: Final = frozenset(
    "mr mrs ms dr prof st jr sr vs etc e.g i.e cf al eq dept approx inc ltd co corp est max min tel"
    " ext u.s u.k a.m p.m jan feb mar apr jun jul aug sep sept oct nov dec incl excl resp viz"
    " ca".split()
)
_NUMBERED: Final = frozenset("no nos p pp fig figs sec ch vol art para eq item".split())
"""Abbreviations if a number follows; "no." alone ends a sentence."""
_FENCE: Final = re.compile(r"[ \t]*(```|~~~)")
_BLOCK: Final = re.compile(
    r"[ \t]*(?:[-*+•‣▪・●○■□◆◇][ \t]*(?=\S)|(?:\d{1,2}|[a-z])[.)](?=\s)|[(（]\d{1,2}[)）]"
    r"|[①-⑳]|#{1,6}\s|>|\||※)"
)
_HEADING: Final = re.compile(
    r"[ \t]*(?:#{1,6}\s|\*\*[^*]+\*\*[:：]?\s*$|【(?!\s*[\d^])[^】]+】\s*$)"
)
_RULE: Final = re.compile(r"[\s|:\-–—=*_]*$")
_END: Final = re.compile(
    rf"(?:(?P<wide>[。！？｡]+|(?<!\d)．|．(?!\d))|(?P<narrow>[.!?]+))"
    rf"(?P<closing>[\"'”’)\]」』）*_]*)(?P<cited>(?:[ \t]*{citations.PATTERN})*)",
    re.IGNORECASE,
)
_OPENING: Final = "「『（【［"
_CLOSING: Final = "」』）】］"
_WRAPPED_WIDTH: Final = 50  # columns; a shorter line was ended on purpose
_LAST_WORD: Final = re.compile(r"[^\s(（「『\"“]*\Z")
_LETTERS: Final = re.compile(r"(?:[A-Za-z]\.)*[A-Za-z]")


def split(text: str) -> list[Sentence]:
    """Return the sentences of a text in order; what lies between them is white space."""
    found: list[Sentence] = []
    for start, end, kind in _blocks(text):
        if kind is Kind.PROSE:
            found.extend(_sentences(text, start=start, end=end))
        elif (sentence := _stripped(text, start=start, end=end, kind=kind)) is not None:
            found.append(sentence)
    return found


def _blocks(text: str) -> Iterator[tuple[int, int, Kind]]:
    """Yield paragraphs, list items, headings and fenced code."""
    position, begun, fence = 0, -1, ""
    width = 0
    for line in text.splitlines(keepends=True):
        start, position = position, position + len(line)
        mark = _FENCE.match(line)
        if fence:
            if mark is not None and mark[1] == fence:
                yield begun, position, Kind.CODE
                begun, fence = -1, ""
            continue
        if mark is not None:
            if begun >= 0:
                yield begun, start, Kind.PROSE
            begun, fence = start, mark[1]
            continue
        kind = _line_kind(line)
        if begun >= 0 and (kind is not Kind.PROSE or not _goes_on(line, width=width)):
            yield begun, start, Kind.PROSE
            begun = -1
        if kind is Kind.HEADING:
            yield start, position, kind
        elif kind is Kind.PROSE and begun < 0:
            begun = start
        width = _columns(line)
    if begun >= 0:
        yield begun, len(text), Kind.CODE if fence else Kind.PROSE


def _line_kind(line: str) -> Kind | None:
    """Return what a line is; `None` for a blank one or a mere rule."""
    if _RULE.match(line):
        return None
    return Kind.HEADING if _HEADING.match(line) else Kind.PROSE


def _goes_on(line: str, *, width: int) -> bool:
    """Return whether a line continues the one before, which was so wide."""
    if _BLOCK.match(line):
        return False
    return width >= _WRAPPED_WIDTH or line.lstrip()[:1].islower()


def _columns(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in line.rstrip())


def _sentences(text: str, *, start: int, end: int) -> Iterator[Sentence]:
    begun, opened_to = start, start
    depth = 0
    for mark in _END.finditer(text, start, end):
        for char in text[opened_to : mark.start()]:
            depth = max(0, depth + (char in _OPENING) - (char in _CLOSING))
        closed = sum(char in _CLOSING for char in mark["closing"])
        opened_to = mark.end()
        is_inside = depth > 0
        depth = max(0, depth - closed)
        # 「…です。」と is inside a quote; 「…です。」 at the end closes the sentence.
        if is_inside and (depth > 0 or text[mark.end() : mark.end() + 1] not in {"", "\n", " "}):
            continue
        if mark["narrow"] is not None and not _ends_english(text, mark=mark, end=end):
            continue
        if (sentence := _stripped(text, start=begun, end=mark.end())) is not None:
            yield sentence
        begun = mark.end()
    if (sentence := _stripped(text, start=begun, end=end)) is not None:
        yield sentence


def _ends_english(text: str, *, mark: re.Match[str], end: int) -> bool:
    following = text[mark.end() : min(end, mark.end() + 2)]
    if following[:1].isascii() and following[:1].strip():
        return False  # 3.14, example.com, e.g.
    if mark["narrow"] != ".":
        return True
    head = text[max(0, mark.start() - 24) : mark.start()]
    last = _LAST_WORD.search(head)
    word = last.group() if last is not None else ""
    after = text[mark.end() : end].lstrip()[:1]
    if mark["cited"]:
        return True
    if word.lower() in _NUMBERED and after.isdigit():
        return False
    if word.lower() in _ABBREVIATIONS:
        # "… at 5 p.m. The next" ends; "Dr. Mori", "No. 5" and "e.g. this" go on.
        return word.lower() in {"etc", "a.m", "p.m", "inc", "ltd", "co", "corp"} and after.isupper()
    if len(word) == 1 and word.isupper() and _LETTERS.fullmatch(word):
        return False
    if word.isdigit() and not text[: mark.start() - len(word)].rsplit("\n", 1)[-1].strip():
        return False  # "1. First": the number of a list item
    return not after.islower()


def _stripped(text: str, *, start: int, end: int, kind: Kind = Kind.PROSE) -> Sentence | None:
    piece = text[start:end]
    plain = piece.strip()
    if not plain:
        return None
    begin = start + len(piece) - len(piece.lstrip())
    return Sentence(plain, begin, begin + len(plain), kind)

"""Lines that a layout broke, and sentences.

Answers: which lines of a page belong together, and where do sentences end?
Not here: passages (`chunking`).

A word that a line break cuts in two is lost to every index, so lines are joined before
anything else: Japanese without a space, Latin with one, a hyphen at the end of a line goes.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_ENDS: Final = re.compile(r"[。．！？!?.:：;；…][」』）)\]】”’\"']*$")
_COMMA_ENDS: Final = re.compile(r"[,、，]$")
_ITEM: Final = re.compile(
    r"\s*(?:[-*+•・●○■□◆◇▪‣※→]|[0-9０-９]{1,3}[.．)）、]\s?|[(（][0-9０-９a-zA-Zア-ン一-十]{1,3}[)）]"
    r"|[①-⑳]|[a-z][.)]\s|第[0-9０-９一二三四五六七八九十百]+[章節条項編部]|[|>#])"
)
_HEADING: Final = re.compile(
    r"(?:第[0-9０-９一二三四五六七八九十百]{1,4}[章節編部](?:[\s　:：].{1,50})?"
    r"|[0-9０-９]{1,2}(?:[.．][0-9０-９]{1,2}){0,3}[.．]?[\s　]+\S.{0,60}"
    r"|(?:chapter|section|part|appendix)\s+[0-9ivxa-z]{1,5}\b.{0,60})",
    re.IGNORECASE,
)
# The share of the longest line from which a line counts as full. Own choice.
_FULL: Final = 0.75
# Shorter lines are addresses, verses and cells. Own choice.
_FULL_COLUMNS: Final = 40
_FULL_COLUMNS_WIDE: Final = 20
_ABBREVIATIONS: Final = frozenset(
    "al approx cf co corp dept dr e.g ed eq etc fig figs i.e inc jr ltd mr mrs ms no nos p pp "
    "prof resp sec sr st tab v vol vs".split()
)
_BOUNDARY: Final = re.compile(
    r"[。！？．]+[」』）)】”’]*\s*|[.!?]{1,8}[)\]\"'”’]{0,4}(?:\s+|(?=[\u3040-\u9fff]))|\n+"
)
_GOES_ON: Final = frozenset("とてでなのがをはにもや、，,)）」』")
_LAST_WORD: Final = re.compile(r"[A-Za-z.]+$")


def joined(lines: list[str]) -> str:
    """Return lines as text: broken sentences in one line, everything else as it was.

    Check: `joined(["社内の手続は申請", "から始まります。", "以上"])` keeps `申請から` together.
    """
    kept = [line.strip() for line in lines]
    kept = [line for line in kept if line]
    widest = max(map(width, kept), default=0)
    text = ""
    for place, line in enumerate(kept):
        if not place:
            text = line
        elif _continues(kept[place - 1], line=line, widest=widest):
            text = glued(text, line=line)
        else:
            text += "\n" + line
    return text


def glued(text: str, *, line: str) -> str:
    """Return text and the line that goes on with it."""
    if text.endswith("-") and text[-2:-1].islower() and line[:1].islower():
        return text[:-1] + line
    if _is_wide(text[-1:]) or _is_wide(line[:1]):
        return text + line
    return f"{text} {line}"


def is_heading(line: str) -> bool:
    """Return whether a line of a text without structure is a numbered heading."""
    line = line.strip()
    return bool(_HEADING.fullmatch(line)) and not _ENDS.search(line) and "\t" not in line


def heading_level(line: str) -> int:
    """Return the level of a numbered heading: 1.2.3 is 3, 第1章 is 1, 第1節 is 2."""
    number = re.match(r"[0-9０-９]+(?:[.．][0-9０-９]+)*", line.strip())
    if number:
        return 1 + sum(char in ".．" for char in number.group())
    return 2 if re.match(r"第.{1,4}節|section", line.strip(), re.IGNORECASE) else 1


def width(line: str) -> int:
    """Return how wide a line is in columns, two for each wide character."""
    return len(line) + sum(map(_is_wide, line))


def ends_sentence(text: str) -> bool:
    """Return whether a text ends where a sentence may end."""
    return bool(_ENDS.search(text.rstrip()))


def sentences(text: str, *, start: int, end: int) -> list[tuple[int, int]]:
    """Return where the sentences of `text[start:end]` stand, without blanks around them."""
    found: list[tuple[int, int]] = []
    begin = start
    for boundary in _BOUNDARY.finditer(text, start, end):
        if _is_end(text, boundary=boundary, start=begin, end=end):
            _add(found, text=text, start=begin, end=boundary.end())
            begin = boundary.end()
    _add(found, text=text, start=begin, end=end)
    return found


def _add(found: list[tuple[int, int]], *, text: str, start: int, end: int) -> None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        found.append((start, end))


def _is_end(text: str, *, boundary: re.Match[str], start: int, end: int) -> bool:
    sign = boundary.group()
    if "\n" in sign:
        return True
    following = text[boundary.end()] if boundary.end() < end else ""
    if sign[0] in "。！？．":
        # 「はい。」と答えた: the quotation ends, the sentence does not.
        return not (sign.strip()[-1] in "」』）)】”’" and following in _GOES_ON and following)
    if sign[0] != "." or following == "":
        return True
    word = _LAST_WORD.search(text, max(start, boundary.start() - 12), boundary.start())
    last = word.group().casefold() if word else ""
    is_initial = len(last) == 1 and last != "i"
    return not (last in _ABBREVIATIONS or is_initial or following.islower())


def _continues(before: str, *, line: str, widest: int) -> bool:
    if _ENDS.search(before) or _ITEM.match(line) or is_heading(before) or is_heading(line):
        return False
    if _COMMA_ENDS.search(before):
        return True
    if line[:1].islower() and (before[-1:].isalpha() or before.endswith("-")):
        return True
    least = _FULL_COLUMNS_WIDE if _is_wide(before[-1:]) else _FULL_COLUMNS
    return width(before) >= max(widest * _FULL, least)


def _is_wide(char: str) -> bool:
    return bool(char) and unicodedata.east_asian_width(char) in {"W", "F"}

"""Characters that nobody sees and a model reads.

Answers: what does a text say to the eye, and how many invisible characters did it hold?
Not here: text that a layout hides (`web`, `word`, `sheets`, `pdf_hidden`).

Sources: Unicode 16, general category Cf and default ignorable code points; UTS #51,
annex C (tag characters); UTS #37 (ideographic variation sequences, which stay, one each).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import Final

_SUSPECT: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\ufffe\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
_LINES: Final = frozenset("\x0b\x0c\r\x1c\x1d\x1e\x85\u2028\u2029")
_BIDI: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_BLANK: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_JOINERS: Final = frozenset("\u200c\u200d")


def visible(text: str, *, removed: Counter[str]) -> str:
    """Return the text without invisible characters, counting them by kind.

    Line ends of any kind become a newline. A variation selector behind an ideograph or a
    symbol stays, and so does a joiner between two letters or symbols that are not Latin.
    """
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text
    text = text.replace("\r\n", "\n")
    pieces: list[str] = []
    done = 0
    for found in _SUSPECT.finditer(text):
        start, end = found.span()
        pieces.append(text[done:start])
        pieces.append(_kept(text, start=start, end=end, removed=removed))
        done = end
    pieces.append(text[done:])
    return "".join(pieces)


def _kept(text: str, *, start: int, end: int, removed: Counter[str]) -> str:
    run = text[start:end]
    before = text[start - 1] if start else ""
    after = text[end] if end < len(text) else ""
    kept = ""
    for place, char in enumerate(run):
        if char in _LINES:
            kept += "\n"
        elif (not place and _selects(before, char=char, after=after)) or (
            len(run) == 2 and run == "\ufe0f\u200d"
        ):
            kept += char
        elif char == "\ufeff" and not start + place:
            continue
        else:
            removed[_kind(char)] += 1
    return kept


def _selects(before: str, *, char: str, after: str) -> bool:
    """Say whether a lone selector or joiner has a use here."""
    if not before:
        return False
    if "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef":
        return unicodedata.category(before) in {"Lo", "So", "Sm", "Po", "Nd"}
    if char in _JOINERS and after:
        return all(
            ord(side) > 0x2FF and unicodedata.category(side)[0] in "LMS" for side in (before, after)
        )
    return False


def _kind(char: str) -> str:
    if "\U000e0000" <= char <= "\U000e007f":
        return "tag_characters"
    if "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef":
        return "variation_selectors"
    if char in _BIDI:
        return "bidi_characters"
    if char in _BLANK:
        return "blank_characters"
    if unicodedata.category(char) == "Cc":
        return "control_characters"
    return "zero_width_characters"

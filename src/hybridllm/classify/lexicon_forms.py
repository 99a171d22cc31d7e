"""The forms under which terms of a lexicon are known, and how texts are read to meet them.

Answers: which writings does a term have, and what does a text say once width, case, kana
form and spacing make no difference?
Not here: lists of terms (`lexicon`, `lexicon_hashed`, `lexicon_query`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hybridllm.classify.detector import Match
from hybridllm.classify.normalise import normalise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

LEGAL_FORMS = {
    "株式会社": "(株)", "(株)": "株式会社", "有限会社": "(有)", "(有)": "有限会社",
    "合同会社": "(合)", "(合)": "合同会社", "合資会社": "(資)", "合名会社": "(名)",
    "一般社団法人": "(一社)", "一般財団法人": "(一財)", "公益社団法人": "(公社)",
    "公益財団法人": "(公財)", "医療法人": "(医)", "学校法人": "(学)", "社会福祉法人": "(福)",
}  # fmt: skip
"""How each is written in full and in short."""

_LEGAL_FORMS_EN = re.compile(
    r",? (?:inc|ltd|llc|llp|plc|corp|corporation|co|gmbh|ag|limited|k\.k|kk|pte|s\.a|company)\.?"
    r"(?:,? (?:ltd|inc)\.?)?$"
)
# One sign for all that parts words; each keeps its place, so that this moves nothing.
_GAPS = {ord(char): " " for char in "\t\n\r-_\u30fb\u00b7"} | {
    code: chr(code + 0x60) for code in range(0x3041, 0x3097)
}
_ASCII_GAPS = {code: char for code, char in _GAPS.items() if code < 0x80}
_JAPANESE = "\u3005\u3007\u30a1-\u30fe\u3400-\u9fff"
_DROPPED = re.compile(f" (?:(?= )|(?<=[{_JAPANESE}] )|(?=[{_JAPANESE}]))")


def longest(found: list[tuple[int, int, str]]) -> Iterator[Match]:
    """Yield start, end and kind as matches; of overlapping ones the longest."""
    reach = -1
    for start, end, kind in sorted(found, key=lambda item: (item[0], -item[1])):
        if end > reach:
            yield Match(kind, start, end, 0.99)
            reach = end


def stands_alone(text: str, *, start: int, end: int) -> bool:
    """Return whether Latin letters and digits do not run on beside the term."""
    if start and is_latin(text[start]) and is_latin(text[start - 1]):
        return False
    return not (end < len(text) and is_latin(text[end - 1]) and is_latin(text[end]))


def is_latin(char: str) -> bool:
    """Return whether a character is a Latin letter or a digit of a Latin text."""
    return char.isalnum() and ord(char) < 0x250


def folded(plain: str) -> str:
    """Return a normalised text so that width, case, kana form and spacing don't matter."""
    return _DROPPED.sub("", _fold(plain)).strip()


def _fold(plain: str) -> str:
    lower = plain.lower()
    if len(lower) != len(plain):
        # A few capitals (such as U+0130) grow in lower case; places must stay equal.
        lower = "".join(low if len(low := c.lower()) == 1 else c for c in plain)
    return lower.translate(_ASCII_GAPS if lower.isascii() else _GAPS)


def fold_with_places(text: str) -> tuple[str, Sequence[int]]:
    """Return a normalised text folded, and for each character its place before."""
    plain = _fold(text)
    places: list[int] = []
    pieces: list[str] = []
    position = 0
    for gap in _DROPPED.finditer(plain):
        pieces.append(plain[position : gap.start()])
        places.extend(range(position, gap.start()))
        position = gap.end()
    if not position:
        return plain, range(len(plain))
    pieces.append(plain[position:])
    places.extend(range(position, len(plain)))
    return "".join(pieces), places


def variants(texts: Iterable[str]) -> set[str]:
    """Return the folded forms under which a term is known.

    A company is known without its legal form too, unless what remains is a word of
    one or two characters, which would stand in ordinary text.
    """
    forms: set[str] = set()
    for text in texts:
        plain = text if text.isascii() else normalise(text).text
        whole = folded(plain)
        for form in (whole, *_without_legal_form(whole)):
            forms.add(form)
            if " " in form and len(form) > 5:
                forms.add(form.replace(" ", ""))
    return {form for form in forms if len(form) >= 2}


def _without_legal_form(whole: str) -> set[str]:
    """Return the name without its legal form, and with it on the other side."""
    if whole.isascii():
        core = _LEGAL_FORMS_EN.sub("", whole)
        return {core} if core != whole and len(core) > 3 else set()
    for legal, short in LEGAL_FORMS.items():
        if whole.startswith(legal) or whole.endswith(legal):
            core = whole.removeprefix(legal).removesuffix(legal).strip()
            forms = {legal + core, core + legal, short + core, core + short}
            return forms | {core} if len(core) > 2 else forms
    return set()

"""Everything in a text that must be right to the digit.

Answers: which numbers, dates and codes does a text hold?
Not here: spelling (`numerals`, `units`, `dates`), whether another text holds them (`exact`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Final

from hybridllm.verify import dates, units


class Kind(StrEnum):
    """What sort of exact thing it is."""

    NUMBER = "number"
    MOMENT = "moment"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number, date or code of a text.

    Attributes:
        kind: Which of them.
        start: Where it begins in the text in digits.
        end: Where it ends there.
        value: Of a number, as written.
        unit: Of a number.
        moments: What a date may mean.
        code: A code in one form: lower case, no hyphens.
    """

    kind: Kind
    start: int
    end: int
    value: Decimal = field(default=Decimal(0), repr=False)
    unit: units.Unit = units.NO_UNIT
    moments: tuple[dates.Moment, ...] = field(default=(), repr=False)
    code: str = field(default="", repr=False)


_NUMBER: Final = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?|\d+(?:\.\d+)?")
_CODE: Final = re.compile(
    r"https?://[^\s()<>「」、。]+|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,8}"
    r"|(?<![\w-])--?[a-zA-Z][\w-]*"
    r"|(?<![A-Za-z0-9])[A-Za-z0-9]+(?:[-_./:#+][A-Za-z0-9]+)*(?![A-Za-z0-9])",
    re.ASCII,
)
_ORDINAL: Final = re.compile(r"\d+(?:st|nd|rd|th)|\d+(?:\.\d+)?[kmb]", re.IGNORECASE)
_VERSION: Final = re.compile(r"v?\d+(?:\.\d+){2,}|\d+(?:-\d+){2,}", re.IGNORECASE)
_NAME: Final = re.compile(r"[A-Za-z]\w*(?:[_.]\w+)+|[A-Z]{2,}(?:_[A-Z0-9]+)+")
_ABBREVIATION: Final = re.compile(r"(?:[A-Za-z]\.)+[A-Za-z]?|vs|etc", re.IGNORECASE)
_SEPARATORS: Final = re.compile(r"[-_\s./:#+]+")
_CURRENCY_SCALE: Final = {"k": 10**3, "m": 10**6, "b": 10**9}


def quantities(text: str) -> tuple[Quantity, ...]:
    """Return what must be exact in a text that was put in digits, in order."""
    found = [
        Quantity(Kind.MOMENT, moment.start, moment.end, moments=moment.moments)
        for moment in dates.moments(text)
    ]
    rest = _blanked(text, found=found)
    codes = [item for match in _CODE.finditer(rest) if (item := _code(match)) is not None]
    rest = _blanked(rest, found=codes)
    found.extend(codes)
    found.extend(_number(rest, match=match) for match in _NUMBER.finditer(rest))
    return tuple(sorted(found, key=lambda item: item.start))


def _number(text: str, *, match: re.Match[str]) -> Quantity:
    value = Decimal(match.group())
    end = match.end()
    unit = units.unit_before(text, position=match.start())
    suffix = text[end : end + 1].lower()
    if (
        unit is not units.NO_UNIT
        and suffix in _CURRENCY_SCALE
        and not text[end + 1 : end + 2].isalpha()
    ):
        return Quantity(Kind.NUMBER, match.start(), end + 1, value * _CURRENCY_SCALE[suffix], unit)
    behind, behind_end = units.unit_behind(text, position=end)
    if unit is units.NO_UNIT:
        unit, end = behind, behind_end
    if text[match.start() : match.start() + 1] == "-" and _is_range(text, position=match.start()):
        value = abs(value)
    return Quantity(Kind.NUMBER, match.start(), end, value, unit)


def _is_range(text: str, *, position: int) -> bool:
    before = text[:position].rstrip()[-1:]
    return bool(before) and (before.isdigit() or before in "%円")


def _code(match: re.Match[str]) -> Quantity | None:
    token = match.group()
    has_letter = any(char.isalpha() for char in token)
    has_digit = any(char.isdigit() for char in token)
    is_code = (
        (has_letter and has_digit and not units.is_amount(token) and not _ORDINAL.fullmatch(token))
        or _VERSION.fullmatch(token) is not None
        or (_NAME.fullmatch(token) is not None and _ABBREVIATION.fullmatch(token) is None)
        or (has_letter and token.startswith(("-", "http")))
        or "@" in token
    )
    if not is_code or (has_digit and _is_mixed_amount(token)):
        return None
    return Quantity(Kind.CODE, match.start(), match.end(), code=_squeezed(token))


def _is_mixed_amount(token: str) -> bool:
    """Return whether a token is made of amounts, such as `30-minute` or `10km/h`."""
    parts = re.split(r"[/]", token)
    return all(units.is_amount(part) or part.isalpha() for part in parts) and any(
        units.is_amount(part) for part in parts
    )


def _squeezed(token: str) -> str:
    return _SEPARATORS.sub("", token.lower().removesuffix("."))


def _blanked(text: str, *, found: Iterable[Quantity]) -> str:
    pieces, position = [], 0
    for item in sorted(found, key=lambda item: item.start):
        if item.start >= position:
            pieces += [text[position : item.start], " " * (item.end - item.start)]
            position = item.end
    return "".join([*pieces, text[position:]])

"""Formats of an Excel workbook, as far as they change what a cell says.

Answers: how does a cell show its number, and does its format hide it?
Not here: the cells (`sheets`).

Source: ECMA-376 part 1, 18.8 (styles), 18.8.30 (number formats), 18.17.4 (dates).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar
from xml.etree.ElementTree import Element

from hybridllm.rag.ingest.xml_parts import attribute, child, descendants, local

_BUILT_IN_DATES: Final = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
_BUILT_IN_PERCENT: Final = frozenset({9, 10})
_LITERALS: Final = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
_DATE_SIGNS: Final = re.compile("[ymdhs]", re.IGNORECASE)
_WHITE: Final = frozenset({"ffffff", "00ffffff", "ffffffff"})
_TINY_POINTS: Final = 2.0
_PATTERNS_WITHOUT_GROUND: Final = frozenset({"", "none"})
_DAY_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True)
class CellFormat:
    """What counts of a cell's format; `hidden_as` is empty for a visible one."""

    is_date: bool = False
    is_percent: bool = False
    hidden_as: str = ""


PLAIN: Final = CellFormat()
_Value = TypeVar("_Value")


def cell_formats(styles: Element) -> list[CellFormat]:
    """Return the formats that cells refer to by number."""
    codes = {
        attribute(item, name="numFmtId"): attribute(item, name="formatCode")
        for item in descendants(styles, "numFmt")
    }
    fonts = [_font_hides(font) for font in _children(styles, name="fonts")]
    grounds = [_has_ground(fill) for fill in _children(styles, name="fills")]
    found = []
    for item in _children(styles, name="cellXfs"):
        number = attribute(item, name="numFmtId", default="0")
        code = _LITERALS.sub("", codes.get(number, ""))
        font = _at(fonts, place=attribute(item, name="fontId"), default="")
        ground = _at(grounds, place=attribute(item, name="fillId"), default=False)
        hidden = "" if font == "white_text" and ground else font
        if codes.get(number, "").strip() == ";;;":
            hidden = "hidden_cells"
        built_in = int(number) if number.isdecimal() else 0
        found.append(
            CellFormat(
                built_in in _BUILT_IN_DATES or bool(_DATE_SIGNS.search(code.partition(";")[0])),
                built_in in _BUILT_IN_PERCENT or "%" in code,
                hidden,
            )
        )
    return found


def shown(value: str, *, look: CellFormat, is_1904: bool) -> str:
    """Return a number as the cell shows it: dates as ISO 8601, at most 15 digits."""
    try:
        number = float(value)
    except ValueError:
        return value
    if look.is_date and 0 <= number < 2_958_466:
        return _date(number, is_1904=is_1904)
    if look.is_percent:
        return f"{number * 100:.10g}%"
    return f"{number:.15g}" if abs(number) < 1e15 else value


def _date(number: float, *, is_1904: bool) -> str:
    # Excel counts a 29 February 1900 that never was.
    start = datetime(1904, 1, 1) if is_1904 else datetime(1899, 12, 30)  # noqa: DTZ001 - no zone
    moment = start + timedelta(seconds=round(number * _DAY_SECONDS))
    if number < 1:
        return f"{moment:%H:%M:%S}"
    return f"{moment:%Y-%m-%d}" if number == int(number) else f"{moment:%Y-%m-%d %H:%M:%S}"


def _children(styles: Element, *, name: str) -> list[Element]:
    found = child(styles, name)
    return [] if found is None else list(found)


def _at(values: list[_Value], *, place: str, default: _Value) -> _Value:
    if place.isdecimal() and int(place) < len(values):
        return values[int(place)]
    return default


def _font_hides(font: Element) -> str:
    for item in font:
        if local(item.tag) == "color" and (
            attribute(item, name="rgb").casefold() in _WHITE or attribute(item, name="theme") == "0"
        ):
            return "white_text"
        if local(item.tag) == "sz" and _points(item) <= _TINY_POINTS:
            return "tiny_text"
    return ""


def _points(size: Element) -> float:
    try:
        return float(attribute(size, name="val", default="11"))
    except ValueError:
        return 11.0


def _has_ground(fill: Element) -> bool:
    pattern = child(fill, "patternFill")
    if pattern is None:
        return len(fill) > 0
    if attribute(pattern, name="patternType") in _PATTERNS_WITHOUT_GROUND:
        return False
    color = child(pattern, "fgColor")
    return color is None or (
        attribute(color, name="rgb").casefold() not in _WHITE
        and attribute(color, name="theme") != "0"
    )

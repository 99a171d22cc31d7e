"""Text of one PDF page as a reader of the page sees it.

Answers: which characters of a page are shown, and which are hidden in which way?
Not here: structure (`pdf`).

Hidden is: white on nothing darker, transparent, smaller than 2 points, drawn in an
invisible mode, or off the page. Invisible text over a scan is what character recognition
read out of the picture, so it counts as shown. Text under a picture or in white on a white
picture is not told apart.

Source: ISO 32000-2, 9.3.6 (text rendering modes); PDFium, fpdf_text.h and fpdf_edit.h.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import pypdfium2.raw as pdfium

_INVISIBLE_MODES: Final = frozenset({3, 7})
_WHITE: Final = 250
_TINY_POINTS: Final = 2.0
# A scan fills its page; a logo does not.
_SCAN_SHARE: Final = 0.5
_MOST_GROUNDS: Final = 20_000

Box = tuple[float, float, float, float]
"""Left, bottom, right, top, in points."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Characters that stand together; `hidden_as` is empty for those that are shown."""

    start: int
    count: int
    hidden_as: str


def stretches(page: Any, *, text_page: Any) -> list[Stretch]:
    """Return the characters of a page in stretches of equal look."""
    looks = _Looks(page, text_page=text_page)
    found: list[Stretch] = []
    kinds = enumerate(looks.kinds())
    for kind, group in groupby(kinds, key=lambda item: item[1]):
        places = [place for place, _ in group]
        found.append(Stretch(places[0], len(places), kind))
    return found


class _Looks:
    def __init__(self, page: Any, *, text_page: Any) -> None:
        self._page = page
        self._text = text_page
        self._bounds: Box = page.get_bbox()
        self._known: dict[int, str] = {}
        self._grounds: list[Box] | None = None
        self._is_scan: bool | None = None

    def kinds(self) -> Iterator[str]:
        """Yield for each character how it is hidden."""
        last = ""
        for place in range(self._text.count_chars()):
            item = pdfium.FPDFText_GetTextObject(self._text, place)
            if not item:
                # A space or line end that PDFium added.
                yield last
                continue
            address = ctypes.addressof(item.contents)
            if address not in self._known:
                if chr(pdfium.FPDFText_GetUnicode(self._text, place)).isspace():
                    yield last
                    continue
                self._known[address] = self._kind(item, place=place)
            last = self._known[address]
            yield last

    def _kind(self, item: Any, *, place: int) -> str:
        box = self._box(place)
        if box is None:
            return ""
        left, bottom, right, top = self._bounds
        if box[2] <= left or box[0] >= right or box[3] <= bottom or box[1] >= top:
            return "outside_page"
        if top - bottom > 0 and box[3] - box[1] <= _TINY_POINTS:
            return "tiny_text"
        if pdfium.FPDFTextObj_GetTextRenderMode(item) in _INVISIBLE_MODES:
            return "" if self._scanned() else "invisible_text"
        red, green, blue, alpha = self._color(place)
        if not alpha:
            return "invisible_text"
        if min(red, green, blue) >= _WHITE and not self._has_ground(box):
            return "white_text"
        return ""

    def _box(self, place: int) -> Box | None:
        rect = pdfium.FS_RECTF()
        if not pdfium.FPDFText_GetLooseCharBox(self._text, place, rect):
            return None
        return (
            min(rect.left, rect.right),
            min(rect.bottom, rect.top),
            max(rect.left, rect.right),
            max(rect.bottom, rect.top),
        )

    def _color(self, place: int) -> tuple[int, int, int, int]:
        parts = [ctypes.c_uint() for _ in range(4)]
        if not pdfium.FPDFText_GetFillColor(self._text, place, *parts):
            return 0, 0, 0, 255
        red, green, blue, alpha = (part.value for part in parts)
        return red, green, blue, alpha

    def _scanned(self) -> bool:
        """Say whether one picture covers most of the page."""
        if self._is_scan is None:
            left, bottom, right, top = self._bounds
            whole = (right - left) * (top - bottom) or 1.0
            boxes = (
                _bounds(item)
                for item in _objects(self._page)
                if pdfium.FPDFPageObj_GetType(item) == pdfium.FPDF_PAGEOBJ_IMAGE
            )
            self._is_scan = any(
                (box[2] - box[0]) * (box[3] - box[1]) > whole * _SCAN_SHARE for box in boxes if box
            )
        return self._is_scan

    def _has_ground(self, box: Box) -> bool:
        """Say whether something darker than white lies under or over a place."""
        if self._grounds is None:
            self._grounds = [
                ground for item in _objects(self._page) if (ground := _ground(item)) is not None
            ]
        across, up = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        return any(
            left <= across <= right and bottom <= up <= top
            for left, bottom, right, top in self._grounds
        )


def _objects(page: Any) -> Iterator[Any]:
    for place in range(min(pdfium.FPDFPage_CountObjects(page), _MOST_GROUNDS)):
        yield pdfium.FPDFPage_GetObject(page, place)


def _ground(item: Any) -> Box | None:
    """Return where an object can be a background for white text."""
    kind = pdfium.FPDFPageObj_GetType(item)
    if kind == pdfium.FPDF_PAGEOBJ_PATH and not _is_dark(item):
        return None
    if kind == pdfium.FPDF_PAGEOBJ_FORM and not _has_drawing(item):
        return None
    return None if kind == pdfium.FPDF_PAGEOBJ_TEXT else _bounds(item)


def _is_dark(path: Any) -> bool:
    mode, stroke = ctypes.c_int(), ctypes.c_int()
    pdfium.FPDFPath_GetDrawMode(path, mode, stroke)
    parts = [ctypes.c_uint() for _ in range(4)]
    if not mode.value or not pdfium.FPDFPageObj_GetFillColor(path, *parts):
        return False
    red, green, blue, alpha = (part.value for part in parts)
    return bool(alpha) and min(red, green, blue) < _WHITE


def _has_drawing(form: Any) -> bool:
    for place in range(min(pdfium.FPDFFormObj_CountObjects(form), _MOST_GROUNDS)):
        item = pdfium.FPDFFormObj_GetObject(form, place)
        kind = pdfium.FPDFPageObj_GetType(item)
        if kind == pdfium.FPDF_PAGEOBJ_PATH and not _is_dark(item):
            continue
        if kind != pdfium.FPDF_PAGEOBJ_TEXT:
            return True
    return False


def _bounds(item: Any) -> Box | None:
    parts = [ctypes.c_float() for _ in range(4)]
    if not pdfium.FPDFPageObj_GetBounds(item, *parts):
        return None
    left, bottom, right, top = (part.value for part in parts)
    return left, bottom, right, top

"""Excel workbooks (xlsx, xlsm).

Answers: what do the visible sheets, rows and columns say, and what is marked or hidden?
Not here: formats (`sheet_styles`), properties (`office_labels`). Formulas and macros are
never run; a formula counts with the value that was saved with it.

Source: ECMA-376 part 1, 18 (SpreadsheetML).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Final
from xml.etree.ElementTree import Element

from hybridllm.rag.ingest.archives import OfficeFile
from hybridllm.rag.ingest.draft import Draft
from hybridllm.rag.ingest.office_labels import read_properties
from hybridllm.rag.ingest.sheet_styles import PLAIN, CellFormat, cell_formats, shown
from hybridllm.rag.ingest.xml_parts import attribute, child, elements, local, tree

_MARGINS: Final = frozenset(
    f"{which}{kind}" for which in ("odd", "even", "first") for kind in ("Header", "Footer")
)
_MARGIN_CODE: Final = re.compile(r'&(?:"[^"]*"|K[0-9A-Fa-f]{6}|K\d\d[+-]\d{3}|\d+|[A-Za-z])')
_CELL: Final = re.compile(r"([A-Z]{1,3})(\d+)")
# Beyond it a sheet is no table for people: blanks between its cells are left out.
_WIDEST_TABLE: Final = 256


def read_sheets(data: bytes, *, draft: Draft) -> None:
    """Read an Excel workbook into a draft."""
    office = OfficeFile(data, budget=draft.budget)
    read_properties(office, draft=draft)
    main = next(
        (part for kind, part in office.related("").values() if kind == "officeDocument"),
        "xl/workbook.xml",
    )
    _Workbook(office, draft=draft, main=main).read()


class _Workbook:
    def __init__(self, office: OfficeFile, *, draft: Draft, main: str) -> None:
        self._office = office
        self._draft = draft
        self._related = office.related(main)
        self._root = tree(office.pieces(main), budget=draft.budget)
        properties = child(self._root, "workbookPr")
        self._is_1904 = properties is not None and attribute(properties, name="date1904") in {
            "1", "true",
        }  # fmt: skip
        self._texts = self._shared_texts()
        styles = self._part("styles")
        self._formats = (
            cell_formats(tree(office.pieces(styles), budget=draft.budget)) if styles else []
        )

    def read(self) -> None:
        sheets = child(self._root, "sheets")
        for number, sheet in enumerate([] if sheets is None else sheets, 1):
            self._draft.page(number)
            _, part = self._related.get(attribute(sheet, name="id"), ("", ""))
            if attribute(sheet, name="state") in {"hidden", "veryHidden"}:
                self._draft.hide("hidden_sheets")
            elif part in self._office:
                self._draft.heading(attribute(sheet, name="name"), level=1)
                self._sheet(part)

    def _part(self, kind: str) -> str:
        return next(
            (
                part
                for found, part in self._related.values()
                if found == kind and part in self._office
            ),
            "",
        )

    def _shared_texts(self) -> list[str]:
        part = self._part("sharedStrings")
        if not part:
            return []
        found, chars = [], 0
        pieces = self._office.pieces(part)
        for item in elements(pieces, names=frozenset({"si"}), budget=self._draft.budget):
            found.append(_text(item))
            chars += len(found[-1])
            self._draft.budget.check_text(chars)
        return found

    def _sheet(self, part: str) -> None:
        rows = self._rows(part)
        for row in rows:
            if sum(map(bool, row)) > 1:
                self._draft.table(chain([row], rows))
                break
            # Rows of one cell above a table are its title and remarks.
            self._draft.paragraph("".join(row))
        for kind, other in self._office.related(part).values():
            if other not in self._office:
                continue
            if kind in {"comments", "threadedComment"}:
                for item in self._named(other, "comment", "threadedComment"):
                    self._draft.hide("comments", text="".join(item.itertext()))
            elif kind == "drawing":
                for item in self._named(other, "txBody"):
                    self._draft.paragraph(_text(item))
            elif kind == "vmlDrawing":
                self._watermark(other)

    def _named(self, part: str, *names: str) -> Iterator[Element]:
        return elements(
            self._office.pieces(part), names=frozenset(names), budget=self._draft.budget
        )

    def _watermark(self, part: str) -> None:
        for item in self._named(part, "textpath"):
            self._draft.marked_place(attribute(item, name="string"), kind="watermark")

    def _rows(self, part: str) -> Iterator[list[str]]:
        hidden_columns: set[int] = set()
        for item in self._named(part, "col", "row", *_MARGINS):
            name = local(item.tag)
            if name == "col" and _is_true(item, name="hidden"):
                first, last = (int(attribute(item, name=end) or 0) for end in ("min", "max"))
                columns = range(first, min(last, 16_384) + 1)
                hidden_columns.update(columns)
                self._draft.hide("hidden_columns", pieces=len(columns))
            elif name in _MARGINS:
                text = _MARGIN_CODE.sub("\n", item.text or "")
                self._draft.marked_place(text, kind="header" if "Header" in name else "footer")
            elif name == "row" and _is_true(item, name="hidden"):
                self._draft.hide("hidden_rows")
            elif name == "row":
                yield self._row(item, hidden_columns=hidden_columns)

    def _row(self, row: Element, *, hidden_columns: set[int]) -> list[str]:
        cells: dict[int, str] = {}
        column = 0
        for cell in row:
            place = _CELL.fullmatch(attribute(cell, name="r"))
            column = _column(place.group(1)) if place else column + 1
            if column in hidden_columns:
                continue
            look = self._look(cell)
            text = self._value(cell, look=look)
            if look.hidden_as and text:
                self._draft.hide(look.hidden_as, text=text)
            elif text:
                cells[column] = text
        if max(cells, default=0) > _WIDEST_TABLE:
            return list(cells.values())
        return [
            cells.get(number, "")
            for number in range(1, max(cells, default=0) + 1)
            if number not in hidden_columns
        ]

    def _look(self, cell: Element) -> CellFormat:
        style = attribute(cell, name="s", default="0")
        if style.isdecimal() and int(style) < len(self._formats):
            return self._formats[int(style)]
        return PLAIN

    def _value(self, cell: Element, *, look: CellFormat) -> str:
        kind = attribute(cell, name="t", default="n")
        if kind == "inlineStr":
            return _text(cell)
        value = child(cell, "v")
        text = "" if value is None else value.text or ""
        if kind == "s":
            is_known = text.isdecimal() and int(text) < len(self._texts)
            return self._texts[int(text)] if is_known else ""
        if kind == "b":
            return {"1": "TRUE", "0": "FALSE"}.get(text, text)
        return shown(text, look=look, is_1904=self._is_1904) if kind == "n" else text


def _text(element: Element) -> str:
    """Return the text of a string without the readings (furigana) beside it."""
    parts: list[str] = []
    pending: list[Element] = [element]
    while pending:
        item = pending.pop()
        name = local(item.tag)
        if name == "t":
            parts.append(item.text or "")
        elif name == "p" and parts:
            parts.append("\n")
        if name != "rPh":
            pending.extend(reversed(item))
    return "".join(parts)


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _is_true(element: Element, *, name: str) -> bool:
    return attribute(element, name=name).casefold() in {"1", "true"}

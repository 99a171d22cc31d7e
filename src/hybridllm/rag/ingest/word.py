"""Word documents (docx, docm).

Answers: what does a reader of the document see, and what is marked or hidden in it?
Not here: styles (`word_styles`), properties (`office_labels`). Macros are never run.

Source: ECMA-376 part 1, 17 (WordprocessingML).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element

from hybridllm.rag.ingest.archives import OfficeFile
from hybridllm.rag.ingest.draft import Draft
from hybridllm.rag.ingest.office_labels import read_properties
from hybridllm.rag.ingest.word_styles import (
    RunLook,
    WordStyles,
    fills_shape,
    has_ground,
    paragraph_style,
    run_look,
)
from hybridllm.rag.ingest.xml_parts import attribute, child, descendants, elements, local, tree

_MAIN: Final = "word/document.xml"
_SKIPPED: Final = frozenset(
    {"pPr", "rPr", "instrText", "delInstrText", "rt", "Fallback", "sdtPr", "fldData"}
)
_DELETED: Final = frozenset({"del", "moveFrom"})
_SHAPES: Final = frozenset({"Choice", "drawing", "pict"})
_BREAKS: Final = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}


def read_word(data: bytes, *, draft: Draft) -> None:
    """Read a Word document into a draft."""
    office = OfficeFile(data, budget=draft.budget)
    read_properties(office, draft=draft)
    main = next(
        (part for kind, part in office.related("").values() if kind == "officeDocument"), _MAIN
    )
    related = list(office.related(main).values())
    styles = [part for kind, part in related if kind == "styles" and part in office]
    _Reader(office, draft=draft, styles=styles).read(main, related=related)


class _Reader:
    def __init__(self, office: OfficeFile, *, draft: Draft, styles: list[str]) -> None:
        self._office = office
        self._draft = draft
        self._styles = WordStyles(
            style
            for part in styles
            for style in elements(
                office.pieces(part), names=frozenset({"style"}), budget=draft.budget
            )
        )
        self._page = 0
        self._first_page = 0
        self._has_begun = False
        self._boxes: list[tuple[Element, bool]] = []

    def read(self, main: str, *, related: list[tuple[str, str]]) -> None:
        root = self._tree(main)
        background = child(root, "background")
        ground = background is not None and attribute(background, name="color").casefold() not in {
            "", "auto", "ffffff",
        }  # fmt: skip
        for kind, part in related:
            if kind in {"header", "footer"} and part in self._office:
                self._margin(part, kind=kind)
        body = child(root, "body")
        if any(True for _ in descendants(root, "lastRenderedPageBreak")):
            self._page = 1
        self._blocks(root if body is None else body, ground=ground)
        for kind, part in related:
            if part not in self._office:
                continue
            if kind in {"footnotes", "endnotes"}:
                for note in self._tree(part):
                    self._blocks(note, ground=ground)
            elif kind == "comments":
                for comment in self._tree(part):
                    self._draft.hide("comments", text=_plain(comment))

    def _tree(self, part: str) -> Element:
        return tree(self._office.pieces(part), budget=self._draft.budget)

    def _margin(self, part: str, *, kind: str) -> None:
        """Look for markings in a header or footer, and for a watermark, which hangs there."""
        root = self._tree(part)
        for paragraph in descendants(root, "p"):
            self._draft.marked_place(_plain(paragraph), kind=kind)
        for item in root.iter():
            if local(item.tag) == "textpath":
                self._draft.marked_place(attribute(item, name="string"), kind="watermark")

    def _blocks(self, parent: Element, *, ground: bool) -> None:
        for item in parent:
            name = local(item.tag)
            if name == "p":
                self._paragraph(item, ground=ground)
            elif name == "tbl":
                if self._page:
                    self._draft.page(self._page)
                self._draft.table(self._rows(item, ground=ground))
            elif name not in _SKIPPED and name not in _DELETED and name != "sectPr":
                self._blocks(item, ground=ground)

    def _paragraph(self, paragraph: Element, *, ground: bool) -> None:
        self._draft.budget.check_time()
        self._first_page, self._has_begun = self._page, False
        text = self._text(paragraph, ground=ground)
        if self._first_page:
            self._draft.page(self._first_page)
        level = self._styles.level(paragraph)
        if level:
            self._draft.heading(text, level=level)
        else:
            self._draft.paragraph(text)
        boxes, self._boxes = self._boxes, []
        for box, is_filled in boxes:
            self._blocks(box, ground=ground or is_filled)

    def _rows(self, table: Element, *, ground: bool) -> Iterator[list[str]]:
        for row in _nearest(table, name="tr"):
            if child(row, "trPr", "hidden") is not None:
                self._draft.hide("hidden_rows", text=_plain(row))
                continue
            cells = _nearest(row, name="tc")
            yield [
                "\n".join(
                    self._text(item, ground=ground or has_ground(child(cell, "tcPr")))
                    for item in descendants(cell, "p")
                )
                for cell in cells
            ]

    def _text(self, paragraph: Element, *, ground: bool) -> str:
        look = self._styles.look(paragraph_style(paragraph))
        on_ground = ground or has_ground(child(paragraph, "pPr"))
        base = look.over(RunLook(has_ground=on_ground or None))
        return "".join(self._runs(paragraph, look=base))

    def _runs(self, parent: Element, *, look: RunLook) -> Iterator[str]:
        for item in parent:
            name = local(item.tag)
            if name == "txbxContent":
                self._boxes.append((item, bool(look.has_ground)))
            elif name in _DELETED:
                self._draft.hide("deleted_text", text=_plain(item))
            elif name == "r":
                yield from self._run(item, look=look)
            elif name in _SHAPES and fills_shape(item):
                yield from self._runs(item, look=_on_shape(look))
            elif name == "Choice" or name not in _SKIPPED:
                yield from self._runs(item, look=look)

    def _run(self, run: Element, *, look: RunLook) -> Iterator[str]:
        style = child(run, "rPr", "rStyle")
        own = run_look(child(run, "rPr"))
        if style is not None:
            own = own.over(self._styles.look(attribute(style, name="val")))
        own = own.over(look)
        text = ""
        for item in run:
            name = local(item.tag)
            if name == "t":
                text += item.text or ""
                self._has_begun = True
            elif name in _BREAKS:
                text += _BREAKS[name]
            elif name == "lastRenderedPageBreak":
                self._page += 1
                if not self._has_begun:
                    self._first_page = self._page
            elif name not in _SKIPPED:
                inner = _on_shape(own) if name in _SHAPES and fills_shape(item) else own
                text += "".join(self._runs(item, look=inner))
        if own.hidden_as and text.strip():
            self._draft.hide(own.hidden_as, text=text)
        else:
            yield text


def _on_shape(look: RunLook) -> RunLook:
    return RunLook(has_ground=True).over(look)


def _nearest(parent: Element, *, name: str) -> Iterator[Element]:
    """Yield the elements of a name that belong to this table and not to one inside it."""
    for item in parent:
        if local(item.tag) == name:
            yield item
        elif local(item.tag) not in {"tbl", *_SKIPPED}:
            yield from _nearest(item, name=name)


def _plain(element: Element) -> str:
    """Return all text below an element, whatever it looks like."""
    return "".join(item.text or "" for item in descendants(element, "t", "delText"))

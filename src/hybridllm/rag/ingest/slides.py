"""PowerPoint presentations (pptx, pptm).

Answers: what do the visible slides and the speaker's notes say, and what is marked or hidden?
Not here: properties (`office_labels`). Macros are never run. White text is not told from
text on a dark background, which a theme may paint.

Source: ECMA-376 part 1, 19 (PresentationML), 21.1.2 (text). Lengths are EMU.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element

from hybridllm.rag.ingest.archives import OfficeFile
from hybridllm.rag.ingest.draft import Draft
from hybridllm.rag.ingest.office_labels import read_properties
from hybridllm.rag.ingest.xml_parts import attribute, child, descendants, local, tree

_TITLES: Final = frozenset({"title", "ctrTitle"})
_MARGINS: Final = {"ftr": "footer", "hdr": "header"}
_SILENT: Final = frozenset({"dt", "sldNum", "sldImg"})
# In hundredths of a point: up to 2 points.
_TINY: Final = 200
_DEFAULT_SIZE: Final = (12_192_000, 6_858_000)


def read_slides(data: bytes, *, draft: Draft) -> None:
    """Read a PowerPoint presentation into a draft."""
    office = OfficeFile(data, budget=draft.budget)
    read_properties(office, draft=draft)
    main = next(
        (part for kind, part in office.related("").values() if kind == "officeDocument"),
        "ppt/presentation.xml",
    )
    _Presentation(office, draft=draft, main=main).read()


class _Presentation:
    def __init__(self, office: OfficeFile, *, draft: Draft, main: str) -> None:
        self._office = office
        self._draft = draft
        self._main = main
        self._layouts: set[str] = set()
        self._size = _DEFAULT_SIZE

    def read(self) -> None:
        root = self._tree(self._main)
        related = self._office.related(self._main)
        size = child(root, "sldSz")
        if size is not None:
            self._size = (_number(size, name="cx"), _number(size, name="cy"))
        slides = child(root, "sldIdLst")
        for number, item in enumerate([] if slides is None else slides, 1):
            self._draft.page(number)
            _, part = related.get(_relation_id(item), ("", ""))
            if part in self._office:
                self._slide(part)

    def _tree(self, part: str) -> Element:
        return tree(self._office.pieces(part), budget=self._draft.budget)

    def _slide(self, part: str) -> None:
        root = self._tree(part)
        if attribute(root, name="show") in {"0", "false"}:
            self._draft.hide("hidden_slides")
            return
        shapes = child(root, "cSld", "spTree")
        if shapes is not None:
            self._shapes(shapes, is_grouped=False)
        for kind, other in self._office.related(part).values():
            if other not in self._office:
                continue
            if kind == "slideLayout":
                self._layout(other)
            elif kind == "notesSlide":
                notes = child(self._tree(other), "cSld", "spTree")
                if notes is not None:
                    self._shapes(notes, is_grouped=False)
            elif kind == "comments":
                for comment in self._tree(other):
                    self._draft.hide("comments", text="".join(comment.itertext()))

    def _layout(self, part: str) -> None:
        """Look for markings on a layout and its master, which show on the slide."""
        if part in self._layouts:
            return
        self._layouts.add(part)
        for paragraph in descendants(self._tree(part), "p"):
            self._draft.marked_place(_plain(paragraph), kind="layout")
        for kind, other in self._office.related(part).values():
            if kind == "slideMaster" and other in self._office:
                self._layout(other)

    def _shapes(self, shapes: Element, *, is_grouped: bool) -> None:
        for shape in sorted(shapes, key=lambda item: _placeholder(item) not in _TITLES):
            self._draft.budget.check_time()
            name = local(shape.tag)
            if name == "grpSp":
                self._shapes(shape, is_grouped=True)
            elif name == "AlternateContent":
                chosen = child(shape, "Choice")
                if chosen is not None:
                    self._shapes(chosen, is_grouped=is_grouped)
            elif name in {"sp", "graphicFrame", "cxnSp"}:
                self._shape(shape, is_grouped=is_grouped)

    def _shape(self, shape: Element, *, is_grouped: bool) -> None:
        kind = _placeholder(shape)
        if kind in _SILENT:
            return
        if kind in _MARGINS:
            self._draft.marked_place(_plain(shape), kind=_MARGINS[kind])
            return
        facts = next(descendants(shape, "cNvPr"), None)
        if facts is not None and attribute(facts, name="hidden") in {"1", "true"}:
            self._draft.hide("hidden_shapes", text=_plain(shape))
        elif not is_grouped and self._is_outside(shape):
            self._draft.hide("outside_page", text=_plain(shape))
        else:
            self._visible(shape, kind=kind)

    def _visible(self, shape: Element, *, kind: str) -> None:
        table = next(descendants(shape, "tbl"), None)
        if table is not None:
            self._draft.table(
                ["\n".join(self._paragraphs(cell)) for cell in descendants(row, "tc")]
                for row in descendants(table, "tr")
            )
            return
        body = child(shape, "txBody")
        text = "" if body is None else "\n".join(self._paragraphs(body))
        if kind in _TITLES:
            self._draft.heading(text, level=1)
        else:
            self._draft.paragraph(text)

    def _paragraphs(self, body: Element) -> Iterator[str]:
        for paragraph in descendants(body, "p"):
            text = ""
            for run in paragraph:
                name = local(run.tag)
                if name == "br":
                    text += "\n"
                elif name in {"r", "fld"}:
                    text += self._run(run)
            yield text

    def _run(self, run: Element) -> str:
        text = _plain(run)
        look = child(run, "rPr")
        if look is not None and 0 < _number(look, name="sz") <= _TINY and text.strip():
            self._draft.hide("tiny_text", text=text)
            return ""
        return text

    def _is_outside(self, shape: Element) -> bool:
        place = child(shape, "spPr", "xfrm")
        place = child(shape, "xfrm") if place is None else place
        offset = None if place is None else child(place, "off")
        extent = None if place is None else child(place, "ext")
        if offset is None or extent is None:
            return False
        left, top = _number(offset, name="x"), _number(offset, name="y")
        right, bottom = left + _number(extent, name="cx"), top + _number(extent, name="cy")
        return right <= 0 or bottom <= 0 or left >= self._size[0] or top >= self._size[1]


def _placeholder(shape: Element) -> str:
    found = next(descendants(shape, "ph"), None)
    return "" if found is None else attribute(found, name="type", default="body")


def _relation_id(element: Element) -> str:
    """Return `r:id`; a slide has an `id` without a namespace too."""
    return next((value for key, value in element.attrib.items() if key.endswith("}id")), "")


def _number(element: Element, *, name: str) -> int:
    value = attribute(element, name=name)
    return int(value) if value.lstrip("-").isdecimal() else 0


def _plain(element: Element) -> str:
    return "".join(item.text or "" for item in descendants(element, "t"))

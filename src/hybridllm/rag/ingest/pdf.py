"""PDF files.

Answers: what do the pages say, where are headings, and what is marked or hidden?
Not here: what is shown on a page (`pdf_page`). Scripts in the file are never run.

Lines that stand on most pages are headers and footers: they are looked at for markings and
kept out of the text. Headings come from the bookmarks, or from numbers if there are none.
PDFium gives no list of custom properties, so Microsoft labels are looked for in the bytes;
one inside a compressed object stream is not found.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from hybridllm.errors import MissingExtraError
from hybridllm.rag.ingest.draft import Draft
from hybridllm.rag.ingest.failures import DocumentReadError, Reason
from hybridllm.rag.ingest.lines import ends_sentence, heading_level, is_heading, joined, sentences

_PROPERTIES: Final = ("Title", "Subject", "Keywords")
_TAIL_BYTES: Final = 4096
_MICROSOFT: Final = re.compile(
    rb"MSIP_Label_([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"
)
_MARGIN_LINES: Final = 2
_MARGIN_PAGES: Final = 3
_MARGIN_SHARE: Final = 0.6
_MOST_BOOKMARKS: Final = 5_000
_SENTENCE_CHARS: Final = 300
# PDFium writes one of these for a hyphen at the end of a line.
_BROKEN_WORD: Final = re.compile("[\x02\ufffe]\n?")
_LOCK: Final = threading.Lock()
"""PDFium may be used by one thread at a time."""


def read_pdf(data: bytes, *, draft: Draft) -> None:
    """Read a PDF file into a draft.

    Raises:
        MissingExtraError: pypdfium2 is not installed.
        DocumentReadError: It is encrypted, damaged or cut off.
    """
    try:
        import pypdfium2
    except ImportError:
        raise MissingExtraError(feature="Reading PDF files", extra="rag") from None
    if b"%%EOF" not in data[-_TAIL_BYTES:]:
        raise DocumentReadError(Reason.DAMAGED)
    with _LOCK:
        try:
            document = pypdfium2.PdfDocument(data)
        except pypdfium2.PdfiumError as error:
            is_locked = getattr(error, "err_code", 0) == pypdfium2.raw.FPDF_ERR_PASSWORD
            raise DocumentReadError(Reason.ENCRYPTED if is_locked else Reason.DAMAGED) from None
        try:
            pages = _read(document, draft=draft)
            titles = _bookmarks(document)
            _properties(document, data=data, draft=draft)
        except pypdfium2.PdfiumError:
            raise DocumentReadError(Reason.DAMAGED) from None
        finally:
            document.close()
    _write(_without_margins(pages, draft=draft), titles=titles, draft=draft)


def _read(document: Any, *, draft: Draft) -> list[list[str]]:
    """Return the lines of each page."""
    draft.budget.check_pages(len(document))
    if not len(document):
        raise DocumentReadError(Reason.DAMAGED)
    pages, chars = [], 0
    for number in range(len(document)):
        draft.page(number + 1)
        page = document[number]
        try:
            text = _page_text(page, draft=draft)
            text += "".join(f"\n{note}" for note in _annotations(page, draft=draft))
        finally:
            page.close()
        chars += len(text)
        draft.budget.check_text(chars)
        pages.append([line.strip() for line in text.splitlines() if line.strip()])
    return pages


def _page_text(page: Any, *, draft: Draft) -> str:
    from hybridllm.rag.ingest.pdf_page import stretches

    text_page = page.get_textpage()
    try:
        found = stretches(page, text_page=text_page)
        pieces = [text_page.get_text_range(item.start, item.count) for item in found]
    finally:
        text_page.close()
    text = ""
    for item, piece in zip(found, pieces, strict=True):
        if not item.hidden_as:
            text += piece
        elif piece.strip():
            draft.hide(item.hidden_as, text=piece)
            text += "\n"
    return _BROKEN_WORD.sub("", text.replace("\r\n", "\n"))


def _annotations(page: Any, *, draft: Draft) -> Iterator[str]:
    """Yield the text of boxes that were written over a page."""
    import pypdfium2.raw as pdfium

    for place in range(pdfium.FPDFPage_GetAnnotCount(page)):
        annotation = pdfium.FPDFPage_GetAnnot(page, place)
        if not annotation:
            continue
        try:
            kind = pdfium.FPDFAnnot_GetSubtype(annotation)
            text = _annotation_text(annotation)
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)
        if kind in {pdfium.FPDF_ANNOT_STAMP, pdfium.FPDF_ANNOT_WATERMARK}:
            draft.marked_place(text, kind="watermark")
        elif kind == pdfium.FPDF_ANNOT_FREETEXT:
            yield text
        elif kind == pdfium.FPDF_ANNOT_WIDGET:
            draft.note("form_field")
        elif text:
            draft.hide("comments", text=text)


def _annotation_text(annotation: Any) -> str:
    import ctypes

    import pypdfium2.raw as pdfium

    size = pdfium.FPDFAnnot_GetStringValue(annotation, b"Contents", None, 0)
    if size <= 2:
        return ""
    buffer = ctypes.create_string_buffer(size)
    pdfium.FPDFAnnot_GetStringValue(
        annotation, b"Contents", ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), size
    )
    return buffer.raw[: size - 2].decode("utf-16-le", errors="ignore")


def _properties(document: Any, *, data: bytes, draft: Draft) -> None:
    draft.page(0)
    try:
        values = [(name, document.get_metadata_value(name)) for name in _PROPERTIES]
    except UnicodeDecodeError:
        # It may have been a marking.
        draft.unlisted(kind="property")
        values = []
    # Many producers write a file name as the title; it still beats nothing.
    draft.title(dict(values).get("Title", ""))
    draft.properties(values)
    for guid in {found.decode("ascii") for found in _MICROSOFT.findall(data)}:
        enabled = document.get_metadata_value(f"MSIP_Label_{guid}_Enabled")
        draft.properties([(f"MSIP_Label_{guid}_Enabled", enabled or "true")])
    if document.count_attachments():
        draft.note("attachment", count=document.count_attachments())


def _bookmarks(document: Any) -> dict[int, list[tuple[int, str]]]:
    """Return level and title of the bookmarks by page, from 1."""
    found: dict[int, list[tuple[int, str]]] = {}
    for count, bookmark in enumerate(document.get_toc()):
        if count >= _MOST_BOOKMARKS:
            break
        target = bookmark.get_dest()
        place = None if target is None else target.get_index()
        if place is not None:
            with suppress(UnicodeDecodeError):
                found.setdefault(place + 1, []).append((bookmark.level + 1, bookmark.get_title()))
    return found


def _without_margins(pages: list[list[str]], *, draft: Draft) -> list[list[str]]:
    """Return the pages without the lines that stand at the edge of most of them."""
    edges = [
        [line for place, line in enumerate(lines) if _is_edge(place, lines=lines)]
        for lines in pages
    ]
    if len(pages) < _MARGIN_PAGES:
        return pages
    counts = Counter(shape for lines in edges for shape in set(map(_shape, lines)))
    margins = {shape for shape, count in counts.items() if count >= len(pages) * _MARGIN_SHARE}
    for number, lines in enumerate(edges, 1):
        draft.page(number)
        for line in lines:
            if _shape(line) in margins:
                draft.marked_place(line, kind="header")
    return [list(_inner(lines, margins=margins)) for lines in pages]


def _inner(lines: list[str], *, margins: set[str]) -> Iterator[str]:
    for place, line in enumerate(lines):
        if not (_is_edge(place, lines=lines) and _shape(line) in margins):
            yield line


def _is_edge(place: int, *, lines: list[str]) -> bool:
    """Say whether a line may be a header or footer; a page of few lines has one of each."""
    most = _MARGIN_LINES if len(lines) > 2 * _MARGIN_LINES else 1
    return place < most or place >= len(lines) - most


def _shape(line: str) -> str:
    """Return a line with its numbers made equal, so that `3 / 12` is on every page."""
    return re.sub(r"[0-9０-９]+", "0", " ".join(line.split()))


def _write(
    pages: list[list[str]], *, titles: dict[int, list[tuple[int, str]]], draft: Draft
) -> None:
    for place, lines in enumerate(pages):
        number = place + 1
        if number < len(pages):
            _complete(lines, following=pages[number])
        draft.page(number)
        on_page = {_squeezed(title): (level, title) for level, title in titles.get(number, [])}
        pending: list[str] = []
        for line in lines:
            level, title = on_page.pop(_squeezed(line), (0, line))
            if not level and not titles and is_heading(line):
                level = heading_level(line)
            if level:
                draft.paragraph(joined(pending))
                pending = []
                draft.heading(title, level=level)
            else:
                pending.append(line)
        draft.paragraph(joined(pending))


def _complete(lines: list[str], *, following: list[str]) -> None:
    """Move the rest of a sentence from the top of the next page to the end of this one."""
    if not lines or not following or ends_sentence(lines[-1]) or is_heading(following[0]):
        return
    widest = max(map(len, lines))
    if len(lines[-1]) < widest * 0.75:
        return
    for count in range(1, min(5, len(following)) + 1):
        head = joined(following[:count])
        if len(head) > _SENTENCE_CHARS:
            return
        spans = sentences(head, start=0, end=len(head))
        _, end = spans[0]
        if len(spans) > 1 or ends_sentence(head):
            rest = head[end:].strip()
            lines.append(head[:end])
            following[:count] = [rest] if rest else []
            return


def _squeezed(text: str) -> str:
    return "".join(text.split()).casefold()

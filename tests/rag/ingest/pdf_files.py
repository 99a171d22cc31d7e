"""PDF files for tests, written by hand."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text on a page: where, how large, in which color and rendering mode."""

    text: str
    x: float = 50
    y: float = 700
    size: float = 11
    color: str = "0 0 0"
    mode: int = 0


def lines(*texts: str, top: float = 760, step: float = 16) -> list[Line]:
    """Return texts as lines of a page, from the top."""
    return [Line(text, y=top - step * place) for place, text in enumerate(texts)]


def pdf(
    *pages: list[Line],
    info: dict[str, str] | None = None,
    drawing: str = "",
    bookmarks: tuple[tuple[int, str], ...] = (),
    notes: tuple[tuple[str, str], ...] = (),
) -> bytes:
    """Return a PDF file.

    Args:
        pages: Lines of each page.
        info: Title, keywords and the like.
        drawing: What is drawn under the text of each page.
        bookmarks: Page and title.
        notes: Kind and text of the annotations of each page.
    """
    objects: dict[int, bytes] = {
        3: b"<< /Type /Font /Subtype /Type0 /BaseFont /HeiseiKakuGo-W5 /Encoding /UniJIS-UTF16-H"
        b" /DescendantFonts [4 0 R] >>",
        4: b"<< /Type /Font /Subtype /CIDFontType0 /BaseFont /HeiseiKakuGo-W5 /DW 1000"
        b" /CIDSystemInfo << /Registry (Adobe) /Ordering (Japan1) /Supplement 5 >>"
        b" /FontDescriptor 5 0 R >>",
        5: b"<< /Type /FontDescriptor /FontName /HeiseiKakuGo-W5 /Flags 4 "
        b" /FontBBox [0 -120 1000 880] /ItalicAngle 0 /Ascent 880 /Descent -120"
        b" /CapHeight 700 /StemV 80 >>",
        6: _dictionary({key: _string(value) for key, value in (info or {}).items()}),
    }
    kids, number = [], 20
    for page in pages:
        content = (drawing + "\n" + "\n".join(map(_drawn, page))).encode("ascii")
        objects[number] = b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content)
        objects[number + 1] = (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R"
            b" /Resources << /Font << /F1 3 0 R >> >> /Annots [%s] >>"
            % (number, b" ".join(_note(kind, text=text) for kind, text in notes))
        )
        kids.append(number + 1)
        number += 2
    outline = b""
    if bookmarks:
        outline = b" /Outlines 7 0 R"
        first, last = number, number + len(bookmarks) - 1
        objects[7] = b"<< /Type /Outlines /First %d 0 R /Last %d 0 R >>" % (first, last)
        for place, (page_number, title) in enumerate(bookmarks):
            entry = {
                "Title": _string(title),
                "Parent": b"7 0 R",
                "Dest": b"[%d 0 R /Fit]" % kids[page_number - 1],
            }
            if first + place < last:
                entry["Next"] = b"%d 0 R" % (first + place + 1)
            if place:
                entry["Prev"] = b"%d 0 R" % (first + place - 1)
            objects[first + place] = _dictionary(entry)
    objects[1] = b"<< /Type /Catalog /Pages 2 0 R%s >>" % outline
    joined = b" ".join(b"%d 0 R" % kid for kid in kids)
    objects[2] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (joined, len(kids))
    return _file(objects)


def _file(objects: dict[int, bytes], trailer: bytes = b"") -> bytes:
    data = b"%PDF-1.7\n"
    places = {}
    for number, body in sorted(objects.items()):
        places[number] = len(data)
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(data)
    data += b"xref\n0 1\n0000000000 65535 f \n"
    for number, place in sorted(places.items()):
        data += b"%d 1\n%010d 00000 n \n" % (number, place)
    data += b"trailer\n<< /Size %d /Root 1 0 R /Info 6 0 R%s >>" % (max(objects) + 1, trailer)
    return data + b"\nstartxref\n%d\n%%%%EOF\n" % start


def encrypted_pdf() -> bytes:
    """Return a PDF file whose password nobody knows."""
    objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: b"<< /Type /Pages /Kids [] /Count 0 >>",
        6: b"<< >>",
        7: b"<< /Filter /Standard /V 2 /R 3 /Length 128 /P -4 /O <%s> /U <%s> >>"
        % (b"11" * 32, b"22" * 32),
    }
    return _file(objects, b" /Encrypt 7 0 R /ID [<00> <00>]")


def _drawn(line: Line) -> str:
    code = line.text.encode("utf-16-be").hex()
    return (
        f"BT /F1 {line.size} Tf {line.color} rg {line.mode} Tr 1 0 0 1 {line.x} {line.y} Tm "
        f"<{code}> Tj ET"
    )


def _note(kind: str, *, text: str) -> bytes:
    entries = {
        "Type": b"/Annot",
        "Subtype": b"/" + kind.encode("ascii"),
        "Rect": b"[10 10 90 40]",
        "Contents": _string(text),
    }
    return _dictionary(entries)


def _string(text: str) -> bytes:
    return b"<feff%s>" % text.encode("utf-16-be").hex().encode("ascii")


def _dictionary(values: dict[str, bytes]) -> bytes:
    return b"<< %s >>" % b" ".join(
        b"/%s %s" % (key.encode("ascii"), value) for key, value in values.items()
    )

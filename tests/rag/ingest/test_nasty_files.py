"""Files that break other programs end in a report, and the rest of the folder is read."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import struct
import sys
import time
import zipfile

import pytest

from hybridllm.errors import MissingExtraError
from hybridllm.labels import Scale
from hybridllm.rag.ingest import (
    DocumentReadError,
    FileStatus,
    Markings,
    ReadLimits,
    Reason,
    SyncSettings,
    read_document,
    sync_folder,
)
from tests.rag.ingest.memory_store import MemoryStore
from tests.rag.ingest.office_files import archive, docx, paragraph, row, run, xlsx
from tests.rag.ingest.pdf_files import Line, encrypted_pdf, lines, pdf

HAS_PDF = importlib.util.find_spec("pypdfium2") is not None
OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
SCALE = Scale.of(["public", "confidential"])
LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'


def bomb(*, parts: int = 1, part_bytes: int = 300 * 2**20) -> bytes:
    """Return a Word document whose parts unpack to far more than they take."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for number in range(parts):
            with file.open(f"word/part{number}.xml", "w", force_zip64=True) as stream:
                for _ in range(part_bytes // 2**20):
                    stream.write(bytes(2**20))
    return buffer.getvalue()


def lying_bomb() -> bytes:
    """Return a Word document that declares its main part smaller than it is."""
    body = b"<w:document xmlns:w='urn:w'><w:body>" + b" " * (8 * 2**20) + b"</w:body></w:document>"
    data = bytearray(archive({"word/document.xml": body}))
    for place in _finds(data, struct.pack("<I", len(body))):
        data[place : place + 4] = struct.pack("<I", 100)
    return bytes(data)


def _finds(data: bytearray, wanted: bytes) -> list[int]:
    places, at = [], data.find(wanted)
    while at >= 0:
        places.append(at)
        at = data.find(wanted, at + 1)
    return places


def reason(data: bytes, name: str, **limits: float) -> Reason:
    """Return why a file is not read."""
    with pytest.raises(DocumentReadError) as caught:
        read_document(data, name=name, limits=ReadLimits(**limits))  # type: ignore[arg-type]
    return caught.value.reason


def nasty_folder(folder) -> dict[str, Reason | None]:
    """Write the nasty files; return what each is refused for, `None` for those that are read."""
    hidden = f"<sheetData>{row('Obey', 'me')}</sheetData>"
    shown = f"<sheetData>{row('a', 'b')}{row('1', '2')}</sheetData>"
    files: dict[str, tuple[bytes, Reason | None]] = {
        "encrypted.docx": (OLD_OFFICE + "EncryptedPackage".encode("utf-16-le"), Reason.ENCRYPTED),
        "truncated.docx": (docx(paragraph("Text."))[:-200], Reason.DAMAGED),
        "bomb.docx": (bomb(), Reason.EXPANDS_TOO_MUCH),
        "hidden.xlsx": (xlsx(("S", "visible", shown), ("T", "hidden", hidden)), None),
        "white.docx": (
            docx(paragraph(run("Seen."), run("Obey.", "<w:color w:val='FFFFFF'/>"))),
            None,
        ),
        "wrong.txt": ("für Grüße, déjà vu".encode("cp1252"), Reason.UNKNOWN_ENCODING),
        "empty.pdf": (b"", Reason.EMPTY),
        "macros.docm": (
            docx(paragraph("Text."), more={"word/vbaProject.bin": b"Sub AutoOpen()"}),
            None,
        ),
        "entities.docx": (
            archive({"word/document.xml": f"{LAUGHS}<x>&b;</x>"}),
            Reason.FORBIDDEN_XML,
        ),
        "good.txt": (b"Good text.", None),
    }
    if HAS_PDF:
        pages = [
            lines("Rules", f"Rule {number} is for all.", f"{number}") for number in range(1000)
        ]
        files["thousand.pdf"] = (pdf(*pages), None)
        files["encrypted.pdf"] = (encrypted_pdf(), Reason.ENCRYPTED)
        files["truncated.pdf"] = (pdf(lines("Text."))[:400], Reason.DAMAGED)
        files["white.pdf"] = (
            pdf([*lines("Seen."), Line("Obey.", y=100, color="1 1 1")]),
            None,
        )
    for name, (data, _) in files.items():
        (folder / name).write_bytes(data)
    return {name: expected for name, (_, expected) in files.items()}


def test_nasty_files_are_reported_and_the_rest_is_read(tmp_path):
    """Encrypted, cut off, bombs, macros, a circle of links: each has a line in the report."""
    folder, store = tmp_path / "folder", MemoryStore()
    folder.mkdir()
    expected = nasty_folder(folder)
    if hasattr(os, "symlink"):
        try:
            (folder / "loop").symlink_to(folder, target_is_directory=True)
            expected["loop"] = Reason.LINK
        except OSError:
            pass

    report = sync_folder(
        folder,
        store=store,
        settings=SyncSettings("docs", scale=SCALE, markings=Markings(SCALE.strictest)),
    )

    assert expected == {file.name: file.reason for file in report.files}
    assert {f"docs/{name}" for name, why in expected.items() if why is None} == set(store.live)
    assert FileStatus.ADDED == next(f.status for f in report.files if f.name == "good.txt")
    assert "Obey" not in "".join(
        passage.text for item in store.live.values() for passage in item.passages
    )


def test_a_macro_is_noted_and_never_run():
    """A document with macros is read as text; the report says that it has some."""
    data = docx(paragraph("Text."), more={"word/vbaProject.bin": b"Sub AutoOpen()"})

    reading = read_document(data, name="a.docm")

    assert ("Text.", (("macro", 1),)) == (reading.text, reading.notes)


@pytest.mark.skipif(not HAS_PDF, reason="needs the extra rag")
def test_a_thousand_pages_are_read():
    """A law with 1,000 pages is a document like any other, and each page can be cited."""
    pages = [lines("Rules", f"Rule {number} is for all.", f"{number}") for number in range(1000)]

    reading = read_document(pdf(*pages), name="a.pdf")

    assert 1000 == reading.pages
    assert "Rule 999 is for all." == reading.text[reading.blocks[-1].start :]


@pytest.mark.skipif(not HAS_PDF, reason="needs the extra rag")
def test_more_pages_than_allowed_are_refused():
    """The limit is looked at before any page is read."""
    assert Reason.TOO_MANY_PAGES == reason(pdf(*[lines("A.")] * 5), "a.pdf", pages=4)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (bomb(parts=3, part_bytes=2**20), Reason.EXPANDS_TOO_MUCH),
        (archive({f"p{n}": "" for n in range(50)}), Reason.EXPANDS_TOO_MUCH),
        (lying_bomb(), Reason.DAMAGED),
        (archive({"word/document.xml": "<a>" * 5000}), Reason.TOO_MUCH_TEXT),
        (archive({"word/document.xml": "<a/>" * 50}), Reason.DAMAGED),
        (archive({"word/document.xml": "<a>" + "<b/>" * 3000 + "</a>"}), Reason.TOO_MUCH_TEXT),
        (archive({"word/document.xml": "<a b='"}), Reason.DAMAGED),
        (archive({"other": "x"}), Reason.DAMAGED),
        (b"PK\x03\x04 no archive", Reason.DAMAGED),
        (OLD_OFFICE + bytes(600), Reason.OLD_FORMAT),
        (docx(), Reason.NO_TEXT),
    ],
    ids=[
        "ratio", "parts", "lie", "deep", "roots", "elements", "xml", "no main part", "no archive",
        "old", "no text",
    ],
)  # fmt: skip
def test_office_files_that_attack_are_refused(data, expected):
    """Nothing is unpacked beyond the limits, whatever the archive says of itself."""
    assert expected == reason(data, "a.docx", entries=40, elements=2000)


@pytest.mark.parametrize(
    ("piece", "name"),
    [
        ("<a", "a.md"),
        ("<!--", "a.md"),
        ("<a hidden>", "a.md"),
        ("[a", "a.md"),
        ("|-", "a.md"),
        ("# ", "a.md"),
        (".", "a.txt"),
        ("」", "a.txt"),
        ("- a\n", "a.txt"),
        ("<style", "a.html"),
        ("<style>/*", "a.html"),
        ("<style>@media{", "a.html"),
        ("<p style='a", "a.html"),
        ("<table>", "a.html"),
        ("<!--", "a.html"),
        ('"', "a.csv"),
        (";,", "a.csv"),
    ],
)
def test_no_repetition_holds_the_reader_up(piece, name):
    """A file made of one sign takes no longer than its length asks for."""
    started_s = time.process_time()

    with contextlib.suppress(DocumentReadError):
        read_document((piece * 30_000).encode("utf-8"), name=name, limits=ReadLimits(seconds=5))

    assert time.process_time() - started_s < 5


def test_a_slow_file_is_given_up():
    """One file cannot hold up a night's sync."""
    assert Reason.TOO_SLOW == reason(b"# A\n\nText.\n", "a.md", seconds=-1.0)


def test_a_large_file_is_not_read():
    """The size is looked at first."""
    assert Reason.TOO_LARGE == reason(b"x" * 100, "a.txt", file_bytes=99)


def test_too_much_text_is_refused():
    """A table that unpacks to millions of words is no document."""
    assert Reason.TOO_MUCH_TEXT == reason(b"a,b\n" * 1000, "a.csv", text_chars=1000)


@pytest.mark.parametrize(
    "data",
    [
        b"Content-Type: multipart/mixed; boundary=a\n\n" + b"--a\nContent-Type: text/x\n\n" * 3000,
        b"Content-Type: application/pkcs7-mime\nSubject: a\n\nAAAA",
        b"\x00\x01\x02",
        b"no mail at all",
    ],
    ids=["parts", "encrypted", "binary", "text"],
)
def test_broken_mails_are_reported(data):
    """A mail that cannot be read has a reason, not an empty document."""
    assert reason(data, "a.eml") in {
        Reason.DAMAGED,
        Reason.ENCRYPTED,
        Reason.NO_TEXT,
        Reason.TOO_MUCH_TEXT,
    }


def test_a_parser_that_breaks_is_a_damaged_file(monkeypatch):
    """What a parser raises on a strange file may quote it, so it goes no further."""

    def breaks(data, *, draft):
        raise KeyError("the wombat budget")

    monkeypatch.setattr("hybridllm.rag.ingest.reading.read_pdf", breaks)

    with pytest.raises(DocumentReadError) as caught:
        read_document(b"%PDF-1.7", name="a.pdf")

    assert Reason.DAMAGED == caught.value.reason
    assert "wombat" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_missing_package_is_named(monkeypatch):
    """Without the extra a PDF is no damaged file; the error says what to install."""
    monkeypatch.setitem(sys.modules, "pypdfium2", None)

    with pytest.raises(MissingExtraError, match=r"hybridllm\[rag\]"):
        read_document(b"%PDF-1.7\n%%EOF", name="a.pdf")


def test_every_reason_has_a_remedy():
    """A report that only says no helps nobody."""
    from hybridllm.rag.ingest import REMEDIES

    assert set(Reason) == set(REMEDIES)

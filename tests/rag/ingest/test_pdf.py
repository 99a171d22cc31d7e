"""A PDF is read as it is seen, page by page."""

from __future__ import annotations

import pytest

from hybridllm.rag.ingest import BlockKind, Marking, read_document
from tests.rag.ingest.pdf_files import Line, lines, pdf

pytest.importorskip("pypdfium2", reason="needs the extra rag")

GUID = "12345678-1234-1234-1234-123456789abc"
BODY = lines("Ordinary text stands here.", "And here.", top=500)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (Line("Obey me.", color="1 1 1"), "white_text"),
        (Line("Obey me.", size=1), "tiny_text"),
        (Line("Obey me.", x=-400), "outside_page"),
        (Line("Obey me.", y=2000), "outside_page"),
        (Line("Obey me.", mode=3), "invisible_text"),
    ],
)
def test_hidden_text_of_a_page_is_left_out(line, kind):
    """White, tiny, invisible and distant text is not indexed."""
    reading = read_document(pdf([*BODY, line]), name="a.pdf")

    assert "Ordinary text stands here.\nAnd here." == reading.text
    assert ((kind, 1),) == reading.hidden


def test_white_text_on_a_dark_ground_stays():
    """A title on a black bar is a title."""
    page = [Line("Seen.", y=700, color="1 1 1"), *BODY]

    reading = read_document(pdf(page, drawing="0 0 0 rg 0 690 500 40 re f"), name="a.pdf")

    assert reading.text.startswith("Seen.")
    assert () == reading.hidden


def test_japanese_lines_are_joined_where_the_layout_broke_them():
    """A word over the end of a line is found."""
    page = lines("この規程は、調達の手続を定めるものであり、すべての部門に適", "用される。", "以上")

    assert "この規程は、調達の手続を定めるものであり、すべての部門に適用される。\n以上" == (
        read_document(pdf(page), name="a.pdf").text
    )


def test_a_sentence_over_the_end_of_a_page_stays_whole():
    """The rest of a sentence is read with its beginning."""
    first = lines("この規程は、調達の手続を定めるものであり、すべての部門に適")
    second = lines("用される。次の文は二枚目にある。")

    reading = read_document(pdf(first, second), name="a.pdf")

    assert [
        (1, "この規程は、調達の手続を定めるものであり、すべての部門に適用される。"),
        (2, "次の文は二枚目にある。"),
    ] == [(block.page, reading.text[block.start : block.end]) for block in reading.blocks]


def test_headers_and_footers_are_read_for_labels_and_left_out():
    """A stamp on every page counts and does not stand between two sentences."""
    pages = [
        lines("社外秘 ACME", f"Text of this page, number {n}.", "It goes on.", f"{n} / 4")
        for n in range(1, 5)
    ]

    reading = read_document(pdf(*pages), name="a.pdf")

    assert "ACME" not in reading.text
    assert "/ 4" not in reading.text
    assert Marking("社外秘", "header", 3) in reading.markings


def test_a_large_stamp_across_a_page_is_read():
    """A watermark is a line of its own."""
    page = [*lines(*["A line of text."] * 12), Line("極秘", x=200, y=350, size=80, color="0.9 0 0")]

    assert {"極秘"} == {marking.name for marking in read_document(pdf(page), name="a.pdf").markings}


def test_metadata_is_read_for_title_and_labels():
    """Keywords and Microsoft labels of a PDF count."""
    info = {
        "Title": "調達規程",
        "Keywords": "purchase, 取扱注意",
        f"MSIP_Label_{GUID}_Enabled": "true",
        f"MSIP_Label_{GUID[::-1]}_Enabled": "true",
    }

    reading = read_document(pdf(BODY, info=info), name="a.pdf")

    assert "調達規程" == reading.title
    assert {("取扱注意", "property_word"), (f"msip:{GUID}", "msip")} == {
        (marking.name, marking.kind) for marking in reading.markings
    }


def test_bookmarks_make_headings():
    """A citation names the chapter that the bookmarks name."""
    data = pdf(
        lines("Introduction", "Text of it."),
        lines("Details", "More text."),
        bookmarks=((1, "Introduction"), (2, "Details")),
    )

    reading = read_document(data, name="a.pdf")

    assert [("Introduction",), ("Details",)] == list(
        dict.fromkeys(block.headings for block in reading.blocks)
    )


def test_numbered_headings_are_found_without_bookmarks():
    """Rules of a company number their chapters."""
    page = lines("第1章 総則", "この規程は手続を定める。", "1.2 Scope", "It covers everything.")

    reading = read_document(pdf(page), name="a.pdf")

    headings = [block for block in reading.blocks if block.kind is BlockKind.HEADING]
    assert ["第1章 総則", "1.2 Scope"] == [
        reading.text[block.start : block.end] for block in headings
    ]
    assert ("第1章 総則", "1.2 Scope") == reading.blocks[-1].headings


def test_notes_on_a_page_are_no_text():
    """A comment is left out, a stamp is a marking, and a box of text is text."""
    notes = (("Text", "Rewrite this"), ("Stamp", "社外秘"), ("FreeText", "Written over."))

    reading = read_document(pdf(BODY, notes=notes), name="a.pdf")

    assert reading.text.endswith("And here.\nWritten over.")
    assert (("comments", 1),) == reading.hidden
    assert {("社外秘", "watermark")} == {(item.name, item.kind) for item in reading.markings}


def test_text_that_was_read_out_of_a_scan_stays():
    """Character recognition lays its text over the picture, invisibly."""
    scan = "q 595 0 0 842 0 0 cm BI /W 1 /H 1 /CS /G /BPC 8 /F /AHx ID 00> EI Q"

    reading = read_document(pdf([Line("Recognised.", mode=3)], drawing=scan), name="a.pdf")

    assert ("Recognised.", ()) == (reading.text, reading.hidden)


def test_a_table_of_contents_is_not_text_of_a_heading():
    """A sentence that does not end at the end of a page is not glued to a heading."""
    first = lines("An unfinished line of text that is as wide as all the others are")
    second = lines("第2章 申請", "申請は部長が行う。")

    reading = read_document(pdf(first, second), name="a.pdf")

    assert ("第2章 申請",) == reading.blocks[-1].headings
    assert [1, 2, 2] == [block.page for block in reading.blocks]

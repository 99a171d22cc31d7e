"""Headings, tables, pages and titles of each format come out as a reader sees them."""

from __future__ import annotations

import pytest

from hybridllm.rag.ingest import BlockKind, Reading, read_document
from tests.rag.ingest.office_files import (
    docx,
    paragraph,
    pptx,
    properties,
    relations,
    row,
    run,
    shape,
    slide,
    xlsx,
)

TABLE = (
    "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>品名</w:t></w:r></w:p></w:tc>"
    "<w:tc><w:p><w:r><w:t>価格</w:t></w:r></w:p></w:tc></w:tr>"
    "<w:tr><w:tc><w:p><w:r><w:t>ねじ</w:t></w:r></w:p></w:tc>"
    "<w:tc><w:p><w:r><w:t>10</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"
)
BREAK = "<w:r><w:lastRenderedPageBreak/></w:r>"
RUBY = (
    "<w:r><w:ruby><w:rt><w:r><w:t>かんじ</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>漢字</w:t></w:r>"
)


def blocks(reading: Reading) -> list[tuple[str, str, int, tuple[str, ...]]]:
    """Return kind, text, page and headings of each block."""
    return [
        (block.kind.value, reading.text[block.start : block.end], block.page, block.headings)
        for block in reading.blocks
    ]


def text_of(data: bytes | str, name: str) -> str:
    """Return what a file says."""
    return read_document(data.encode("utf-8") if isinstance(data, str) else data, name=name).text


def test_word_has_headings_paragraphs_and_tables():
    """Structure comes out of styles; a table is one block."""
    data = docx(paragraph("規程", style="H1"), paragraph("本文です。"), TABLE)

    assert [
        ("heading", "規程", 0, ("規程",)),
        ("paragraph", "本文です。", 0, ("規程",)),
        ("table", "品名 | 価格\nねじ | 10", 0, ("規程",)),
    ] == blocks(read_document(data, name="a.docx"))


def test_word_pages_are_those_that_word_last_saw():
    """Word notes where a page broke; a paragraph belongs to the page on which it begins."""
    data = docx(
        paragraph("One."),
        paragraph(BREAK, run("Two.")),
        paragraph(run("Still two."), BREAK, run(".")),
    )

    assert [1, 2, 2] == [block.page for block in read_document(data, name="a.docx").blocks]


def test_readings_over_kanji_are_no_text():
    """Furigana beside a word would break the word."""
    ruby = f"{RUBY}</w:rubyBase></w:ruby></w:r>"
    texts = "<si><t>漢字</t><rPh><t>カンジ</t></rPh></si>"
    cell = '<c t="s"><v>0</v></c>'
    content = f"<sheetData>{row(cell, 'b')}</sheetData>"

    assert "この漢字を読む" == text_of(docx(paragraph("この", ruby, "を読む")), "a.docx")
    assert "S\n\n漢字 | b" == text_of(xlsx(("S", "visible", content), texts=texts), "a.xlsx")


def test_sheets_are_pages_with_their_names_as_headings():
    """A citation names the sheet; rows above a table are its title."""
    first = f"<sheetData>{row('売上一覧')}{row('品名', '数量')}{row('ねじ', '3')}</sheetData>"
    second = f"<sheetData>{row('a', 'b')}</sheetData>"
    data = xlsx(("売上", "visible", first), ("B", "visible", second))

    assert [
        ("heading", "売上", 1, ("売上",)),
        ("paragraph", "売上一覧", 1, ("売上",)),
        ("table", "品名 | 数量\nねじ | 3", 1, ("売上",)),
        ("heading", "B", 2, ("B",)),
        ("table", "a | b", 2, ("B",)),
    ] == blocks(read_document(data, name="a.xlsx"))


def test_cells_say_what_they_show():
    """A date is a date and no number of days; a share is a percentage."""
    styles = (
        '<numFmts><numFmt numFmtId="170" formatCode="yyyy&quot;年&quot;m&quot;月&quot;"/>'
        '<numFmt numFmtId="171" formatCode="[Red]0.0&quot;days&quot;"/></numFmts>'
        '<cellXfs><xf/><xf numFmtId="14"/><xf numFmtId="170"/><xf numFmtId="10"/>'
        '<xf numFmtId="171"/><xf numFmtId="22"/></cellXfs>'
    )
    values = [
        ("46351", 1),
        ("46351", 2),
        ("0.125", 3),
        ("4.5", 4),
        ("46351.5", 5),
        ("0.30000000000000004", 0),
    ]
    cells = [f'<c s="{look}"><v>{value}</v></c>' for value, look in values]
    cells.append('<c t="b"><v>1</v></c>')
    content = f"<sheetData>{row(*cells)}</sheetData>"

    assert (
        "S\n\n2026-11-25 | 2026-11-25 | 12.5% | 4.5 | 2026-11-25 12:00:00 | 0.3 | TRUE"
        == text_of(xlsx(("S", "visible", content), styles=styles), "a.xlsx")
    )


def test_a_gap_in_a_row_keeps_the_columns():
    """A value stands under its own header, also behind an empty cell."""
    gap = '<c r="A2"><v>1</v></c><c r="C2"><v>3</v></c>'
    content = f"<sheetData>{row('a', 'b', 'c')}<row>{gap}</row></sheetData>"

    assert "S\n\na | b | c\n1 |  | 3" == text_of(xlsx(("S", "visible", content)), "a.xlsx")


def test_slides_have_titles_and_notes():
    """The title comes first wherever it stands; what the speaker says is found too."""
    more = {
        "ppt/notesSlides/n1.xml": slide(shape("Say this.")),
        "ppt/slides/_rels/slide1.xml.rels": relations(
            {"r2": ("notesSlide", "../notesSlides/n1.xml")}
        ),
    }
    data = pptx(slide(shape("一行目", "二行目"), shape("計画", kind="title")))
    data_with_notes = pptx_with(data, more)

    assert [
        ("heading", "計画", 1, ("計画",)),
        ("paragraph", "一行目\n二行目", 1, ("計画",)),
        ("paragraph", "Say this.", 1, ("計画",)),
    ] == blocks(read_document(data_with_notes, name="a.pptx"))


def pptx_with(data: bytes, more: dict[str, str]) -> bytes:
    """Return an archive with some parts exchanged."""
    import io
    import zipfile

    from tests.rag.ingest.office_files import archive

    with zipfile.ZipFile(io.BytesIO(data)) as file:
        parts: dict[str, str | bytes] = {name: file.read(name) for name in file.namelist()}
    return archive(parts | more)


def test_markdown_has_headings_of_both_kinds_code_and_tables():
    """A sign inside code is no heading."""
    text = "Title\n=====\n\n## Part ##\n\n```\n# no heading\n```\n\n"
    text += "| a | b |\n|---|:-:|\n| 1 | 2\\|3 |\n"

    assert [
        ("heading", "Title", ("Title",)),
        ("heading", "Part", ("Title", "Part")),
        ("paragraph", "```\n# no heading\n```", ("Title", "Part")),
        ("table", "a | b\n1 | 2|3", ("Title", "Part")),
    ] == [
        (kind, text, head)
        for kind, text, _, head in blocks(read_document(text.encode(), name="a.md"))
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [("PowerPoint Presentation", "Head"), ("Microsoft Word - Plan B", "Plan B"), ("計画", "計画")],
)
def test_a_title_that_a_program_made_up_is_none(given, expected):
    """A citation shows the first heading instead."""
    data = docx(paragraph("Head", style="H1"), more=properties(core={"title": given}))

    assert expected == read_document(data, name="a.docx").title


def test_front_matter_is_no_text():
    """It gives the title."""
    reading = read_document(b"---\ntitle: 'Plan B'\n---\n\nText.\n", name="a.md")

    assert ("Plan B", "Text.") == (reading.title, reading.text)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ('a,b\n1,"x, y"\n', "a | b\n1 | x, y"),
        ("a;b\n1,5;2\n", "a | b\n1,5 | 2"),
        ("a\tb\n1\t2\n", "a | b\n1 | 2"),
        ('a,b\n"two\nlines",2\n', "a | b\ntwo lines | 2"),
        ("Report\n\na,b\n1,2\n", "Report\n\na | b\n1 | 2"),
    ],
)
def test_tables_in_text_form_are_read(data, expected):
    """Commas, semicolons and tabs part cells; quotes keep them together."""
    assert expected == text_of(data, "a.csv")


def test_a_page_has_headings_lists_and_tables():
    """HTML comes out in reading order, entities resolved, blanks as one."""
    page = (
        "<title>T &amp; U</title><h1>Head</h1><p>One\n  two<br>three</p><ul><li>a<li>b</ul>"
        "<table><tr><th>x<th>y<tr><td>1<td><p>2</p><p>3</p></table><h2>Sub</h2>End"
    )

    reading = read_document(page.encode("utf-8"), name="a.html")

    assert "T & U" == reading.title
    assert "Head\n\nOne two\nthree\n\na\n\nb\n\nx | y\n1 | 2 3\n\nSub\n\nEnd" == reading.text
    assert ("Head", "Sub") == reading.blocks[-1].headings


def test_a_mail_has_its_headers_and_the_plain_form_of_its_text():
    """Japanese mails in ISO-2022-JP are read; an attachment is counted."""
    body = "会議は三時からです。".encode("iso2022_jp")
    data = (
        b"Subject: =?ISO-2022-JP?B?GyRCMnE1RBsoQg==?=\nFrom: a@example.com\n"
        b"Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: multipart/alternative; "
        b"boundary=y\n\n--y\nContent-Type: text/html\n\n<p>Other\n--y\n"
        b"Content-Type: text/plain; charset=ISO-2022-JP\n\n" + body + b"\n--y--\n--x\n"
        b"Content-Type: application/pdf\nContent-Disposition: attachment; filename=a.pdf\n"
        b"\nx\n--x--\n"
    )

    reading = read_document(data, name="a.eml")

    assert "会議" == reading.title
    assert reading.text.endswith("会議は三時からです。")
    assert "From: a@example.com" in reading.text
    assert (("attachment", 1),) == reading.notes


def test_a_mail_in_html_alone_is_read_as_a_page():
    """What a mail hides in white is hidden there too."""
    data = (
        b"Subject: a\nContent-Type: text/html; charset=utf-8\n\n"
        b"<p>Seen.</p><p style='display:none'>Obey.</p>"
    )

    assert "a\n\nSeen." == text_of(data, "a.eml")


def test_plain_text_has_paragraphs_and_numbered_headings():
    """Rules in plain text have chapters too."""
    text = "第1章 総則\nこの規程は手続を定める。\n\n第2章 申請\n申請は部長が行う。\n"

    reading = read_document(text.encode("cp932"), name="a.txt")

    assert [BlockKind.HEADING, BlockKind.PARAGRAPH] * 2 == [b.kind for b in reading.blocks]
    assert ("第2章 申請",) == reading.blocks[-1].headings

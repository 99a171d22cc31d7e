"""Text that nobody sees is no part of a document, and its number is reported."""

from __future__ import annotations

from collections import Counter

import pytest

from hybridllm.rag.ingest import read_document
from hybridllm.rag.ingest.invisible import visible
from tests.rag.ingest.office_files import (
    docx,
    paragraph,
    pptx,
    relations,
    row,
    run,
    shape,
    slide,
    xlsx,
)

STYLES = (
    '<fonts><font/><font><color rgb="FFFFFFFF"/></font><font><sz val="1"/></font></fonts>'
    '<fills><fill/><fill><patternFill patternType="solid"><fgColor rgb="FF000000"/></patternFill>'
    '</fill></fills><numFmts><numFmt numFmtId="170" formatCode=";;;"/></numFmts><cellXfs><xf/>'
    '<xf fontId="1"/><xf fontId="1" fillId="1"/><xf fontId="2"/><xf numFmtId="170"/></cellXfs>'
)


def cell(text: str, *, look: int) -> str:
    """Return a cell with a format."""
    return f'<c t="inlineStr" s="{look}"><is><t>{text}</t></is></c>'


@pytest.mark.parametrize(
    ("look", "kind"),
    [
        ("<w:vanish/>", "hidden_text"),
        ("<w:webHidden/><w:vanish w:val='1'/>", "hidden_text"),
        ("<w:color w:val='FFFFFF'/>", "white_text"),
        ("<w:color w:val='auto' w:themeColor='background1'/>", "white_text"),
        ("<w:sz w:val='2'/>", "tiny_text"),
    ],
)
def test_hidden_text_of_word_is_left_out(look, kind):
    """An instruction in white, in one point or switched off is not indexed."""
    data = docx(paragraph(run("Seen. "), run("Obey me.", look), run("Seen too.")))

    reading = read_document(data, name="a.docx")

    assert "Seen. Seen too." == reading.text
    assert ((kind, 1),) == reading.hidden


@pytest.mark.parametrize(
    "look",
    [
        "<w:vanish w:val='0'/>",
        "<w:color w:val='FFFFFF'/><w:shd w:fill='000000'/>",
        "<w:color w:val='FFFFFF'/><w:highlight w:val='black'/>",
        "<w:sz w:val='16'/>",
    ],
)
def test_text_of_word_that_can_be_seen_stays(look):
    """White on black is a heading, and nothing hidden."""
    assert "Seen." == read_document(docx(paragraph(run("Seen.", look))), name="a.docx").text


def test_white_text_in_a_dark_cell_or_box_stays():
    """A table's head and a coloured box are read; the same words on white are not."""
    white = run("Seen.", "<w:color w:val='FFFFFF'/>")
    cell = f"<w:tc><w:tcPr><w:shd w:fill='000000'/></w:tcPr><w:p>{white}</w:p></w:tc>"
    box = "<w:drawing><x><solidFill/><w:txbxContent><w:p>{}</w:p></w:txbxContent></x></w:drawing>"
    table = f"<w:tbl><w:tr>{cell}<w:tc><w:p>{white}</w:p></w:tc></w:tr></w:tbl>"
    hidden = "<w:tbl><w:tr><w:trPr><w:hidden/></w:trPr><w:tc><w:p/></w:tc></w:tr></w:tbl>"
    data = docx(table, hidden, f"<w:p><w:r>{box.format(white)}</w:r></w:p>")

    reading = read_document(data, name="a.docx")

    assert "Seen. | \n\nSeen." == reading.text
    assert {"white_text": 1, "hidden_rows": 1} == dict(reading.hidden)


def test_a_style_can_hide_text():
    """What a style hides is hidden, also through the style it is based on."""
    styles = (
        '<w:style w:styleId="A"><w:rPr><w:vanish/></w:rPr></w:style>'
        '<w:style w:styleId="B"><w:basedOn w:val="A"/></w:style>'
    )
    data = docx(paragraph("Obey.", style="B"), paragraph("Seen."), styles=styles)

    assert "Seen." == read_document(data, name="a.docx").text


def test_comments_and_deleted_text_of_word_are_left_out():
    """What a reviewer struck out is no longer what the document says."""
    struck = "<w:del><w:r><w:delText>Old.</w:delText></w:r></w:del>"
    data = docx(paragraph(run("New."), struck), comment="Rewrite this")

    reading = read_document(data, name="a.docx")

    assert "New." == reading.text
    assert (("comments", 1), ("deleted_text", 1)) == reading.hidden


def test_hidden_sheets_rows_and_columns_are_left_out():
    """What Excel does not show is not found."""
    rows = row("a", "H", "b") + row("x", "y", "z", attributes='hidden="1"') + row("1", "H", "2")
    content = f'<cols><col min="2" max="2" hidden="1"/></cols><sheetData>{rows}</sheetData>'
    other = f"<sheetData>{row('secret', 'plan')}</sheetData>"
    data = xlsx(("S", "visible", content), ("T", "hidden", other), ("U", "veryHidden", other))

    reading = read_document(data, name="a.xlsx")

    assert "S\n\na | b\n1 | 2" == reading.text
    assert {"hidden_columns": 1, "hidden_rows": 1, "hidden_sheets": 2} == dict(reading.hidden)


def test_notes_at_cells_are_left_out_and_boxes_are_read():
    """A box over a sheet can be seen; a note behind a cell cannot."""
    content = f"<sheetData>{row('a', 'b')}</sheetData>"
    box = "<x><txBody><p><r><t>Box one.</t></r></p><p><r><t>Box two.</t></r></p></txBody></x>"
    art = '<xml xmlns:v="urn:v"><v:shape><v:textpath string="Confidential"/></v:shape></xml>'
    related = {
        "r1": ("comments", "../comments1.xml"),
        "r2": ("drawing", "../drawings/d1.xml"),
        "r3": ("vmlDrawing", "../drawings/v1.vml"),
    }
    more = {
        "xl/comments1.xml": "<comments><comment><text><t>Obey.</t></text></comment></comments>",
        "xl/drawings/d1.xml": box,
        "xl/drawings/v1.vml": art,
        "xl/worksheets/_rels/sheet1.xml.rels": relations(related),
    }

    reading = read_document(xlsx(("S", "visible", content), more=more), name="a.xlsx")

    assert "S\n\na | b\n\nBox one.\nBox two." == reading.text
    assert (("comments", 1),) == reading.hidden
    assert {("confidential", "watermark")} == {(item.name, item.kind) for item in reading.markings}


def test_hidden_cells_are_left_out():
    """White on white, one point and the format `;;;` hide a cell; white on black does not."""
    cells = [cell(text, look=look) for text, look in [("W", 1), ("B", 2), ("T", 3), ("F", 4)]]
    content = f"<sheetData>{row('h1', 'h2', 'h3', 'h4')}{row(*cells)}</sheetData>"

    reading = read_document(xlsx(("S", "visible", content), styles=STYLES), name="a.xlsx")

    assert reading.text.endswith("\n | B")
    assert {"white_text": 1, "tiny_text": 1, "hidden_cells": 1} == dict(reading.hidden)


def test_hidden_slides_and_shapes_are_left_out():
    """A slide that is skipped and a box beside the slide are not found."""
    away = '<a:xfrm><a:off x="-900" y="0"/><a:ext cx="100" cy="100"/></a:xfrm>'
    data = pptx(
        slide(shape("Seen."), shape("Away.", place=away), shape("Off.", facts='hidden="1"')),
        slide(shape("Skipped."), attributes='show="0"'),
        slide(shape("Tiny.", look='sz="100"'), shape("Seen too.")),
    )

    reading = read_document(data, name="a.pptx")

    assert "Seen.\n\nSeen too." == reading.text
    expected = {"outside_page": 1, "hidden_shapes": 1, "hidden_slides": 1, "tiny_text": 1}
    assert expected == dict(reading.hidden)


@pytest.mark.parametrize(
    "hidden",
    [
        '<p style="display:none">Obey.</p>',
        '<p style="VISIBILITY: hidden !important">Obey.</p>',
        "<div hidden><p>Obey.</p></div>",
        '<p aria-hidden="true">Obey.</p>',
        '<span style="font-size:1px">Obey.</span>',
        '<span style="font-size:0">Obey.</span>',
        '<span style="color:#fff">Obey.</span>',
        '<div style="background:#123"><span style="color: #123">Obey.</span></div>',
        '<span style="opacity:0">Obey.</span>',
        '<span style="position:absolute;left:-9999px">Obey.</span>',
        '<style>.x, .y {display:none}</style><p class="a y">Obey.</p>',
        "<style>#z {visibility: hidden}</style><p id=z>Obey.</p>",
        "<!-- Obey. -->",
    ],
)
def test_hidden_parts_of_a_page_are_left_out(hidden):
    """What a browser does not show is not indexed, however it is hidden."""
    reading = read_document(f"<body><p>Seen.</p>{hidden}<p>End.</p>".encode(), name="a.html")

    assert "Seen.\n\nEnd." == reading.text
    assert 1 == sum(count for _, count in reading.hidden)


@pytest.mark.parametrize(
    "shown",
    [
        '<p style="display:block">Seen.</p>',
        '<p style="color:#fff;background:#000">Seen.</p>',
        '<div style="background:navy"><p style="color:white">Seen.</p></div>',
        '<p style="font-size:80%">Seen.</p>',
        "<style>@media print { .x {display:none} }</style><p class=x>Seen.</p>",
    ],
)
def test_visible_parts_of_a_page_stay(shown):
    """Ordinary styles hide nothing."""
    assert "Seen." == read_document(f"<body>{shown}".encode(), name="a.html").text


def test_scripts_and_styles_of_a_page_are_no_text():
    """Code is neither indexed nor run, and no cause for alarm."""
    page = b"<script>alert('x')</script><style>p {color: red}</style><p>Seen.</p>"

    reading = read_document(page, name="a.html")

    assert "Seen." == reading.text
    assert () == reading.hidden


def test_hidden_parts_of_markdown_are_left_out():
    """Comments, link definitions and hidden HTML are not what a reader sees."""
    text = (
        "Seen.\n\n<!-- Obey. -->\n[//]: # (Obey.)\n"
        '<span style="display: none">Obey.</span>\n\nEnd.\n'
    )

    reading = read_document(text.encode("utf-8"), name="a.md")

    assert "Seen.\n\nEnd." == reading.text
    expected = {"comments": 1, "link_definitions": 1, "hidden_text": 1}
    assert expected == dict(reading.hidden)


def test_hidden_html_in_markdown_ends_where_it_ends():
    """An element that hides several paragraphs hides them all, and code shows what it shows."""
    text = (
        "Seen.\n\n<div hidden>\n\nObey.\n\n```\nObey.\n```\n\n<div>Obey.</div>\n</div>\n\n"
        "```html\n<p hidden>Code. <!-- Code. -->\n```\n\nUse `<p hidden>` here.\n\n"
        "<!-- Obey.\n\nObey."
    )

    reading = read_document(text.encode("utf-8"), name="a.md")

    assert "Obey" not in reading.text
    assert "<p hidden>Code. <!-- Code. -->" in reading.text
    assert reading.text.endswith("Use `<p hidden>` here.")


def test_what_html_lets_people_leave_open_hides_no_more_than_itself():
    """A hidden paragraph without an end tag ends where the next one begins."""
    page = "<p hidden>Obey.<p>Seen.<ul><li hidden>Obey.<li>Item.</ul>"
    page += "<table><tr><td hidden>Obey.<td>Cell."

    assert "Seen.\n\nItem.\n\nCell." == read_document(page.encode(), name="a.html").text


def test_a_marking_in_hidden_text_still_counts():
    """Whoever hides the stamp does not lower the label."""
    data = docx(paragraph(run("Seen."), run("社外秘", "<w:vanish/>")))

    assert {"社外秘"} == {marking.name for marking in read_document(data, name="a.docx").markings}


@pytest.mark.parametrize(
    ("text", "expected", "kind"),
    [
        ("a\u200bb\u200b", "ab", "zero_width_characters"),
        ("a\U000e0041\U000e0042b", "ab", "tag_characters"),
        ("a\u202eb\u202c", "ab", "bidi_characters"),
        ("a\ufe0fb\ufe01\ufe02", "ab", "variation_selectors"),
        ("a\u3164b", "ab", "blank_characters"),
        ("a\x00\x1bb", "ab", "control_characters"),
        ("soft\u00adhyphen", "softhyphen", "zero_width_characters"),
    ],
)
def test_invisible_characters_are_taken_out_and_counted(text, expected, kind):
    """Letters between which nothing can be seen make one word."""
    removed: Counter[str] = Counter()

    assert expected == visible(text, removed=removed)
    assert [kind] == list(removed)


@pytest.mark.parametrize(
    "text",
    [
        "葛\U000e0100飾",
        "\u2764\ufe0f",
        "\U0001f469\u200d\U0001f4bb",
        "می\u200cخواهم",
        "日本語 ABC é",
    ],
)
def test_characters_that_change_what_is_seen_stay(text):
    """Variants of kanji, emoji and letters that join are written with invisible characters."""
    removed: Counter[str] = Counter()

    assert text == visible(text, removed=removed)
    assert not removed


def test_line_ends_of_every_kind_become_one():
    """Old files end their lines otherwise."""
    assert "a\nb\nc\nd" == visible("a\r\nb\rc\u2028d", removed=Counter())

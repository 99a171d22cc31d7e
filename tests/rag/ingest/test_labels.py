"""The label that an author gave a document is found wherever the format keeps it."""

from __future__ import annotations

import pytest

from hybridllm.rag.ingest import Marking, Reading, read_document
from tests.rag.ingest.office_files import (
    archive,
    docx,
    paragraph,
    pptx,
    properties,
    relations,
    row,
    shape,
    slide,
    xlsx,
)

GUID = "12345678-1234-1234-1234-123456789abc"


def kinds(reading: Reading) -> set[tuple[str, str]]:
    """Return name and kind of the markings of a document."""
    return {(marking.name, marking.kind) for marking in reading.markings}


def test_a_word_header_is_read_although_it_is_no_text():
    """The stamp 社外秘 in a header counts; converters lose it."""
    reading = read_document(docx(paragraph("本文です。"), header="社外秘"), name="a.docx")

    assert (Marking("社外秘", "header"),) == reading.markings
    assert "社外秘" not in reading.text


def test_a_word_watermark_is_read():
    """A watermark is a drawing in the header, and says the same."""
    reading = read_document(docx(paragraph("Text."), watermark="CONFIDENTIAL"), name="a.docx")

    assert {("confidential", "watermark")} == kinds(reading)


@pytest.mark.parametrize("suffix", ["docx", "xlsx", "pptx"])
def test_properties_of_office_files_are_read(suffix):
    """Title, keywords, own properties and Microsoft labels count in each office format."""
    more = properties(
        core={"title": "計画", "keywords": "budget; 取扱注意"},
        custom={
            "Classification": "Blue",
            f"MSIP_Label_{GUID}_Enabled": "true",
            "Author's note": "極秘",
        },
    )
    made = {
        "docx": lambda: docx(paragraph("Text."), more=more),
        "xlsx": lambda: xlsx(
            ("S", "visible", f"<sheetData>{row('a', 'b')}</sheetData>"), more=more
        ),
        "pptx": lambda: pptx(slide(shape("Text.")), more=more),
    }

    reading = read_document(made[suffix](), name=f"a.{suffix}")

    assert "計画" == reading.title
    assert {
        ("取扱注意", "property_word"),
        ("極秘", "property_word"),
        ("unlisted", "property"),
        (f"msip:{GUID}", "msip"),
    } == kinds(reading)


def test_the_newer_place_of_microsoft_labels_is_read():
    """Since 2021 a label also stands in a part of its own."""
    space = "http://schemas.microsoft.com/office/2020/mipLabelMetadata"
    info = (
        f'<clbl:labelList xmlns:clbl="{space}"><clbl:label id="{{{GUID.upper()}}}" enabled="1"/>'
        f'<clbl:label id="{{{GUID[::-1]}}}" enabled="1" removed="1"/></clbl:labelList>'
    )
    data = docx(paragraph("Text."), more={"docMetadata/LabelInfo.xml": info})

    assert {(f"msip:{GUID}", "msip")} == kinds(read_document(data, name="a.docx"))


def test_a_sheets_header_is_read():
    """Excel writes codes for fonts and positions between the words."""
    header = '<oddHeader>&amp;L&amp;"Arial"&amp;12社外秘&amp;R&amp;P</oddHeader>'
    margins = f"<headerFooter>{header}</headerFooter>"
    content = f"<sheetData>{row('a', 'b')}</sheetData>{margins}"

    reading = read_document(xlsx(("S", "visible", content)), name="a.xlsx")

    assert (Marking("社外秘", "header", 1),) == reading.markings


def test_a_slides_layout_and_footer_are_read():
    """The stamp of a template stands on no slide and shows on all."""
    data = pptx(slide(shape("Text."), shape("部外秘", kind="ftr")), layout="Strictly Confidential")

    reading = read_document(data, name="a.pptx")

    assert {("部外秘", "footer"), ("strictly confidential", "layout")} == kinds(reading)
    assert "部外秘" not in reading.text


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (
            "---\ntitle: Plan\nclassification: Confidential\n---\n",
            {("confidential", "front_matter")},
        ),
        ("---\nclassification: Blue\n---\n", {("unlisted", "front_matter")}),
        ("---\ntags:\n  - 社外秘\n---\n", {("社外秘", "property_word")}),
        ("---\ntags: [draft, 社外秘]\n---\n", {("社外秘", "property_word")}),
        ('+++\nclassification = "Internal"\n+++\n', {("internal", "front_matter")}),
        ("+++\nbroken = \n+++\n", {("unlisted", "front_matter")}),
        ("# Plan\n\n**社外秘**\n", {("社外秘", "page_edge")}),
    ],
)
def test_markdown_states_its_label(head, expected):
    """Front matter and the first lines of a Markdown file count."""
    reading = read_document(f"{head}\nThe text goes on here.\n".encode(), name="a.md")

    assert expected == kinds(reading)


def test_a_mails_headers_are_read():
    """Outlook marks a mail in its headers; the reader never sees them."""
    data = (
        "Subject: =?utf-8?b?44CQ56S+5aSW56eY44CR5Lya6K2w?=\nFrom: a@example.com\n"
        "Sensitivity: Company-Confidential\nX-Classification: Blue\n"
        f"msip_labels: MSIP_Label_{GUID}_Enabled=true; MSIP_Label_{GUID}_Name=X\n\nHello.\n"
    ).encode("ascii")

    assert {
        ("社外秘", "subject"),
        ("社外秘", "page_edge"),
        ("company-confidential", "mail_header"),
        ("unlisted", "mail_header"),
        (f"msip:{GUID}", "msip"),
    } == kinds(read_document(data, name="a.eml"))


def test_an_ordinary_mail_is_not_marked():
    """`Sensitivity: Normal` says nothing."""
    data = b"Subject: Lunch\nFrom: a@example.com\nSensitivity: Normal\n\nAt noon?\n"

    assert () == read_document(data, name="a.eml").markings


def test_a_page_states_its_label():
    """Meta elements and a footer of an HTML page count."""
    page = (
        '<html><head><meta name="classification" content="Internal"></head>'
        "<body><p>Text.</p><p>More.</p><footer>社外秘 ACME</footer></body></html>"
    )

    assert {("internal", "property"), ("社外秘", "footer"), ("社外秘", "page_edge")} == kinds(
        read_document(page.encode("utf-8"), name="a.html")
    )


def test_a_marking_at_the_end_of_a_text_is_read():
    """Some stamp the last line."""
    text = "\n\n".join(["A paragraph of text."] * 9 + ["以上（取扱注意）"])

    assert (Marking("取扱注意", "page_edge"),) == read_document(
        text.encode("utf-8"), name="a.txt"
    ).markings


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("社外秘_計画.txt", {("社外秘", "file_name")}),
        ("【極秘】計画/a.txt", {("極秘", "file_name")}),
        ("internal_audit.txt", set()),
        ("公開/a.txt", set()),
    ],
)
def test_a_file_name_may_carry_the_stamp(name, expected):
    """Many put the marking into the name, where everybody sees it."""
    assert expected == kinds(read_document(b"Text.", name=name))


def test_an_organisations_own_word_is_read():
    """The configuration adds words that no list has."""
    reading = read_document(
        docx(paragraph("Text."), header="Nur für Vorstand"),
        name="a.docx",
        names=frozenset({"nur für vorstand"}),
    )

    assert {("nur für vorstand", "header")} == kinds(reading)


def test_public_in_a_text_or_keyword_is_no_label():
    """Only a place made for labels can say that a document is public."""
    more = properties(core={"keywords": "public, transport"})
    written = read_document(docx(paragraph("Public"), paragraph("Text."), more=more), name="a.docx")
    stated = read_document(docx(paragraph("Text."), header="Public"), name="a.docx")

    assert set() == kinds(written)
    assert {("public", "header")} == kinds(stated)


def test_the_main_part_may_have_another_name():
    """A Word file is read by its relations, as Word does it."""
    parts = {
        "_rels/.rels": relations({"r9": ("officeDocument", "/other/main.xml")}),
        "other/main.xml": '<w:document xmlns:w="urn:w"><w:body><w:p><w:r><w:t>Here.</w:t></w:r>'
        "</w:p></w:body></w:document>",
    }

    assert "Here." == read_document(archive(parts), name="a.docx").text

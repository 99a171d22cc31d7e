"""Office files for tests, written by hand."""

from __future__ import annotations

import io
import zipfile
from xml.sax.saxutils import escape

PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
SLIDE = "http://schemas.openxmlformats.org/presentationml/2006/main"
DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"


def archive(parts: dict[str, str | bytes]) -> bytes:
    """Return a zip archive of these parts."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(name, content)
    return buffer.getvalue()


def relations(targets: dict[str, tuple[str, str]]) -> str:
    """Return a relations part: kind and target by id."""
    items = "".join(
        f'<Relationship Id="{number}" Type="{OFFICE}/relationships/{kind}" Target="{target}"/>'
        for number, (kind, target) in targets.items()
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{items}</Relationships>'


def properties(
    *, core: dict[str, str] | None = None, custom: dict[str, str] | None = None
) -> dict[str, str | bytes]:
    """Return the parts of an office file that hold its properties."""
    inner = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in (core or {}).items())
    own = "".join(
        f'<property name="{escape(key)}"><lpwstr>{escape(value)}</lpwstr></property>'
        for key, value in (custom or {}).items()
    )
    return {
        "docProps/core.xml": f"<coreProperties>{inner}</coreProperties>",
        "docProps/custom.xml": f"<Properties>{own}</Properties>",
    }


def run(text: str, look: str = "") -> str:
    """Return a run of text in a Word document."""
    return f'<w:r><w:rPr>{look}</w:rPr><w:t xml:space="preserve">{escape(text)}</w:t></w:r>'


def paragraph(*runs: str, style: str = "") -> str:
    """Return a paragraph of a Word document; a run may be plain text."""
    inner = "".join(item if item.startswith("<") else run(item) for item in runs)
    return f'<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr>{inner}</w:p>'


def docx(
    *body: str,
    header: str = "",
    watermark: str = "",
    styles: str = "",
    comment: str = "",
    more: dict[str, str | bytes] | None = None,
) -> bytes:
    """Return a Word document with these paragraphs and tables."""
    space = f'xmlns:w="{WORD}" xmlns:v="urn:schemas-microsoft-com:vml"'
    heading = '<w:style w:styleId="H1"><w:name w:val="heading 1"/></w:style>'
    art = f'<w:pict><v:shape><v:textpath string="{watermark}"/></v:shape></w:pict>'
    art = f"<w:p><w:r>{art}</w:r></w:p>"
    parts: dict[str, str | bytes] = {
        "_rels/.rels": relations({"r1": ("officeDocument", "word/document.xml")}),
        "word/_rels/document.xml.rels": relations(
            {
                "r1": ("header", "header1.xml"),
                "r2": ("styles", "styles.xml"),
                "r3": ("comments", "comments.xml"),
            }
        ),
        "word/document.xml": f"<w:document {space}><w:body>{''.join(body)}</w:body></w:document>",
        "word/header1.xml": f"<w:hdr {space}>{paragraph(header)}{art if watermark else ''}</w:hdr>",
        "word/styles.xml": f"<w:styles {space}>{heading}{styles}</w:styles>",
        "word/comments.xml": f"<w:comments {space}>"
        + (f"<w:comment>{paragraph(comment)}</w:comment>" if comment else "")
        + "</w:comments>",
    }
    return archive(parts | (more or {}))


def row(*cells: str, attributes: str = "") -> str:
    """Return a row of a sheet; a cell is text, or XML that starts with `<`."""
    inner = "".join(
        cell if cell.startswith("<") else f'<c t="inlineStr"><is><t>{escape(cell)}</t></is></c>'
        for cell in cells
    )
    return f"<row {attributes}>{inner}</row>"


def xlsx(
    *sheets: tuple[str, str, str],
    styles: str = "",
    texts: str = "",
    more: dict[str, str | bytes] | None = None,
) -> bytes:
    """Return a workbook; a sheet is its name, its state and what `worksheet` holds."""
    listed = "".join(
        f'<sheet name="{name}" state="{state}" sheetId="{number}" r:id="s{number}"/>'
        for number, (name, state, _) in enumerate(sheets, 1)
    )
    targets = {
        f"s{number}": ("worksheet", f"worksheets/sheet{number}.xml")
        for number in range(1, len(sheets) + 1)
    }
    parts: dict[str, str | bytes] = {
        "_rels/.rels": relations({"r1": ("officeDocument", "xl/workbook.xml")}),
        "xl/workbook.xml": f'<workbook xmlns="{SHEET}" xmlns:r="{OFFICE}/relationships">'
        f"<sheets>{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": relations(
            targets | {"r1": ("styles", "styles.xml"), "r2": ("sharedStrings", "texts.xml")}
        ),
        "xl/styles.xml": f'<styleSheet xmlns="{SHEET}">{styles}</styleSheet>',
        "xl/texts.xml": f'<sst xmlns="{SHEET}">{texts}</sst>',
    }
    for number, (_, _, content) in enumerate(sheets, 1):
        parts[f"xl/worksheets/sheet{number}.xml"] = (
            f'<worksheet xmlns="{SHEET}">{content}</worksheet>'
        )
    return archive(parts | (more or {}))


def shape(*texts: str, kind: str = "body", look: str = "", place: str = "", facts: str = "") -> str:
    """Return a shape of a slide with one paragraph for each text."""
    inner = "".join(
        f"<a:p><a:r><a:rPr {look}/><a:t>{escape(text)}</a:t></a:r></a:p>" for text in texts
    )
    return (
        f'<p:sp><p:nvSpPr><p:cNvPr id="1" {facts}/><p:nvPr><p:ph type="{kind}"/></p:nvPr>'
        "</p:nvSpPr>"
        f"<p:spPr>{place}</p:spPr><p:txBody>{inner}</p:txBody></p:sp>"
    )


def slide(*shapes: str, attributes: str = "") -> str:
    """Return a slide."""
    return (
        f'<p:sld xmlns:p="{SLIDE}" xmlns:a="{DRAWING}" {attributes}><p:cSld><p:spTree>'
        f"{''.join(shapes)}</p:spTree></p:cSld></p:sld>"
    )


def pptx(*slides: str, layout: str = "", more: dict[str, str | bytes] | None = None) -> bytes:
    """Return a presentation."""
    numbers = range(1, len(slides) + 1)
    listed = "".join(f'<p:sldId id="{255 + number}" r:id="s{number}"/>' for number in numbers)
    parts: dict[str, str | bytes] = {
        "_rels/.rels": relations({"r1": ("officeDocument", "ppt/presentation.xml")}),
        "ppt/presentation.xml": f'<p:presentation xmlns:p="{SLIDE}" '
        f'xmlns:r="{OFFICE}/relationships"><p:sldIdLst>{listed}</p:sldIdLst></p:presentation>',
        "ppt/_rels/presentation.xml.rels": relations(
            {f"s{number}": ("slide", f"slides/slide{number}.xml") for number in numbers}
        ),
        "ppt/slideLayouts/layout1.xml": slide(shape(layout, kind="ftr")),
    }
    for number, content in enumerate(slides, 1):
        parts[f"ppt/slides/slide{number}.xml"] = content
        parts[f"ppt/slides/_rels/slide{number}.xml.rels"] = relations(
            {"r1": ("slideLayout", "../slideLayouts/layout1.xml")}
        )
    return archive(parts | (more or {}))

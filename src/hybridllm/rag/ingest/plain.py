"""Plain text, and tables in text form (CSV, TSV).

Answers: which paragraphs or rows does a text file have?
Not here: encodings (`encodings`), Markdown (`markdown`).

Source: RFC 4180 for CSV.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from itertools import chain
from typing import Final

from hybridllm.rag.ingest.draft import Draft
from hybridllm.rag.ingest.failures import DocumentReadError, Reason
from hybridllm.rag.ingest.lines import heading_level, is_heading, joined

_DELIMITERS: Final = ",;\t|"
_HEAD_CHARS: Final = 20_000


def read_plain(text: str, *, draft: Draft) -> None:
    """Read plain text into a draft; a form feed begins a page."""
    pages = text.replace("\r\n", "\n").split("\f")
    for number, page in enumerate(pages, 1):
        if len(pages) > 1:
            draft.page(number)
        for block in re.split(r"\n[ \t　]*\n", page):
            draft.budget.check_time()
            lines = [line for line in block.split("\n") if line.strip()]
            if lines and is_heading(lines[0]):
                draft.heading(lines[0], level=heading_level(lines[0]))
                lines = lines[1:]
            draft.paragraph(joined(lines))


def read_table(text: str, *, draft: Draft, delimiter: str = "") -> None:
    """Read comma, semicolon or tab separated values into a draft."""
    delimiter = delimiter or _delimiter(text[:_HEAD_CHARS].splitlines()[:20])
    rows = _rows(text, delimiter=delimiter, draft=draft)
    for row in rows:
        if sum(map(bool, row)) > 1:
            draft.table(chain([row], rows))
            return
        draft.paragraph("".join(row))


def _rows(text: str, *, delimiter: str, draft: Draft) -> Iterator[list[str]]:
    try:
        lines = io.StringIO(text, newline="")
        for place, row in enumerate(csv.reader(lines, delimiter=delimiter)):
            if not place % 1000:
                draft.budget.check_time()
            yield row
    except csv.Error:
        raise DocumentReadError(Reason.DAMAGED) from None


def _delimiter(lines: list[str]) -> str:
    """Return the sign that divides the first lines into the same number of cells."""
    head = [line for line in lines if line.strip()]

    def evenness(sign: str) -> tuple[int, int]:
        counts = [line.count(sign) for line in head]
        return sum(count == counts[-1] and count > 0 for count in counts), sum(counts)

    return max(_DELIMITERS, key=evenness) if head else ","

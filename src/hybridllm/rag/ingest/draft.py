"""The text of a document while it is read.

Answers: what do headings, paragraphs and tables of a file make as one text, which markings
does it carry, and what was hidden in it?
Not here: the formats (the readers), cutting into passages (`chunking`).

A table's first row is repeated in front of every group of rows that fills a passage, so a
passage out of the middle of a table still says what its columns are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from hybridllm.rag.ingest.encodings import is_garbled
from hybridllm.rag.ingest.failures import DocumentReadError, Reason
from hybridllm.rag.ingest.invisible import visible
from hybridllm.rag.ingest.limits import Budget
from hybridllm.rag.ingest.marks import (
    PLAIN,
    PUBLIC,
    UNLISTED,
    Marking,
    explicit,
    fills,
    in_line,
    is_explicit,
    microsoft,
)

EDGE_LINES: Final = 3
"""How many lines at either end of a page may carry a marking amid other words."""
_TITLE_CHARS: Final = 200
# What programs write where nobody gave a title, and what printers write before one.
_NO_TITLES: Final = frozenset(
    {
        "powerpoint presentation",
        "powerpoint プレゼンテーション",
        "word document",
        "untitled",
        "無題",
    }
)
_PRINTED_BY: Final = re.compile(r"Microsoft (?:Word|Excel|PowerPoint) - ")
# Only these say of a document that it is public; anywhere else the words are just words.
_LABELLING: Final = frozenset({"footer", "header", "watermark"})


class BlockKind(StrEnum):
    """What a stretch of a document's text is."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    TABLE = "table"


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of a document's text.

    Attributes:
        kind: What it is. A table is one block for each group of rows.
        start: First character in the text.
        end: Character behind the last.
        page: Page, sheet or slide, from 1; 0 if the document has none.
        headings: Headings above it, outermost first; a heading's own is the last one.
    """

    kind: BlockKind
    start: int
    end: int
    page: int
    headings: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reading:
    """What came out of a file.

    Attributes:
        text: What a reader of the document sees.
        blocks: Its structure, in order.
        title: The document's own, or empty.
        markings: What it says of itself.
        hidden: Kind and number of what was left out: characters for invisible ones,
            pieces for hidden text.
        notes: Kind and number of what was not read, such as `attachment` or `macro`.
        pages: How many pages, sheets or slides it has; 0 if it has none.
    """

    text: str = field(repr=False)
    blocks: tuple[Block, ...] = field(repr=False)
    title: str = field(repr=False)
    markings: tuple[Marking, ...]
    hidden: tuple[tuple[str, int], ...] = ()
    notes: tuple[tuple[str, int], ...] = ()
    pages: int = 0


class Draft:
    """A document's text, growing from top to bottom."""

    def __init__(self, *, budget: Budget, names: frozenset[str], table_chars: int) -> None:
        self.budget = budget
        self._names = names
        self._table_chars = table_chars
        self._parts: list[str] = []
        self._chars = 0
        self._blocks: list[Block] = []
        self._path: list[tuple[int, str]] = []
        self._page = 0
        self._title = ""
        self._markings: dict[Marking, None] = {}
        self._hidden: Counter[str] = Counter()
        self._notes: Counter[str] = Counter()

    def page(self, number: int) -> None:
        """Begin a page, sheet or slide."""
        self.budget.check_pages(number)
        self.budget.check_time()
        self._page = number

    def title(self, text: str) -> None:
        """Take a title, if there is none yet."""
        text = _PRINTED_BY.sub("", " ".join(self._clean(text).split()))[:_TITLE_CHARS]
        if text.casefold() not in _NO_TITLES:
            self._title = self._title or text

    def heading(self, text: str, *, level: int) -> None:
        """Add a heading; those of its level and below end."""
        text = " ".join(self._clean(text).split())
        if text:
            self._path = [item for item in self._path if item[0] < level] + [(level, text)]
            self._add(text, kind=BlockKind.HEADING)

    def paragraph(self, text: str) -> None:
        """Add a paragraph; it may have line breaks that are meant."""
        lines = (line.rstrip() for line in self._clean(text).split("\n"))
        text = "\n".join(line for line in lines if line)
        if text.strip():
            self._add(text, kind=BlockKind.PARAGRAPH)

    def table(self, rows: Iterable[Sequence[str]]) -> None:
        """Add a table, whose first row names its columns."""
        header = ""
        group: list[str] = []
        chars = 0
        for row in rows:
            cells = [" ".join(self._clean(cell).split()) for cell in row]
            line = " | ".join(cells)
            if not any(cells):
                continue
            if not header:
                header, group, chars = line, [line], len(line)
                continue
            if len(group) > 1 and chars + len(line) + 1 > self._table_chars:
                self._add("\n".join(group), kind=BlockKind.TABLE)
                group, chars = [header], len(header)
            group.append(line)
            chars += len(line) + 1
        if group:
            self._add("\n".join(group), kind=BlockKind.TABLE)

    def hide(self, kind: str, *, text: str = "", pieces: int = 1) -> None:
        """Count text that is not shown. A marking in it still raises the label."""
        self._hidden[kind] += pieces
        for line in text.splitlines()[:EDGE_LINES]:
            for name in in_line(line, names=self._names, is_marked_place=True) - PUBLIC:
                self._mark(name, kind="hidden")

    def note(self, kind: str, *, count: int = 1) -> None:
        """Count something that is not read at all."""
        self._notes[kind] += count

    def marked_place(self, text: str, *, kind: str) -> None:
        """Look for markings in a header, a footer, a watermark or a title."""
        for line in self._clean(text).splitlines():
            for name in in_line(line, names=self._names, is_marked_place=True):
                if name not in PUBLIC or (kind in _LABELLING and fills(line, name=name)):
                    self._mark(name, kind=kind)

    def file_name(self, name: str) -> None:
        """Look for markings in the names of a file and its folders.

        Only words that are nothing but markings count: `internal_audit` is about an audit.
        """
        for part in name.rpartition(".")[0].split("/"):
            line = self._clean(part).replace("_", "|")
            for found in in_line(line, names=self._names, is_marked_place=True) - PLAIN - PUBLIC:
                self._mark(found, kind="file_name")

    def properties(self, pairs: Iterable[tuple[str, str]], *, kind: str = "property") -> None:
        """Look for markings in properties that a document or a mail carries."""
        known = [(name, value) for name, value in pairs if value]
        for name in microsoft(known):
            self._mark(name, kind="msip")
        for name, value in known:
            if name.upper().startswith("MSIP_LABEL"):
                continue
            if is_explicit(name):
                self._mark(explicit(value, names=self._names), kind=kind)
            else:
                self.marked_place(value, kind="property_word")

    def microsoft_label(self, guid: str) -> None:
        """Take a Microsoft label that stands in a part of its own."""
        self._mark(f"msip:{guid.strip('{}').casefold()}", kind="msip")

    def unlisted(self, *, kind: str) -> None:
        """Note a marking that cannot be read: it stands for the strictest label."""
        self._mark(UNLISTED, kind=kind)

    def finish(self) -> Reading:
        """Return what was read.

        Raises:
            DocumentReadError: There is no text, or it is garbage.
        """
        text = "".join(self._parts)
        if not text.strip():
            raise DocumentReadError(Reason.NO_TEXT)
        if is_garbled(text):
            raise DocumentReadError(Reason.GARBLED)
        self._look_at_lines(text)
        headings = (block.headings[-1] for block in self._blocks if block.headings)
        return Reading(
            text,
            tuple(self._blocks),
            self._title or next(headings, "")[:_TITLE_CHARS],
            tuple(self._markings),
            tuple(sorted(self._hidden.items())),
            tuple(sorted(self._notes.items())),
            max((block.page for block in self._blocks), default=0),
        )

    def _clean(self, text: str) -> str:
        # Bounds the work on a single huge string as well.
        self.budget.check_text(len(text))
        return visible(text, removed=self._hidden)

    def _mark(self, name: str, *, kind: str) -> None:
        self._markings.setdefault(Marking(name, kind, self._page))

    def _add(self, text: str, *, kind: BlockKind) -> None:
        if self._parts:
            self._parts.append("\n\n")
            self._chars += 2
        start = self._chars
        self._parts.append(text)
        self._chars += len(text)
        self.budget.check_text(self._chars)
        headings = tuple(heading for _, heading in self._path)
        self._blocks.append(Block(kind, start, self._chars, self._page, headings))

    def _look_at_lines(self, text: str) -> None:
        """Look for markings at the edges of pages, and for lines that are nothing else."""
        pages: dict[int, list[str]] = {}
        for block in self._blocks:
            if block.kind is not BlockKind.TABLE:
                pages.setdefault(block.page, []).extend(text[block.start : block.end].split("\n"))
        for page, lines in pages.items():
            self._page = page
            edges = {*range(EDGE_LINES), *range(len(lines) - EDGE_LINES, len(lines))}
            for place, line in enumerate(lines):
                is_edge = place in edges
                found = in_line(line, names=self._names, is_marked_place=is_edge)
                for name in found - PUBLIC:
                    self._mark(name, kind="page_edge" if is_edge else "line")

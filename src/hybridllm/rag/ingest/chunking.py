"""A document's passages.

Answers: into which pieces is a document cut, to be found and cited?
Not here: its structure (`draft`), its sentences (`lines`).

A passage never crosses a page, and crosses a heading only where a section is tiny. It ends
where a sentence ends, and the next one begins with the last sentences of the one before. A
group of table rows stays together with its header.

Units: characters. `text[span.start:span.end]` is the passage, exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from hybridllm.rag.ingest.draft import Block, BlockKind, Reading
from hybridllm.rag.ingest.lines import sentences
from hybridllm.rag.model import Passage, Span

_LAST_RESORTS: Final = ("、", "，", "; ", ", ", " ", "\n", "・")
_SMALLEST: Final = 50


@dataclass(frozen=True, slots=True)
class ChunkSizes:
    """How long passages are.

    The default fits the 512 tokens of small embedders in Japanese, which has about one token
    for 1.4 characters (own estimate for multilingual-e5-small; not measured).

    Attributes:
        chars: Longest passage.
        overlap_chars: How much of its end a passage shares with the next one, at most.
        section_chars: A section shorter than this joins the next one.
    """

    chars: int = 700
    overlap_chars: int = 100
    section_chars: int = 120

    def __post_init__(self) -> None:
        if self.chars < _SMALLEST or not 0 <= self.overlap_chars <= self.chars // 2:
            raise ValueError(
                f"chars must be at least {_SMALLEST}, overlap_chars at most half of it"
            )


@dataclass(frozen=True, slots=True)
class _Piece:
    start: int
    end: int
    is_table: bool


@dataclass(frozen=True, slots=True)
class _Section:
    pieces: tuple[_Piece, ...]
    page: int
    headings: tuple[str, ...]

    @property
    def chars(self) -> int:
        return self.pieces[-1].end - self.pieces[0].start


def passages(reading: Reading, *, document: str, version: str, sizes: ChunkSizes) -> list[Passage]:
    """Return the passages of a document in reading order."""
    found = []
    for section in _merged(list(_sections(reading, sizes=sizes)), sizes=sizes):
        for start, end in _packed(section.pieces, sizes=sizes):
            span = Span(document, version, start, end, section.page, section.headings)
            found.append(Passage(reading.text[start:end], span))
    return found


def _sections(reading: Reading, *, sizes: ChunkSizes) -> Iterator[_Section]:
    def place(block: Block) -> tuple[int, tuple[str, ...]]:
        return block.page, block.headings

    for (page, headings), blocks in groupby(reading.blocks, key=place):
        pieces = tuple(
            piece for block in blocks for piece in _pieces(block, text=reading.text, sizes=sizes)
        )
        if pieces:
            yield _Section(pieces, page, headings)


def _pieces(block: Block, *, text: str, sizes: ChunkSizes) -> Iterator[_Piece]:
    if block.kind is BlockKind.TABLE and block.end - block.start <= sizes.chars:
        yield _Piece(block.start, block.end, is_table=True)
        return
    if block.kind is BlockKind.HEADING:
        units = [(block.start, block.end)]
    else:
        units = sentences(text, start=block.start, end=block.end)
    for start, end in units:
        for cut in _cut(text, start=start, end=end, most=sizes.chars):
            yield _Piece(*cut, is_table=False)


def _cut(text: str, *, start: int, end: int, most: int) -> Iterator[tuple[int, int]]:
    """Yield a sentence in parts that are not longer than `most`."""
    while end - start > most:
        stop = start + most
        for sign in _LAST_RESORTS:
            place = text.rfind(sign, start + most // 2, stop)
            if place >= 0:
                stop = place + len(sign)
                break
        yield start, stop
        start = stop
        while start < end and text[start].isspace():
            start += 1
    if start < end:
        yield start, end


def _merged(sections: list[_Section], *, sizes: ChunkSizes) -> list[_Section]:
    """Return the sections with tiny ones joined to the next on the same page."""
    merged: list[_Section] = []
    for section in sections:
        last = merged[-1] if merged else None
        if (
            last is not None
            and last.page == section.page
            and last.chars < sizes.section_chars
            and section.pieces[-1].end - last.pieces[0].start <= sizes.chars
        ):
            headings = _shared(last.headings, other=section.headings)
            merged[-1] = _Section(last.pieces + section.pieces, last.page, headings)
        else:
            merged.append(section)
    return merged


def _shared(one: tuple[str, ...], *, other: tuple[str, ...]) -> tuple[str, ...]:
    """Return the headings above both sections; the first one's if the second is below it."""
    same = 0
    while same < min(len(one), len(other)) and one[same] == other[same]:
        same += 1
    return one[:same] or one


def _packed(pieces: tuple[_Piece, ...], *, sizes: ChunkSizes) -> Iterator[tuple[int, int]]:
    begin = 0
    while begin < len(pieces):
        end = begin + 1
        while end < len(pieces) and pieces[end].end - pieces[begin].start <= sizes.chars:
            end += 1
        yield pieces[begin].start, pieces[end - 1].end
        if end == len(pieces):
            return
        begin = _next(pieces, begin=begin, end=end, sizes=sizes)


def _next(pieces: tuple[_Piece, ...], *, begin: int, end: int, sizes: ChunkSizes) -> int:
    """Return where the next passage begins, so that it shares whole sentences."""
    place = end
    while (
        place - 1 > begin
        and not pieces[place - 1].is_table
        and pieces[end - 1].end - pieces[place - 1].start <= sizes.overlap_chars
        and pieces[end].end - pieces[place - 1].start <= sizes.chars
    ):
        place -= 1
    return place

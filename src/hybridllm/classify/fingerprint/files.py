"""Documents of a folder as plain text.

Answers: which files below a path can be read as text, and what do they say?
Not here: indexing them (`index`), office and PDF files (they are named as skipped).

An encoding is only believed when the whole file decodes: a byte order mark first, then
UTF-8, then EUC-JP and CP932 (the Windows form of Shift_JIS). Most EUC-JP bytes are
legal CP932 too and come out as half-width kana there, so of the two the reading with
fewer half-width kana counts. HTML is stripped by the parser of the standard library.
"""

from __future__ import annotations

import codecs
import os
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT_SUFFIXES: Final = frozenset(
    {".csv", ".htm", ".html", ".markdown", ".md", ".text", ".tsv", ".txt"}
)
MARKUP_SUFFIXES: Final = frozenset({".htm", ".html"})

MAX_FILE_BYTES: Final = 64 * 2**20
"""Larger files are skipped. Own choice: a long book has about 1 MB."""

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_HALF_WIDTH_KANA: Final = re.compile("[\uff61-\uff9f]")
_SILENT_TAGS: Final = frozenset({"script", "style", "template"})


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was not read, and why, in words for people."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True, repr=False)
class TextFile:
    """A file that was read. Its text never shows in a `repr`."""

    path: Path
    text: str


def find_files(path: Path) -> list[Path]:
    """Return the file, or all files below the folder, sorted; links are not followed.

    Raises:
        OSError: The path is not there, or a folder cannot be listed.
    """
    if path.is_file():
        return [path]
    return sorted(_below(path))


def read_file(path: Path) -> TextFile | Skipped:
    """Return what a file says, or why it cannot be read as text."""
    if path.suffix.lower() not in TEXT_SUFFIXES:
        return Skipped(
            path, f"not a text file that can be read here ({path.suffix or 'no suffix'})"
        )
    if path.is_symlink():
        return Skipped(path, "a link")
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            return Skipped(path, f"larger than {MAX_FILE_BYTES // 2**20} MiB")
        data = path.read_bytes()
    except OSError as error:
        return Skipped(path, f"cannot be read ({os.strerror(error.errno or 0)})")
    text = decoded(data)
    if text is None:
        return Skipped(path, "neither UTF-8 nor CP932 nor EUC-JP")
    if path.suffix.lower() in MARKUP_SUFFIXES:
        text = without_markup(text)
    return TextFile(path, text)


def decoded(data: bytes) -> str | None:
    """Return the text of a file, `None` if no encoding fits all of it."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _strictly(data, encoding=encoding)
    # Zero bytes are legal UTF-8, and a sure sign of a binary file.
    if b"\0" in data:
        return None
    if (text := _strictly(data, encoding="utf-8")) is not None:
        return text
    readings = [_strictly(data, encoding=encoding) for encoding in ("euc_jp", "cp932")]
    return min(
        (reading for reading in readings if reading is not None),
        key=lambda reading: len(_HALF_WIDTH_KANA.findall(reading)),
        default=None,
    )


def without_markup(page: str) -> str:
    """Return the text that a reader of an HTML page sees."""
    parser = _Text()
    parser.feed(page)
    parser.close()
    return "".join(parser.parts)


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT_TAGS:
            self._silent.append(tag)
        self.parts.extend(
            f" {value} " for name, value in attrs if name in {"alt", "title"} and value
        )

    def handle_endtag(self, tag: str) -> None:
        if self._silent and tag == self._silent[-1]:
            self._silent.pop()

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data)


def _strictly(data: bytes, *, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _below(folder: Path) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise error

    for root, folders, names in os.walk(folder, onerror=fail):
        folders.sort()
        yield from (Path(root, name) for name in names)

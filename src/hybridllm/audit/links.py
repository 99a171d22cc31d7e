"""What the segments of a log say of each other.

Answers: which segments are there, and how did each one end?
Not here: keeping that in a file (`audit.head`), checking it (`audit.inspect`).

Segments are numbered from 1. Each one begins with what became of those before it: name,
number, size and digest. A segment that is removed, or cut after its end was linked, no
longer fits what a later one says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from hybridllm.audit.line import MAX_LINE_BYTES
from hybridllm.audit.locks import is_written

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NAME: Final = re.compile(r"\d{8}T\d{6}Z-(\d{8})-\d+-[0-9a-f]{8}\.jsonl", flags=re.ASCII)
_PIECE_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """A segment that was begun.

    Attributes:
        segment: Its name.
        number: Its number.
        begun: When, by its writer's clock; empty if nobody knows.
        size: Its bytes up to a checkpoint that was seen on disk; 0 if there is none.
        digest: SHA-256 of these.
    """

    segment: str
    number: int
    begun: str = ""
    size: int = 0
    digest: str = ""

    @property
    def seen(self) -> tuple[int, str]:
        """Size and digest of what was seen."""
        return self.size, self.digest

    def as_record(self) -> dict[str, object]:
        """Return it as it stands in a line."""
        return {
            "segment": self.segment,
            "number": self.number,
            "begun": self.begun,
            "size": self.size,
            "digest": self.digest,
        }


@dataclass(frozen=True, slots=True)
class Link:
    """How a segment ended.

    Attributes:
        segment: Its name.
        number: Its number.
        begun: When it was begun; empty if nobody knows.
        ended: No line of it is later, by the clock of whoever wrote this.
        size: Its bytes; 0 if the file had gone already.
        digest: SHA-256 of the whole file; empty if it had gone.
        closed: Whether its writer ended it; else it was killed.
    """

    segment: str
    number: int
    begun: str
    ended: str
    size: int
    digest: str
    closed: bool

    def as_record(self) -> dict[str, object]:
        """Return it as it stands in a line."""
        return {
            "segment": self.segment,
            "number": self.number,
            "begun": self.begun,
            "ended": self.ended,
            "size": self.size,
            "digest": self.digest,
            "closed": self.closed,
        }


def read_entry(record: Mapping[str, Any]) -> Entry:
    """Return the entry that stands in a line.

    Raises:
        ValueError: There is none.
    """
    entry = Entry(
        record.get("segment", ""),
        record.get("number", 0),
        record.get("begun", ""),
        record.get("size", 0),
        record.get("digest", ""),
    )
    _must_fit(entry, texts=(entry.begun, entry.digest))
    return entry


def read_link(record: Mapping[str, Any]) -> Link:
    """Return the link that stands in a line.

    Raises:
        ValueError: There is none.
    """
    link = Link(
        record.get("segment", ""),
        record.get("number", 0),
        record.get("begun", ""),
        record.get("ended", ""),
        record.get("size", 0),
        record.get("digest", ""),
        record.get("closed") is True,
    )
    _must_fit(link, texts=(link.begun, link.ended, link.digest))
    return link


def number_of(name: str) -> int:
    """Return the number in a segment's name; 0 if it has none."""
    match = _NAME.fullmatch(name)
    return int(match.group(1)) if match else 0


def numbered(directory: Path) -> list[Entry]:
    """Return the segments in a directory, by what they are called."""
    entries = [Entry(path.name, number_of(path.name)) for path in directory.glob("*.jsonl")]
    return sorted((e for e in entries if e.number), key=lambda e: (e.number, e.segment))


def link_to(directory: Path, *, entry: Entry, now: str) -> Link | None:
    """Return how a segment that nobody writes any more ended; nothing if somebody does.

    If it lacks what was seen of it before, the link says what was seen, which it then does
    not fit.

    Raises:
        OSError: The file cannot be read.
    """
    path = directory / entry.segment
    try:
        if is_written(path):
            return None
        size, digest = digest_of(path) if is_as_seen(path, entry=entry) else entry.seen
    except FileNotFoundError:
        size, digest = entry.seen
    return Link(entry.segment, entry.number, entry.begun, now, size, digest, closed=False)


def is_as_seen(path: Path, *, entry: Entry) -> bool:
    """Return whether a segment begins with all that was seen of it before.

    Raises:
        OSError: The file cannot be read.
    """
    return not entry.size or digest_of(path, size=entry.size) == entry.seen


def never_began(path: Path) -> bool:
    """Return whether a file lacks its first line: its process died before any record.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        begins = file.readline(MAX_LINE_BYTES)
    return not begins.endswith(b"\n")


def digest_of(path: Path, *, size: int | None = None) -> tuple[int, str]:
    """Return how many bytes a file has, and their SHA-256; of the first `size` if that is given.

    Raises:
        OSError: The file cannot be read.
    """
    found, left, done = sha256(), size, 0
    with path.open("rb") as file:
        while left is None or left > 0:
            piece = file.read(_PIECE_BYTES if left is None else min(_PIECE_BYTES, left))
            if not piece:
                break
            found.update(piece)
            done += len(piece)
            left = None if left is None else left - len(piece)
    return done, found.hexdigest()


def _must_fit(found: Entry | Link, *, texts: tuple[object, ...]) -> None:
    if type(found.number) is not int or type(found.size) is not int:
        raise ValueError("a number or a size is no number")
    if not all(isinstance(text, str) for text in (found.segment, *texts)):
        raise ValueError("a name, a time or a digest is no text")

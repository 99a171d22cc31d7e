"""The head of a log: which segments were begun, and how the last ones ended.

Answers: which number has the next segment, and what does it have to say of the others?
Not here: writing segments (`audit.log`).

One small file beside the segments, `head.json`, exchanged whole under a lock. It is
chained and signed like a line, so that nobody without the keys can write one; an older
one can be put back, which shows as soon as a newer segment is still there.

A segment counts as ended when its writer says so here, or when nobody holds its lock any
more: its process was killed, and whoever begins the next segment vouches for what is there.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hybridllm.audit.line import as_body, as_line, chain, parse, signed
from hybridllm.audit.links import (
    Entry,
    Link,
    link_to,
    never_began,
    numbered,
    read_entry,
    read_link,
)
from hybridllm.audit.locks import locked, replace_file

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from hybridllm.audit.line import Line
    from hybridllm.audit.signing import PublicKeys, SigningKey

HEAD_FILE: Final = "head.json"
LOCK_FILE: Final = "head.lock"
_LOOKS: Final = 5
_LOOK_AGAIN_S: Final = 0.02
"""Between a segment's first line and its entry in the head lie a few syncs."""
_BEFORE_HEAD: Final = "head"
"""Takes the place of the hash of the line before, so that no line of a segment fits here."""


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of the segments.

    Attributes:
        next: Number of the next segment.
        open: Segments whose end is not known yet.
        ended: Ends that no segment has recorded yet.
    """

    next: int = 1
    open: tuple[Entry, ...] = ()
    ended: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a new segment begins with.

    Attributes:
        number: Its number.
        head: `new` if there was no log yet, `found`, `missing` or `damaged`.
        ended: How segments before it ended.
        open: Segments that somebody still writes.
    """

    number: int
    head: str
    ended: tuple[Link, ...]
    open: tuple[Entry, ...]

    def as_record(self) -> dict[str, object]:
        """Return what the segment's first line says of it."""
        return {
            "after": self.head,
            "ended": [link.as_record() for link in self.ended],
            "open": [entry.as_record() for entry in self.open],
        }


def read_head(directory: Path) -> Line | None:
    """Return the head's line, which nobody has checked yet; nothing if it is no line.

    Raises:
        OSError: The file cannot be read.
    """
    line = parse((directory / HEAD_FILE).read_bytes())
    return line if line is not None and line.record.get("event") == "head" else None


def is_authentic(line: Line, *, key: bytes | None, public_keys: PublicKeys) -> bool:
    """Return whether the head was written by a holder of the keys that are given."""
    if key is not None and not line.has_mac(key, previous=_BEFORE_HEAD):
        return False
    by = line.record.get("signer")
    known = [item for item in public_keys if item.id == by]
    if known:
        return line.is_signed_by(known[0])
    return key is not None


def head_of(line: Line) -> Head:
    """Return what a head says.

    Raises:
        ValueError: It says nothing of the kind.
    """
    record = line.record
    number, entries, links = record.get("next"), record.get("open"), record.get("ended")
    if type(number) is not int or not isinstance(entries, list) or not isinstance(links, list):
        raise ValueError("this is no head of a log")
    return Head(
        number,
        tuple(read_entry(item) for item in entries),
        tuple(read_link(item) for item in links),
    )


class Register:
    """The head of one directory, for those who write segments there."""

    def __init__(self, directory: Path, *, key: bytes, signer: SigningKey | None) -> None:
        self._directory = directory
        self._key = key
        self.signer = signer

    def locked(self) -> AbstractContextManager[None]:
        """Keep other processes from changing the head."""
        return locked(self._directory / LOCK_FILE)

    def begin(self, *, now: str) -> Beginning:
        """Return what the next segment begins with. Call it under the lock.

        Raises:
            OSError: The directory cannot be read.
        """
        head, state = self._read()
        there = numbered(self._directory)
        # Without its head a log is gone through whole; else only what the head does not know.
        unknown = [entry for entry in there if entry.number >= head.next]
        for entry in unknown:
            if never_began(self._directory / entry.segment):
                (self._directory / entry.segment).unlink()
                there.remove(entry)
        ended, still = list(head.ended), []
        for entry in (*head.open, *(entry for entry in unknown if entry in there)):
            link = link_to(self._directory, entry=entry, now=now)
            if link is None:
                still.append(entry)
            else:
                ended.append(link)
        number = max([head.next, *(entry.number + 1 for entry in there)])
        if state == "missing" and not there:
            state = "new"
        return Beginning(number, state, tuple(ended), tuple(still))

    def begun(self, beginning: Beginning, *, entry: Entry) -> None:
        """Record that the segment is there. Call it under the same lock.

        Raises:
            OSError: The head cannot be written.
        """
        self._write(Head(beginning.number + 1, (*beginning.open, entry)), now=entry.begun)

    def see(self, entry: Entry) -> None:
        """Record how far a segment that is still written has come.

        Raises:
            OSError: The head cannot be written.
        """
        with self.locked():
            head, _ = self._read()
            if any(other.segment == entry.segment for other in head.open):
                entries = (entry if e.segment == entry.segment else e for e in head.open)
                self._write(Head(head.next, tuple(entries), head.ended), now=entry.begun)

    def finish(self, link: Link) -> None:
        """Record how a segment ended.

        Raises:
            OSError: The head cannot be written.
        """
        with self.locked():
            head, _ = self._read()
            left = tuple(entry for entry in head.open if entry.segment != link.segment)
            if len(left) < len(head.open):  # else another process has linked it already
                self._write(Head(head.next, left, (*head.ended, link)), now=link.ended)

    def _read(self) -> tuple[Head, str]:
        try:
            line = read_head(self._directory)
        except FileNotFoundError:
            return Head(), "missing"
        if line is None or not is_authentic(line, key=self._key, public_keys=()):
            return Head(), "damaged"
        try:
            return head_of(line), "found"
        except ValueError:
            return Head(), "damaged"

    def _write(self, head: Head, *, now: str) -> None:
        body = as_body(
            {
                "event": "head",
                "format": 2,
                "time": now,
                "next": head.next,
                "open": [entry.as_record() for entry in head.open],
                "ended": [link.as_record() for link in head.ended],
                "signer": self.signer.public.id if self.signer else None,
            }
        )
        if self.signer:
            body = signed(body, signer=self.signer)
        mac = chain(self._key, previous=_BEFORE_HEAD, body=body)
        replace_file(self._directory / HEAD_FILE, data=as_line(body, mac=mac))


def read_with_listing(directory: Path) -> tuple[list[Entry], Line | None, str]:
    """Return segments and head as they were at one moment, and what is wrong with the head.

    A log may be read while it is written, so this looks again until both fit.

    Raises:
        OSError: The directory cannot be read.
    """
    for _ in range(_LOOKS):
        before = numbered(directory)
        try:
            line, trouble = read_head(directory), ""
        except FileNotFoundError:
            line, trouble = None, "missing"
        if line is None:
            return before, None, trouble or "damaged"
        newest = line.record.get("next")
        if before == numbered(directory) and (not before or before[-1].number + 1 == newest):
            break
        time.sleep(_LOOK_AGAIN_S)
    return before, line, ""

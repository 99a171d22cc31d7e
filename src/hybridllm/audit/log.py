"""The audit log: JSON lines on disk, durable before anything is sent.

Answers: where do records go, and when may their writers go on?
Not here: what a record says (`audit.record`), one file (`audit.segment`), checking
the log later (`audit.verify`, `audit.inspect`).

Each process writes a segment of its own, so that several may share a directory.
A write that fails ends the segment, and the request that needed the record is
refused; the next one starts a new segment. So does a segment that is full or old.
"""

from __future__ import annotations

import atexit
import os
import secrets
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol
from weakref import WeakSet

from hybridllm.audit.head import Register
from hybridllm.audit.links import Entry, Link
from hybridllm.audit.locks import BINARY, lock, sync_directory
from hybridllm.audit.segment import Segment, cannot
from hybridllm.audit.signing import can_sign, load_signing_key
from hybridllm.errors import AuditError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from hybridllm.audit.record import Record
    from hybridllm.audit.signing import SigningKey

_ALL: WeakSet[FileAuditLog] = WeakSet()
_MODE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | BINARY


class AuditSink(Protocol):
    """Where audit records go."""

    def write(self, record: Record) -> None:
        """Return only when the record is durable.

        Raises:
            AuditError: It could not be made durable. The request must not be sent.
        """
        ...

    def note(self, record: Record) -> None:
        """Add a record that need not be durable before the caller goes on. Never blocks long."""
        ...

    def close(self) -> None:
        """Write what is left and free everything."""
        ...


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When checkpoints and new segments come.

    Attributes:
        checkpoint_lines: At the latest after so many lines.
        checkpoint_s: At the latest with the first line after so many seconds.
        segment_bytes: A segment of this size is followed by another.
        segment_age_s: So is one of this age.
    """

    checkpoint_lines: int = 1_000
    checkpoint_s: float = 60.0
    segment_bytes: int = 64 * 1024 * 1024
    segment_age_s: float = 86_400.0


class FileAuditLog:
    """An audit log in a directory of segments.

    Args:
        directory: Created when the first record comes, readable by this user alone.
        key: Secret for the keyed hashes, 32 bytes or more.
        clock: Wall clock, in UTC.
        rhythm: When checkpoints and new segments come.
        levels: Names of the scale's levels, least sensitive first, for those who read the log.
        signing_key: File of the key pair that signs checkpoints, made at first use; without
            one, or without the package for signatures, they are not signed.
    """

    def __init__(
        self,
        directory: Path,
        *,
        key: bytes,
        clock: Callable[[], datetime] | None = None,
        rhythm: Rhythm | None = None,
        levels: Sequence[str] = (),
        signing_key: Path | None = None,
    ) -> None:
        self._directory = directory
        self._key = key
        self._clock = clock or (lambda: datetime.now(UTC))
        self._rhythm = rhythm or Rhythm()
        self._levels = tuple(levels)
        self._signing_key = signing_key
        self._register: Register | None = None
        self._opening = threading.Lock()
        self._segment: Segment | None = None
        self._telling = threading.Lock()
        self._told = 0.0
        _ALL.add(self)

    def write(self, record: Record) -> None:
        """Add a record and return when it is durable."""
        segment, ticket = self._append(record, may_end=True)
        segment.wait_until_durable(ticket)
        self._tell_head(segment)

    def note(self, record: Record) -> None:
        """Add a record; it reaches the file at once, or with the write that is under way."""
        segment, _ = self._append(record, may_end=False)
        segment.hand_over()

    def close(self) -> None:
        """End the segment with a `stop` line. A later record starts a new one."""
        with self._opening:
            segment, self._segment = self._segment, None
        if segment is not None:
            self._end(segment)

    def _append(self, record: Record, *, may_end: bool) -> tuple[Segment, int]:
        with self._opening:
            segment = self._current(may_end=may_end)
            ticket = segment.append(self._stamp(record))
            rhythm = self._rhythm
            if segment.needs_checkpoint(lines=rhythm.checkpoint_lines, seconds=rhythm.checkpoint_s):
                segment.append_checkpoint(self._stamp({"event": "checkpoint"}))
            return segment, ticket

    def _current(self, *, may_end: bool) -> Segment:
        segment = self._segment
        if segment is not None and segment.is_usable:
            if not may_end or not self._is_full(segment):
                return segment
            self._segment = None
            self._end(segment)
        elif segment is not None:
            segment.close()  # broken, or this process's copy of the parent's
        self._segment = self._open()
        return self._segment

    def _is_full(self, segment: Segment) -> bool:
        rhythm = self._rhythm
        return segment.size >= rhythm.segment_bytes or segment.age_s >= rhythm.segment_age_s

    def _tell_head(self, segment: Segment) -> None:
        """Let the head know now and then how far the segment has come, so that a cut shows."""
        seen = segment.checkpoint_on_disk
        due = time.monotonic() - self._told >= self._rhythm.checkpoint_s
        if seen is None or not due or not self._telling.acquire(blocking=False):
            return
        try:
            self._told = time.monotonic()
            entry = Entry(segment.name, segment.number, segment.begun, *seen)
            self._registered().see(entry)
        except OSError:
            pass  # the record is durable; what the head lacks is said when the log is checked
        finally:
            self._telling.release()

    def _end(self, segment: Segment) -> None:
        if not segment.is_usable:
            return
        last = self._stamp({"event": "stop"})
        segment.end(last)
        link = Link(
            segment.name,
            segment.number,
            segment.begun,
            str(last["time"]),
            segment.size,
            segment.digest,
            closed=True,
        )
        with suppress(OSError):  # whoever begins the next segment finds out by itself
            self._registered().finish(link)

    def _stamp(self, record: Mapping[str, object]) -> dict[str, object]:
        return {"time": self._now(), **record}

    def _now(self) -> str:
        return self._clock().isoformat(timespec="microseconds").replace("+00:00", "Z")

    def _registered(self) -> Register:
        if self._register is None:
            signer: SigningKey | None = None
            if self._signing_key is not None and can_sign():
                signer = load_signing_key(self._signing_key)
            self._register = Register(self._directory, key=self._key, signer=signer)
        return self._register

    def _open(self) -> Segment:
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            register = self._registered()
            with register.locked():
                return self._begin(register)
        except OSError as error:
            raise AuditError(cannot("open", error=error)) from None

    def _begin(self, register: Register) -> Segment:
        """Begin a segment. Its file comes before its entry: what has an entry is there."""
        now = self._now()
        beginning = register.begin(now=now)
        random = secrets.token_hex(4)
        stamp = f"{self._clock():%Y%m%dT%H%M%SZ}"
        name = f"{stamp}-{beginning.number:08}-{os.getpid()}-{random}.jsonl"
        path = self._directory / name
        descriptor = os.open(path, _MODE, 0o600)
        segment = Segment(
            descriptor,
            key=self._key,
            signer=register.signer,
            name=name,
            number=beginning.number,
            begun=now,
        )
        first = {"time": now, "event": "start", "format": 2, "levels": list(self._levels)}
        try:
            lock(descriptor)
            segment.append_checkpoint({**first, **beginning.as_record()})
            segment.hand_over()
            os.fsync(descriptor)
            sync_directory(self._directory)
            register.begun(beginning, entry=Entry(name, beginning.number, now))
        except (AuditError, OSError):
            segment.close()
            with suppress(OSError):  # nobody has written a record into it
                path.unlink()
            raise
        except BaseException:
            segment.close()  # the head may know it already
            raise
        self._told = time.monotonic()
        return segment

    def _after_fork(self) -> None:
        """Forget in a child the locks that another thread of the parent may have held."""
        self._opening = threading.Lock()
        self._telling = threading.Lock()

    def __repr__(self) -> str:
        return f"FileAuditLog({str(self._directory)!r})"


def _at_exit() -> None:
    """End the segments of a program that ends without closing its client."""
    for log in list(_ALL):
        with suppress(AuditError):  # nobody is left to be told
            log.close()


atexit.register(_at_exit)


def _after_fork() -> None:
    for log in _ALL:
        log._after_fork()  # noqa: SLF001 - of this module


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

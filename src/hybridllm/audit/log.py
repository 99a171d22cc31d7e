"""The audit log: JSON lines on disk, durable before anything is sent.

Answers: how does a record become durable, and how is the log checked later?
Not here: what a record says (`audit.record`).

Each process writes its own segment, so that several may share a directory. Every
line ends in a keyed hash over itself and the hash before it; whoever lacks the
key can neither change, drop, swap nor insert a line unseen. A segment that was
closed ends in a `stop` line: one without it was cut, or its process was killed.

Durable means `fdatasync` has returned. Writers that arrive together share one
(group commit): the first syncs for all that have queued up behind it.

A write that fails closes the segment for good, and the request that needed the
record is refused. The next one starts a new segment.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from hybridllm.errors import AuditError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from hybridllm.audit.record import Record

_MAC = ',"mac":"'
_SYNC: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)


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


class FileAuditLog:
    """An audit log in a directory of segments.

    Args:
        directory: Created when the first record comes, readable by this user alone.
        key: Secret for the keyed hashes, 32 bytes or more.
        clock: Wall clock, in UTC.
    """

    def __init__(
        self, directory: Path, *, key: bytes, clock: Callable[[], datetime] | None = None
    ) -> None:
        self._directory = directory
        self._key = key
        self._clock = clock or (lambda: datetime.now(UTC))
        self._queue = threading.Lock()
        self._commit = threading.Lock()
        self._segment: _Segment | None = None

    def write(self, record: Record) -> None:
        """Add a record and return when it is durable."""
        segment, ticket = self._append(record)
        with self._commit:
            segment.sync_up_to(ticket, queue=self._queue)
        self._drain(segment)

    def note(self, record: Record) -> None:
        """Add a record; it reaches the file at once, or with the write that is under way."""
        segment, _ = self._append(record)
        self._drain(segment)

    def _drain(self, segment: _Segment) -> None:
        """Hand queued lines to the system, unless another thread is about to."""
        while segment.has_pending and self._commit.acquire(blocking=False):
            try:
                segment.flush(queue=self._queue)
            finally:
                self._commit.release()

    def close(self) -> None:
        """End the segment with a `stop` line. A later record starts a new one."""
        with self._commit:
            with self._queue:
                segment, self._segment = self._segment, None
            if segment is not None:
                segment.end(self._stamp({"event": "stop"}), queue=self._queue)

    def _append(self, record: Record) -> tuple[_Segment, int]:
        with self._queue:
            if self._segment is None or self._segment.broken:
                self._segment = self._open()
            return self._segment, self._segment.append(self._stamp(record))

    def _stamp(self, record: Mapping[str, object]) -> dict[str, object]:
        time = self._clock().isoformat(timespec="microseconds").replace("+00:00", "Z")
        return {"time": time, **record}

    def _open(self) -> _Segment:
        name = f"{self._clock():%Y%m%dT%H%M%SZ}-{os.getpid()}-{secrets.token_hex(4)}.jsonl"
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(
                self._directory / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600
            )
        except OSError as error:
            raise AuditError(_cannot("open", error)) from None
        segment = _Segment(descriptor, key=self._key)
        segment.append(self._stamp({"event": "start", "format": 1}))
        return segment

    def __repr__(self) -> str:
        return f"FileAuditLog({str(self._directory)!r})"


class _Segment:
    """One file of the log. Callers hold the locks; the names say which."""

    def __init__(self, descriptor: int, *, key: bytes) -> None:
        self._descriptor = descriptor
        self._key = key
        self._last_mac = ""
        self._pending: list[bytes] = []
        self._appended = 0
        self._written = 0
        self._durable = 0
        self.broken = False

    def append(self, record: Mapping[str, object]) -> int:
        """Chain a record and queue it (queue lock). Return its ticket."""
        body = json.dumps(
            {"seq": self._appended, **record}, ensure_ascii=False, separators=(",", ":")
        )
        self._last_mac = _chain(self._key, self._last_mac, body)
        self._pending.append(f'{body[:-1]}{_MAC}{self._last_mac}"}}\n'.encode())
        self._appended += 1
        return self._appended

    @property
    def has_pending(self) -> bool:
        """Whether lines wait to be handed to the system."""
        return bool(self._pending) and not self.broken

    def flush(self, *, queue: threading.Lock) -> None:
        """Hand all queued lines to the system (commit lock)."""
        with queue:
            lines, self._pending = self._pending, []
            upto = self._appended
        if self.broken:
            raise AuditError("the audit log failed earlier in this segment; nothing was sent")
        try:
            data = memoryview(b"".join(lines))
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError as error:
            self.broken = True
            self._release()
            raise AuditError(_cannot("write", error)) from None
        self._written = upto

    def sync_up_to(self, ticket: int, *, queue: threading.Lock) -> None:
        """Return when the line with this ticket is durable (commit lock)."""
        if self._durable >= ticket:
            return
        self.flush(queue=queue)
        try:
            _SYNC(self._descriptor)
        except OSError as error:
            self.broken = True
            self._release()
            raise AuditError(_cannot("sync", error)) from None
        self._durable = self._written

    def end(self, record: Mapping[str, object], *, queue: threading.Lock) -> None:
        """Write the last line and close the file (commit lock)."""
        if self.broken:
            return
        with queue:
            ticket = self.append(record)
        try:
            self.sync_up_to(ticket, queue=queue)
        finally:
            if not self.broken:
                self.broken = True
                self._release()

    def _release(self) -> None:
        with suppress(OSError):  # the file is closed either way
            os.close(self._descriptor)


@dataclass(frozen=True, slots=True)
class Verification:
    """What checking one segment showed.

    Attributes:
        file: Name of the segment.
        lines: How many lines are whole and in their place.
        fault: What is wrong with the first bad line; empty if nothing is.
        closed: Whether the segment ends in its `stop` line.
    """

    file: str
    lines: int
    fault: str
    closed: bool

    @property
    def valid(self) -> bool:
        """Whether every line is whole and in its place."""
        return not self.fault


def verify_segment(path: Path, *, key: bytes) -> Verification:
    """Check the chain of one segment, offline.

    Raises:
        OSError: The file cannot be read.
    """
    mac = ""
    lines = 0
    event: object = None
    with path.open("rb") as file:
        for raw in file:
            text, _, rest = raw.decode("utf-8", errors="replace").rpartition(_MAC)
            body = f"{text}}}"
            mac = _chain(key, mac, body)
            if not text or not hmac.compare_digest(f'{mac}"}}\n'.encode(), rest.encode()):
                return Verification(path.name, lines, f"line {lines + 1} was changed", closed=False)
            record = json.loads(body)
            if record.get("seq") != lines:
                return Verification(path.name, lines, f"line {lines + 1} is missing", closed=False)
            event = record.get("event")
            lines += 1
    if lines == 0:
        return Verification(path.name, 0, "the segment is empty", closed=False)
    return Verification(path.name, lines, "", closed=event == "stop")


def _chain(key: bytes, previous: str, body: str) -> str:
    return hmac.new(key, f"{previous}\n{body}".encode(), sha256).hexdigest()


def _cannot(verb: str, error: OSError) -> str:
    return (
        f"cannot {verb} the audit log ({error.strerror}); nothing was sent. "
        "Check the disk and the directory's rights"
    )

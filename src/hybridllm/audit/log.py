"""The audit log: JSON lines on disk, durable before anything is sent.

Answers: where do records go, and when may their writers go on?
Not here: what a record says (`audit.record`), one file (`audit.segment`), checking
the log later (`audit.verify`).

Each process writes a segment of its own, so that several may share a directory.
A write that fails ends the segment, and the request that needed the record is
refused; the next one starts a new segment.
"""

from __future__ import annotations

import os
import secrets
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from hybridllm.audit.segment import Segment, cannot
from hybridllm.errors import AuditError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from hybridllm.audit.record import Record


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
        self._opening = threading.Lock()
        self._segment: Segment | None = None

    def write(self, record: Record) -> None:
        """Add a record and return when it is durable."""
        segment, ticket = self._append(record)
        segment.wait_until_durable(ticket)

    def note(self, record: Record) -> None:
        """Add a record; it reaches the file at once, or with the write that is under way."""
        segment, _ = self._append(record)
        segment.hand_over()

    def close(self) -> None:
        """End the segment with a `stop` line. A later record starts a new one."""
        with self._opening:
            segment, self._segment = self._segment, None
        if segment is not None:
            segment.end(self._stamp({"event": "stop"}))

    def _append(self, record: Record) -> tuple[Segment, int]:
        with self._opening:
            if self._segment is None or not self._segment.is_usable:
                self._segment = self._open()
            return self._segment, self._segment.append(self._stamp(record))

    def _stamp(self, record: Mapping[str, object]) -> dict[str, object]:
        time = self._clock().isoformat(timespec="microseconds").replace("+00:00", "Z")
        return {"time": time, **record}

    def _open(self) -> Segment:
        name = f"{self._clock():%Y%m%dT%H%M%SZ}-{os.getpid()}-{secrets.token_hex(4)}.jsonl"
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(
                self._directory / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600
            )
        except OSError as error:
            raise AuditError(cannot("open", error=error)) from None
        segment = Segment(descriptor, key=self._key)
        segment.append(self._stamp({"event": "start", "format": 1}))
        return segment

    def __repr__(self) -> str:
        return f"FileAuditLog({str(self._directory)!r})"

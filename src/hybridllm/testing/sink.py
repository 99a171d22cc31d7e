"""An audit log in memory.

Answers: what was recorded, and what happens when nothing can be?
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from hybridllm.errors import AuditError

if TYPE_CHECKING:
    from hybridllm.audit.record import Record


class RecordingSink:
    """An audit log that keeps its records in memory.

    Args:
        broken: Refuse every durable record, as a full disk does; then no request is sent.
    """

    def __init__(self, *, broken: bool = False) -> None:
        self._broken = broken
        self._records: list[Record] = []
        self._lock = threading.Lock()

    @property
    def records(self) -> tuple[Record, ...]:
        """All records, oldest first."""
        with self._lock:
            return tuple(dict(record) for record in self._records)

    def events(self, name: str) -> tuple[Record, ...]:
        """Return the records of one event: `denied`, `intent` or `outcome`."""
        return tuple(record for record in self.records if record["event"] == name)

    def write(self, record: Record) -> None:
        """Keep a record.

        Raises:
            AuditError: The sink is broken.
        """
        if self._broken:
            raise AuditError("the recording sink is broken, as the test asked; nothing was sent")
        self.note(record)

    def note(self, record: Record) -> None:
        """Keep a record."""
        with self._lock:
            self._records.append(dict(record))

    def close(self) -> None:
        """Do nothing; the records can still be read."""

    def __repr__(self) -> str:
        return f"RecordingSink({len(self.records)} records)"

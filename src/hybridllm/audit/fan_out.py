"""Several audit logs as one.

Answers: when is a record durable that goes to several places?
Not here: the places themselves.

Every sink has to hold a record before its request is sent. Any object with the methods of
`AuditSink` can take part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hybridllm.errors import AuditError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hybridllm.audit.log import AuditSink
    from hybridllm.audit.record import Record


class FanOut:
    """Sinks that all get each record.

    Args:
        sinks: At least one.
    """

    def __init__(self, sinks: Sequence[AuditSink]) -> None:
        if not sinks:
            raise ValueError("a record needs at least one sink")
        self._sinks = tuple(sinks)

    def write(self, record: Record) -> None:
        """Return when every sink has made the record durable.

        Raises:
            AuditError: One could not; the others hold the record all the same.
        """
        self._each(lambda sink: sink.write(record))

    def note(self, record: Record) -> None:
        """Hand the record to every sink.

        Raises:
            AuditError: One would not take it; the others have.
        """
        self._each(lambda sink: sink.note(record))

    def close(self) -> None:
        """Close every sink, also when one of them fails."""
        self._each(lambda sink: sink.close())

    def _each(self, act: Callable[[AuditSink], None]) -> None:
        failed: AuditError | None = None
        for sink in self._sinks:
            try:
                act(sink)
            except AuditError as error:
                failed = failed or error
        if failed is not None:
            raise failed

    def __repr__(self) -> str:
        return f"FanOut({list(self._sinks)!r})"

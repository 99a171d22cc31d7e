"""Server-sent events: from pieces of bytes to whole events.

Answers: which events does a stream of bytes hold?
Not here: reading the bytes, or what an event means.

Source: WHATWG HTML, section 9.2 "Server-sent events". Only `data` is kept, since
the OpenAI API puts everything into it, and lines end in LF or CR LF.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_EVENT_BYTES = 16 * 1024 * 1024
"""Largest event that is read; a longer one is no reply of a language model."""


class EventTooLargeError(Exception):
    """One event is larger than `MAX_EVENT_BYTES`."""


class EventDecoder:
    """Collects pieces of bytes and gives out whole events."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Yield the data of every event that this piece completes.

        Raises:
            EventTooLargeError: An event does not end in time.
        """
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            event = self._line(line)
            if event is not None:
                yield event
        if len(self._rest) + sum(len(line) + 1 for line in self._data) > MAX_EVENT_BYTES:
            raise EventTooLargeError

    def _line(self, line: bytes) -> bytes | None:
        line = line.rstrip(b"\r")
        if not line:
            data, self._data = self._data, []
            return b"\n".join(data) if data else None
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
        return None

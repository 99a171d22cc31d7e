"""Every byte that the demo's cloud received.

Answers: what came in, on which connection, in which order?
Not here: what it means (`leak` searches it, `screen` shows it).

The bytes are taken where they come off the socket, before anything parses them.

Units: bytes.
"""

from __future__ import annotations

import io
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_DRAIN_BYTES = 1 << 16


class Recording:
    """The bytes of all connections; safe to read while they arrive."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connections: list[bytearray] = []

    @property
    def connections(self) -> tuple[bytes, ...]:
        """What each connection carried, in the order of their opening."""
        with self._lock:
            return tuple(bytes(data) for data in self._connections)

    @property
    def size_bytes(self) -> int:
        """How many bytes came in altogether."""
        with self._lock:
            return sum(len(data) for data in self._connections)

    def open_connection(self) -> int:
        """Note a new connection and return its number."""
        with self._lock:
            self._connections.append(bytearray())
            return len(self._connections) - 1

    def add(self, data: bytes, *, connection: int) -> None:
        """Note bytes that arrived."""
        with self._lock:
            self._connections[connection] += data

    def save(self, path: Path) -> None:
        """Write all bytes to a file, one connection after the other, and nothing else."""
        path.write_bytes(b"".join(self.connections))

    def __repr__(self) -> str:
        return f"Recording(connections={len(self._connections)}, bytes={self.size_bytes})"


class RecordedSocket(io.RawIOBase):
    """The reading side of a socket, with every byte noted as it arrives."""

    def __init__(self, connection: socket.socket, *, recording: Recording) -> None:
        super().__init__()
        self._socket = connection
        self._recording = recording
        self._number = recording.open_connection()

    def readable(self) -> bool:
        """Return True: this is a reading side."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read what is there into `buffer` and note it."""
        view = memoryview(buffer)
        count = self._socket.recv_into(view)
        self._recording.add(bytes(view[:count]), connection=self._number)
        return count

    def drain(self) -> None:
        """Note also what was sent and never asked for, such as a body after an error."""
        try:
            self._socket.setblocking(False)
            while data := self._socket.recv(_DRAIN_BYTES):
                self._recording.add(data, connection=self._number)
        except OSError:  # nothing more is there, or the connection is gone
            pass

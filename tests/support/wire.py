"""One recorded connection and the HTTP/1.1 requests that arrive on it.

Answers: which bytes did the peer send, and which requests do they spell?
Not here: listening (`loopback`) and answering (`exchange`, `behaviours`).

Units: seconds, bytes. Source of the framing rules: RFC 9112, sections 2, 6 and 7.
"""

from __future__ import annotations

import json
import re
import select
import socket
import struct
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

TICK_S = 0.02  # how late a waiting thread may notice that it should stop
_REQUEST_LINE = re.compile(rb"([A-Z]+) (\S+) HTTP/1\.([01])\r?\n?$")
_LONGEST_HEAD_BYTES = 1 << 20


class NotHttpError(Exception):
    """The peer sent something that is not an HTTP/1 request."""


class PeerClosedError(ConnectionError):
    """The peer went away, or the server is stopping, before the request was complete."""


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """One complete request; names of headers are lower case, repeated ones are joined."""

    method: str
    target: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def path(self) -> str:
        """The path alone, also when a proxy was asked with a whole URL."""
        return urlsplit(self.target).path

    @property
    def keeps_alive(self) -> bool:
        return "close" not in self.headers.get("connection", "").lower()

    def json(self) -> dict[str, object]:
        """Return the body as a JSON object; an empty one when it is anything else."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


class Connection:
    """A socket that keeps a copy of everything it receives.

    The bytes that the kernel holds but nobody has read count as received too: `pump` fetches
    them from any thread, so an observer never misses bytes because a server thread was late.
    """

    def __init__(self, sock: socket.socket, *, stopping: threading.Event) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._stopping = stopping
        self._lock = threading.Lock()
        self._recorded = bytearray()
        self._unread = bytearray()
        self._ended = False
        self._closed = False

    @property
    def recorded(self) -> bytes:
        self.pump()
        with self._lock:
            return bytes(self._recorded)

    @property
    def is_open(self) -> bool:
        """True until the peer or this side has closed."""
        self.pump()
        return not (self._ended or self._closed)

    def pump(self) -> None:
        """Take over whatever has arrived, without waiting."""
        with self._lock:
            while not self._ended:
                try:
                    data = self._sock.recv(1 << 16)
                except (BlockingIOError, InterruptedError):
                    return
                except OSError:  # reset by the peer, or closed here
                    data = b""
                if not data:
                    self._ended = True
                self._recorded += data
                self._unread += data

    def wait_for_first_byte(self) -> bool:
        """Wait for a request to begin, without reading it; False when none will come."""
        while not self._stopping.is_set():
            ended = self._ended  # before the bytes: an observer may add the last ones just now
            if self._unread:
                return True
            if ended:
                return False
            if select.select([self._sock], [], [], TICK_S)[0]:
                try:
                    return bool(self._sock.recv(1, socket.MSG_PEEK)) or bool(self._unread)
                except (BlockingIOError, InterruptedError):
                    continue  # an observer pumped it meanwhile
        return False

    def read_available(self) -> bytes:
        """Return what has arrived and was not read yet; may be empty."""
        self.pump()
        with self._lock:
            data = bytes(self._unread)
            self._unread.clear()
        return data

    def read_exactly(self, size_bytes: int) -> bytes:
        while (held := len(self._unread)) < size_bytes:
            self._wait_for_more(held)
        with self._lock:
            data = bytes(self._unread[:size_bytes])
            del self._unread[:size_bytes]
        return data

    def read_line(self) -> bytes:
        """Return the next line with its line end."""
        searched = 0
        while True:
            held = len(self._unread)
            if (end := self._unread.find(b"\n", searched)) >= 0:
                return self.read_exactly(end + 1)
            if held > _LONGEST_HEAD_BYTES:
                raise NotHttpError
            searched = held
            self._wait_for_more(held)

    def send(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            if self._stopping.is_set():
                raise PeerClosedError
            try:
                rest = rest[self._sock.send(rest) :]
            except (BlockingIOError, InterruptedError):
                select.select([], [self._sock], [], TICK_S)

    def hold(self) -> None:
        """Keep the connection, silent, until the peer leaves or the server stops."""
        while self.is_open and not self._stopping.wait(TICK_S):
            pass

    def reset(self) -> None:
        """Close with RST instead of FIN, dropping what is still in the send buffer."""
        layout = "hh" if sys.platform == "win32" else "ii"
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(layout, 1, 0))
        self.close()

    def close(self) -> None:
        self.pump()
        with self._lock:
            self._closed = True
            self._sock.close()

    def fileno(self) -> int:
        return self._sock.fileno()

    def _wait_for_more(self, held: int) -> None:
        """Wait until more than `held` bytes are unread."""
        while not self._stopping.is_set():
            self.pump()
            ended = self._ended
            if len(self._unread) > held:
                return
            if ended:
                raise PeerClosedError
            select.select([self._sock], [], [], TICK_S)
        raise PeerClosedError


def read_request(connection: Connection) -> ParsedRequest:
    """Read one request, body included.

    Raises:
        NotHttpError: The bytes are no HTTP/1 request (a TLS greeting, for example).
        PeerClosedError: The peer left before the request was complete.
    """
    line = _REQUEST_LINE.match(connection.read_line())
    if line is None:
        raise NotHttpError
    headers: dict[str, str] = {}
    while stripped := connection.read_line().rstrip(b"\r\n"):
        name, colon, value = stripped.decode("latin-1").partition(":")
        if not colon:
            raise NotHttpError
        key = name.strip().lower()
        headers[key] = ", ".join(filter(None, (headers.get(key), value.strip())))
    if line[3] == b"0":
        headers.setdefault("connection", "close")
    if headers.get("expect", "").lower() == "100-continue":
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    return ParsedRequest(
        method=line[1].decode("ascii"),
        target=line[2].decode("latin-1"),
        headers=headers,
        body=_read_body(connection, headers=headers),
    )


def _read_body(connection: Connection, *, headers: Mapping[str, str]) -> bytes:
    try:
        if "chunked" not in headers.get("transfer-encoding", "").lower():
            return connection.read_exactly(int(headers.get("content-length", "0")))
        body = b""
        while size := int(connection.read_line().split(b";")[0], 16):
            body += connection.read_exactly(size)
            connection.read_line()
    except ValueError:
        raise NotHttpError from None
    while connection.read_line().strip():  # trailers
        pass
    return body

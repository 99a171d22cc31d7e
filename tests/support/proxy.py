"""An HTTP proxy that records what is sent through it.

Answers: did a client obey a proxy variable of its environment?
Not here: SOCKS. A client that tries it is recorded all the same, byte for byte.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.behaviours import Behaviour
from tests.support.loopback import HOST
from tests.support.server import RecordingServer
from tests.support.wire import TICK_S, Connection, ParsedRequest

_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "ws_proxy", "wss_proxy", "ftp_proxy")


class RecordingProxy(RecordingServer):
    """Answers absolute-form requests itself, as an honest backend would, so no error hides a leak.

    CONNECT opens a tunnel to the loopback port `tunnel_to`, whatever target was asked for, and
    records what passes; without a port it is refused with 403.
    """

    def __init__(
        self,
        behaviour: Behaviour | None = None,
        *,
        name: str = "proxy",
        tunnel_to: int | None = None,
    ) -> None:
        super().__init__(behaviour, name=name)
        self.tunnel_to = tunnel_to

    @property
    def tunnels_asked_for(self) -> list[str]:
        """The `host:port` of each CONNECT."""
        return [request.target for request in self.requests if request.method == "CONNECT"]

    def environment(self) -> dict[str, str]:
        """Return every usual proxy variable, both cases, pointing here; no exceptions allowed."""
        variables = dict.fromkeys(_VARIABLES, self.url) | {"no_proxy": ""}
        return variables | {name.upper(): value for name, value in variables.items()}

    def handle(
        self, connection: Connection, *, request: ParsedRequest, behaviour: Behaviour
    ) -> bool:
        if request.method != "CONNECT":
            return super().handle(connection, request=request, behaviour=behaviour)
        if self.tunnel_to is None:
            connection.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return True
        with _dial(self.tunnel_to) as upstream:
            connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self._relay(connection, upstream=upstream)
        return False

    def _relay(self, connection: Connection, *, upstream: socket.socket) -> None:
        while not self.stopping.is_set():
            still_open = connection.is_open
            upstream.sendall(connection.read_available())
            if not still_open:
                return
            watched = [connection.fileno(), upstream.fileno()]
            if upstream.fileno() in select.select(watched, [], [], TICK_S)[0]:
                data = upstream.recv(1 << 16)
                if not data:
                    return
                connection.send(data)


@contextmanager
def _dial(port: int) -> Iterator[socket.socket]:
    with socket.create_connection((HOST, port), timeout=10) as upstream:
        yield upstream

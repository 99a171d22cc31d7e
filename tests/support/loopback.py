"""A TCP server on 127.0.0.1 that keeps every byte, and a port where nobody listens.

Answers: who connected, and what did they send, up to this instant?
Not here: what a connection is answered (`server`, `proxy`).

Units: seconds, bytes.
"""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tests.support.wire import TICK_S, Connection, ParsedRequest

HOST = "127.0.0.1"
_JOIN_S = 10.0


class LoopbackServer:
    """Accepts, records and answers in plain threads; `serve` is the subclass's part.

    Use it as a context manager. Leaving it closes every socket, joins every thread and raises
    what went wrong inside them. The recordings stay readable afterwards.
    """

    def __init__(self, *, name: str) -> None:
        self.name = name
        self.stopping = threading.Event()
        self._changed = threading.Condition()  # guards the lists below
        self._accepting = threading.Lock()
        self._connections: list[Connection] = []
        self._requests: list[ParsedRequest] = []
        self._threads: list[threading.Thread] = []
        self._failures: list[Exception] = []
        self._listener: socket.socket | None = None
        self._port = 0

    # -- life

    def start(self) -> Self:
        if self._port:
            raise RuntimeError(f"server {self.name} was started before; make a new one")
        self._listener = socket.create_server((HOST, 0), backlog=128)
        self._listener.setblocking(False)
        self._port = self._listener.getsockname()[1]
        self._spawn(self._accept_until_stopped)
        return self

    def stop(self) -> None:
        """Stop, wait for every thread, and raise the first failure of one of them."""
        if self._listener is None:
            return
        self._accept_pending()
        with self._accepting:
            self.stopping.set()
        for thread in self._threads:  # nothing is accepted any more, so the list is final
            thread.join(_JOIN_S)
        self._listener.close()
        self._listener = None
        alive = [thread.name for thread in self._threads if thread.is_alive()]
        if alive:
            raise RuntimeError(f"server {self.name} left threads running: {alive}")
        if self._failures:
            raise self._failures[0]

    def __enter__(self) -> Self:
        return self if self._port else self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    # -- address

    @property
    def port(self) -> int:
        if not self._port:
            raise RuntimeError(f"server {self.name} has no port before it is started")
        return self._port

    @property
    def url(self) -> str:
        """Scheme, host and port, without a path."""
        return f"http://{HOST}:{self.port}"

    # -- recordings

    @property
    def connections(self) -> list[bytes]:
        """What each connection has sent, in order of arrival; empty bytes for a silent one."""
        self._accept_pending()
        with self._changed:
            connections = list(self._connections)
        return [connection.recorded for connection in connections]

    @property
    def received(self) -> bytes:
        """Every byte that any peer has sent up to now, unread ones included."""
        return b"".join(self.connections)

    @property
    def requests(self) -> list[ParsedRequest]:
        """The requests that arrived whole; each is listed before it is answered."""
        with self._changed:
            return list(self._requests)

    @property
    def open_connections(self) -> int:
        """How many connections neither side has closed."""
        self._accept_pending()
        with self._changed:
            connections = list(self._connections)
        return sum(connection.is_open for connection in connections)

    def wait_for_requests(self, count: int, *, timeout_s: float = 10.0) -> None:
        """Block until that many requests have arrived whole."""
        self._wait(lambda: len(self._requests) >= count, f"{count} requests", timeout_s=timeout_s)

    def wait_until_idle(self, *, timeout_s: float = 10.0) -> None:
        """Block until no connection is open any more."""
        self._wait(lambda: not self.open_connections, "no connection", timeout_s=timeout_s)

    # -- for subclasses

    def serve(self, connection: Connection) -> None:
        """Answer one connection until it ends; runs in a thread of its own."""
        raise NotImplementedError

    def note(self, request: ParsedRequest) -> None:
        with self._changed:
            self._requests.append(request)
            self._changed.notify_all()

    # -- inside

    def _wait(self, reached: Callable[[], bool], wanted: str, *, timeout_s: float) -> None:
        for _ in range(max(1, round(timeout_s / TICK_S))):
            if reached():
                return
            with self._changed:
                self._changed.wait(TICK_S)
        raise TimeoutError(f"server {self.name} saw not {wanted} within {timeout_s} s")

    def _spawn(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(
            target=work, name=f"{self.name}-{len(self._threads)}", daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def _accept_until_stopped(self) -> None:
        while not self.stopping.is_set():
            listener = self._listener
            if listener is not None and select.select([listener], [], [], TICK_S)[0]:
                self._accept_pending()

    def _accept_pending(self) -> None:
        """Accept what waits in the kernel, without waiting for more."""
        with self._accepting:
            while self._listener is not None and not self.stopping.is_set():
                try:
                    sock, _ = self._listener.accept()
                except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                    return
                # As every real server does; otherwise each reply waits 40 ms for an ACK.
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection = Connection(sock, stopping=self.stopping)
                with self._changed:
                    self._connections.append(connection)
                self._spawn(lambda connection=connection: self._run(connection))  # type: ignore[misc]

    def _run(self, connection: Connection) -> None:
        try:
            self.serve(connection)
        except OSError:
            pass  # the peer went away, which is its right
        except Exception as error:  # boundary of a thread: kept, and raised again by `stop`
            self._failures.append(error)
        finally:
            connection.close()


def dead_port() -> int:
    """Return a loopback port where nothing listens.

    The port was free a moment ago. The kernel hands out ephemeral ports in a spread order, so
    the same number is not given again soon.
    """
    with socket.create_server((HOST, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port

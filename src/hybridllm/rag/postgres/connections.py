"""Transactions on the database of a document store.

Answers: how do threads share connections, and which rows may a transaction see?
Not here: dialling (whoever makes the server), tables (`schema`).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol

from hybridllm.errors import StoreError

STATEMENT_TIMEOUT_S: Final = 60.0
"""Own choice: a commit of 100,000 passages takes seconds."""

_IDLE_CONNECTIONS: Final = 8
_SET: Final = "SELECT set_config(%s, %s, true)"


class Server(Protocol):
    """A database and how to reach it, such as `hybridllm.classify.postgres.PostgresServer`."""

    @property
    def errors(self) -> type[Exception]:
        """The class of all errors of the driver."""

    def connect(self, *, statement_timeout_s: float) -> Any:
        """Open a connection of psycopg with autocommit."""

    def failed(self, error: Exception) -> StoreError:
        """Return an error that holds the code of another, and nothing of its text."""


class Connections:
    """A few connections to one server. Safe to use from any thread, and after a fork."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._closed = False
        self._inherited: list[Any] = []
        self._reset()

    @contextmanager
    def plain(self) -> Iterator[Any]:
        """Lend a connection in a transaction that sees no document."""
        with self._lent() as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            # Compiling a search takes longer than the search.
            connection.execute("SET LOCAL jit = off")
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Any]:
        """Lend a connection in a transaction that sees and changes everything."""
        with self._lent() as connection, connection.transaction():
            connection.execute(_SET, ("hybridllm.writes", "on"))
            yield connection

    def close(self) -> None:
        """Close all. Calling it again does nothing."""
        self._closed = True
        if os.getpid() == self._process:
            with self._lock:
                while self._idle:
                    self._idle.pop().close()

    def _reset(self) -> None:
        self._lock, self._process = threading.Lock(), os.getpid()
        self._idle: list[Any] = []

    @contextmanager
    def _lent(self) -> Iterator[Any]:
        if os.getpid() != self._process:
            # Two processes on one connection would mix up their answers.
            self._inherited.extend(self._idle)
            self._reset()
        if self._closed:
            raise StoreError("the document store is closed")
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        if connection is None or connection.closed:
            connection = self._server.connect(statement_timeout_s=STATEMENT_TIMEOUT_S)
        try:
            yield connection
        except self._server.errors as error:
            raise self._server.failed(error) from None
        finally:
            self._take_back(connection)

    def _take_back(self, connection: Any) -> None:
        with self._lock:
            is_usable = not (connection.closed or connection.broken or self._closed)
            if is_usable and len(self._idle) < _IDLE_CONNECTIONS:
                self._idle.append(connection)
                return
        connection.close()


def see(connection: Any, *, grants: Iterable[int]) -> None:
    """Let the transaction see documents with these grants, and no others."""
    # Never empty: an empty setting is what a transaction has that never asked.
    text = ",".join(map(str, grants)) or "0"
    connection.execute(_SET, ("hybridllm.grants", text))

"""The SQLite file of a document store: making, opening, locking, really deleting.

Answers: how do several threads and processes share the file, and what if it fails?
Not here: what its tables mean (`schema`).

The file is readable by its owner only and holds the documents' text in clear. It runs in
WAL mode with `secure_delete`. It is made for a local disk: WAL doesn't work over a network.
Errors name the file and SQLite's kind of error, never a content.
Source: https://www.sqlite.org/wal.html, https://www.sqlite.org/lang_vacuum.html.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import apsw

from hybridllm.errors import ConfigurationError, StoreError

if TYPE_CHECKING:
    from apsw import Connection

BUSY_TIMEOUT_S: Final = 10.0
"""How long to wait for another process that writes. Own choice: a commit of 100,000
passages takes seconds."""

_IDLE_CONNECTIONS: Final = 8


class StoreFile:
    """One open file with a connection for each thread that is at work in it.

    Args:
        path: The file; made if missing, in a directory that exists.
        application_id: Marks the file's kind and version; any other file is refused.
        prepare: Makes the tables of a new file.

    Raises:
        ConfigurationError: The file cannot be made or read, or is another kind of file.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        application_id: int,
        prepare: Callable[[Connection], None],
        busy_timeout_s: float = BUSY_TIMEOUT_S,
    ) -> None:
        self.path: Final = Path(path)
        self._application_id = application_id
        self._busy_timeout_ms = int(busy_timeout_s * 1000)
        self._reset()
        self._inherited: list[Connection] = []
        self._closed = False
        try:
            # Made here, because SQLite would give it the mode that the umask allows.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            if sys.platform != "win32":
                self.path.chmod(0o600)
            connection = self._open()
            try:
                self._first_use(connection, prepare=prepare)
            except BaseException:
                connection.close()
                raise
        except (apsw.Error, OSError) as error:
            text = f"cannot be used as a document store ({_kind(error)})"
            raise ConfigurationError(text, file=str(self.path)) from error
        self._idle.append(connection)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Lend a connection that sees one state of the file, whatever is written meanwhile.

        Raises:
            StoreError: The file is closed, damaged, or locked for too long.
        """
        with self._lent() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                _end(connection, statement="COMMIT")

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Lend a connection for one transaction: all of it is stored, or nothing.

        Raises:
            StoreError: As for `reading`, or the file cannot be written.
        """
        with self._lent() as connection, self._writer:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                _end(connection, statement="ROLLBACK")
                raise

    def compact(self) -> bool:
        """Write the file anew and cut the log; return whether that was possible.

        `secure_delete` overwrites a row where it stands, but splitting a page leaves copies
        of its rows in unused bytes. Needs as much free disk as the file has, and that no
        other process is reading or writing for longer than the busy timeout.
        """
        try:
            with self._lent() as connection, self._writer:
                connection.execute("VACUUM")
                return self._checkpointed(connection)
        except StoreError as error:
            if isinstance(error.__cause__, (apsw.BusyError, apsw.LockedError, apsw.FullError)):
                return False
            raise

    def shorten_log(self) -> None:
        """Move the log into the file, unless somebody is reading in it."""
        with self._lent() as connection, self._writer:
            connection.set_busy_timeout(0)
            try:
                self._checkpointed(connection)
            except apsw.BusyError:
                return  # the next commit tries again
            finally:
                connection.set_busy_timeout(self._busy_timeout_ms)

    def size_bytes(self) -> int:
        """Return the bytes of the file and its log."""
        files = (self.path, self.path.with_name(f"{self.path.name}-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def close(self) -> None:
        """Close the file. Calling it again does nothing."""
        self._closed = True
        if os.getpid() == self._process:
            with self._lock:
                while self._idle:
                    self._idle.pop().close()

    def damaged(self) -> StoreError:
        """Return the error for content that cannot be what was stored."""
        return StoreError(f"{self.path}: document store is damaged; read the sources in again")

    def _reset(self) -> None:
        self._lock, self._writer = threading.Lock(), threading.Lock()
        self._process = os.getpid()
        self._idle: list[Connection] = []

    @contextmanager
    def _lent(self) -> Iterator[Connection]:
        if os.getpid() != self._process:
            # SQLite forbids to use or close the parent's connections in this process.
            self._inherited.extend(self._idle)
            self._reset()
        with self._lock:
            if self._closed:
                raise StoreError(f"{self.path}: document store is closed")
            connection = self._idle.pop() if self._idle else None
        try:
            connection = connection or self._open()
            yield connection
        except (apsw.Error, OSError) as error:
            text = f"{self.path}: document store failed ({_kind(error)})"
            raise StoreError(text) from error
        finally:
            if connection is not None:
                self._take_back(connection)

    def _take_back(self, connection: Connection) -> None:
        with self._lock:
            if not self._closed and len(self._idle) < _IDLE_CONNECTIONS:
                self._idle.append(connection)
                return
        connection.close()

    def _open(self) -> Connection:
        # Without CREATE: a file that was moved away must not come back empty.
        connection = apsw.Connection(str(self.path), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            connection.set_busy_timeout(self._busy_timeout_ms)
            for setting in ("secure_delete = ON", "trusted_schema = OFF", "cell_size_check = ON"):
                connection.execute(f"PRAGMA {setting}").fetchall()
            self._check_mode(one(connection, query="PRAGMA journal_mode = WAL")[0])
            # In WAL mode anything less loses the last commits when the power fails.
            connection.execute("PRAGMA synchronous = FULL").fetchall()
        except BaseException:
            connection.close()
            raise
        return connection

    def _check_mode(self, mode: str) -> None:
        if mode != "wal":
            text = "is on a disk without shared memory; use a local disk"
            raise ConfigurationError(text, file=str(self.path))

    def _first_use(self, connection: Connection, *, prepare: Callable[[Connection], None]) -> None:
        # Two processes may make the file at the same time: look again under the lock.
        connection.execute("BEGIN IMMEDIATE")
        try:
            if one(connection, query="SELECT count(*) FROM sqlite_schema")[0] == 0:
                prepare(connection)
                connection.execute(f"PRAGMA application_id = {self._application_id:d}").fetchall()
            connection.execute("COMMIT")
        except BaseException:
            _end(connection, statement="ROLLBACK")
            raise
        if one(connection, query="PRAGMA application_id")[0] != self._application_id:
            text = "is no document store of this version"
            raise ConfigurationError(text, file=str(self.path))

    @staticmethod
    def _checkpointed(connection: Connection) -> bool:
        return bool(one(connection, query="PRAGMA wal_checkpoint(TRUNCATE)")[0] == 0)


def rows(
    connection: Connection, *, query: str, values: Sequence[Any] = ()
) -> list[tuple[Any, ...]]:
    """Return all rows of a query."""
    return [tuple(row) for row in connection.execute(query, tuple(values))]


def one(connection: Connection, *, query: str, values: Sequence[Any] = ()) -> tuple[Any, ...]:
    """Return the only row of a query.

    Raises:
        ValueError: There is none, although the schema guarantees it.
    """
    for row in rows(connection, query=query, values=values):
        return row
    raise ValueError("the file lacks a row that it must have")


def _end(connection: Connection, *, statement: str) -> None:
    # Some errors (a full disk) have ended the transaction already.
    if connection.in_transaction:
        connection.execute(statement)


def _kind(error: apsw.Error | OSError) -> str:
    """Return a word for what went wrong that holds no content."""
    if isinstance(error, OSError):
        return os.strerror(error.errno) if error.errno else type(error).__name__
    return type(error).__name__

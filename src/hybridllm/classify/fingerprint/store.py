"""A SQLite file of keyed digests that several threads and processes share.

Answers: how is such a file made, opened, locked, written and really deleted from?
Not here: what the tables mean (`index`, `classify.memory`).

The file is readable by its owner only. It runs in WAL mode with `secure_delete`;
after `compact` deleted digests are gone from the file and from its log. It is made
for a local disk: WAL doesn't work over a network.
Source: https://www.sqlite.org/wal.html, https://www.sqlite.org/lang_vacuum.html.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hybridllm.errors import ConfigurationError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

BUSY_TIMEOUT_S: Final = 5.0
"""How long to wait for another process that writes. Own choice: people notice longer."""

_SETTINGS: Final = "CREATE TABLE setting (name TEXT PRIMARY KEY, value) WITHOUT ROWID;"


class Store:
    """One open file. Errors name the file and SQLite's code, never a content.

    Args:
        path: The file; made if missing, in a directory that exists.
        purpose: What the file is, for messages.
        schema: Statements that make the tables. `setting (name, value)` is there already.
        application_id: Marks the file's kind and version; any other file is refused.
        key_check: Digest that only the right key gives.

    Raises:
        ConfigurationError: The file cannot be made or read, is another kind of file,
            is damaged, or was made with another key.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        purpose: str,
        schema: str,
        application_id: int,
        key_check: bytes,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
    ) -> None:
        self.path: Final = Path(path)
        self._purpose, self._schema = purpose, schema
        self._application_id, self._key_check = application_id, key_check
        self._busy_timeout_s = busy_timeout_s
        self._lock = threading.RLock()
        self._process = os.getpid()
        self._inherited: list[sqlite3.Connection] = []
        self._closed = False
        try:
            self._connection = self._open()
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(f"cannot be used as {purpose} ({error_code(error)})") from error

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection to one thread.

        Raises:
            StoreError: The file is closed, damaged, or locked for too long.
        """
        if os.getpid() != self._process:
            self._after_fork()
        with self._lock:
            if self._closed:
                raise StoreError(f"{self.path}: {self._purpose} is closed")
            try:
                yield self._connection
            except sqlite3.Error as error:
                raise StoreError(
                    f"{self.path}: {self._purpose} failed ({error_code(error)})"
                ) from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection for one transaction: all of it is stored, or nothing.

        Raises:
            StoreError: As for `reading`, or the file cannot be written.
        """
        with self.reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # Some errors (a full disk) have ended the transaction already.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def compact(self) -> None:
        """Write the file anew and cut the log, so that deletes are real.

        `secure_delete` overwrites a row where it stands, but splitting a page leaves
        copies of its rows in unused bytes. Takes about a second for 100 MB, and as
        much free disk as the file has.

        Raises:
            StoreError: Another process reads or writes on; what was deleted is not
                found any more, and its bytes may still be on the disk.
        """
        with self.reading() as connection:
            connection.execute("VACUUM")
            (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise StoreError(
                f"{self.path}: deleted, but another process keeps old pages in the log;"
                " compact the file again when it has finished"
            )

    def close(self) -> None:
        """Close the file. Calling it again does nothing."""
        if os.getpid() == self._process:
            with self._lock:
                if not self._closed:
                    self._connection.close()
        self._closed = True

    def _open(self) -> sqlite3.Connection:
        # Made here, because SQLite would give it the mode that the umask allows.
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        if sys.platform != "win32":
            self.path.chmod(0o600)
        connection = sqlite3.connect(
            self.path,
            timeout=self._busy_timeout_s,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA secure_delete = ON")
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise self._unusable("is on a disk without shared memory; use a local disk")
        # In WAL mode anything less loses the last commits when the power fails.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA trusted_schema = OFF")
        # Two processes may make the file at the same time: look again under the lock.
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,):
            for statement in (_SETTINGS + self._schema).split(";\n"):
                connection.execute(statement)
            connection.execute("INSERT INTO setting VALUES ('key', ?)", (self._key_check,))
            connection.execute(f"PRAGMA application_id = {self._application_id:d}")
        connection.execute("COMMIT")
        if connection.execute("PRAGMA application_id").fetchone() != (self._application_id,):
            raise self._unusable(f"is no {self._purpose} of this version")
        if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise self._unusable(f"is damaged; restore the {self._purpose} from a backup")
        found = connection.execute("SELECT value FROM setting WHERE name = 'key'").fetchone()
        if found != (self._key_check,):
            raise self._unusable("was made with another key, so nothing in it could be found")

    def _after_fork(self) -> None:
        # SQLite forbids using or closing the parent's connection here, and the
        # parent's lock may be held by a thread that doesn't exist in this process.
        self._inherited.append(self._connection)
        self._lock, self._process = threading.RLock(), os.getpid()
        try:
            self._connection = self._open()
        except (sqlite3.Error, OSError, ConfigurationError) as error:
            self._closed = True
            raise StoreError(f"{self.path}: {self._purpose} is lost after a fork") from error

    def _unusable(self, message: str) -> ConfigurationError:
        return ConfigurationError(message, file=str(self.path))


def error_code(error: sqlite3.Error | OSError) -> str:
    """Return a word for what went wrong that holds no content."""
    if isinstance(error, OSError):
        return os.strerror(error.errno) if error.errno else type(error).__name__
    return getattr(error, "sqlite_errorname", type(error).__name__)

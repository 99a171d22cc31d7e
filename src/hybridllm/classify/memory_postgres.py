"""A memory of labels in PostgreSQL, shared by several machines.

Answers: which label had this text when any of the machines last saw it?
Not here: what a text leaves behind (`fingerprint.digest`), connections (`postgres`).

Only keyed digests, names of labels and times travel; all machines use one key. An entry
keeps every label that it was given and is read as their join, so no order of writers
can lower one. Times are the server's, so that a machine with a wrong clock neither
forgets for all nor keeps for ever. The tables are made in the schema that comes first on
the role's search path.

The server is dialled when it is first asked, so that a client starts without it; what it
cannot answer is a doubt.
"""

from __future__ import annotations

import json
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from hybridllm.classify.fingerprint.digest import Digester
from hybridllm.classify.memory import joined, label_named
from hybridllm.errors import ConfigurationError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import psycopg

    from hybridllm.classify.postgres import PostgresServer
    from hybridllm.labels import Label, Scale

_FORMAT: Final = 1
_TABLE: Final = "hybridllm_memory"
_WRITERS: Final = int.from_bytes(b"hmm-pg1\0") >> 1
"""Advisory lock of writers: one after another, as with the file."""

_SCHEMA: Final = f"""
CREATE TABLE IF NOT EXISTS {_TABLE}_setting (name text PRIMARY KEY, value bytea NOT NULL);
CREATE TABLE IF NOT EXISTS {_TABLE} (
    digest bytea, level text, compartments text, seen double precision NOT NULL,
    PRIMARY KEY (digest, level, compartments));
CREATE INDEX IF NOT EXISTS {_TABLE}_seen ON {_TABLE} (seen)
"""

_NOW: Final = "coalesce(%(now)s::double precision, extract(epoch FROM clock_timestamp()))"

_RECALL: Final = f"""
SELECT DISTINCT level, compartments FROM {_TABLE}
WHERE digest = ANY(%(digests)s) AND seen >= {_NOW} - %(age)s"""  # noqa: S608 - our own names

_REMEMBER: Final = f"""
INSERT INTO {_TABLE} SELECT digest, %(level)s, %(compartments)s, {_NOW}
FROM unnest(%(digests)s::bytea[]) AS digest ON CONFLICT DO NOTHING"""  # noqa: S608

# All labels of a digest age together, or the join would fall with age.
_REFRESH: Final = f"UPDATE {_TABLE} SET seen = {_NOW} WHERE digest = ANY(%(digests)s)"  # noqa: S608

_TOO_OLD: Final = f"DELETE FROM {_TABLE} WHERE seen < {_NOW} - %(age)s"  # noqa: S608

# Whole digests go: half of one's labels would be a lower label.
_TOO_MANY: Final = f"""
DELETE FROM {_TABLE} WHERE digest IN (SELECT digest FROM {_TABLE} ORDER BY seen LIMIT
    greatest(0, (SELECT count(*) FROM {_TABLE}) - %(most)s))"""  # noqa: S608

_FORGET: Final = f"DELETE FROM {_TABLE} WHERE digest = ANY(%(digests)s)"  # noqa: S608

_TIMEOUT_S: Final = 1.0
"""For each statement. Own choice: each request waits for it."""

_GRACE_S: Final = 0.5
"""How much longer we wait than the server should take to give up."""

_MOST_BETWEEN: Final = 1_000
"""Entries that one client adds before it counts all again; counting a million takes 0.1 s."""


class _ConnectionLostError(StoreError):
    """The connection broke, perhaps long ago: another one may work."""


class PostgresMemory:
    """A memory in a database; see `SqliteMemory`, whose rules it keeps.

    Args:
        server: The database.
        scale: Where the stored names are looked up.
        key: 16 to 64 secret bytes, the same for all machines.
        max_entries: Beyond this, what was remembered longest ago is deleted. Each client may
            go beyond it by a hundredth, 1,000 at most, before it counts again.
        max_age_s: What was not remembered again for this long is deleted.
        timeout_s: How long a statement may take before a `StoreError`.
        clock: Seconds since the epoch; `None` for the server's.

    Raises:
        ConfigurationError: A limit is below 1.
    """

    def __init__(
        self,
        server: PostgresServer,
        *,
        scale: Scale,
        key: bytes,
        max_entries: int = 1_000_000,
        max_age_s: float = 90 * 86_400,
        timeout_s: float = _TIMEOUT_S,
        clock: Callable[[], float] | None = None,
    ) -> None:
        for name, value in (("max_entries", max_entries), ("max_age_s", max_age_s)):
            if not value >= 1:
                raise ConfigurationError(f"is {value}; expected at least 1", key=name)
        self._server, self._scale, self._digests = server, scale, Digester(key)
        self._max_entries, self._max_age_s, self._clock = max_entries, max_age_s, clock
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._idle: list[psycopg.Connection[Any]] = []
        self._inherited: list[psycopg.Connection[Any]] = []
        self._closed = self._is_prepared = False
        # At the start, and then each time so many entries were added.
        self._between = max(1, min(_MOST_BETWEEN, max_entries // 100))
        self._added = self._between

    def recall(self, texts: Iterable[str]) -> Label | None:
        """Return the join of the labels of all known texts, `None` if none is known."""
        digests = list(self._digests.to_recall(texts))
        if not digests:
            return None
        values = self._values(digests=digests)
        rows = self._again_if_stale(lambda it: it.execute(_RECALL, values).fetchall())
        return joined(
            label_named(self._scale, level=level, compartments=some) for level, some in rows
        )

    def remember(self, texts: Iterable[str], *, label: Label) -> None:
        """Add `label` to what is known of each text; the server has stored it on return."""
        digests = list(self._digests.to_remember(texts))
        if not digests:
            return
        values = self._values(
            digests=digests,
            level=label.level.name,
            compartments=json.dumps(sorted(label.compartments)),
        )

        def store(connection: psycopg.Connection[Any]) -> None:
            connection.execute(_REFRESH, values)
            connection.execute(_REMEMBER, values)
            if self._added + len(digests) > self._between:
                self._expire(connection)

        self._again_if_stale(store, writes=True)
        with self._lock:
            self._added += len(digests)
            if self._added > self._between:
                self._added = 0

    def forget(self, texts: Iterable[str]) -> None:
        """Delete all that is known of these texts and of their lines."""
        values = self._values(digests=list(self._digests.to_recall(texts)))
        self._again_if_stale(lambda it: it.execute(_FORGET, values), writes=True)

    def purge(self) -> None:
        """Delete what is too old or too much."""
        self._again_if_stale(self._expire, writes=True)

    def close(self) -> None:
        """Close the connections. Calling it again does nothing."""
        self._closed = True
        if os.getpid() == self._process:
            with self._lock:
                while self._idle:
                    self._idle.pop().close()

    def _prepare(self, connection: psycopg.Connection[Any]) -> None:
        # Looked at first: making what exists needs rights that the role may not have.
        if connection.execute("SELECT to_regclass(%s)", (_TABLE,)).fetchone() == (None,):
            for statement in _SCHEMA.split(";\n"):
                connection.execute(statement)
        wanted = {"format": bytes((_FORMAT,)), "key": self._digests.key_check}
        for item in wanted.items():
            connection.execute(
                f"INSERT INTO {_TABLE}_setting VALUES (%s, %s) ON CONFLICT DO NOTHING",  # noqa: S608
                item,
            )
        query = f"SELECT name, value FROM {_TABLE}_setting"  # noqa: S608
        found = {name: bytes(value) for name, value in connection.execute(query).fetchall()}
        if found["format"] != wanted["format"]:
            raise self._unusable("holds a message memory of another version")
        if found["key"] != wanted["key"]:
            raise self._unusable(
                "was filled with another key, so nothing in it could be found. All machines "
                "need the same state.key_env"
            )

    def _expire(self, connection: psycopg.Connection[Any]) -> None:
        values = self._values(most=self._max_entries)
        connection.execute(_TOO_OLD, values)
        connection.execute(_TOO_MANY, values)

    def _values(self, **more: object) -> dict[str, object]:
        now = None if self._clock is None else self._clock()
        return {"now": now, "age": self._max_age_s, **more}

    def _again_if_stale(
        self, work: Callable[[psycopg.Connection[Any]], Any], *, writes: bool = False
    ) -> Any:
        """Do something; once more if the connection was an old one, which the server had closed.

        Both remembering and recalling mean the same when they are done twice.
        """
        if not self._is_prepared:
            with self._transaction(writes=True) as connection:
                self._prepare(connection)
            self._is_prepared = True
        try:
            with self._transaction(writes=writes) as connection:
                return work(connection)
        except _ConnectionLostError:
            self._drop_idle()
        with self._transaction(writes=writes) as connection:
            return work(connection)

    @contextmanager
    def _transaction(self, *, writes: bool) -> Iterator[psycopg.Connection[Any]]:
        connection = self._take()
        try:
            with connection.transaction():
                if writes:
                    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_WRITERS,))
                yield connection
        except self._server.errors as error:
            was_lost = connection.broken
            connection.close()
            failure = self._server.failed(error)
            raise (_ConnectionLostError(str(failure)) if was_lost else failure) from None
        except BaseException:
            connection.close()
            raise
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    def _take(self) -> psycopg.Connection[Any]:
        if os.getpid() != self._process:
            # The parent's connections are the parent's; closing them would say so to the server.
            self._inherited += self._idle
            self._idle, self._lock, self._process = [], threading.Lock(), os.getpid()
        with self._lock:
            if self._closed:
                raise StoreError(f"{self._server.shown}: message memory is closed")
            if self._idle:
                return self._idle.pop()
        return self._server.connect(
            statement_timeout_s=self._timeout_s,
            connect_timeout_s=self._timeout_s,
            reply_timeout_s=self._timeout_s + _GRACE_S,
        )

    def _drop_idle(self) -> None:
        with self._lock:
            while self._idle:
                self._idle.pop().close()

    def _unusable(self, message: str) -> StoreError:
        return StoreError(f"{self._server.shown}: PostgreSQL {message}")

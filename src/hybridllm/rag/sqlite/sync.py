"""One reading of a source into a SQLite store.

Answers: what is staged, what becomes findable, what goes?
Not here: reading files (`rag.ingest`), searching (`store`).

Documents stand in one table, live or staged. Each run has a token, higher than all before
it; a run whose token is no longer the newest of its source can do nothing more. So a run
that was killed leaves no lock behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Self

from hybridllm.errors import StoreError
from hybridllm.rag.grants import sealed
from hybridllm.rag.lexical import DocumentTerms
from hybridllm.rag.sqlite.file import rows
from hybridllm.rag.sqlite.schema import count_up, grant_id
from hybridllm.rag.staging import check_document, clean, place, unit_vectors

if TYPE_CHECKING:
    from types import TracebackType

    from apsw import Connection

    from hybridllm.rag.model import Document, Passage
    from hybridllm.rag.sqlite.file import StoreFile

_DROPPED: Final = """
SELECT id FROM document WHERE source = :source AND (
    is_live = 0 AND token <> :token
    OR is_live = 1 AND name NOT IN (
        SELECT name FROM kept WHERE source = :source AND token = :token))"""

_TAKE_OVER: Final = """
UPDATE document SET title = kept.title, trust = kept.trust,
    access_grant = kept.access_grant, seal = kept.seal
FROM kept WHERE kept.source = :source AND kept.token = :token
    AND document.name = kept.name AND document.is_live = 1"""

_CONFIRM: Final = """
UPDATE document SET token = ?, title = ?, trust = ?, access_grant = ?, seal = ?
WHERE name = ? AND is_live = 0"""


class SqliteSyncRun:
    """See `rag.store.SyncRun`."""

    def __init__(
        self, source: str, *, file: StoreFile, dimensions: int, on_commit: Callable[[], None]
    ) -> None:
        self._source, self._file, self._dimensions = source, file, dimensions
        self._on_commit = on_commit
        self._is_over = False
        with file.writing() as connection:
            self._token = count_up(connection, name="token")
            connection.execute("INSERT OR REPLACE INTO run VALUES (?, ?)", (source, self._token))
            connection.execute("DELETE FROM kept WHERE source = ?", (source,))
            self._current = self._versions(connection, is_live=True)
            self._pending = self._versions(connection, is_live=False)

    @property
    def current(self) -> dict[str, str]:
        """Version by document id, as found when the run began, or since its commit."""
        return dict(self._current)

    @property
    def pending(self) -> dict[str, str]:
        """Version by document id, of what this or a cut-off reading has put already."""
        return dict(self._pending)

    def put(
        self,
        document: Document,
        *,
        passages: Sequence[Passage],
        vectors: Sequence[Sequence[float]] | None,
    ) -> None:
        """Stage a new or changed document with all its passages, all or nothing.

        Raises:
            ValueError: It is of another source, its vectors don't fit, or its trust isn't
                between 0 and 1. Nothing was stored.
            StoreError: Another run has begun, another source has a document with this id,
                or the file cannot be written.
        """
        check_document(document, source=self._source)
        units = unit_vectors(vectors, dimensions=self._dimensions, passages=len(passages))
        texts = [clean(passage.text) for passage in passages]
        terms = DocumentTerms.of(texts).to_bytes()
        with self._writing() as connection:
            self._drop_staged(connection, name=document.id)
            self._drop_kept(connection, name=document.id)
            number = self._insert(connection, document=document, passages=len(passages))
            connection.execute(
                "INSERT INTO search_data VALUES (?, ?, ?)", (number, units.tobytes(), terms)
            )
            connection.executemany(
                "INSERT INTO passage VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (number, position, text, *place(passage.span))
                    for position, (passage, text) in enumerate(zip(passages, texts, strict=True))
                ],
            )
        self._pending[document.id] = document.version

    def keep(self, document: Document) -> None:
        """Say that this version is in `pending` or `current`; no passages are needed.

        Raises:
            ValueError: See `put`.
            StoreError: The store has no such version, or another run has begun since.
        """
        check_document(document, source=self._source)
        row, mark = sealed(document)
        with self._writing() as connection:
            number = grant_id(connection, row=row)
            values = (clean(document.title), document.trust, number, mark)
            staged = _version(connection, name=document.id, is_live=False)
            if staged == document.version:
                self._drop_kept(connection, name=document.id)
                connection.execute(_CONFIRM, (self._token, *values, document.id))
                return
            live = _version(connection, name=document.id, is_live=True)
            if live != document.version:
                raise StoreError(f"{self._file.path}: there is no such version to keep; put it")
            connection.execute(
                "INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?, ?, ?, ?)",
                (self._source, document.id, self._token, *values),
            )

    def commit(self) -> None:
        """Make what was put findable, and hide what was neither put nor kept, at once.

        Raises:
            StoreError: Another run has begun, or the file cannot be written; what is found
                has not changed.
        """
        run = {"source": self._source, "token": self._token}
        with self._writing() as connection:
            gone = [row[0] for row in connection.execute(_DROPPED, run)]
            delete_documents(connection, numbers=gone)
            connection.execute(_TAKE_OVER, run)
            connection.execute(
                "UPDATE document SET is_live = 1 WHERE source = :source AND is_live = 0", run
            )
            connection.execute("DELETE FROM kept WHERE source = :source", run)
            connection.execute("DELETE FROM run WHERE source = :source", run)
            delete_unused_grants(connection)
            count_up(connection, name="content")
            count_up(connection, name="grants")
            self._current = self._versions(connection, is_live=True)
        self._pending, self._is_over = {}, True
        self._on_commit()

    def __enter__(self) -> Self:
        """Return the run."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it; without `commit`, nothing that is found has changed."""
        self._is_over = True

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """Lend a transaction, unless another run of the source has begun."""
        if self._is_over:
            raise StoreError(f"{self._file.path}: this run is over; begin another")
        with self._file.writing() as connection:
            newest = rows(
                connection, query="SELECT token FROM run WHERE source = ?", values=(self._source,)
            )
            if newest != [(self._token,)]:
                text = f"{self._file.path}: another run has begun to read this source"
                raise StoreError(text)
            yield connection

    def _insert(self, connection: Connection, *, document: Document, passages: int) -> int:
        query = "SELECT 1 FROM document WHERE name = ? AND source <> ?"
        if rows(connection, query=query, values=(document.id, self._source)):
            raise StoreError(f"{self._file.path}: another source has a document with this id")
        row, mark = sealed(document)
        connection.execute(
            "INSERT INTO document VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)",
            (
                document.id,
                self._source,
                clean(document.title),
                document.version,
                document.trust,
                grant_id(connection, row=row),
                mark,
                passages,
                self._token,
            ),
        )
        return int(connection.last_insert_rowid())

    def _drop_staged(self, connection: Connection, *, name: str) -> None:
        query = "SELECT id FROM document WHERE name = ? AND is_live = 0 AND source = ?"
        staged = rows(connection, query=query, values=(name, self._source))
        delete_documents(connection, numbers=[row[0] for row in staged])

    def _drop_kept(self, connection: Connection, *, name: str) -> None:
        connection.execute("DELETE FROM kept WHERE source = ? AND name = ?", (self._source, name))

    def _versions(self, connection: Connection, *, is_live: bool) -> dict[str, str]:
        query = "SELECT name, version FROM document WHERE source = ? AND is_live = ?"
        return dict(rows(connection, query=query, values=(self._source, int(is_live))))


def delete_documents(connection: Connection, *, numbers: Sequence[int]) -> None:
    """Delete documents with all that hangs on them."""
    values = [(number,) for number in numbers]
    connection.executemany("DELETE FROM passage WHERE document = ?", values)
    connection.executemany("DELETE FROM search_data WHERE document = ?", values)
    connection.executemany("DELETE FROM document WHERE id = ?", values)


def delete_unused_grants(connection: Connection) -> None:
    """Delete grants that no document has: names of readers are personal data too."""
    connection.execute(
        "DELETE FROM access_grant WHERE id NOT IN (SELECT access_grant FROM document)"
        " AND id NOT IN (SELECT access_grant FROM kept)"
    )


def _version(connection: Connection, *, name: str, is_live: bool) -> str | None:
    query = "SELECT version FROM document WHERE name = ? AND is_live = ?"
    found = rows(connection, query=query, values=(name, int(is_live)))
    return str(found[0][0]) if found else None

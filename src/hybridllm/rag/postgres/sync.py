"""One reading of a source into PostgreSQL.

Answers: what is staged, what becomes findable, what goes?
Not here: reading files (`rag.ingest`), searching (`store`).

It keeps the same promises as a run in SQLite: a token that is no longer the newest of its
source can do nothing more, and what is put is found only after the commit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, Self

from hybridllm.errors import StoreError
from hybridllm.rag.grants import sealed
from hybridllm.rag.lexical import DocumentTerms
from hybridllm.rag.staging import check_document, clean, place, unit_vectors

if TYPE_CHECKING:
    from types import TracebackType

    from hybridllm.rag.grants import GrantRow
    from hybridllm.rag.model import Document, Passage
    from hybridllm.rag.postgres.connections import Connections

_GONE: Final = """
SELECT id FROM rag_document WHERE source = %(source)s AND (
    NOT is_live AND token <> %(token)s
    OR is_live AND name NOT IN (
        SELECT name FROM rag_kept WHERE source = %(source)s AND token = %(token)s))"""

_TAKE_OVER: Final = """
UPDATE rag_document d SET title = k.title, trust = k.trust,
    access_grant = k.access_grant, seal = k.seal
FROM rag_kept k WHERE k.source = %(source)s AND k.token = %(token)s
    AND d.name = k.name AND d.is_live"""

_KEEP: Final = """
INSERT INTO rag_kept VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (source, name) DO UPDATE SET token = excluded.token, title = excluded.title,
    trust = excluded.trust, access_grant = excluded.access_grant, seal = excluded.seal"""

_CONFIRM: Final = """
UPDATE rag_document SET token = %s, title = %s, trust = %s, access_grant = %s, seal = %s
WHERE name = %s AND NOT is_live"""

_DOCUMENT: Final = """
INSERT INTO rag_document
    (name, source, title, version, trust, access_grant, seal, passages, is_live, token)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, false, %s) RETURNING id"""


_PASSAGE: Final = """
INSERT INTO rag_passage (document, position, text, start, stop, page, headings, words)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"""
_PASSAGE_WITH_VECTOR: Final = """
INSERT INTO rag_passage
    (document, position, text, start, stop, page, headings, words, embedding)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s::vector)"""
_POSTINGS: Final = """
INSERT INTO rag_posting SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::smallint[])"""


class PostgresSyncRun:
    """See `rag.store.SyncRun`."""

    def __init__(self, source: str, *, connections: Connections, dimensions: int) -> None:
        self._source, self._connections, self._dimensions = source, connections, dimensions
        self._is_over = False
        with connections.writing() as connection:
            self._token = count_up(connection, name="token")
            connection.execute(
                "INSERT INTO rag_run VALUES (%s, %s)"
                " ON CONFLICT (source) DO UPDATE SET token = excluded.token",
                (source, self._token),
            )
            connection.execute("DELETE FROM rag_kept WHERE source = %s", (source,))
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
                or the database cannot be written.
        """
        check_document(document, source=self._source)
        units = unit_vectors(vectors, dimensions=self._dimensions, passages=len(passages))
        texts = [_storable(passage.text) for passage in passages]
        terms = DocumentTerms.of(texts)
        with self._writing() as connection:
            delete_documents(connection, where="name = %s AND NOT is_live", values=(document.id,))
            self._drop_kept(connection, name=document.id)
            number = self._insert(connection, document=document, passages=len(passages))
            rows = [
                (number, position, text, *place(passage.span), int(terms.lengths[position]))
                + ((vector_text(units[position]),) if self._dimensions else ())
                for position, (passage, text) in enumerate(zip(passages, texts, strict=True))
            ]
            query = _PASSAGE_WITH_VECTOR if self._dimensions else _PASSAGE
            # Not COPY: PostgreSQL refuses it for tables with policies.
            connection.cursor().executemany(query, rows)
            self._insert_postings(connection, document=number, terms=terms)
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
            values = (_storable(document.title), document.trust, number, mark)
            if _version(connection, name=document.id, is_live=False) == document.version:
                self._drop_kept(connection, name=document.id)
                connection.execute(_CONFIRM, (self._token, *values, document.id))
                return
            if _version(connection, name=document.id, is_live=True) != document.version:
                raise StoreError("there is no such version to keep; put it")
            connection.execute(_KEEP, (self._source, document.id, self._token, *values))

    def commit(self) -> None:
        """Make what was put findable, and hide what was neither put nor kept, at once.

        Raises:
            StoreError: Another run has begun, or the database cannot be written; what is
                found has not changed.
        """
        run = {"source": self._source, "token": self._token}
        with self._writing() as connection:
            gone = [row[0] for row in connection.execute(_GONE, run)]
            delete_documents(connection, where="id = ANY (%s)", values=(gone,))
            connection.execute(_TAKE_OVER, run)
            connection.execute(
                "UPDATE rag_document SET is_live = true WHERE source = %(source)s AND NOT is_live",
                run,
            )
            connection.execute("DELETE FROM rag_kept WHERE source = %(source)s", run)
            connection.execute("DELETE FROM rag_run WHERE source = %(source)s", run)
            delete_unused_grants(connection)
            self._current = self._versions(connection, is_live=True)
        self._pending, self._is_over = {}, True

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
    def _writing(self) -> Iterator[Any]:
        """Lend a transaction, unless another run of the source has begun."""
        if self._is_over:
            raise StoreError("this run is over; begin another")
        with self._connections.writing() as connection:
            # Locked: a run that begins now waits until this transaction has ended.
            newest = connection.execute(
                "SELECT token FROM rag_run WHERE source = %s FOR UPDATE", (self._source,)
            ).fetchall()
            if newest != [(self._token,)]:
                raise StoreError("another run has begun to read this source")
            yield connection

    def _insert(self, connection: Any, *, document: Document, passages: int) -> int:
        strangers = connection.execute(
            "SELECT 1 FROM rag_document WHERE name = %s AND source <> %s",
            (document.id, self._source),
        ).fetchall()
        if strangers:
            raise StoreError("another source has a document with this id")
        row, mark = sealed(document)
        values = (
            document.id,
            self._source,
            _storable(document.title),
            document.version,
            document.trust,
            grant_id(connection, row=row),
            mark,
            passages,
            self._token,
        )
        return int(connection.execute(_DOCUMENT, values).fetchone()[0])

    def _insert_postings(self, connection: Any, *, document: int, terms: DocumentTerms) -> None:
        query = "SELECT id FROM rag_passage WHERE document = %s ORDER BY position"
        numbers = [row[0] for row in connection.execute(query, (document,))]
        owners = [n for n, many in zip(numbers, terms.distinct, strict=True) for _ in range(many)]
        connection.execute(_POSTINGS, (terms.terms.tolist(), owners, terms.counts.tolist()))

    def _drop_kept(self, connection: Any, *, name: str) -> None:
        connection.execute(
            "DELETE FROM rag_kept WHERE source = %s AND name = %s", (self._source, name)
        )

    def _versions(self, connection: Any, *, is_live: bool) -> dict[str, str]:
        query = "SELECT name, version FROM rag_document WHERE source = %s AND is_live = %s"
        return dict(connection.execute(query, (self._source, is_live)).fetchall())


def count_up(connection: Any, *, name: str) -> int:
    """Add one to a counter and return it."""
    query = "UPDATE rag_setting SET value = value::bigint + 1 WHERE name = %s RETURNING value"
    return int(connection.execute(query, (name,)).fetchone()[0])


def grant_id(connection: Any, *, row: GrantRow) -> int:
    """Return the number of a grant, storing it if it is new."""
    digest = blake2b("\0".join(row).encode("ascii", "backslashreplace"), digest_size=16).digest()
    query = """
        INSERT INTO rag_grant (level, compartments, readers, departments, digest)
        VALUES (%s, %s, %s, %s, %s)
        ON CONFLICT (digest) DO UPDATE SET digest = excluded.digest RETURNING id"""
    return int(connection.execute(query, (*row, digest)).fetchone()[0])


def delete_documents(connection: Any, *, where: str, values: tuple[Any, ...]) -> int:
    """Delete documents with all that hangs on them; return how many passages went."""
    query = f"SELECT id FROM rag_document WHERE {where}"  # noqa: S608 - our own conditions
    numbers = [row[0] for row in connection.execute(query, values)]
    inside = "SELECT id FROM rag_passage WHERE document = ANY (%s)"
    connection.execute(f"DELETE FROM rag_posting WHERE passage IN ({inside})", (numbers,))  # noqa: S608 - our own statement
    gone = connection.execute("DELETE FROM rag_passage WHERE document = ANY (%s)", (numbers,))
    connection.execute("DELETE FROM rag_document WHERE id = ANY (%s)", (numbers,))
    return int(gone.rowcount)


def delete_unused_grants(connection: Any) -> None:
    """Delete grants that no document has: names of readers are personal data too."""
    connection.execute(
        "DELETE FROM rag_grant WHERE id NOT IN (SELECT access_grant FROM rag_document)"
        " AND id NOT IN (SELECT access_grant FROM rag_kept)"
    )


def vector_text(vector: Any) -> str:
    """Return a vector as pgvector reads it."""
    return "[" + ",".join(repr(float(value)) for value in vector) + "]"


def _storable(text: str) -> str:
    # PostgreSQL stores no NUL character.
    return clean(text).replace("\0", "\ufffd")


def _version(connection: Any, *, name: str, is_live: bool) -> str | None:
    query = "SELECT version FROM rag_document WHERE name = %s AND is_live = %s"
    row = connection.execute(query, (name, is_live)).fetchone()
    return None if row is None else str(row[0])

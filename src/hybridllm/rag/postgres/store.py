"""The document store in PostgreSQL with pgvector.

Answers: see `rag.store.Store`; the same for every machine that is connected.
Not here: tables and policies (`schema`), runs (`sync`), dialling.

A search looks at every passage that the access covers, as the store in SQLite does, and
computes the same scores, but that words in more than 5,000 passages count only if a question
has no others. The grants that are covered are told to the server, which shows the
transaction nothing else. What is erased is hidden at once; its bytes stay in the server's
files until it reuses them, and in its log and backups.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from hybridllm.errors import StoreError
from hybridllm.rag.grants import grant_row, read_grant, seal
from hybridllm.rag.lexical import weighted_terms
from hybridllm.rag.model import Hit, Passage, Span, check_access
from hybridllm.rag.postgres import schema
from hybridllm.rag.postgres.connections import Connections, see
from hybridllm.rag.postgres.opening import opened
from hybridllm.rag.postgres.sync import (
    PostgresSyncRun,
    delete_documents,
    delete_unused_grants,
    grant_id,
    vector_text,
)
from hybridllm.rag.ranking import DENSE_SHARE, unit_vector
from hybridllm.rag.store import EraseLevel, EraseReceipt, StoreCapabilities, StoreStats

if TYPE_CHECKING:
    from hybridllm.labels import Scale
    from hybridllm.rag.model import Access, Grant, Query
    from hybridllm.rag.postgres.connections import Server

COMMON: Final = 5_000
"""Passages that hold a word, from which on it is only used if the question has no rarer one.
Own choice: a word in so many passages says little, and reading all of them takes long."""

_MOST_COMMON_WORDS: Final = 4

_FREQUENCIES: Final = """
SELECT term, (
    SELECT count(*) FROM (
        SELECT 1 FROM rag_posting o WHERE o.term = t.term LIMIT %s) AS counted)
FROM unnest(%s::bigint[]) AS t(term)"""
_BESIDE: Final = """
SELECT text, start, stop, page, headings FROM rag_passage
WHERE document = %s AND position BETWEEN %s AND %s AND position <> %s ORDER BY position"""
_SIZE: Final = """
SELECT count(*), coalesce(sum(passages), 0), (
    SELECT sum(pg_total_relation_size(name::regclass))
    FROM unnest(ARRAY['rag_document', 'rag_passage', 'rag_posting']) AS t(name))
FROM rag_document WHERE is_live"""


class PostgresStore:
    """See `rag.store.Store`.

    Args:
        server: The database; its role must own the tables, and be bound by their policies.
        scale: Where the stored names of labels are looked up. A name that the scale no
            longer has counts as the strictest label.
        dimensions: Of the vectors; `None` takes those of the database, and 0 for a new one.
        embedder: Name of what makes the vectors; `None` takes that of the database.

    Raises:
        ConfigurationError: The role is not bound by row-level security, pgvector is
            missing, or the store was made with another embedder or other dimensions.
        StoreError: The database cannot be reached.
    """

    def __init__(
        self,
        server: Server,
        *,
        scale: Scale,
        dimensions: int | None = None,
        embedder: str | None = None,
    ) -> None:
        self._scale = scale
        self._connections = Connections(server)
        try:
            with self._connections.writing() as connection:
                self._dimensions = opened(connection, dimensions=dimensions, embedder=embedder)
        except BaseException:
            self._connections.close()
            raise

    @property
    def capabilities(self) -> StoreCapabilities:
        """Exact search; what is erased is hidden."""
        return StoreCapabilities(
            exact=True, erase_level=EraseLevel.HIDDEN, dimensions=self._dimensions
        )

    def begin_sync(self, source: str) -> PostgresSyncRun:
        """Begin to read a source in. An older run of the same source can do nothing more.

        Raises:
            StoreError: The database cannot be written.
        """
        return PostgresSyncRun(source, connections=self._connections, dimensions=self._dimensions)

    def search(self, query: Query, *, access: Access, k: int) -> list[Hit]:
        """Return the best k passages that the access covers, best first.

        Raises:
            TypeError: The access is none.
            ValueError: The vector or a weight doesn't fit this store.
            StoreError: The database cannot be read or is damaged.
        """
        check_access(access)
        weights = weighted_terms(query.text, expansions=query.expansions)
        own = list(weighted_terms(query.text, expansions=()))
        vector = None
        if query.vector is not None:
            vector = vector_text(unit_vector(query.vector, dimensions=self._dimensions))
        if k < 1 or (vector is None and not weights):
            return []
        with self._connections.plain() as connection:
            see(connection, grants=self._covered(connection, access=access))
            passages, mean = connection.execute(
                "SELECT count(*), coalesce(avg(words), 0)::float8 FROM rag_passage"
            ).fetchone()
            values, useful = _values(connection, terms=list(weights), passages=passages)
            found = connection.execute(
                schema.SEARCH.format(
                    cosine="NULL::float8" if vector is None else "-(p.embedding <#> %(vector)s)"
                ),
                {
                    "vector": vector,
                    "terms": useful,
                    "weights": [weights[term] * values[term] for term in useful],
                    "mean": mean or 1.0,
                    "dense": 0.0 if vector is None else 1.0 if not weights else DENSE_SHARE,
                    "k": k,
                },
            ).fetchall()
            return self._hits(connection, found=found, values={term: values[term] for term in own})

    def withholds(self, *, access: Access) -> bool:
        """Return whether the ceiling hides passages that the asker could see without it.

        Raises:
            TypeError: The access is none.
            StoreError: The database cannot be read.
        """
        check_access(access)
        if access.ceiling is None:
            return False
        without = type(access)(access.clearance, access.readers, access.department)
        with self._connections.plain() as connection:
            more = self._covered(connection, access=without)
            hidden = more - self._covered(connection, access=access)
            see(connection, grants=hidden)
            return bool(connection.execute("SELECT 1 FROM rag_passage LIMIT 1").fetchall())

    def neighbours(self, span: Span, *, access: Access, before: int, after: int) -> list[Passage]:
        """Return passages beside one, of the same document version, in reading order.

        The one at `span` is not among them. Without access to the document there are none.

        Raises:
            TypeError: The access is none.
            StoreError: The database cannot be read.
        """
        check_access(access)
        with self._connections.plain() as connection:
            see(connection, grants=self._covered(connection, access=access))
            found = connection.execute(
                "SELECT d.id, position FROM rag_document d JOIN rag_passage ON document = d.id"
                " WHERE name = %s AND version = %s AND start = %s AND stop = %s"
                " ORDER BY position LIMIT 1",
                (span.document, span.version, span.start, span.end),
            ).fetchone()
            if found is None:
                return []
            number, position = found
            places = (number, position - max(before, 0), position + max(after, 0), position)
            rows = connection.execute(_BESIDE, places).fetchall()
        return [_passage(span.document, version=span.version, row=row) for row in rows]

    def set_grant(self, document: str, *, grant: Grant) -> bool:
        """Change who may find a document; return whether it is there.

        Raises:
            TypeError: Readers or departments are no frozensets.
            StoreError: The database cannot be written.
        """
        row = grant_row(grant)
        with self._connections.writing() as connection:
            found = connection.execute(
                "SELECT id, version FROM rag_document WHERE name = %s AND is_live FOR UPDATE",
                (document,),
            ).fetchall()
            for number, version in found:
                mark = seal(document, version=version, row=row)
                connection.execute(
                    "UPDATE rag_document SET access_grant = %s, seal = %s WHERE id = %s",
                    (grant_id(connection, row=row), mark, number),
                )
                delete_unused_grants(connection)
        return bool(found)

    def erase(self, documents: Iterable[str]) -> EraseReceipt:
        """Delete documents, staged ones too. The receipt says `HIDDEN`: see the module.

        Raises:
            StoreError: The database cannot be written; nothing was deleted.
        """
        names = list(dict.fromkeys(documents))
        with self._connections.writing() as connection:
            found = connection.execute(
                "SELECT DISTINCT name FROM rag_document WHERE name = ANY (%s)", (names,)
            ).fetchall()
            passages = delete_documents(connection, where="name = ANY (%s)", values=(names,))
            connection.execute("DELETE FROM rag_kept WHERE name = ANY (%s)", (names,))
            delete_unused_grants(connection)
        there = {row[0] for row in found}
        return EraseReceipt(
            tuple(name for name in names if name in there),
            tuple(name for name in names if name not in there),
            passages,
            EraseLevel.HIDDEN,
        )

    def stats(self) -> StoreStats:
        """Return how much it holds.

        Raises:
            StoreError: The database cannot be read.
        """
        with self._connections.writing() as connection:
            return StoreStats(*map(int, connection.execute(_SIZE).fetchone()))

    def close(self) -> None:
        """Close the connections. Calling it again does nothing."""
        self._connections.close()

    def _covered(self, connection: Any, *, access: Access) -> frozenset[int]:
        rows = connection.execute(
            "SELECT id, level, compartments, readers, departments FROM rag_grant"
        ).fetchall()
        return frozenset(
            number
            for number, *row in rows
            if access.covers(read_grant((row[0], row[1], row[2], row[3]), scale=self._scale))
        )

    def _hits(
        self, connection: Any, *, found: list[tuple[int, float, float]], values: Mapping[int, float]
    ) -> list[Hit]:
        numbers = [row[0] for row in found]
        rows = {row[0]: row[1:] for row in connection.execute(schema.HITS, (numbers,))}
        shares = dict.fromkeys(numbers, 0.0)
        total = sum(values.values()) or 1.0
        for passage, term in connection.execute(
            "SELECT passage, term FROM rag_posting WHERE passage = ANY (%s) AND term = ANY (%s)",
            (numbers, list(values)),
        ):
            shares[passage] += values[term] / total
        return [
            self._hit(rows[number], score=score, cosine=cosine, coverage=shares[number])
            for number, score, cosine in found
        ]

    def _hit(
        self, row: tuple[Any, ...], *, score: float, cosine: float | None, coverage: float
    ) -> Hit:
        name, version, title, mark, *grant = row[:8]
        parts = (grant[0], grant[1], grant[2], grant[3])
        if bytes(mark) != seal(name, version=version, row=parts):
            raise StoreError("the document store is damaged; read the sources in again")
        label = read_grant(parts, scale=self._scale).label
        passage = _passage(name, version=version, row=row[8:])
        return Hit(passage, title, label, float(score), cosine, coverage)


def _values(
    connection: Any, *, terms: list[int], passages: int
) -> tuple[dict[int, float], list[int]]:
    """Return what each word says, counted over visible passages, and which ones to look up."""
    rows = connection.execute(_FREQUENCIES, (COMMON + 1, terms)).fetchall()
    having: dict[int, int] = dict(rows)
    rare = [term for term in terms if having[term] <= COMMON]
    found = [term for term in rare if having[term]]
    values = {
        term: math.log1p((passages - having[term] + 0.5) / (having[term] + 0.5)) for term in terms
    }
    return values, rare if found else terms[:_MOST_COMMON_WORDS]


def _passage(document: str, *, version: str, row: Iterable[Any]) -> Passage:
    text, start, end, page, headings = row
    return Passage(text, Span(document, version, start, end, page, tuple(json.loads(headings))))

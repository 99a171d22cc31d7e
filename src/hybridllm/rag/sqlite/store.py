"""The document store in one SQLite file.

Answers: see `rag.store.Store`; the same for every thread and process with this file open.
Not here: the file (`file`), its tables (`schema`), runs (`sync`), ranking (`rank`).

Texts, grants, vectors and words stand in the file. For searching, vectors and words are in
memory too, and what another process commits is taken in at the next search. Every search
happens in one read transaction: grants, ranking and texts are of the same moment.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from hybridllm.errors import ConfigurationError, StoreError
from hybridllm.rag.grants import grant_row, seal
from hybridllm.rag.model import Hit, Passage, Span, check_access
from hybridllm.rag.ranking import rank
from hybridllm.rag.sqlite import schema
from hybridllm.rag.sqlite.file import BUSY_TIMEOUT_S, StoreFile, one, rows
from hybridllm.rag.sqlite.snapshot import Snapshot, Snapshots
from hybridllm.rag.sqlite.sync import SqliteSyncRun, delete_documents, delete_unused_grants
from hybridllm.rag.store import EraseLevel, EraseReceipt, StoreCapabilities, StoreStats

if TYPE_CHECKING:
    from apsw import Connection

    from hybridllm.labels import Scale
    from hybridllm.rag.model import Access, Grant, Query
    from hybridllm.rag.ranking import Ranked

_PASSAGE: Final = "SELECT text, start, stop, page, headings FROM passage"

_HIT: Final = """
SELECT name, version, title, text, start, stop, page, headings
FROM passage JOIN document ON document.id = passage.document
WHERE passage.id = ? AND document.id = ? AND is_live = 1"""


class SqliteStore:
    """See `rag.store.Store`.

    Args:
        path: The file; made if missing, readable by its owner only.
        scale: Where the stored names of labels are looked up. A name that the scale no
            longer has counts as the strictest label.
        dimensions: Of the vectors; `None` takes those of the file, and 0 for a new one.
        embedder: Name of what makes the vectors; another one's would compare with nothing.
            `None` takes that of the file.
        busy_timeout_s: How long to wait for another process before a `StoreError`.

    Raises:
        ConfigurationError: The file cannot be made or read, is no document store, or was
            made with another embedder or other dimensions.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        scale: Scale,
        dimensions: int | None = None,
        embedder: str | None = None,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
    ) -> None:
        self._file = StoreFile(
            path,
            application_id=schema.APPLICATION_ID,
            prepare=lambda connection: schema.prepare(
                connection, dimensions=dimensions or 0, embedder=embedder or ""
            ),
            busy_timeout_s=busy_timeout_s,
        )
        try:
            self._dimensions = self._checked(dimensions=dimensions, embedder=embedder)
        except StoreError as error:
            self._file.close()
            raise ConfigurationError("is no usable document store", file=str(path)) from error
        except ConfigurationError:
            self._file.close()
            raise
        self._snapshots = Snapshots(scale=scale, dimensions=self._dimensions)

    @property
    def capabilities(self) -> StoreCapabilities:
        """Exact search, and erasing from the live files."""
        return StoreCapabilities(
            exact=True, erase_level=EraseLevel.PURGED, dimensions=self._dimensions
        )

    def begin_sync(self, source: str) -> SqliteSyncRun:
        """Begin to read a source in. An older run of the same source can do nothing more.

        Raises:
            StoreError: The file cannot be written.
        """
        return SqliteSyncRun(
            source,
            file=self._file,
            dimensions=self._dimensions,
            on_commit=self._file.shorten_log,
        )

    def search(self, query: Query, *, access: Access, k: int) -> list[Hit]:
        """Return the best k passages that the access covers, best first.

        Raises:
            TypeError: The access is none.
            ValueError: The vector or a weight doesn't fit this store.
            StoreError: The file cannot be read or is damaged.
        """
        check_access(access)
        with self._file.reading() as connection:
            snapshot = self._current(connection)
            found = rank(
                query,
                corpus=snapshot.corpus,
                view=snapshot.visibility.view(access),
                trust=snapshot.visibility.trust,
                k=k,
            )
            return [self._hit(item, snapshot=snapshot, connection=connection) for item in found]

    def withholds(self, *, access: Access) -> bool:
        """Return whether the ceiling hides passages that the asker could see without it.

        Raises:
            TypeError: The access is none.
            StoreError: The file cannot be read or is damaged.
        """
        check_access(access)
        with self._file.reading() as connection:
            return self._current(connection).visibility.withholds(access)

    def neighbours(self, span: Span, *, access: Access, before: int, after: int) -> list[Passage]:
        """Return passages beside one, of the same document version, in reading order.

        The one at `span` is not among them. Without access to the document there are none.

        Raises:
            TypeError: The access is none.
            StoreError: The file cannot be read or is damaged.
        """
        check_access(access)
        with self._file.reading() as connection:
            snapshot = self._current(connection)
            found = rows(
                connection,
                query=(
                    "SELECT document.id, position"
                    " FROM document JOIN passage ON document = document.id"
                    " WHERE name = ? AND version = ? AND is_live = 1 AND start = ? AND stop = ?"
                    " ORDER BY position LIMIT 1"
                ),
                values=(span.document, span.version, span.start, span.end),
            )
            if not found or not access.covers(snapshot.grant_of[found[0][0]]):
                return []
            number, position = found[0]
            beside = rows(
                connection,
                query=(
                    f"{_PASSAGE} WHERE document = ? AND position BETWEEN ? AND ?"
                    " AND position <> ? ORDER BY position"
                ),
                values=(number, position - max(before, 0), position + max(after, 0), position),
            )
            return [self._passage(span.document, version=span.version, row=row) for row in beside]

    def set_grant(self, document: str, *, grant: Grant) -> bool:
        """Change who may find a document; return whether it is there.

        The next `keep` or `put` of a run brings the source's own grant back.

        Raises:
            TypeError: Readers or departments are no frozensets.
            StoreError: The file cannot be written.
        """
        row = grant_row(grant)
        with self._file.writing() as connection:
            found = rows(
                connection,
                query="SELECT id, version FROM document WHERE name = ? AND is_live = 1",
                values=(document,),
            )
            for number, version in found:
                mark = seal(document, version=version, row=row)
                connection.execute(
                    "UPDATE document SET access_grant = ?, seal = ? WHERE id = ?",
                    (schema.grant_id(connection, row=row), mark, number),
                )
                delete_unused_grants(connection)
                schema.count_up(connection, name="grants")
        return bool(found)

    def erase(self, documents: Iterable[str]) -> EraseReceipt:
        """Delete documents for good, staged ones too, and write the file anew.

        The receipt says `HIDDEN` if another process kept the file from being written anew,
        or the disk is too full for it; `compact` tries again. What other processes hold in
        memory goes with their next search.

        Raises:
            StoreError: The file cannot be written; nothing was deleted.
        """
        names = list(dict.fromkeys(documents))
        erased, passages = [], 0
        with self._file.writing() as connection:
            for name in names:
                found = rows(
                    connection,
                    query="SELECT id, passages FROM document WHERE name = ?",
                    values=(name,),
                )
                delete_documents(connection, numbers=[row[0] for row in found])
                connection.execute("DELETE FROM kept WHERE name = ?", (name,))
                passages += sum(row[1] for row in found)
                erased += [name] if found else []
            delete_unused_grants(connection)
            schema.count_up(connection, name="content")
            schema.count_up(connection, name="grants")
        level = EraseLevel.PURGED if self.compact() else EraseLevel.HIDDEN
        gone = frozenset(erased)
        missing = tuple(name for name in names if name not in gone)
        return EraseReceipt(tuple(erased), missing, passages, level)

    def compact(self) -> bool:
        """Write the file anew, without what was deleted; return whether that was possible.

        Raises:
            StoreError: The file cannot be written.
        """
        return self._file.compact()

    def stats(self) -> StoreStats:
        """Return how much it holds.

        Raises:
            StoreError: The file cannot be read.
        """
        with self._file.reading() as connection:
            documents, passages = one(
                connection,
                query="SELECT count(*), coalesce(sum(passages), 0) FROM document WHERE is_live = 1",
            )
        return StoreStats(documents, passages, self._file.size_bytes())

    def close(self) -> None:
        """Release the file and the memory. Calling it again does nothing."""
        self._file.close()
        self._snapshots.forget()

    def _checked(self, *, dimensions: int | None, embedder: str | None) -> int:
        with self._file.reading() as connection:
            has = int(schema.setting(connection, name="dimensions"))
            made_by = str(schema.setting(connection, name="embedder"))
        if dimensions is not None and dimensions != has:
            text = f"holds vectors of {has} numbers, and {dimensions} are wanted; build it anew"
            raise ConfigurationError(text, file=str(self._file.path))
        if embedder is not None and embedder != made_by:
            text = f"was built with the embedder {made_by!r}, not {embedder!r}; build it anew"
            raise ConfigurationError(text, file=str(self._file.path))
        return has

    def _current(self, connection: Connection) -> Snapshot:
        try:
            return self._snapshots.of(connection)
        except (KeyError, ValueError, TypeError):
            # The cause may hold content; what is in the file is not what was stored.
            raise self._file.damaged() from None

    def _hit(self, item: Ranked, *, snapshot: Snapshot, connection: Connection) -> Hit:
        corpus = snapshot.corpus
        document = int(corpus.documents[corpus.owners[item.row]])
        found = rows(connection, query=_HIT, values=(int(corpus.passages[item.row]), document))
        if not found:
            raise self._file.damaged()
        name, version, title, *place = found[0]
        return Hit(
            passage=self._passage(name, version=version, row=place),
            title=title,
            label=snapshot.grant_of[document].label,
            score=item.score,
            cosine=item.cosine,
            coverage=item.coverage,
        )

    def _passage(self, document: str, *, version: str, row: Iterable[Any]) -> Passage:
        text, start, end, page, headings = row
        try:
            above = tuple(json.loads(headings))
        except ValueError:
            raise self._file.damaged() from None
        return Passage(text, Span(document, version, start, end, page, above))

"""What a search needs of the file, in memory and of one moment.

Answers: which rows and grants are there, in the state that a transaction sees?
Not here: asking them (`store`), the tables (`schema`).

Two counters in the file tell states apart: `content` counts changes of passages, `grants`
changes of who may see what. A changed grant leaves vectors and words where they are; a
changed document moves only its own.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from hybridllm.rag.corpus import Corpus, StoredDocument
from hybridllm.rag.grants import GrantRow, read_grant, seal
from hybridllm.rag.sqlite import schema
from hybridllm.rag.sqlite.file import one, rows
from hybridllm.rag.visibility import Visibility

if TYPE_CHECKING:
    from apsw import Connection

    from hybridllm.labels import Scale
    from hybridllm.rag.model import Grant

_LIVE: Final = "SELECT id, passages FROM document WHERE is_live = 1 ORDER BY id"

_GRANTS: Final = """
SELECT document.id, name, version, trust, seal, access_grant,
    level, compartments, readers, departments
FROM document JOIN access_grant ON access_grant.id = document.access_grant
WHERE is_live = 1"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state of the file.

    Attributes:
        content: Counter of the file.
        grants: Counter of the file.
        corpus: All findable passages.
        visibility: Who may see which of them.
        grant_of: By number of the document.
    """

    content: int
    grants: int
    corpus: Corpus
    visibility: Visibility
    grant_of: dict[int, Grant]

    def is_of(self, *, content: int, grants: int) -> bool:
        """Return whether nothing has changed since."""
        return (self.content, self.grants) == (content, grants)


class Snapshots:
    """The newest snapshot, shared by all threads.

    Args:
        scale: Where the names of labels are looked up.
        dimensions: Of the vectors.
    """

    def __init__(self, *, scale: Scale, dimensions: int) -> None:
        self._scale, self._dimensions = scale, dimensions
        self._newest: Snapshot | None = None
        self._lock = threading.Lock()

    def of(self, connection: Connection) -> Snapshot:
        """Return the snapshot of the state that this transaction sees.

        Raises:
            ValueError, TypeError, KeyError: The file holds what was never stored.
        """
        content = int(schema.setting(connection, name="content"))
        grants = int(schema.setting(connection, name="grants"))
        known = self._newest
        if known is not None and known.is_of(content=content, grants=grants):
            return known
        with self._lock:
            known = self._newest
            if known is not None and known.is_of(content=content, grants=grants):
                return known
            corpus = self._corpus(connection, known=known, content=content)
            snapshot = self._with_grants(connection, corpus=corpus, state=(content, grants))
            # A transaction that began earlier must not put an older state in its place.
            if known is None or (content, grants) >= (known.content, known.grants):
                self._newest = snapshot
            return snapshot

    def forget(self) -> None:
        """Free the memory."""
        self._newest = None

    def _corpus(self, connection: Connection, *, known: Snapshot | None, content: int) -> Corpus:
        if known is not None and known.content == content:
            return known.corpus
        before = Corpus.empty(dimensions=self._dimensions) if known is None else known.corpus
        live: dict[int, int] = dict(rows(connection, query=_LIVE))
        had = frozenset(before.documents.tolist())
        new = [number for number in live if number not in had]
        return before.updated(
            _stored(connection, numbers=new),
            removed=had - live.keys(),
            new_passages=sum(live[number] for number in new),
        )

    def _with_grants(
        self, connection: Connection, *, corpus: Corpus, state: tuple[int, int]
    ) -> Snapshot:
        different: dict[int, tuple[int, Grant]] = {}
        place_of: dict[int, int] = {}
        trust_of: dict[int, float] = {}
        grant_of: dict[int, Grant] = {}
        for number, name, version, trust, mark, grant, *parts in rows(connection, query=_GRANTS):
            row: GrantRow = (parts[0], parts[1], parts[2], parts[3])
            if mark != seal(name, version=version, row=row):
                raise ValueError("a document has lost its grant")
            if grant not in different:
                different[grant] = (len(different), read_grant(row, scale=self._scale))
            place_of[number], grant_of[number] = different[grant]
            trust_of[number] = trust
        documents = corpus.documents.tolist()
        visibility = Visibility(
            corpus,
            grants=[grant for _, grant in different.values()],
            grant_of=np.array([place_of[number] for number in documents], np.int32),
            trust_of=np.array([trust_of[number] for number in documents], np.float32),
        )
        return Snapshot(*state, corpus, visibility, grant_of)


def _stored(connection: Connection, *, numbers: list[int]) -> Iterator[StoredDocument]:
    for number in numbers:
        vectors, terms = one(
            connection,
            query="SELECT vectors, terms FROM search_data WHERE document = ?",
            values=(number,),
        )
        passages = rows(
            connection,
            query="SELECT id FROM passage WHERE document = ? ORDER BY position",
            values=(number,),
        )
        yield StoredDocument(number, tuple(row[0] for row in passages), vectors, terms)

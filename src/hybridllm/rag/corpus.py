"""All passages of a store in memory, in the form in which they are searched.

Answers: which rows, vectors and words are there, and how do changes come in?
Not here: who may see which row (`visibility`), ranking (`ranking`), files (`sqlite`).

A corpus is immutable: a change makes a new one and copies what stays, so a search that
runs keeps what it began with. It takes 4 bytes for each coordinate and 8 for each
different word of each passage.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hybridllm.rag.lexical import MAX_PASSAGES, DocumentTerms

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """What a store keeps of a document for searching.

    Attributes:
        id: Number of the document in the store.
        passages: Numbers of its passages, in reading order.
        vectors: Their embeddings as little-endian float32, one behind the other.
        terms: Their words, as `DocumentTerms.to_bytes` writes them.
    """

    id: int
    passages: tuple[int, ...]
    vectors: bytes
    terms: bytes


@dataclass(frozen=True, slots=True)
class Corpus:
    """Passages by row.

    Attributes:
        documents: Number of each document in the store.
        owners: Place in `documents`, by row.
        passages: Number of the passage in the store, by row.
        lengths: Number of words, by row.
        vectors: Embedding of length 1, by row.
        postings: See `lexical`.
    """

    documents: NDArray[np.int64]
    owners: NDArray[np.int32]
    passages: NDArray[np.int64]
    lengths: NDArray[np.float32]
    vectors: NDArray[np.float32]
    postings: NDArray[np.uint64]

    @classmethod
    def empty(cls, *, dimensions: int) -> Corpus:
        """Return a corpus without passages."""
        return cls(
            np.zeros(0, np.int64),
            np.zeros(0, np.int32),
            np.zeros(0, np.int64),
            np.zeros(0, np.float32),
            np.zeros((0, dimensions), np.float32),
            np.zeros(0, np.uint64),
        )

    def updated(
        self, added: Iterable[StoredDocument], *, removed: frozenset[int], new_passages: int
    ) -> Corpus:
        """Return this corpus without some documents and with some more.

        Args:
            added: Read one by one, so that only one needs to be in memory.
            removed: Numbers of documents that go.
            new_passages: How many passages `added` has.

        Raises:
            ValueError: A document is damaged, or there are more passages than fit.
        """
        kept = self._without(removed) if removed else self
        size = kept.passages.size + new_passages
        if size > MAX_PASSAGES:
            raise ValueError(f"{size} passages; at most {MAX_PASSAGES} fit")
        building = _Building(kept, size=size)
        for document in added:
            building.add(document)
        return building.corpus()

    def _without(self, removed: frozenset[int]) -> Corpus:
        stays = ~np.isin(self.documents, list(removed))
        rows = stays[self.owners]
        new_place = np.cumsum(stays, dtype=np.int32) - 1
        new_row = np.cumsum(rows, dtype=np.int64) - 1
        old = ((self.postings >> np.uint64(8)) & np.uint64(MAX_PASSAGES - 1)).astype(np.intp)
        keys = self.postings[rows[old]]
        moved = new_row[old[rows[old]]].astype(np.uint64)
        mask = np.uint64(((1 << 64) - 1) ^ ((MAX_PASSAGES - 1) << 8))
        return Corpus(
            self.documents[stays],
            new_place[self.owners[rows]],
            self.passages[rows],
            self.lengths[rows],
            self.vectors[rows],
            # Rows move up together, so what was sorted stays sorted.
            (keys & mask) | (moved << np.uint64(8)),
        )


class _Building:
    """A corpus that grows. The arrays have their last size from the start."""

    def __init__(self, kept: Corpus, *, size: int) -> None:
        self._kept, self._row = kept, kept.passages.size
        self._documents: list[int] = []
        self._keys: list[NDArray[np.uint64]] = []
        self._owners = np.zeros(size, np.int32)
        self._passages = np.zeros(size, np.int64)
        self._lengths = np.zeros(size, np.float32)
        self._vectors = np.zeros((size, kept.vectors.shape[1]), np.float32)
        self._owners[: self._row] = kept.owners
        self._passages[: self._row] = kept.passages
        self._lengths[: self._row] = kept.lengths
        self._vectors[: self._row] = kept.vectors

    def add(self, document: StoredDocument) -> None:
        count, dimensions = len(document.passages), self._vectors.shape[1]
        if len(document.vectors) != 4 * count * dimensions:
            raise ValueError("the vectors of a document are damaged")
        rows = slice(self._row, self._row + count)
        if rows.stop > self._passages.size:
            raise ValueError("there are more passages than the store has counted")
        terms = DocumentTerms.from_bytes(document.terms, passages=count)
        self._owners[rows] = self._kept.documents.size + len(self._documents)
        self._passages[rows] = document.passages
        self._lengths[rows] = terms.lengths
        self._vectors[rows] = np.frombuffer(document.vectors, "<f4").reshape(count, dimensions)
        self._keys.append(terms.keys(first_row=self._row))
        self._documents.append(document.id)
        self._row += count

    def corpus(self) -> Corpus:
        if self._row != self._passages.size:
            raise ValueError("there are fewer passages than the store has counted")
        return Corpus(
            np.concatenate([self._kept.documents, np.array(self._documents, np.int64)]),
            self._owners,
            self._passages,
            self._lengths,
            self._vectors,
            self._postings(),
        )

    def _postings(self) -> NDArray[np.uint64]:
        kept = self._kept.postings
        if not self._keys:
            return kept
        new = np.concatenate(self._keys)
        self._keys.clear()
        if new.size * 8 < kept.size:
            new.sort()
            return np.insert(kept, np.searchsorted(kept, new), new)
        postings = np.concatenate([kept, new]) if kept.size else new
        postings.sort()
        return postings

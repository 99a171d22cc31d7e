"""A store in memory that obeys the protocol, and small partners of a sync."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from hybridllm.errors import StoreError
from hybridllm.labels import Label
from hybridllm.rag.model import Access, Document, Grant, Hit, Passage, Query, Span
from hybridllm.rag.store import EraseLevel, EraseReceipt, StoreCapabilities, StoreStats


@dataclass
class Stored:
    """A document with its passages and vectors."""

    document: Document
    passages: tuple[Passage, ...]
    vectors: Sequence[Sequence[float]] | None


@dataclass
class MemoryStore:
    """Holds everything in dictionaries."""

    dimensions: int = 0
    live: dict[str, Stored] = field(default_factory=dict)
    staged: dict[str, Stored] = field(default_factory=dict)
    puts: list[str] = field(default_factory=list)

    @property
    def capabilities(self) -> StoreCapabilities:
        return StoreCapabilities(
            exact=True, erase_level=EraseLevel.HIDDEN, dimensions=self.dimensions
        )

    def begin_sync(self, source: str) -> MemoryRun:
        return MemoryRun(self, source)

    def search(self, query: Query, *, access: Access, k: int) -> list[Hit]:
        found = [
            Hit(passage, item.document.title, item.document.grant.label, 1.0)
            for item in self.live.values()
            if access.covers(item.document.grant)
            for passage in item.passages
            if query.text in passage.text
        ]
        return found[:k]

    def withholds(self, *, access: Access) -> bool:
        return False

    def neighbours(self, span: Span, *, access: Access, before: int, after: int) -> list[Passage]:
        return []

    def set_grant(self, document: str, *, grant: Grant) -> bool:
        return False

    def erase(self, documents: Iterable[str]) -> EraseReceipt:
        return EraseReceipt((), tuple(documents), 0, EraseLevel.HIDDEN)

    def stats(self) -> StoreStats:
        return StoreStats(len(self.live), 0, 0)

    def close(self) -> None:
        pass


class MemoryRun:
    """A run of a `MemoryStore`."""

    def __init__(self, store: MemoryStore, source: str) -> None:
        self._store = store
        self._source = source
        self._confirmed: dict[str, Document] = {}

    @property
    def current(self) -> dict[str, str]:
        return self._versions(self._store.live)

    @property
    def pending(self) -> dict[str, str]:
        return self._versions(self._store.staged)

    def put(self, document: Document, *, passages, vectors) -> None:
        self._store.puts.append(document.id)
        self._store.staged[document.id] = Stored(document, tuple(passages), vectors)
        self._confirmed[document.id] = document

    def keep(self, document: Document) -> None:
        if document.version not in (
            self.pending.get(document.id),
            self.current.get(document.id),
        ):
            raise StoreError("there is no such version to keep")
        if self.pending.get(document.id) != document.version:
            self._store.staged.pop(document.id, None)
        self._confirmed[document.id] = document

    def commit(self) -> None:
        others = {
            name: item
            for name, item in self._store.live.items()
            if item.document.source != self._source
        }
        known = self._store.live | self._store.staged
        for name, document in self._confirmed.items():
            others[name] = replace(known[name], document=document)
        self._store.live = others
        self._store.staged = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def _versions(self, items: dict[str, Stored]) -> dict[str, str]:
        return {
            name: item.document.version
            for name, item in items.items()
            if item.document.source == self._source
        }


@dataclass
class CountingEmbedder:
    """Makes vectors of the length of a text, and notes what it was asked."""

    asked: list[tuple[str, Label]] = field(default_factory=list)
    error: Exception | None = None

    def embed_passages(self, texts: Sequence[str], *, label: Label) -> list[tuple[float, ...]]:
        if self.error is not None:
            raise self.error
        self.asked += [(text, label) for text in texts]
        return [(float(len(text)), 1.0) for text in texts]

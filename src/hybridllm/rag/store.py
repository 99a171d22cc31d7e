"""What a store of passages must be able to do.

Answers: which calls does everything around a store rely on?
Not here: the stores themselves (`sqlite`, `postgres`).

All calls block; the drivers run them where blocking is allowed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from hybridllm.rag.model import Access, Document, Grant, Hit, Passage, Query, Span


class EraseLevel(StrEnum):
    """How thoroughly a store forgets.

    `HIDDEN`: it is not found any more. `PURGED`: the live files hold neither text nor
    vector. `UNRECOVERABLE`: logs and backups do not either.
    """

    HIDDEN = "hidden"
    PURGED = "purged"
    UNRECOVERABLE = "unrecoverable"


@dataclass(frozen=True, slots=True)
class StoreCapabilities:
    """What a store promises.

    Attributes:
        exact: Whether a search looks at every passage that the access covers.
        erase_level: What `erase` reaches.
        dimensions: Of its vectors; 0 if it holds none.
    """

    exact: bool
    erase_level: EraseLevel
    dimensions: int


@dataclass(frozen=True, slots=True)
class EraseReceipt:
    """What was erased.

    Attributes:
        documents: Ids that were there and are gone.
        missing: Ids that were not there.
        passages: How many passages went with them.
        level: What was reached.
    """

    documents: tuple[str, ...]
    missing: tuple[str, ...]
    passages: int
    level: EraseLevel


@dataclass(frozen=True, slots=True)
class StoreStats:
    """How much a store holds: current documents, passages, and bytes of its files."""

    documents: int
    passages: int
    size_bytes: int


class SyncRun(Protocol):
    """One reading of a source. What was there before is found until `commit`.

    Each `put` is durable when it returns, so that a reading that was cut off can go on
    (`pending`); it is found only after `commit`. What an earlier reading has put still has
    to be confirmed by `keep`: its file may be gone by now. As a context manager it closes
    without committing.
    """

    @property
    def current(self) -> dict[str, str]:
        """Version by document id, as found by searches now."""

    @property
    def pending(self) -> dict[str, str]:
        """Version by document id, of what this or a cut-off reading has put already.

        `keep` takes it over instead of another `put`, if the version is still right.
        """

    def put(
        self,
        document: Document,
        *,
        passages: Sequence[Passage],
        vectors: Sequence[Sequence[float]] | None,
    ) -> None:
        """Stage a new or changed document with all its passages, all or nothing."""

    def keep(self, document: Document) -> None:
        """Say that this version is in `pending` or `current`; no passages are needed.

        Its title, grant and trust are taken over at `commit`.

        Raises:
            StoreError: The store has no such version, or another run has begun since.
        """

    def commit(self) -> None:
        """Make what was put findable, and hide what was neither put nor kept, at once."""

    def __enter__(self) -> Self:
        """Return the run."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it; without `commit`, nothing that is found has changed."""


class Store(Protocol):
    """Passages with labels, readers and, usually, vectors. Safe to use from any thread."""

    @property
    def capabilities(self) -> StoreCapabilities:
        """What it promises."""

    def begin_sync(self, source: str) -> SyncRun:
        """Begin to read a source in. An older run of the same source can do nothing more."""

    def search(self, query: Query, *, access: Access, k: int) -> list[Hit]:
        """Return the best k passages that the access covers, best first."""

    def withholds(self, *, access: Access) -> bool:
        """Return whether the ceiling hides passages that the asker could see without it."""

    def neighbours(self, span: Span, *, access: Access, before: int, after: int) -> list[Passage]:
        """Return passages beside one, of the same document version, in reading order.

        The one at `span` is not among them. Without access to the document there are none.
        """

    def set_grant(self, document: str, *, grant: Grant) -> bool:
        """Change who may find a document; return whether it is there."""

    def erase(self, documents: Iterable[str]) -> EraseReceipt:
        """Delete documents for good."""

    def stats(self) -> StoreStats:
        """Return how much it holds."""

    def close(self) -> None:
        """Release its files and connections."""

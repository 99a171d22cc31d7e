"""Documents, grants and accesses for the tests of the store."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from hybridllm.labels import Label, Scale
from hybridllm.rag.model import PUBLIC_READER, Access, Document, Grant, Hit, Passage, Query, Span
from hybridllm.rag.sqlite import SqliteStore

SCALE = Scale.of(["public", "internal", "confidential"], compartments=["customer", "personal"])
PUBLIC, INTERNAL, CONFIDENTIAL = (SCALE.label(level.name) for level in SCALE.levels)
EVERYBODY = frozenset({PUBLIC_READER})
DIMENSIONS = 4


def access(
    clearance: Label = CONFIDENTIAL,
    *,
    readers: Iterable[str] = (),
    department: str = "sales",
    ceiling: Label | None = None,
) -> Access:
    """Return an access that sees what everybody may read, up to confidential."""
    return Access(clearance, frozenset(readers), department, ceiling)


def document(
    name: str,
    *,
    text: str = "",
    label: Label = PUBLIC,
    readers: frozenset[str] = EVERYBODY,
    departments: frozenset[str] = frozenset(),
    trust: float = 1.0,
    source: str = "files",
) -> Document:
    """Return a document that everybody may read; its version follows from its text."""
    version = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    grant = Grant(label, readers, departments)
    return Document(f"{source}/{name}", source, f"Title of {name}", version, grant, trust)


def passages(of: Document, *, texts: Sequence[str]) -> list[Passage]:
    """Return the passages of a document, one behind the other."""
    found, start = [], 0
    for text in texts:
        found.append(Passage(text, Span(of.id, of.version, start, start + len(text), 1, ("A",))))
        start += len(text)
    return found


def vector(number: float) -> tuple[float, ...]:
    """Return a vector that depends on a number."""
    return (1.0, number % 7, number % 3, 0.5)


def store_in(folder: Path, *, dimensions: int = 0) -> SqliteStore:
    """Return a new store, without vectors unless they are asked for."""
    return SqliteStore(folder / "store.db", scale=SCALE, dimensions=dimensions)


def fill(store: SqliteStore, texts: dict[str, str], **grant: object) -> list[Document]:
    """Read one-passage documents of one source in, in place of what it had before."""
    documents = [document(name, text=text, **grant) for name, text in texts.items()]
    with store.begin_sync("files") as run:
        for item, text in zip(documents, texts.values(), strict=True):
            run.put(item, passages=passages(item, texts=[text]), vectors=None)
        run.commit()
    return documents


def search(store: SqliteStore, text: str, *, by: Access | None = None, k: int = 10) -> list[Hit]:
    """Return what a search by words finds."""
    return store.search(Query(text), access=by or access(), k=k)


def names(hits: Iterable[Hit]) -> list[str]:
    """Return the names of the documents that were found, best first."""
    return [hit.passage.span.document.partition("/")[2] for hit in hits]

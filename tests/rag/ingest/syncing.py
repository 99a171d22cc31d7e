"""Settings, folders and look-ups for the tests of sync."""

from __future__ import annotations

from pathlib import Path

from hybridllm.labels import Label, Scale
from hybridllm.rag.ingest import FileStatus, Markings, SyncReport, SyncSettings
from hybridllm.rag.model import Access, Query
from hybridllm.rag.store import Store

SCALE = Scale.of(["public", "internal", "confidential"], compartments=["customer"])
PUBLIC, INTERNAL, CONFIDENTIAL = (SCALE.label(level.name) for level in SCALE.levels)
MARKINGS = Markings(SCALE.strictest, {"confidential": CONFIDENTIAL, "internal": INTERNAL})
STAFF = frozenset({"group:staff"})


class Killed(BaseException):
    """What ends a process in the middle."""


def settings(**changes: object) -> SyncSettings:
    """Return settings for a source that staff may read."""
    given: dict[str, object] = {
        "source": "docs",
        "scale": SCALE,
        "markings": MARKINGS,
        "label": PUBLIC,
        "readers": STAFF,
    }
    return SyncSettings(**(given | changes))  # type: ignore[arg-type]


def write(folder: Path, **files: str | bytes) -> None:
    """Write text files; `a__b` is a folder and a file in it."""
    for name, content in files.items():
        path = folder / f"{name.replace('__', '/')}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))


def statuses(report: SyncReport) -> dict[str, FileStatus]:
    """Return what happened, by name without suffix."""
    return {file.name.removesuffix(".txt"): file.status for file in report.files}


def found(store: Store, text: str, clearance: Label = SCALE.strictest) -> list[str]:
    """Return the documents that somebody of the staff finds."""
    hits = store.search(Query(text), access=Access(clearance, STAFF, "sales"), k=10)
    return [hit.passage.span.document for hit in hits]

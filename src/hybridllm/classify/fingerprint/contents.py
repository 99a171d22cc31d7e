"""What an index of fingerprints says of itself.

Answers: which documents does it hold, and how large is it?
Not here: what a text quotes (`hits`). Nothing here holds text of a document.

Units: bytes and plain counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hybridllm.labels import Label


@dataclass(frozen=True, slots=True)
class IndexedDocument:
    """What the index knows of one document.

    Attributes:
        document_id: As given to `add_document`. It may tell something: keep it out of logs.
        label: The document's label.
        fingerprints: How many it has.
    """

    document_id: str
    label: Label
    fingerprints: int


@dataclass(frozen=True, slots=True)
class IndexStats:
    """How large an index is.

    Attributes:
        documents: Number of documents.
        fingerprints: Number of fingerprints, summed over documents.
        labels: Label and number of documents, most documents first.
        memory_bytes: The bitmap in memory.
        file_bytes: The file without its log.
    """

    documents: int
    fingerprints: int
    labels: tuple[tuple[Label, int], ...]
    memory_bytes: int
    file_bytes: int

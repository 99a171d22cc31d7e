"""How a folder is read in, and who takes part.

Answers: what does a sync need to know, and what must embedders and listeners do?
Not here: syncing (`sync`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from hybridllm.errors import ConfigurationError
from hybridllm.labels import Label, Scale
from hybridllm.rag.ingest.chunking import ChunkSizes
from hybridllm.rag.ingest.limits import ReadLimits
from hybridllm.rag.ingest.marks import Markings


class PassageEmbedder(Protocol):
    """Makes vectors of passages. Sending them anywhere is decided like any request."""

    def embed_passages(self, texts: Sequence[str], *, label: Label) -> Sequence[Sequence[float]]:
        """Return a vector for each text.

        Raises:
            PolicyDeniedError: No model may see text with this label.
        """


class DocumentListener(Protocol):
    """Is told the text of each document; `FingerprintIndex.add_document` is one."""

    def __call__(self, document_id: str, *, text: str, label: Label) -> object:
        """Take a document that is about to be findable."""


@dataclass(frozen=True, slots=True)
class SyncSettings:
    """How a folder is read in.

    Attributes:
        source: Its name in the store and the first part of its documents' ids.
        scale: The organisation's labels.
        markings: What markings in documents mean.
        label: Of everything in the folder, at least. Without one, and without a marking, a
            document gets the strictest label.
        readers: Who may find what no rule of the access file gives readers to. Empty means
            nobody.
        departments: Whose requests may find it; rules of the access file only narrow this.
            Empty means every department's.
        trust: 0 to 1, see `Document.trust`.
        sizes: How long passages are.
        limits: What a single file may cost.
        memory: File with what earlier syncs read; see `memory`.
    """

    source: str
    scale: Scale
    markings: Markings
    label: Label | None = None
    readers: frozenset[str] = frozenset()
    departments: frozenset[str] = frozenset()
    trust: float = 1.0
    sizes: ChunkSizes = field(default_factory=ChunkSizes)
    limits: ReadLimits = field(default_factory=ReadLimits)
    memory: Path | None = None

    def __post_init__(self) -> None:
        if not self.source or "/" in self.source:
            raise ConfigurationError("needs a name without a slash", key="source")

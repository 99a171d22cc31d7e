"""Passages in one SQLite file: documents, grants, words and vectors in one transaction."""

from hybridllm.errors import MissingExtraError

try:
    import apsw  # noqa: F401 - asks whether the extra is there, for a better error
    import numpy as np  # noqa: F401 - the same
except ImportError:
    raise MissingExtraError(feature="A store of documents", extra="rag") from None

from hybridllm.rag.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]

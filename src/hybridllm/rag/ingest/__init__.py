"""Documents out of files: text, structure, markings, hidden text, passages, and sync."""

from hybridllm.rag.ingest.chunking import ChunkSizes, passages
from hybridllm.rag.ingest.draft import Block, BlockKind, Reading
from hybridllm.rag.ingest.failures import REMEDIES, DocumentReadError, Reason, SyncRefusedError
from hybridllm.rag.ingest.limits import ReadLimits
from hybridllm.rag.ingest.marks import Marking, Markings
from hybridllm.rag.ingest.reading import SUFFIXES, read_document
from hybridllm.rag.ingest.report import FileReport, FileStatus, SyncProgress, SyncReport
from hybridllm.rag.ingest.settings import DocumentListener, PassageEmbedder, SyncSettings
from hybridllm.rag.ingest.sync import sync_folder

__all__ = [
    "REMEDIES",
    "SUFFIXES",
    "Block",
    "BlockKind",
    "ChunkSizes",
    "DocumentListener",
    "DocumentReadError",
    "FileReport",
    "FileStatus",
    "Marking",
    "Markings",
    "PassageEmbedder",
    "ReadLimits",
    "Reading",
    "Reason",
    "SyncProgress",
    "SyncRefusedError",
    "SyncReport",
    "SyncSettings",
    "passages",
    "read_document",
    "sync_folder",
]

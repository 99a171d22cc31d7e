"""Passages of labelled documents, recognised in prompts without keeping their text."""

from hybridllm.classify.fingerprint.contents import IndexedDocument, IndexStats
from hybridllm.classify.fingerprint.detector import FingerprintDetector
from hybridllm.classify.fingerprint.hits import FingerprintHit
from hybridllm.classify.fingerprint.index import FingerprintIndex
from hybridllm.errors import StoreError

__all__ = [
    "FingerprintDetector",
    "FingerprintHit",
    "FingerprintIndex",
    "IndexStats",
    "IndexedDocument",
    "StoreError",
]

"""What is checked before a store takes a document.

Answers: may this document be put, and how are its vectors and places written?
Not here: storing it (`sqlite`, `postgres`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from hybridllm.rag.ranking import unit_vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hybridllm.rag.model import Document, Span

_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def check_document(document: Document, *, source: str) -> None:
    """Refuse a document that a run of this source may not put or keep.

    Raises:
        ValueError: It is of another source, its trust is not between 0 and 1, or its id
            cannot be stored.
    """
    if document.source != source:
        raise ValueError("the document is of another source than this run")
    if not 0 <= document.trust <= 1:
        raise ValueError("the trust in a document is not between 0 and 1")
    if _SURROGATE.search(document.id + document.version):
        raise ValueError("the id or version of a document is no valid Unicode")


def unit_vectors(
    vectors: Sequence[Sequence[float]] | None, *, dimensions: int, passages: int
) -> NDArray[np.float32]:
    """Return vectors of length 1, one for each passage; none for a store without vectors.

    Raises:
        ValueError: There are vectors and should be none, or the other way round, or one of
            them doesn't fit.
    """
    if (vectors is None) != (dimensions == 0):
        has = f"has vectors of {dimensions} numbers" if dimensions else "has none"
        raise ValueError(f"vectors are missing or too many: this store {has}")
    if vectors is None:
        return np.zeros((passages, 0), "<f4")
    if len(vectors) != passages:
        raise ValueError(f"{len(vectors)} vectors for {passages} passages")
    units = [unit_vector(vector, dimensions=dimensions) for vector in vectors]
    return np.array(units, "<f4").reshape(passages, dimensions)


def place(span: Span) -> tuple[int, int, int, str]:
    """Return start, end, page and headings as they are stored."""
    headings = [clean(heading) for heading in span.headings]
    return span.start, span.end, span.page, json.dumps(headings, ensure_ascii=False)


def clean(text: str) -> str:
    """Return text that can be encoded: half a character becomes the replacement one."""
    return _SURROGATE.sub("\ufffd", text)

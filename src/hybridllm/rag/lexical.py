"""How well passages match words, by BM25 over the passages that may be seen.

Answers: which passages hold these words, and how much does that say?
Not here: what a word is (`tokens`), likeness of meaning and the mix of both (`ranking`).

The statistics (how many passages hold a word, how long they are) are counted over the
passages that the asker may see and over no other. A forbidden passage therefore changes
neither the order nor the score of a permitted one.

Postings are one sorted array of 64-bit numbers, word hash, passage and count side by side,
so that the passages of a word are one slice. Two words share a hash with a chance of one
in four thousand million; a passage then counts for both.
Source: Robertson and Zaragoza 2009 ("The Probabilistic Relevance Framework"), equation
3.15, with the inverse document frequency of Lucene, which is never negative.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from zlib import crc32

import numpy as np

from hybridllm.rag.tokens import document_tokens, query_tokens

if TYPE_CHECKING:
    from numpy.typing import NDArray

K1: Final = 1.2
B: Final = 0.75
"""Saturation and length: the values of Lucene and of SQLite's FTS5."""

MAX_PASSAGES: Final = 1 << 24
MAX_QUERY_WORDS: Final = 256
"""Different words of a question that count, from its beginning. Own choice: a pasted page
finds what its first paragraphs are about, in bounded time."""

_ROW_SHIFT: Final = 8
_TERM_SHIFT: Final = 32
_MAX_COUNT: Final = 255


@dataclass(frozen=True, slots=True)
class DocumentTerms:
    """The words of a document's passages, as a store keeps them.

    Attributes:
        lengths: Number of words, by passage.
        distinct: Number of different words, by passage.
        terms: Hashes of the different words, passage after passage.
        counts: How often each stands in its passage, at most 255.
    """

    lengths: NDArray[np.uint32]
    distinct: NDArray[np.uint32]
    terms: NDArray[np.uint32]
    counts: NDArray[np.uint8]

    @classmethod
    def of(cls, texts: Iterable[str]) -> DocumentTerms:
        """Return the words of these passages."""
        counted = [Counter(map(_hashed, document_tokens(text))) for text in texts]
        flat = [count for words in counted for count in words.values()]
        return cls(
            np.array([words.total() for words in counted], "<u4"),
            np.array([len(words) for words in counted], "<u4"),
            np.array([term for words in counted for term in words], "<u4"),
            np.minimum(np.array(flat, "<i8"), _MAX_COUNT).astype("u1"),
        )

    def to_bytes(self) -> bytes:
        """Return it as bytes that `from_bytes` reads."""
        parts = (self.lengths, self.distinct, self.terms, self.counts)
        return b"".join(part.tobytes() for part in parts)

    @classmethod
    def from_bytes(cls, data: bytes, *, passages: int) -> DocumentTerms:
        """Return what `to_bytes` wrote.

        Raises:
            ValueError: These are not the words of so many passages.
        """
        lengths = np.frombuffer(data, "<u4", passages)
        distinct = np.frombuffer(data, "<u4", passages, 4 * passages)
        total, start = int(distinct.sum()), 8 * passages
        if len(data) != start + 5 * total:
            raise ValueError("the words of a document are damaged")
        terms = np.frombuffer(data, "<u4", total, start)
        return cls(lengths, distinct, terms, np.frombuffer(data, "u1", total, start + 4 * total))

    def keys(self, *, first_row: int) -> NDArray[np.uint64]:
        """Return the postings, unsorted, of passages that stand from this row on."""
        rows = np.repeat(np.arange(first_row, first_row + self.distinct.size), self.distinct)
        keys: NDArray[np.uint64] = self.terms.astype(np.uint64) << np.uint64(_TERM_SHIFT)
        return keys | (rows.astype(np.uint64) << np.uint64(_ROW_SHIFT)) | self.counts


@dataclass(frozen=True, slots=True)
class LexicalMatch:
    """What a search by words found.

    Attributes:
        scores: BM25, by row of the corpus; 0 where no word stands or nothing may be seen.
        terms: Hashes of the question's own words.
        values: What each of these says: its inverse document frequency.
    """

    scores: NDArray[np.float32]
    terms: NDArray[np.uint64]
    values: NDArray[np.float64]

    def coverage(self, postings: NDArray[np.uint64], *, rows: NDArray[np.intp]) -> list[float]:
        """Return which share of what the question says stands in each of these rows, 0 to 1."""
        total = float(self.values.sum())
        if not total or not postings.size:
            return [0.0] * rows.size
        shifted = rows.astype(np.uint64) << np.uint64(_ROW_SHIFT)
        wanted = (self.terms << np.uint64(_TERM_SHIFT))[:, None] | shifted[None, :]
        places = np.minimum(np.searchsorted(postings, wanted), postings.size - 1)
        found = postings[places]
        holds = (found >> np.uint64(_ROW_SHIFT)) == (wanted >> np.uint64(_ROW_SHIFT))
        return [float(share) for share in self.values @ holds / total]


def weighted_terms(text: str, *, expansions: Sequence[tuple[str, float]]) -> dict[int, float]:
    """Return the weight of each word to look up, the question's own first.

    A word that the question holds twice counts twice. An expansion adds words that the
    question does not have, at its weight.

    Raises:
        ValueError: A weight is not above 0 and at most 1.
    """
    weights: dict[int, float] = {}
    for token in query_tokens(text):
        if len(weights) < MAX_QUERY_WORDS or _hashed(token) in weights:
            weights[_hashed(token)] = weights.get(_hashed(token), 0.0) + 1.0
    for expansion, weight in expansions:
        if not 0 < weight <= 1:
            raise ValueError(f"the weight of an expansion is {weight}; expected 0 < weight <= 1")
        for token in query_tokens(expansion):
            if len(weights) < 2 * MAX_QUERY_WORDS:
                term = _hashed(token)
                weights[term] = max(weights.get(term, 0.0), weight)
    return weights


def match(
    weights: Mapping[int, float],
    *,
    own: frozenset[int],
    postings: NDArray[np.uint64],
    lengths: NDArray[np.float32],
    visible: NDArray[np.bool_],
) -> LexicalMatch:
    """Return how well each visible row matches.

    Args:
        weights: By hash of the word.
        own: Which of these are the question's own words.
        postings: Of the whole corpus, sorted.
        lengths: Number of words, by row.
        visible: Which rows may be seen.
    """
    scores = np.zeros(lengths.size, np.float32)
    passages = int(np.count_nonzero(visible))
    mean = float(lengths.sum(where=visible, dtype=np.float64)) / passages if passages else 0.0
    norms = (K1 * (1 - B + B * lengths / (mean or 1.0))).astype(np.float32)
    bounds = _bounds(list(weights), postings=postings)
    values = {}
    for (term, weight), (start, stop) in zip(weights.items(), bounds, strict=True):
        # The lower half of a posting is its row and count.
        low = postings[start:stop].astype(np.uint32)
        rows = (low >> np.uint32(_ROW_SHIFT)).astype(np.intp)
        if passages < lengths.size:
            seen = visible.take(rows)
            low, rows = low[seen], rows[seen]
        values[term] = math.log1p((passages - rows.size + 0.5) / (rows.size + 0.5))
        if rows.size:
            counts = (low & np.uint32(_MAX_COUNT)).astype(np.float32)
            parts = norms.take(rows)
            parts += counts
            np.divide(counts, parts, out=parts)
            parts *= np.float32(weight * values[term] * (K1 + 1))
            # A row stands once in the postings of a word, so nothing is lost here.
            parts += scores.take(rows)
            scores[rows] = parts
    terms = [term for term in weights if term in own]
    return LexicalMatch(
        scores, np.array(terms, np.uint64), np.array([values[term] for term in terms], np.float64)
    )


def _bounds(terms: Sequence[int], *, postings: NDArray[np.uint64]) -> list[tuple[int, int]]:
    first = np.array(terms, np.uint64) << np.uint64(_TERM_SHIFT)
    starts = np.searchsorted(postings, first)
    stops = np.searchsorted(postings, first | np.uint64((1 << _TERM_SHIFT) - 1), side="right")
    return [(int(start), int(stop)) for start, stop in zip(starts, stops, strict=True)]


def _hashed(token: str) -> int:
    return crc32(token.encode("utf-8", "surrogatepass"))

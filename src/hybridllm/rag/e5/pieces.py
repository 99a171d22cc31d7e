"""Cutting text into the word pieces that a model was trained on.

Answers: which numbers of pieces stand for this text?
Not here: where the pieces come from (`weights`).

A unigram model: of all ways to cut a word, the one whose pieces are most probable together,
found from left to right (Viterbi). A piece never goes across a space, so words are cut one
by one. Source: Kudo 2018 ("Subword Regularization"), section 3.2; SentencePiece.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hybridllm.rag.e5.weights import Vocabulary

_SPACE: Final = "\u2581"  # how SentencePiece writes a space, at the start of a word
_WORD: Final = re.compile(f"{_SPACE}[^{_SPACE}]*")
_UNKNOWN_PENALTY: Final = 10.0  # below the least probable piece, as in SentencePiece


class Pieces:
    """Cuts texts. Safe to use from any thread."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._longest = max(map(len, vocabulary.pieces))
        least = min(score for _, score in vocabulary.pieces.values())
        self._unknown_score = least - _UNKNOWN_PENALTY
        self._cut = lru_cache(maxsize=50_000)(self._uncached)

    def numbers(self, text: str) -> list[int]:
        """Return the numbers of the pieces, without the ones that begin and end a text."""
        clean = re.sub(" {2,}", " ", text.translate(self._vocabulary.replaced))
        spaced = clean if clean.startswith(" ") else f" {clean}"
        words = _WORD.findall(spaced.replace(" ", _SPACE))
        return [number for word in words for number in self._cut(word)]

    def _uncached(self, word: str) -> tuple[int, ...]:
        pieces, end = self._vocabulary.pieces, len(word)
        best = [0.0] + [float("-inf")] * end
        last: list[tuple[int, int]] = [(0, 0)] * (end + 1)
        for start in range(end):
            so_far = best[start]
            if so_far + self._unknown_score > best[start + 1]:
                best[start + 1] = so_far + self._unknown_score
                last[start + 1] = (start, self._vocabulary.unknown)
            for stop in range(start + 1, min(end, start + self._longest) + 1):
                found = pieces.get(word[start:stop])
                if found is not None and so_far + found[1] > best[stop]:
                    best[stop], last[stop] = so_far + found[1], (start, found[0])
        numbers = []
        while end:
            end, number = last[end]
            numbers.append(number)
        return tuple(reversed(numbers))

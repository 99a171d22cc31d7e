"""Whether passages can answer a question, before a model is asked.

Answers: does what was found speak of what was asked?
Not here: finding it, and what is done if not (policy says).

The score is the share of the question's words that the best passage holds, and that all of them
hold together; a name, number or code of the question that none of them has takes a part off.
Likeness of vectors joins in, if the embedder's scale is known: cosines of one embedder say
nothing about those of another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hybridllm.verify import comparing, numerals, quantities, words
from hybridllm.verify.evidence import Evidence, all_held
from hybridllm.verify.model import Source

# Words of asking, which no passage needs to have.
_ASKING: Final = frozenset(
    words.stem(word)
    for word in (
        "long often old far big kind sort type name mean tell explain describe list know want"
        " please question answer find give happen quick quickly fast soon exactly company our"
        " there exist currently allow possible take go become"
    ).split()
)
_ASKING_JA: Final = frozenset(
    "教 何 誰 知 聞 方法 計算方法 場所 理由 種類 名前 具体的 詳細 概要 規則"
    " 会社 弊社 当社 当 各 使 取 決".split()
)
_BEST_SHARE: Final = 0.6
_MISSING_COST: Final = 0.25


@dataclass(frozen=True, slots=True)
class DenseScale:
    """What cosines of one embedder mean, measured on questions of one's own.

    Attributes:
        unanswerable: A usual cosine of the best hit, of questions that have no answer.
        answerable: The same of questions that have one.
    """

    unanswerable: float
    answerable: float

    def share(self, cosine: float) -> float:
        """Return where a cosine lies between the two, 0 to 1."""
        width = self.answerable - self.unanswerable
        if width <= 0:
            return 0.0
        return min(1.0, max(0.0, (cosine - self.unanswerable) / width))


@dataclass(frozen=True, slots=True)
class Answerability:
    """Whether passages can answer a question.

    Attributes:
        score: 0 to 1.
        is_answerable: Whether the score reaches the threshold.
        has_missing: Whether a name, number or code of the question is in none of them.
    """

    score: float
    is_answerable: bool
    has_missing: bool


THRESHOLD_EN: Final = 0.58
"""Least score of an answerable question: in the gap between the two kinds of the tuning part."""
THRESHOLD_JA: Final = 0.65
"""The same of a Japanese one."""


def answerable(
    question: str,
    *,
    sources: Sequence[Source],
    cosine: float | None = None,
    scale: DenseScale | None = None,
    threshold: float | None = None,
) -> Answerability:
    """Return whether these passages can answer a question.

    Args:
        question: As it was asked.
        sources: What was found for it.
        cosine: Likeness of the best hit.
        scale: What this embedder's cosines mean; without it, `cosine` is left out.
        threshold: Least score of an answerable question; without it, the measured one.
    """
    evidence = [Evidence.of(item) for item in sources if item.is_readable and item.text.strip()]
    if not evidence:
        return Answerability(0.0, is_answerable=False, has_missing=True)
    digits = numerals.in_digits(question)
    exact = quantities.quantities(digits)
    asked = _asked(comparing.blanked(digits, exact=exact))
    has_missing = comparing.has_strange_name(digits, among=evidence) or any(
        not any(item.exact.carries(one, text=item.digits) for item in evidence) for one in exact
    )
    if asked:
        best = max(words.coverage(asked, held=item.held) for item in evidence)
        every = words.coverage(asked, held=all_held(evidence))
        score = _BEST_SHARE * best + (1 - _BEST_SHARE) * every
    else:
        score = 0.0 if has_missing or not exact else 1.0
    if has_missing:
        score = max(0.0, score - _MISSING_COST)
    if cosine is not None and scale is not None:
        score = (score + scale.share(cosine)) / 2
    if threshold is None:
        threshold = THRESHOLD_JA if words.is_japanese(question) else THRESHOLD_EN
    return Answerability(score, is_answerable=score >= threshold, has_missing=has_missing)


def _asked(question: str) -> tuple[words.Wanted, ...]:
    """Return what a question asks about, without the words of asking."""
    kept = [
        word
        for word in words.ordered_words(question)
        if word not in _ASKING and word not in _ASKING_JA
    ]
    return words.wanted("、".join(kept) if words.is_japanese(question) else " ".join(kept))

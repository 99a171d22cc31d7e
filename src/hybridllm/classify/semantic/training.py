"""Training the semantic classifier, and choosing its threshold.

Answers: which model do these examples make, and where is its threshold?
Not here: the optimisation (`logistic`), the vectors (`embedder`).

The threshold comes from cross-validation: each text is scored by a classifier that has
not seen it, and the threshold is the score above which at most the stated share of the
ordinary texts lies. It is the conformal quantile, which holds for the next ordinary text
too if that is drawn as the examples were. Nothing is random, so the same examples make
the same model on every machine of the same arithmetic.

Source: Lei et al. 2018, "Distribution-free predictive inference for regression", JASA
113(523), section 2 (quantile of rank ceil((n + 1)(1 - rate))).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import Final

from hybridllm.classify.semantic.embedder import Embedder, NgramEmbedder, sparse
from hybridllm.classify.semantic.examples import Example
from hybridllm.classify.semantic.logistic import Sparse, Weights, fit
from hybridllm.classify.semantic.model import Calibration, SemanticModel, check_kind
from hybridllm.classify.semantic.windows import OVERLAP_CHARACTERS, read_piece, windows
from hybridllm.errors import ConfigurationError

_LEAST_EXAMPLES: Final = 20
"""Of each class. With fewer, the cross-validation says nothing."""

_COST: Final = 10.0
"""C of `logistic.fit`: of 1, 10 and 100 the best on the own development set."""

_DECIMALS: Final = 6
"""Of a stored weight; more of them make the file larger and no decision different."""

_Rows = list[Sparse]


def train(
    examples: Sequence[Example],
    *,
    max_false_alarms: float = 0.05,
    kind: str = "semantic.confidential",
    embedder: Embedder | None = None,
    window_characters: int = 1_000,
    folds: int = 5,
    progress: Callable[[int, int], None] | None = None,
) -> SemanticModel:
    """Return a model that tells the confidential examples from the ordinary ones.

    Args:
        examples: At least 20 of each; the ordinary ones as they really occur.
        max_false_alarms: Share of ordinary texts that may be taken for confidential.
        kind: What its findings are called; one per department keeps them apart.
        embedder: `None` for character n-grams.
        window_characters: Longer texts are judged piece by piece.
        folds: Parts of the cross-validation.
        progress: Called with the number of finished fits and of all.

    Raises:
        ConfigurationError: There are too few examples for this rate.
    """
    check_kind(kind)
    if not OVERLAP_CHARACTERS < window_characters:
        raise ConfigurationError(f"window_characters must be more than {OVERLAP_CHARACTERS}")
    _check_counts(examples, max_false_alarms=max_false_alarms, folds=folds)
    encoder = NgramEmbedder() if embedder is None else embedder
    ordered = sorted(examples, key=lambda example: _shuffle_key(example.text))
    vectors = [_vectors(item.text, encoder, size=window_characters) for item in ordered]
    flags = [example.is_confidential for example in ordered]
    scores, weights = _cross_validated(
        vectors, flags, folds=folds, dimensions=encoder.dimensions, progress=progress
    )
    ordinary = [score for score, flag in zip(scores, flags, strict=True) if not flag]
    confidential = [score for score, flag in zip(scores, flags, strict=True) if flag]
    threshold = _threshold(confidential, ordinary=ordinary, max_false_alarms=max_false_alarms)
    calibration = Calibration(
        folds=folds,
        confidential=len(confidential),
        ordinary=len(ordinary),
        max_false_alarms=float(max_false_alarms),
        false_alarms=sum(score > threshold for score in ordinary),
        recognised=sum(score > threshold for score in confidential),
        area=_area(confidential, ordinary),
    )
    weights = Weights(tuple(round(w, _DECIMALS) for w in weights.values), weights.bias)
    return SemanticModel(kind, encoder.name, weights, threshold, window_characters, calibration)


def _cross_validated(
    vectors: Sequence[_Rows],
    flags: Sequence[bool],
    *,
    folds: int,
    dimensions: int,
    progress: Callable[[int, int], None] | None,
) -> tuple[list[float], Weights]:
    """Return the score of each text by a classifier that has not seen it, and the final weights."""
    scores = [0.0] * len(vectors)
    everything = frozenset(range(len(vectors)))
    weights = Weights((), 0.0)
    for done, held_out in enumerate((*_folds(flags, count=folds), frozenset[int]()), start=1):
        members = sorted(everything - held_out)
        weights = _fit(vectors, flags, members=members, dimensions=dimensions)
        for i in held_out:
            scores[i] = _text_score(weights, rows=vectors[i])
        if progress is not None:
            progress(done, folds + 1)
    return scores, weights


def _check_counts(examples: Sequence[Example], *, max_false_alarms: float, folds: int) -> None:
    if not 0 < max_false_alarms < 1:
        raise ConfigurationError("max_false_alarms must lie between 0 and 1")
    if not 2 <= folds <= _LEAST_EXAMPLES:
        raise ConfigurationError(f"folds must lie between 2 and {_LEAST_EXAMPLES}")
    found = sum(example.is_confidential for example in examples)
    ordinary = len(examples) - found
    if min(found, ordinary) < _LEAST_EXAMPLES:
        raise ConfigurationError(
            f"there are {found} confidential and {ordinary} ordinary examples;"
            f" at least {_LEAST_EXAMPLES} of each are needed"
        )
    needed = math.ceil(1 / max_false_alarms) - 1
    if ordinary < needed:
        raise ConfigurationError(
            f"{ordinary} ordinary examples cannot show a false alarm rate of"
            f" {max_false_alarms:g}; at least {needed} are needed"
        )


def _threshold(
    confidential: Sequence[float], *, ordinary: Sequence[float], max_false_alarms: float
) -> float:
    """Return the score above which a text counts as confidential.

    The conformal quantile of the ordinary scores, moved up to the middle of the gap below
    the next confidential score: that loses none of them and spares some ordinary texts.

    Check: ordinary 1 to 19, rate 5 % -> rank 19; confidential 21 -> 20.
    """
    rank = math.ceil(round((len(ordinary) + 1) * (1 - max_false_alarms), 9))
    quantile = sorted(ordinary)[rank - 1]
    above = [score for score in confidential if score > quantile]
    return (quantile + min(above)) / 2 if above else quantile


def _shuffle_key(text: str) -> bytes:
    """Order texts as if shuffled, and the same on every run and in every order of the file."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _folds(flags: Sequence[bool], *, count: int) -> list[frozenset[int]]:
    """Return the parts of the cross-validation, each with its share of both classes."""
    parts: list[set[int]] = [set() for _ in range(count)]
    for wanted in (True, False):
        members = [i for i, flag in enumerate(flags) if flag is wanted]
        for position, i in enumerate(members):
            parts[position % count].add(i)
    return [frozenset(part) for part in parts]


def _vectors(text: str, embedder: Embedder, *, size: int) -> _Rows:
    """Return the vector of each window of a text."""
    pieces = [read_piece(text, start=a, end=b) for a, b in windows(text, size=size)]
    rows = [sparse(item, dimensions=embedder.dimensions) for item in embedder.embed(pieces)]
    if len(rows) != len(pieces):
        raise ConfigurationError("the embedder returns another number of vectors than of texts")
    return rows


def _fit(
    vectors: Sequence[_Rows], flags: Sequence[bool], *, members: Iterable[int], dimensions: int
) -> Weights:
    """Train on some texts. Every window of a text counts as the text does."""
    rows = [(vector, flags[i]) for i in members for vector in vectors[i]]
    return fit(
        [row for row, _ in rows],
        positive=[flag for _, flag in rows],
        dimensions=dimensions,
        cost=_COST,
    )


def _text_score(weights: Weights, *, rows: _Rows) -> float:
    """Return the score of a text, which is that of its most suspicious window."""
    return max(weights.score(row) for row in rows)


def _area(confidential: Sequence[float], ordinary: Sequence[float]) -> float:
    """Return the area under the ROC curve; equal scores count half.

    Check: scores 3, 1 against 2, 0 -> 0.75 (of 4 pairs, 3 are in order).
    """
    wins = sum(
        1.0 if high > low else 0.5 if high == low else 0.0
        for high in confidential
        for low in ordinary
    )
    return wins / (len(confidential) * len(ordinary))

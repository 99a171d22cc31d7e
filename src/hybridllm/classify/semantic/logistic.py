"""L2-regularised logistic regression, small and deterministic.

Answers: which weights tell two classes of vectors apart, and how sure are they?
Not here: the vectors (`classify.semantic.embedder`), the threshold (`training`).

Minimises, over the weights w (the last one is the bias, of a coordinate that is
always 1),

    |w|**2 / 2 + sum(C_i * log(1 + exp(-y_i * w.x_i))),    y_i = +1 or -1

by dual coordinate descent: every example has one dual variable between 0 and C_i,
solved exactly in turn, in the order given. No step size, no randomness; examples should
come mixed, since one class after the other converges slowly. C_i is C scaled so that both
classes weigh the same.

Source: Yu, Huang and Lin 2011, "Dual coordinate descent methods for logistic regression
and maximum entropy models", Machine Learning 85, algorithm 5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul

_ROOT_STEPS = 60
"""Halvings after which two neighbouring floats remain; Newton's method needs about 5."""

_ROOT_WIDTH = 1e-9
"""Log-odds that close to each other are the same."""


@dataclass(frozen=True, slots=True)
class Sparse:
    """A vector by the coordinates that are not zero.

    Attributes:
        places: Their positions, each once.
        values: What stands there.
    """

    places: tuple[int, ...]
    values: tuple[float, ...]

    def dot(self, weights: Sequence[float]) -> float:
        """Return the scalar product, rounded once, so that the order makes no difference."""
        return math.fsum(map(mul, map(weights.__getitem__, self.places), self.values))


@dataclass(frozen=True, slots=True)
class Weights:
    """A trained linear classifier.

    Attributes:
        values: One weight for each coordinate.
        bias: Added to every score.
    """

    values: tuple[float, ...]
    bias: float

    def score(self, vector: Sparse) -> float:
        """Return the log-odds of the class to be found."""
        return self.bias + vector.dot(self.values)


def fit(
    vectors: Sequence[Sparse],
    *,
    positive: Sequence[bool],
    dimensions: int,
    cost: float,
    tolerance: float = 0.02,
    max_rounds: int = 100,
) -> Weights:
    """Return the weights that separate positive from other vectors.

    Args:
        vectors: One for each example.
        positive: Whether it is of the class to be found.
        dimensions: Number of coordinates.
        cost: C, the weight of errors against that of large weights.
        tolerance: Stop when no dual variable moves by more than this share of its range.
        max_rounds: Stop after so many passes in any case.

    Raises:
        ValueError: One of the classes has no example.
    """
    signs = [1.0 if flag else -1.0 for flag in positive]
    found = sum(map(bool, positive))
    if not 0 < found < len(signs):
        raise ValueError("both classes need an example")
    costs = [
        cost * len(signs) / (2 * (found if sign > 0 else len(signs) - found)) for sign in signs
    ]
    weights = [0.0] * (dimensions + 1)
    rows = [Sparse((*row.places, dimensions), (*row.values, 1.0)) for row in vectors]
    squares = [math.fsum(value * value for value in row.values) for row in rows]
    dual = [0.0] * len(rows)
    for _ in range(max_rounds):
        moved = 0.0
        for i, row in enumerate(rows):
            margin = signs[i] * row.dot(weights)
            alpha = _best(dual[i], square=squares[i], margin=margin, limit=costs[i])
            step = (alpha - dual[i]) * signs[i]
            for place, value in zip(row.places, row.values, strict=True):
                weights[place] += step * value
            moved = max(moved, abs(alpha - dual[i]) / costs[i])
            dual[i] = alpha
        if moved < tolerance:
            break
    return Weights(tuple(weights[:-1]), weights[-1])


def probability(score: float) -> float:
    """Return the probability that log-odds stand for, between 0 and 1."""
    if score >= 0:
        return 1.0 / (1.0 + math.exp(-score))
    odds = math.exp(score)
    return odds / (1.0 + odds)


def _best(alpha: float, *, square: float, margin: float, limit: float) -> float:
    """Return the dual variable at which its own slope is zero, the others held fixed.

    With z = limit * probability(t), that slope is

        square * (z - alpha) + margin + t

    It grows with t at a rate of at least 1 and changes its sign between the two ends
    below, so Newton's method, kept between ends that close in, finds its root.
    """
    low, high = -margin - square * (limit - alpha), -margin + square * alpha
    t = min(max(-margin, low), high)
    for _ in range(_ROOT_STEPS):
        share = probability(t)
        slope = square * (limit * share - alpha) + margin + t
        low, high = (low, t) if slope > 0 else (t, high)
        following = t - slope / (square * limit * share * (1.0 - share) + 1.0)
        if not low <= following <= high:
            following = (low + high) / 2
        if abs(following - t) < _ROOT_WIDTH:
            break
        t = following
    return limit * probability(t)

"""Shares of a sample, with the interval that the true share lies in.

Answers: how sure is a rate that was counted on so few examples?

Source: Wilson 1927, "Probable inference, the law of succession, and statistical
inference", JASA 22(158); Newcombe 1998, Statistics in Medicine 17, method 3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

_Z_95: Final = 1.959963984540054
"""Quantile of the normal distribution for 95 % on two sides."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A share, counted.

    Attributes:
        hits: How often it was so.
        total: How often it could have been.
    """

    hits: int
    total: int

    @property
    def share(self) -> float | None:
        """Hits by total, 0 to 1; `None` if there was nothing to count."""
        return self.hits / self.total if self.total else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Ends of the Wilson interval for 95 %, 0 to 1.

        Check: 81 of 263 -> 0.2553 to 0.3662 (Newcombe 1998, table I).
        """
        if not self.total:
            return None
        share, square = self.hits / self.total, _Z_95 * _Z_95
        middle = share + square / (2 * self.total)
        margin = _Z_95 * math.sqrt(
            share * (1 - share) / self.total + square / (4 * self.total * self.total)
        )
        scale = 1 + square / self.total
        return max(0.0, (middle - margin) / scale), min(1.0, (middle + margin) / scale)

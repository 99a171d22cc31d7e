"""Whether a source says a number, date or code of a claim.

Answers: does a text with these quantities carry that one?
Not here: reading them (`quantities`), which passage to compare with (`check`).

Numbers with units are equal if they are equal in the base unit; where one has none, the figures
decide. A claim's date is carried by one with more parts, and its year may stand elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from hybridllm.verify.dates import Moment
from hybridllm.verify.quantities import Kind, Quantity


@dataclass(frozen=True, slots=True)
class Exact:
    """All quantities of a text, ready to be looked up.

    Attributes:
        items: As they stand there.
        figures: Values of all numbers, as written.
        bare: Values of those without a unit.
        amounts: Those with one, as unit and value in the base unit.
        codes: In one form.
        moments: What its dates may mean.
        parts: Years, months and days of its dates.
    """

    items: tuple[Quantity, ...] = field(default=(), repr=False)
    figures: frozenset[Decimal] = field(default=frozenset(), repr=False)
    bare: frozenset[Decimal] = field(default=frozenset(), repr=False)
    amounts: frozenset[tuple[str, Decimal]] = field(default=frozenset(), repr=False)
    codes: frozenset[str] = field(default=frozenset(), repr=False)
    moments: frozenset[Moment] = field(default=frozenset(), repr=False)
    parts: frozenset[int] = field(default=frozenset(), repr=False)

    @classmethod
    def of(cls, found: Iterable[Quantity]) -> Exact:
        """Prepare quantities for looking up."""
        items = tuple(found)
        numbers = [item for item in items if item.kind is Kind.NUMBER]
        moments = frozenset(moment for item in items for moment in item.moments)
        parts = {
            part
            for item in moments
            for part in (item.year, item.month, item.day)
            if part is not None
        }
        return cls(
            items=items,
            figures=frozenset(item.value for item in numbers),
            bare=frozenset(item.value for item in numbers if not item.unit.base),
            amounts=frozenset(_amount(item) for item in numbers if item.unit.base),
            codes=frozenset(item.code for item in items if item.kind is Kind.CODE),
            moments=moments,
            parts=frozenset(parts),
        )

    def carries(self, wanted: Quantity, *, text: str = "") -> bool:
        """Return whether the text says a quantity.

        Args:
            wanted: What the claim says.
            text: The text in digits, for codes that stand inside longer writings.
        """
        if wanted.kind is Kind.CODE:
            return wanted.code in self.codes or _stands_in(wanted.code, text=text)
        if wanted.kind is Kind.MOMENT:
            return any(self._has(moment) for moment in wanted.moments)
        if wanted.unit.base in {"", "day", "month"} and wanted.value in self.parts:
            return True
        if not wanted.unit.base:
            return wanted.value in self.figures
        return wanted.value in self.bare or _amount(wanted) in self.amounts

    def has_rival(self, wanted: Quantity) -> bool:
        """Return whether the text has another number with the same unit."""
        if not wanted.unit.base:
            return bool(self.bare - {wanted.value})
        return any(base == wanted.unit.base for base, _ in self.amounts)

    def _has(self, moment: Moment) -> bool:
        if moment in self.moments or any(moment.is_carried_by(item) for item in self.moments):
            return True
        # "3 May" in one sentence and the year in another one.
        if moment.year is None or not (moment.year in self.parts or moment.year in self.figures):
            return False
        rest = Moment(month=moment.month, day=moment.day)
        return rest == Moment() or any(rest.is_carried_by(item) for item in self.moments)


def _amount(item: Quantity) -> tuple[str, Decimal]:
    return item.unit.base, item.value * item.unit.factor


def _stands_in(code: str, *, text: str) -> bool:
    """Return whether a code stands in a text, whatever separates its parts."""
    if not code or not text:
        return False
    loose = r"[-_\s./:#+]*".join(re.escape(char) for char in code)
    return re.search(rf"(?<![a-z0-9]){loose}(?![a-z0-9])", text.lower()) is not None

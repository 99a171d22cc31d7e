"""A source, made ready to be compared with many sentences.

Answers: what do the sources say, sentence by sentence, and which of them is most like a claim?
Not here: judging the likeness (`check`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from hybridllm.verify import citations, numerals, quantities, quotes, sentences, words
from hybridllm.verify.exact import Exact
from hybridllm.verify.model import Source

_ABOUT_AS_MUCH: Final = 0.1
_MOST_NEAR: Final = 4
_EXACT_BONUS: Final = 0.3
"""How much a sentence that has all the claim's numbers is preferred, in shares of words."""


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence of a source."""

    text: str = field(repr=False)
    held: frozenset[str] = field(repr=False)
    exact: Exact = field(repr=False)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one source says.

    Attributes:
        source: Its id.
        digits: Its text with numbers in digits.
        squeezed: Its text as quotes are compared.
        held: Everything that its words carry, its title's included.
        exact: Its numbers, dates and codes.
        lines: Its sentences.
    """

    source: str
    digits: str = field(repr=False)
    squeezed: str = field(repr=False)
    held: frozenset[str] = field(repr=False)
    exact: Exact = field(repr=False)
    lines: tuple[Line, ...] = field(repr=False)

    @classmethod
    def of(cls, source: Source) -> Evidence:
        """Return what a source says."""
        whole = f"{source.title}\n{source.text}"
        digits = numerals.in_digits(whole)
        return cls(
            source=source.id,
            digits=digits,
            squeezed=quotes.squeezed(whole),
            held=words.holdings(whole),
            exact=Exact.of(quantities.quantities(digits)),
            lines=tuple(_line(item.text) for item in sentences.split(source.text)),
        )


@dataclass(frozen=True, slots=True)
class Near:
    """A sentence of a source that is like a claim."""

    text: str = field(repr=False)
    around: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Match:
    """Where the sources are most like a claim.

    Attributes:
        nearest: The sentences that are most like it, all about as much, best first.
        best_coverage: Share of the claim's words that the best one holds.
        coverage: Share that the best one and another one hold together.
        exact_share: Share of the claim's numbers, dates and codes that the best one has.
    """

    nearest: tuple[Near, ...] = field(default=(), repr=False)
    best_coverage: float = 0.0
    coverage: float = 0.0
    exact_share: float = 0.0


def best_match(
    claim: Sequence[words.Wanted],
    *,
    exact: Sequence[quantities.Quantity],
    among: Sequence[Evidence],
) -> Match:
    """Return where the evidence is most like a claim with these words and numbers."""
    ranked = []
    for evidence in among:
        for place, line in enumerate(evidence.lines):
            share = words.coverage(claim, held=line.held)
            right = sum(line.exact.carries(item) for item in exact)
            exact_share = right / len(exact) if exact else 1.0
            ranked.append((share + _EXACT_BONUS * exact_share, share, exact_share, evidence, place))
    if not ranked:
        return Match()
    rank, share, exact_share, evidence, place = max(ranked, key=lambda item: item[0])
    held = evidence.lines[place].held
    # What two sentences say together, the second one wherever it helps most.
    both = max(
        words.coverage(claim, held=held | line.held) for item in among for line in item.lines
    )
    near = [item for item in ranked if item[0] >= rank - _ABOUT_AS_MUCH]
    near.sort(key=lambda item: -item[0])
    return Match(
        nearest=tuple(_near(item[3].lines, place=item[4]) for item in near[:_MOST_NEAR]),
        best_coverage=share,
        coverage=both,
        exact_share=exact_share,
    )


def _near(lines: Sequence[Line], *, place: int) -> Near:
    around = " ".join(line.text for line in lines[max(0, place - 1) : place + 2])
    return Near(lines[place].text, around)


def all_held(among: Iterable[Evidence]) -> frozenset[str]:
    """Return everything that the words of these sources carry."""
    return frozenset().union(*(evidence.held for evidence in among))


def _line(text: str) -> Line:
    plain = citations.without_citations(text)
    found = quantities.quantities(numerals.in_digits(plain))
    return Line(text, words.holdings(plain), Exact.of(found))

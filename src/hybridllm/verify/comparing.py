"""Comparing one claim with the passages that should carry it.

Answers: what does a sentence say that these passages do not?
Not here: which passages those are (`check`), the single comparisons.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from hybridllm.verify import exchange, numerals, polarity, quantities, quotes, words
from hybridllm.verify.evidence import Evidence, Match, Near, all_held, best_match
from hybridllm.verify.exact import Exact
from hybridllm.verify.model import Reason


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How alike is alike enough.

    Attributes:
        overlap_en: Least score of an English claim, 0 to 1.
        overlap_ja: The same of a Japanese one.
        alike: Share of its words that one sentence must hold before signs of contradiction
            are looked for.
        replaced_ja: The same, before a word in another one's place is looked for, in Japanese.
        misplaced: By how much a sentence without the number must be more like the claim than
            those with it.
    """

    overlap_en: float = 0.5
    overlap_ja: float = 0.55
    alike: float = 0.7
    replaced_ja: float = 0.5
    misplaced: float = 0.3


MEASURED: Final = Thresholds()
"""Measured on the tuning part of the development set."""

_REASONS: Final = {
    quantities.Kind.NUMBER: Reason.NUMBER_ABSENT,
    quantities.Kind.MOMENT: Reason.DATE_ABSENT,
    quantities.Kind.CODE: Reason.CODE_ABSENT,
}
_CLAUSES: Final = re.compile(r"[,;、；。，]|\b(?:and|but|while|whereas)\b|一方")
_NAME: Final = re.compile(r"(?<![\w'’.-])[A-Z][A-Za-z'’]*")
_TITLES: Final = frozenset("Mr Ms Mrs Dr Prof I".split())
_SENTENCE_START: Final = re.compile(r"(?:^|[:：.!?。]\s)[\W_]*$")
_NO_CLAIM_WEIGHT: Final = 1.0  # a single word that no source has says nothing
_QUESTION_WEIGHT: Final = 0.5
_EXACT_SHARE: Final = 0.5
_MOST_PLACED: Final = 20  # numbers of one sentence; a sentence with more is a table
_LEAST_CLAUSE: Final = 1.5  # words beside a number that tell what it is said of


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison found.

    Attributes:
        problems: Reasons against the claim.
        sources: Ids of the sources that carry most of it, best first.
        score: Share of its words that they carry, 0 to 1.
    """

    problems: tuple[Reason, ...]
    sources: tuple[str, ...]
    score: float

    def with_problem(self, reason: Reason) -> Compared:
        """Return the same with a further reason."""
        return replace(self, problems=(*self.problems, reason))


def compare(
    claim: str, *, among: Sequence[Evidence], question: str = "", thresholds: Thresholds = MEASURED
) -> Compared:
    """Return what a claim says that these sources do not."""
    digits = numerals.in_digits(claim)
    exact = quantities.quantities(digits)
    wanted = _wanted(digits, exact=exact, question=question)
    match = best_match(wanted, exact=exact, among=among)
    score = overlap(wanted, match=match, among=among)
    problems: list[Reason] = []
    problems.extend(_quote_problems(claim, among=among))
    problems.extend(_exact_problems(exact, among=among, question=question))
    if not problems:
        problems.extend(_misplaced(digits, exact=exact, among=among, thresholds=thresholds))
    if has_strange_name(blanked(digits, exact=exact), among=among):
        problems.append(Reason.NAME_ABSENT)
    if not exact and sum(item.weight for item in wanted) <= _NO_CLAIM_WEIGHT and score < 1.0:
        problems.append(Reason.NO_WORDS)
    elif wanted:
        needed = thresholds.overlap_ja if words.is_japanese(claim) else thresholds.overlap_en
        if score < needed:
            problems.append(Reason.LOW_OVERLAP)
        # A sentence with none of the claim's numbers is about something else.
        if match.exact_share >= _EXACT_SHARE:
            problems.extend(
                _contradictions(digits, match=match, among=among, thresholds=thresholds)
            )
    return Compared(tuple(problems), _carrying(wanted, exact=exact, among=among), score)


def overlap(wanted: tuple[words.Wanted, ...], *, match: Match, among: Sequence[Evidence]) -> float:
    """Return how much of a claim's words the sources carry, 0 to 1.

    Half of it is the share in the best two sentences together, half the share in all of them:
    words that are far apart in a source carry less.
    """
    if not wanted:
        return 0.0
    return 0.5 * match.coverage + 0.5 * words.coverage(wanted, held=all_held(among))


def _wanted(
    digits: str, *, exact: Sequence[quantities.Quantity], question: str
) -> tuple[words.Wanted, ...]:
    """Return the words of a claim; numbers and codes are compared by themselves."""
    digits = blanked(digits, exact=exact)
    asked = words.holdings(question) if question else frozenset()
    return tuple(
        replace(item, weight=_QUESTION_WEIGHT * item.weight)
        if words.is_held(item, held=asked)
        else item
        for item in words.wanted(digits)
    )


def blanked(digits: str, *, exact: Sequence[quantities.Quantity]) -> str:
    """Return a text with spaces for its numbers, dates and codes."""
    pieces, position = [], 0
    for item in exact:
        pieces += [digits[position : item.start], " " * (item.end - item.start)]
        position = max(position, item.end)
    return "".join([*pieces, digits[position:]])


def _quote_problems(claim: str, *, among: Sequence[Evidence]) -> list[Reason]:
    problems = [
        Reason.QUOTE_ABSENT
        for quote in quotes.quoted(claim)
        if not any(quotes.is_verbatim(quote, inside=item.squeezed) for item in among)
    ]
    for code in quotes.code_spans(claim):
        wanted = quotes.squeezed(code)
        if not any(wanted in item.squeezed for item in among):
            problems.append(Reason.CODE_ABSENT)
    return problems


def _exact_problems(
    exact: Sequence[quantities.Quantity], *, among: Sequence[Evidence], question: str
) -> list[Reason]:
    asked_text = numerals.in_digits(question)
    asked = Exact.of(quantities.quantities(asked_text))
    problems = []
    for item in exact:
        if any(one.exact.carries(item, text=one.digits) for one in among):
            continue
        if asked.carries(item, text=asked_text):
            problems.append(Reason.FROM_QUESTION)
        else:
            problems.append(_REASONS[item.kind])
    return problems


def _misplaced(
    digits: str,
    *,
    exact: Sequence[quantities.Quantity],
    among: Sequence[Evidence],
    thresholds: Thresholds,
) -> list[Reason]:
    """Return a reason if the sources say a number of something else than the claim does."""
    for item in [item for item in exact if item.kind is quantities.Kind.NUMBER][:_MOST_PLACED]:
        wanted = words.wanted(_clause(digits, item=item))
        if sum(one.weight for one in wanted) < _LEAST_CLAUSE:
            continue
        having = lacking = 0.0
        for evidence in among:
            for line in evidence.lines:
                if line.exact.carries(item):
                    having = max(having, words.coverage(wanted, held=line.held))
                elif line.exact.has_rival(item):
                    lacking = max(lacking, words.coverage(wanted, held=line.held))
        if lacking >= thresholds.alike and lacking >= having + thresholds.misplaced:
            return [Reason.NUMBER_MISPLACED]
    return []


def _clause(digits: str, *, item: quantities.Quantity) -> str:
    """Return the clause around a number, without the number."""
    starts = [mark.end() for mark in _CLAUSES.finditer(digits) if mark.end() <= item.start]
    ends = [mark.start() for mark in _CLAUSES.finditer(digits) if mark.start() >= item.end]
    start, end = max(starts, default=0), min(ends, default=len(digits))
    return f"{digits[start : item.start]} {digits[item.end : end]}"


def _contradictions(
    digits: str, *, match: Match, among: Sequence[Evidence], thresholds: Thresholds
) -> list[Reason]:
    """Return the signs of contradiction that hold beside every sentence that is near."""
    enough = thresholds.replaced_ja if words.is_japanese(digits) else thresholds.alike
    found = [
        _signs(
            digits,
            near=near,
            is_alike=match.best_coverage >= thresholds.alike,
            held=all_held(among) if match.best_coverage >= enough else None,
        )
        for near in match.nearest
    ]
    # One that says it is enough: the others are about something else.
    return found[0] if found and all(found) else []


def _signs(digits: str, *, near: Near, is_alike: bool, held: frozenset[str] | None) -> list[Reason]:
    problems = []
    source = numerals.in_digits(near.text)
    if is_alike:
        if polarity.is_denied(digits, source=near.text):
            problems.append(Reason.NEGATION_MISMATCH)
        if polarity.has_opposite(digits, source=near.text, around=near.around):
            problems.append(Reason.OPPOSITE_WORD)
        if exchange.are_exchanged(digits, source=source):
            problems.append(Reason.ROLES_SWAPPED)
    if held is not None:
        blank = blanked(digits, exact=quantities.quantities(digits))
        if exchange.is_replaced(blank, source=source, held=held):
            problems.append(Reason.WORD_REPLACED)
    return problems


def has_strange_name(claim: str, *, among: Sequence[Evidence]) -> bool:
    """Return whether a claim has a Latin name, inside the sentence, that no source has."""
    held = all_held(among)
    for match in _NAME.finditer(claim):
        name = match.group()
        if _SENTENCE_START.search(claim[: match.start()]) or words.stem(name.lower()) in held:
            continue
        if name.lower() in words.STOP_WORDS or len(name) < 2 or name in _TITLES:
            continue
        if not any(_is_short_for(name, text=item.digits) for item in among):
            return True
    return False


def _is_short_for(name: str, *, text: str) -> bool:
    """Return whether capitals are the initials of words that follow each other."""
    if not name.isupper() or not 2 <= len(name) <= 6:
        return False
    initials = r"[\w'’]*[\s-]+(?:(?:of|and|the|for)\s+)?".join(re.escape(char) for char in name)
    return re.search(rf"\b{initials}", text, re.IGNORECASE) is not None


def _carrying(
    wanted: tuple[words.Wanted, ...],
    *,
    exact: Sequence[quantities.Quantity],
    among: Sequence[Evidence],
) -> tuple[str, ...]:
    """Return the sources that carry something of a claim, those that carry most first."""
    shares = []
    for number, evidence in enumerate(among):
        share = words.coverage(wanted, held=evidence.held)
        right = sum(evidence.exact.carries(item) for item in exact)
        if share or right:
            shares.append((-(share + right), number, evidence.source))
    if not shares:
        return tuple(evidence.source for evidence in among[:1])
    best = -min(shares)[0]
    return tuple(source for score, _, source in sorted(shares) if -score >= 0.5 * best)

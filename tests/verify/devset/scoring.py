"""How well claims and questions of the development set are judged.

Answers: which share of the carried claims passes, and which share of the others is caught?
Not here: the claims (`handbook`, `by_rule`), printing (`benchmarks/grounding.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from hybridllm.verify import Reason, Source, answerable, check_answer
from hybridllm.verify.words import coverage, holdings, wanted
from tests.verify.devset import by_rule, handbook

Judge = Callable[[str, list[Source]], bool]
NUMBER_REASONS = {Reason.NUMBER_ABSENT, Reason.DATE_ABSENT, Reason.CODE_ABSENT}
PER_DOCUMENT = 3


@dataclass(frozen=True, slots=True)
class Case:
    """A claim with what the model was shown."""

    language: str
    kind: str
    claim: str
    sources: list[Source]

    @property
    def is_carried(self) -> bool:
        return not self.kind


@dataclass(frozen=True, slots=True)
class Score:
    """Shares of claims that were judged right."""

    carried: int
    passed: int
    wrong: int
    caught: int

    @property
    def balanced(self) -> float:
        return (self.passed / self.carried + self.caught / self.wrong) / 2


def by_hand(language: str, *, parts: Iterable[str]) -> Iterator[Case]:
    """Yield the claims written by hand, each beside its document and two others."""
    pages = handbook.pages(language)
    for part in parts:
        for page, kind, claim in handbook.claims(language, part=part):
            others = [item for item in pages if item is not page and item.part == part][:2]
            yield Case(language, kind, claim, [as_source(item) for item in (page, *others)])


def made(language: str, *, part: str) -> Iterator[Case]:
    """Yield the claims made by rule; none where the documents are not there."""
    documents = by_rule.english() if language == "en" else by_rule.japanese()
    chosen = documents[0 if part == "tuning" else 1 :: 2]
    for item in by_rule.items(chosen, per_document=PER_DOCUMENT) if chosen else ():
        sources = [Source(str(number), "", text) for number, text in enumerate(item.passages)]
        yield Case(language, item.kind, item.claim, sources)


def as_source(page: handbook.Page) -> Source:
    return Source(page.title, page.title, page.text)


def score(cases: Iterable[Case], *, judge: Judge) -> Score:
    """Count what a judge, which returns whether a claim is carried, gets right."""
    counts = {True: [0, 0], False: [0, 0]}
    for case in cases:
        right = judge(case.claim, case.sources) == case.is_carried
        counts[case.is_carried][0] += 1
        counts[case.is_carried][1] += right
    return Score(*counts[True], *counts[False])


def ours(claim: str, sources: list[Source]) -> bool:
    """All checks together."""
    return check_answer(claim, sources=sources).verdict == "supported"


def numbers_alone(claim: str, sources: list[Source]) -> bool:
    """A claim is carried unless a number, date or code is in no source."""
    return not NUMBER_REASONS & set(check_answer(claim, sources=sources).reasons)


def words_alone(claim: str, sources: list[Source]) -> bool:
    """A claim is carried if one source holds most of its words; 0.7 is best on the tuning part."""
    words = wanted(claim)
    return max(coverage(words, held=holdings(item.text)) for item in sources) >= 0.7


def abstentions(language: str, *, parts: Iterable[str]) -> tuple[int, int, int, int]:
    """Return questions without an answer, how many of them were noticed, and the same with one."""
    counts = [0, 0, 0, 0]
    for part in parts:
        pages = [item for item in handbook.pages(language) if item.part == part]
        for page in pages:
            for asked, first in ((page.unanswered, 0), (page.answered, 2)):
                for question in asked:
                    found = nearest(question, pages=pages)
                    counts[first] += 1
                    counts[first + 1] += not answerable(question, sources=found).is_answerable
    return counts[0], counts[1], counts[2], counts[3]


def nearest(question: str, *, pages: list[handbook.Page], count: int = 3) -> list[Source]:
    """Return the documents that share most with a question, as a search by words finds them."""
    words = wanted(question)
    ranked = sorted(pages, key=lambda page: -coverage(words, held=holdings(page.text)))
    return [as_source(page) for page in ranked[:count]]

"""Checking an answer against the passages that its model was shown.

Answers: which sentences of an answer do the sources carry, and why not the others?
Not here: what to do about it (`actions`), streams (`streaming`).

No model is asked unless one is given (`ports`). What is exact is compared exactly: citations,
quotes, numbers, dates, codes. What is not is compared by words, with thresholds that were
measured (`docs/explanation/grounding.md`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hybridllm.verify import citations, claims, comparing, sentences, terms
from hybridllm.verify.evidence import Evidence
from hybridllm.verify.model import (
    NOTES,
    AnswerVerdict,
    Reason,
    SentenceVerdict,
    Source,
    Term,
    Verdict,
)
from hybridllm.verify.ports import SentenceChecker, lowered

_UNSURE: Final = frozenset({Reason.FROM_QUESTION, Reason.NO_WORDS, Reason.CODE})
_SAYS: Final = re.compile(r"\w")
_LIST_MARK: Final = re.compile(
    r"^\s*(?:[-*+•‣▪・●○■□◆◇>※|]+\s*|(?:\d{1,2}|[a-z])[.)](?:\s+|$)|[(（]\d{1,2}[)）]\s*|[①-⑳]\s*"
    r"|#{1,6}\s+|step\s*\d{1,2}\s*[:.：]\s*|(?:手順|ステップ)\s*\d{1,2}\s*[:：.]?\s*)+",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class AnswerChecker:
    """Checks sentences against one set of sources, which it prepares once.

    Attributes:
        sources: What the model was shown, in the order of their numbers.
        evidence: The readable ones, prepared.
        terms: What the glossary forbids.
        question: What was asked. What only it says is no evidence.
        checker: A model that is asked about each sentence; it can only lower a verdict.
        thresholds: How alike is alike enough.
    """

    sources: tuple[Source, ...]
    evidence: tuple[Evidence | None, ...]
    terms: tuple[Term, ...] = ()
    question: str = ""
    checker: SentenceChecker | None = None
    thresholds: comparing.Thresholds = comparing.MEASURED

    @classmethod
    def of(
        cls,
        sources: Sequence[Source],
        *,
        terms: Sequence[Term] = (),
        question: str = "",
        checker: SentenceChecker | None = None,
        thresholds: comparing.Thresholds = comparing.MEASURED,
    ) -> AnswerChecker:
        """Prepare sources for checking."""
        evidence = tuple(
            Evidence.of(source) if source.is_readable and source.text.strip() else None
            for source in sources
        )
        return cls(tuple(sources), evidence, tuple(terms), question, checker, thresholds)

    def answer(self, text: str) -> AnswerVerdict:
        """Return what is found about every sentence of an answer."""
        return AnswerVerdict.of(self.sentence(item) for item in sentences.split(text))

    def sentence(self, sentence: sentences.Sentence) -> SentenceVerdict:
        """Return what is found about one sentence."""
        if sentence.kind is sentences.Kind.CODE:
            return _verdict(sentence, reasons=[Reason.CODE])
        cited = citations.cited_numbers(sentence.text)
        plain = _LIST_MARK.sub("", citations.without_citations(sentence.text)).strip()
        speech = claims.speech(plain)
        if speech is claims.Speech.ABSTENTION:
            return _verdict(sentence, reasons=[Reason.ABSTENTION])
        if (
            speech is claims.Speech.NO_CLAIM
            or sentence.kind is sentences.Kind.HEADING
            or not _SAYS.search(plain)
        ):
            return _verdict(sentence, reasons=[Reason.NO_CLAIM, *self._wrong_citations(cited)])
        return self._asked(self._claim(sentence, plain=plain, cited=cited), plain=plain)

    def _claim(
        self, sentence: sentences.Sentence, *, plain: str, cited: tuple[int, ...]
    ) -> SentenceVerdict:
        every = [item for item in self.evidence if item is not None]
        if not every:
            return _verdict(sentence, reasons=[Reason.NO_SOURCES])
        reasons = self._wrong_citations(cited)
        chosen = [
            item
            for number in cited
            if 0 < number <= len(self.evidence) and (item := self.evidence[number - 1]) is not None
        ]
        if not cited:
            reasons.append(Reason.UNCITED)
        compared = self._compared(plain, among=chosen or every)
        problems = list(compared.problems)
        if chosen and set(problems) - _UNSURE:
            elsewhere = self._compared(plain, among=every)
            if not set(elsewhere.problems) - _UNSURE:
                problems = [Reason.MISCITED]
        return _verdict(
            sentence,
            reasons=[*reasons, *problems],
            sources=compared.sources,
            score=compared.score,
        )

    def _compared(self, plain: str, *, among: Sequence[Evidence]) -> comparing.Compared:
        compared = comparing.compare(
            plain, among=among, question=self.question, thresholds=self.thresholds
        )
        wrong = terms.forbidden_in(plain, terms=self.terms)
        if any(not terms.stands_in(word, text=item.digits) for word in wrong for item in among):
            return compared.with_problem(Reason.TERM_FORBIDDEN)
        return compared

    def _wrong_citations(self, cited: Sequence[int]) -> list[Reason]:
        reasons = []
        if any(not 0 < number <= len(self.sources) for number in cited):
            reasons.append(Reason.CITATION_UNKNOWN)
        if any(
            0 < number <= len(self.sources) and self.evidence[number - 1] is None
            for number in cited
        ):
            reasons.append(Reason.CITATION_UNREADABLE)
        return reasons

    def _asked(self, found: SentenceVerdict, *, plain: str) -> SentenceVerdict:
        """Let the checker lower a verdict. What is unsupported already is not asked about."""
        if self.checker is None or found.verdict is Verdict.UNSUPPORTED:
            return found
        passages = [
            source
            for source, item in zip(self.sources, self.evidence, strict=True)
            if item is not None and source.id in found.sources
        ]
        return lowered(found, claim=plain, passages=passages, checker=self.checker)


def check_answer(
    answer: str,
    *,
    sources: Sequence[Source],
    terms: Sequence[Term] = (),
    question: str = "",
    checker: SentenceChecker | None = None,
) -> AnswerVerdict:
    """Return what the sources carry of an answer.

    Args:
        answer: As the model wrote it, in English or Japanese.
        sources: What it was shown, in the order of their numbers.
        terms: What the glossary forbids.
        question: What was asked; its words weigh less, and its numbers are no evidence.
        checker: Asked about each sentence that is not unsupported already.
    """
    checking = AnswerChecker.of(sources, terms=terms, question=question, checker=checker)
    return checking.answer(answer)


def _verdict(
    sentence: sentences.Sentence,
    *,
    reasons: Sequence[Reason],
    sources: tuple[str, ...] = (),
    score: float = 0.0,
) -> SentenceVerdict:
    found = frozenset(reasons)
    unsure = _UNSURE | {Reason.ABSTENTION, Reason.NO_CLAIM}
    if found - unsure - NOTES:
        verdict = Verdict.UNSUPPORTED
    elif found & unsure:
        verdict = Verdict.UNVERIFIABLE
    else:
        verdict = Verdict.SUPPORTED
    ordered = tuple(reason for reason in Reason if reason in found)
    return SentenceVerdict(
        sentence.text, sentence.start, sentence.end, verdict, ordered, sources, score
    )

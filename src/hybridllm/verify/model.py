"""What an answer is checked against, and what a check says.

Answers: which values go into a check and come out of it?
Not here: the checks themselves (`check`), what to do about them (`actions`).

A verdict never says that a sentence is true. It says whether the sources carry it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

ABSTENTION_EN: Final = "Not found in your documents."
ABSTENTION_JA: Final = "該当する記載は文書に見つかりませんでした。"
"""What takes the place of an answer that the documents do not hold."""


class Verdict(StrEnum):
    """Whether the sources carry a sentence.

    `SUPPORTED`: nothing was found that they do not carry. `UNSUPPORTED`: something was found,
    and the reasons say what kind of thing. `UNVERIFIABLE`: nothing could be compared.
    """

    SUPPORTED = "supported"
    UNVERIFIABLE = "unverifiable"
    UNSUPPORTED = "unsupported"


class Reason(StrEnum):
    """Why a verdict is what it is, or what a reader should know beside it."""

    # Notes; they do not lower the verdict.
    UNCITED = "uncited"
    """The sentence cites nothing, so it was compared with all sources."""

    # Nothing to compare: unverifiable and harmless.
    ABSTENTION = "abstention"
    """It says that the documents do not hold the answer."""
    NO_CLAIM = "no_claim"
    """A greeting, an introduction, a question, a heading: it claims nothing."""

    # Nothing could be compared: unverifiable and doubtful.
    CODE = "code"
    """A block of code."""
    NO_WORDS = "no_words"
    """It has too few words to compare, such as a mere "yes"."""
    FROM_QUESTION = "from_question"
    """A number or name is in the question and in no source."""
    CHECKER_FAILED = "checker_failed"
    """A sentence checker or judge failed or did not answer in the agreed form."""
    CHECKER_UNSURE = "checker_unsure"
    """A judge could not say."""

    # The sources do not carry it.
    NO_SOURCES = "no_sources"
    """There is nothing that could carry it."""
    CITATION_UNKNOWN = "citation_unknown"
    """It cites a number that no source has."""
    CITATION_UNREADABLE = "citation_unreadable"
    """It cites a source that the asker may not read."""
    MISCITED = "miscited"
    """Another source carries it, the cited one does not."""
    QUOTE_ABSENT = "quote_absent"
    """The quoted words are not in the source."""
    NUMBER_ABSENT = "number_absent"
    """A number, amount or unit is not in the source."""
    NUMBER_MISPLACED = "number_misplaced"
    """The source has the number, but says it of something else."""
    DATE_ABSENT = "date_absent"
    """A date or time is not in the source."""
    CODE_ABSENT = "code_absent"
    """A part number, option or other code is not in the source."""
    NAME_ABSENT = "name_absent"
    """A name is not in the source."""
    LOW_OVERLAP = "low_overlap"
    """Too few of its words are in the source."""
    NEGATION_MISMATCH = "negation_mismatch"
    """It denies what the source says, or the other way round."""
    OPPOSITE_WORD = "opposite_word"
    """It says the opposite: after for before, 以下 for 以上."""
    ROLES_SWAPPED = "roles_swapped"
    """It says of one what the source says of the other."""
    WORD_REPLACED = "word_replaced"
    """It has another word in a place where the source, otherwise alike, has its own."""
    TERM_FORBIDDEN = "term_forbidden"
    """It uses a word that the glossary forbids and that the source does not use."""
    CHECKER_DENIED = "checker_denied"
    """A sentence checker or judge found that the source does not carry it."""


HARMLESS = frozenset({Reason.ABSTENTION, Reason.NO_CLAIM})
"""Reasons of sentences that can mislead nobody."""

NOTES = frozenset({Reason.UNCITED})
"""Reasons that do not lower a verdict."""


@dataclass(frozen=True, slots=True)
class Source:
    """One numbered passage that the model was shown; its number is its position, from 1.

    Attributes:
        id: What verdicts call it.
        title: Of its document. Names in it count as read.
        text: What the model read.
        is_readable: Whether the asker may read it now. If not, it carries nothing.
    """

    id: str
    title: str = field(repr=False)
    text: str = field(repr=False)
    is_readable: bool = True


@dataclass(frozen=True, slots=True)
class Term:
    """A glossary term, as far as an answer can get it wrong.

    Attributes:
        preferred: What to say.
        forbidden: What not to say for it.
    """

    preferred: str
    forbidden: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SentenceVerdict:
    """What was found about one sentence.

    Attributes:
        text: The sentence as it stands in the answer.
        start: Its first character in the answer.
        end: The character behind its last.
        verdict: Whether the sources carry it.
        reasons: Why, in the order of `Reason`.
        sources: Ids of the sources that it was compared with and that carry most of it.
        score: Share of its words that the sources carry, 0 to 1.
    """

    text: str = field(repr=False)
    start: int
    end: int
    verdict: Verdict
    reasons: tuple[Reason, ...] = ()
    sources: tuple[str, ...] = ()
    score: float = 0.0

    @property
    def is_harmless(self) -> bool:
        """Whether it claims nothing, so that nobody needs a source for it."""
        return self.verdict is Verdict.UNVERIFIABLE and not set(self.reasons) - HARMLESS - NOTES


@dataclass(frozen=True, slots=True)
class AnswerVerdict:
    """What was found about a whole answer.

    Attributes:
        verdict: `UNSUPPORTED` if one sentence is; otherwise `UNVERIFIABLE` if one that claims
            something is, or if none claims anything; otherwise `SUPPORTED`.
        sentences: In the order of the answer.
    """

    verdict: Verdict
    sentences: tuple[SentenceVerdict, ...]

    @classmethod
    def of(cls, sentences: Iterable[SentenceVerdict]) -> AnswerVerdict:
        """Return what these sentences make."""
        checked = tuple(sentences)
        claims = {item.verdict for item in checked if not item.is_harmless}
        if Verdict.UNSUPPORTED in claims:
            verdict = Verdict.UNSUPPORTED
        elif Verdict.UNVERIFIABLE in claims or not claims:
            verdict = Verdict.UNVERIFIABLE
        else:
            verdict = Verdict.SUPPORTED
        return cls(verdict, checked)

    @property
    def is_abstention(self) -> bool:
        """Whether the answer says that the documents hold none, and claims nothing else."""
        found = any(Reason.ABSTENTION in item.reasons for item in self.sentences)
        return found and all(item.is_harmless for item in self.sentences)

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Every reason that occurs, in the order of `Reason`."""
        found = {reason for item in self.sentences for reason in item.reasons}
        return tuple(reason for reason in Reason if reason in found)

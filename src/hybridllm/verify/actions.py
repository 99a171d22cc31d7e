"""What becomes of an answer that was checked.

Answers: is it given, marked, asked for again, or replaced?
Not here: the checks (`check`); which mode holds for which label is policy's to say.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hybridllm.verify.model import AnswerVerdict, Verdict


class Mode(StrEnum):
    """What is wanted of an answer that is not supported."""

    ANNOTATE = "annotate"
    RETRY = "retry"
    ABSTAIN = "abstain"


class Action(StrEnum):
    """What to do. `GIVE`: as it is; `ANNOTATE`: with its verdicts; the others withhold it."""

    GIVE = "give"
    ANNOTATE = "annotate"
    RETRY = "retry"
    ABSTAIN = "abstain"


_STRICTEST_FIRST: Final = (Mode.ABSTAIN, Mode.RETRY, Mode.ANNOTATE)


def strictest(names: Iterable[str]) -> Mode:
    """Return the strictest of several modes, by their names; `annotate` if there are none."""
    modes = {Mode(name) for name in names}
    return next((mode for mode in _STRICTEST_FIRST if mode in modes), Mode.ANNOTATE)


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How much of an answer may fail before it does.

    Attributes:
        unsupported: Largest share of the claims that may be unsupported, 0 to 1.
        unverifiable: Largest share of the claims that may be unverifiable, 0 to 1.
    """

    unsupported: float = 0.0
    unverifiable: float = 1.0


def decide_action(
    verdict: AnswerVerdict,
    *,
    mode: Mode,
    tolerance: Tolerance | None = None,
    retries_left: int = 1,
) -> Action:
    """Return what to do with an answer.

    An abstention is given in every mode. Without a retry left, `retry` abstains: what failed
    the check is never given because trying again failed too.
    """
    if exceeds(verdict, tolerance=tolerance or Tolerance()):
        if mode is Mode.RETRY and retries_left > 0:
            return Action.RETRY
        return Action.ANNOTATE if mode is Mode.ANNOTATE else Action.ABSTAIN
    if verdict.verdict is Verdict.SUPPORTED or verdict.is_abstention:
        return Action.GIVE
    return Action.ANNOTATE


def exceeds(verdict: AnswerVerdict, *, tolerance: Tolerance) -> bool:
    """Return whether more of an answer failed than is tolerated."""
    claims = [item.verdict for item in verdict.sentences if not item.is_harmless]
    if not claims:
        return False
    return claims.count(Verdict.UNSUPPORTED) > tolerance.unsupported * len(claims) or claims.count(
        Verdict.UNVERIFIABLE
    ) > tolerance.unverifiable * len(claims)

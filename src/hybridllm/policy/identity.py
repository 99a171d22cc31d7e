"""A caller that acts for a department which it does not hold.

Answers: what does the decision look like then?
Not here: who holds what (`config.identity`), asking for it (`flow`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from hybridllm.types import Effect, PolicyDecision, Reason, Rejection

if TYPE_CHECKING:
    from hybridllm.labels import Label

NOT_HELD: Final = "department_not_held"
"""Code of the reason."""


def withheld(decision: PolicyDecision) -> PolicyDecision:
    """Return a denial in the place of a decision, with the same label."""
    reason = Reason(NOT_HELD, "the caller does not hold the department that it named")
    against = tuple(
        Rejection(candidate.backend, candidate.model, candidate.place, (reason,))
        for candidate in decision.candidates
    )
    return replace(
        decision,
        effect=Effect.DENY,
        candidates=(),
        rejected=(*decision.rejected, *against),
        reasons=(*decision.reasons, reason),
    )


def nothing_for(label: Label, *, policy_digest: str) -> PolicyDecision:
    """Return the denial of a search, which has no backend."""
    reason = Reason(NOT_HELD, "the caller does not hold the department that it named")
    return PolicyDecision(
        effect=Effect.DENY, label=label, reasons=(reason,), policy_digest=policy_digest
    )


def is_withheld(decision: PolicyDecision) -> bool:
    """Return whether a decision was made so by `withheld`."""
    return any(reason.code == NOT_HELD for reason in decision.reasons)

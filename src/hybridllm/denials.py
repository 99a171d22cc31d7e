"""From a decision that permits nothing to the error that says so.

Answers: what is a caller told whose request no backend may receive?
Not here: deciding (`policy.decide`), recording it (`flow`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hybridllm.errors import DepartmentNotHeldError, PolicyDeniedError, PolicyIndeterminateError
from hybridllm.policy.identity import is_withheld
from hybridllm.types import Effect

if TYPE_CHECKING:
    from hybridllm.types import PolicyDecision


def denied(decision: PolicyDecision) -> PolicyDeniedError:
    """Return the error for a denial. It names codes and places, and no content."""
    why = "; ".join(
        f"{rejection.backend}: {', '.join(sorted({reason.code for reason in rejection.reasons}))}"
        for rejection in decision.rejected
    )
    detail = f" ({why})" if why else ""
    if decision.effect is Effect.INDETERMINATE:
        return PolicyIndeterminateError(
            f"the policy could not be decided, so nothing was sent; audit id {decision.audit_id}",
            policy_decision=decision,
        )
    if is_withheld(decision):
        return DepartmentNotHeldError(
            "the caller does not hold the department that it named, so nothing was sent; "
            f"audit id {decision.audit_id}",
            policy_decision=decision,
        )
    return PolicyDeniedError(
        f"no backend may receive this request, which is {decision.label}{detail}; "
        f"nothing was sent; audit id {decision.audit_id}",
        policy_decision=decision,
    )

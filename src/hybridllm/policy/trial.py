"""A policy on trial: it decides beside the one in force, and what it says is only recorded.

Answers: would this request have been decided otherwise?
Not here: making the decisions (handed in), recording the difference (`audit.record`).

There are two kinds. `report`: the files in force, with their rules of `mode = "report"`
as if these were enforced. `shadow`: another set of files. Neither can change a decision:
it is made before a trial is asked, and nothing of a trial flows back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from hybridllm.errors import ConfigurationError
from hybridllm.types import Effect, PolicyDecision, Reason

if TYPE_CHECKING:
    from hybridllm.policy.model import Policy
    from hybridllm.types import Facts

REPORT: Final = "report"
SHADOW: Final = "shadow"


@dataclass(frozen=True, slots=True)
class Trial:
    """One policy on trial.

    Attributes:
        source: `report` or `shadow`.
        policy: What decides.
    """

    source: str
    policy: Policy


def divergence(
    trial: Trial,
    *,
    facts: Facts,
    decision: PolicyDecision,
    decide: Callable[[Policy, Facts], PolicyDecision],
) -> PolicyDecision | None:
    """Return what the trial says, if that differs in effect, label or candidates.

    Args:
        trial: The policy on trial.
        facts: Of the request, on the scale in force.
        decision: What is in force.
        decide: Makes a decision.
    """
    would = _decision(trial, facts, decide)
    same = (
        would.effect is decision.effect
        and would.candidates == decision.candidates
        and would.label.level.name == decision.label.level.name
        and would.label.compartments == decision.label.compartments
    )
    return None if same else would


def _decision(
    trial: Trial, facts: Facts, decide: Callable[[Policy, Facts], PolicyDecision]
) -> PolicyDecision:
    """Return the decision on the trial's own scale, whose ranks may mean other levels."""
    policy, label = trial.policy, facts.label
    try:
        own = policy.scale.label(label.level.name, compartments=label.compartments)
    except ConfigurationError:
        reason = Reason("indeterminate", "the policy on trial lacks the label")
        return PolicyDecision(
            effect=Effect.INDETERMINATE,
            label=policy.scale.strictest,
            reasons=(reason,),
            policy_digest=policy.digest,
        )
    return decide(policy, replace(facts, label=own))

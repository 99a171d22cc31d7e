"""What is odd in a policy that loads.

Answers: which lines do nothing, which do too much together, and what can nobody ask for?
Not here: what is wrong (a policy with a mistake does not load), taste.

A rule that repeats what a clearance says already is no oddity: it still holds when
somebody raises the clearance, and that is what such rules are for. So rules are compared
with rules, and entries with entries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hybridllm.policy.tools.effective import ORGANISATION_FILE
from hybridllm.policy.tools.idle_findings import idle_entries
from hybridllm.policy.tools.idle_rules import contradictions, idle_rules
from hybridllm.policy.tools.space import Probe, compartment_groups

if TYPE_CHECKING:
    from hybridllm.policy.model import Destination, Policy
    from hybridllm.policy.tools import Decide


@dataclass(frozen=True, slots=True)
class Remark:
    """Something odd.

    Attributes:
        code: Stable word, such as `shadowed_rule`.
        origin: File and key.
        text: What is odd.
        remedy: What to do.
    """

    code: str
    origin: str
    text: str
    remedy: str


def lint(
    policy: Policy, *, kinds: Iterable[str], decide: Decide, file: str = ORGANISATION_FILE
) -> tuple[Remark, ...]:
    """Return everything odd in a policy.

    Args:
        policy: The policy.
        kinds: Every kind that the detectors can report.
        decide: Makes a decision.
        file: How the organisation's file is called.
    """
    known = tuple(kinds)
    return (
        *(Remark(*found) for found in idle_rules(policy, kinds=known)),
        *(Remark(*found) for found in contradictions(policy)),
        *(Remark(*found) for found in idle_entries(policy, kinds=known, file=file)),
        *_unserved_labels(policy, file=file),
        *_closed_models(policy, decide=decide, file=file),
    )


def _unserved_labels(policy: Policy, *, file: str) -> Iterator[Remark]:
    """Yield the labels for which a model has no backend at all."""
    for alias, targets in policy.aliases.items():
        served = [policy.destinations[target.backend] for target in targets]
        origin = f"{file}: models.{alias}"
        level = _lowest_unserved_level(policy, served)
        if level is not None:
            yield Remark(
                "unserved_level",
                origin,
                f"no backend of {alias} is cleared for {level}, so such requests are refused",
                "add a candidate that is cleared for it, or leave it if that is meant",
            )
        for name in compartment_groups([policy]):
            label = policy.scale.label(policy.default.level.name, compartments=[name])
            if not any(label.flows_to(item.clearance) for item in served):
                yield Remark(
                    "unserved_compartment",
                    origin,
                    f"no backend of {alias} is cleared for the compartment {name}, so such "
                    "requests are refused",
                    "add a candidate that is cleared for it, or leave it if that is meant",
                )


def _lowest_unserved_level(policy: Policy, served: list[Destination]) -> str | None:
    for level in policy.scale.levels:
        if all(item.clearance.level < level for item in served):
            return level.name
    return None


def _closed_models(policy: Policy, *, decide: Decide, file: str) -> Iterator[Remark]:
    """Yield the models that a department can never use, whatever it asks.

    Restrictions only add up, so the request of which least is known is the one that
    passes if any does.
    """
    lowest = policy.scale.levels[0].name
    for department in policy.departments:
        for alias, targets in policy.aliases.items():
            endpoints = sorted(
                endpoint
                for target in targets
                for endpoint in policy.destinations[target.backend].endpoints
            )
            asked = (Probe(department, alias, endpoint, lowest) for endpoint in endpoints)
            if not any(decide(policy, probe.facts(policy)).candidates for probe in asked):
                yield Remark(
                    "closed_model",
                    f"{file}: models.{alias}",
                    f"the department {department} can never use {alias}: each of its backends "
                    "is ruled out for every request",
                    "add a candidate that may see its requests, or leave it if that is meant",
                )

"""The decision: which backends may see this request, and why not the others.

Answers: given a policy and the facts of a request, what is allowed?
Not here: finding the facts (`classify`), acting on the answer (`flow`).

`decide` is pure and total: no clock, file, network or environment, and an answer
for every input. If it fails inside, the answer is `indeterminate`, which is a
denial. Restrictions only add up, so their order never matters:

1. The label is the join of the defaults, of what was declared, of what the
   findings mean, and of what rules raise it to. A doubt makes it the strictest.
2. A target stays only if its clearance covers the label, it serves the endpoint
   and may receive the parameters, and no rule takes it away.
3. What is left, in the order of the alias, are the candidates. None left is a denial.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hybridllm.policy.model import patterns_of
from hybridllm.types import (
    Candidate,
    Effect,
    Facts,
    Place,
    PolicyDecision,
    Reason,
    Rejection,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hybridllm.labels import Label
    from hybridllm.policy.model import Department, Destination, FindingLabel, Policy, Rule, Target


def decide(policy: Policy, facts: Facts) -> PolicyDecision:
    """Return what the policy says of a request with these facts."""
    try:
        return _decide(policy, facts)
    except Exception as error:  # a boundary: failing to decide is a denial
        reason = Reason("indeterminate", f"deciding failed with {type(error).__name__}")
        return PolicyDecision(
            effect=Effect.INDETERMINATE,
            label=policy.scale.strictest,
            reasons=(reason,),
            policy_digest=policy.digest,
        )


def _decide(policy: Policy, facts: Facts) -> PolicyDecision:
    department = policy.departments[facts.identity.department]
    rules = (*policy.rules, *department.rules)
    patterns = patterns_of(*(kind for kind, _ in facts.kinds))
    label, reasons = _label(policy, department, rules=rules, facts=facts, patterns=patterns)
    active = tuple(
        rule
        for rule in rules
        if rule.label is None and rule.when.holds(facts, label=label, patterns=patterns)
    )
    candidates: list[Candidate] = []
    rejected: list[Rejection] = []
    for target in policy.aliases[facts.alias]:
        destination = policy.destinations[target.backend]
        against = tuple(_against(destination, facts, label=label, rules=active))
        if against:
            rejected.append(_rejection(target, destination, against))
        else:
            candidates.append(Candidate(target.backend, target.model, destination.place))
    if not candidates:
        reasons.append(Reason("no_backend", "no backend of this model may receive the request"))
    return PolicyDecision(
        effect=Effect.PERMIT if candidates else Effect.DENY,
        label=label,
        candidates=tuple(candidates),
        rejected=tuple(rejected),
        reasons=tuple(reasons),
        policy_digest=policy.digest,
    )


def _label(
    policy: Policy,
    department: Department,
    *,
    rules: tuple[Rule, ...],
    facts: Facts,
    patterns: frozenset[str],
) -> tuple[Label, list[Reason]]:
    """Return the label of the request and every reason that raised it."""
    label = policy.default
    reasons = [Reason("default", f"text that nobody labelled is {policy.default}")]
    for raised, reason in _raises(policy, department, rules=rules, facts=facts, patterns=patterns):
        joined = label.join(raised)
        if joined != label:
            reasons.append(reason)
        label = joined
    return label, reasons


def _raises(
    policy: Policy,
    department: Department,
    *,
    rules: tuple[Rule, ...],
    facts: Facts,
    patterns: frozenset[str],
) -> Iterator[tuple[Label, Reason]]:
    name = department.name
    yield department.default, Reason("department", f"{name} starts at {department.default}")
    yield facts.label, Reason("declared", f"the caller or the history says {facts.label}")
    for kind, count in facts.kinds:
        label = _finding_label(policy, department, kind=kind)
        times = "once" if count == 1 else f"{count} times"
        yield label, Reason("finding", f"{kind} was found {times}: {label}")
    for rule in rules:
        if rule.label is not None and rule.when.holds(
            facts, label=policy.default, patterns=patterns
        ):
            yield rule.label, Reason("rule", f"a rule raises it to {rule.label}", rule.title)
    if facts.doubts:
        codes = ", ".join(sorted(facts.doubts))
        yield policy.scale.strictest, Reason("doubt", f"not everything could be judged: {codes}")


def _finding_label(policy: Policy, department: Department, *, kind: str) -> Label:
    """Return what a finding means. A kind that nobody mentions means the strictest.

    In the organisation's table the most specific entry counts. In a department's
    table all entries that cover the kind are joined, so that none can take back
    what another one raised.
    """
    label = _most_specific(policy.finding_labels, kind) or policy.scale.strictest
    covering = patterns_of(kind)
    for entry in department.finding_labels:
        if entry.kind in covering:
            label = label.join(entry.label)
    return label


def _most_specific(entries: tuple[FindingLabel, ...], kind: str) -> Label | None:
    for pattern in (kind, f"{kind.partition('.')[0]}.*", "*"):
        for entry in entries:
            if entry.kind == pattern:
                return entry.label
    return None


def _against(
    destination: Destination, facts: Facts, *, label: Label, rules: tuple[Rule, ...]
) -> Iterator[Reason]:
    """Yield every reason why a request may not go to a backend."""
    if not label.flows_to(destination.clearance):
        yield Reason(
            "label_above_clearance",
            f"the request is {label}; {destination.name} is cleared for {destination.clearance}",
        )
    if facts.doubts and destination.place is Place.CLOUD:
        yield Reason("doubt", "what could not be judged stays on the premises")
    if facts.budgets and destination.place is Place.CLOUD:
        for name in sorted(facts.budgets):
            yield Reason("budget", f"the budget {name} is used up, and closes every cloud")
    if facts.endpoint not in destination.endpoints:
        yield Reason("endpoint", f"{destination.name} does not serve {facts.endpoint}")
    for name in sorted(facts.parameters - destination.parameters):
        yield Reason("parameter", f"{destination.name} may not receive the parameter {name}")
    for rule in rules:
        if _takes_away(rule, destination):
            yield Reason("rule", f"a rule keeps the request from {destination.name}", rule.title)


def _takes_away(rule: Rule, destination: Destination) -> bool:
    return (
        rule.deny
        or (rule.only_backends is not None and destination.name not in rule.only_backends)
        or destination.name in rule.forbid_backends
        or destination.place in rule.forbid_places
    )


def _rejection(target: Target, destination: Destination, reasons: tuple[Reason, ...]) -> Rejection:
    return Rejection(target.backend, target.model, destination.place, reasons)

"""What would have to change for a backend to become possible.

Answers: of all that speaks against a backend, what is the least that must go?
Not here: why it is ruled out (the decision says so itself).

Restrictions only add up, so leaving more of them out never closes a backend. That makes
the search simple: leave everything out that can be left out; if the backend is possible
then, put back one thing after the other as long as it stays possible. What could not be
put back is needed, each part of it. Things that a caller can change are preferred to
rules, which only the owner of a file can change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hybridllm.labels import Label
from hybridllm.policy.model import Policy
from hybridllm.types import Facts

if TYPE_CHECKING:
    from hybridllm.policy.model import Rule
    from hybridllm.policy.tools import Decide
    from hybridllm.types import Rejection


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that has to change.

    Attributes:
        code: `label`, `finding`, `doubt`, `endpoint`, `parameter`, `budget` or `rule`.
        name: Which one: a label, a kind, a code, an operation, a parameter, or a rule's title.
        text: The same as a sentence, without content of the request.
    """

    code: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Remedy:
    """What would have to change for one backend.

    Attributes:
        backend: Which backend.
        model: The model there.
        steps: All of them are needed, and together they are enough; empty if nothing helps.
        obstacle: Why nothing helps; empty if the steps do.
    """

    backend: str
    model: str
    steps: tuple[Step, ...]
    obstacle: str = ""


Situation = tuple[Policy, Facts]


def remedy(policy: Policy, *, facts: Facts, rejection: Rejection, decide: Decide) -> Remedy:
    """Return the least that must change so that a backend may receive a request.

    Args:
        policy: In force.
        facts: Of the request.
        rejection: The backend that is ruled out.
        decide: Makes a decision.
    """

    def is_possible(steps: Iterable[Step]) -> bool:
        decision = decide(*applied(steps, policy=policy, facts=facts))
        wanted = (rejection.backend, rejection.model)
        return wanted in ((item.backend, item.model) for item in decision.candidates)

    steps = list(_steps(policy, facts, backend=rejection.backend))
    if not is_possible(steps):
        obstacle = _obstacle(policy, facts, backend=rejection.backend)
        return Remedy(rejection.backend, rejection.model, (), obstacle)
    for step in tuple(steps):
        without = [item for item in steps if item is not step]
        if is_possible(without):
            steps = without
    return Remedy(rejection.backend, rejection.model, tuple(reversed(steps)))


def applied(steps: Iterable[Step], *, policy: Policy, facts: Facts) -> Situation:
    """Return the policy and the request as they are once all steps were taken."""
    for step in steps:
        policy, facts = _UNDO[step.code](policy, facts, step.name)
    return policy, facts


def _steps(policy: Policy, facts: Facts, *, backend: str) -> Iterator[Step]:
    """Yield everything that could change; what should rather stay comes first."""
    destination = policy.destinations[backend]
    department = facts.identity.department
    for rule in (*policy.rules, *policy.departments[department].rules):
        yield Step("rule", rule.title, f"the rule {rule.title} must not apply{_where(rule, facts)}")
    for name in sorted(facts.budgets):
        yield Step("budget", name, f"the budget {name} has room again")
    if facts.endpoint not in destination.endpoints:
        for endpoint in sorted(destination.endpoints):
            yield Step("endpoint", endpoint, f"ask through {endpoint}")
    for name in sorted(facts.parameters):
        yield Step("parameter", name, f"leave out the parameter {name}")
    for kind, _ in facts.kinds:
        yield Step("finding", kind, f"the text holds no {kind}")
    for code in sorted(facts.doubts):
        yield Step("doubt", code, f"everything can be judged: without {code}")
    lowered = _meet(facts.label, destination.clearance)
    if lowered != facts.label:
        yield Step(
            "label",
            destination.name,
            f"the caller and the history say no more than {lowered}, not {facts.label}",
        )


def _where(rule: Rule, facts: Facts) -> str:
    """Return because of which of its names a rule applies to a request."""
    identity = facts.identity
    asked = {
        "principal": (rule.when.principals, identity.principal),
        "purpose": (rule.when.purposes, identity.purpose),
        "application": (rule.when.applications, identity.application),
        "model": (rule.when.models, facts.alias),
        "endpoint": (rule.when.endpoints, facts.endpoint),
    }
    given = [f"{name} is {value}" for name, (wanted, value) in asked.items() if value in wanted]
    return f" (it does because the {' and the '.join(given)})" if given else ""


def _meet(label: Label, clearance: Label) -> Label:
    """Return the highest label that flows to both."""
    level = min(label.level, clearance.level, key=lambda level: level.rank)
    return Label(level, label.compartments & clearance.compartments)


def _obstacle(policy: Policy, facts: Facts, *, backend: str) -> str:
    """Return what no request of this department can change."""
    destination = policy.destinations[backend]
    name = facts.identity.department
    floors = {
        "text that nobody labelled": policy.default,
        f"every request of {name}": policy.departments[name].default,
    }
    for what, floor in floors.items():
        if not floor.flows_to(destination.clearance):
            return f"{what} is {floor}; {backend} is cleared for {destination.clearance} only"
    return f"{backend} serves no operation, or the request cannot be decided"


def _without_rule(policy: Policy, facts: Facts, title: str) -> Situation:
    name = facts.identity.department
    department = policy.departments[name]
    kept = replace(
        department, rules=tuple(rule for rule in department.rules if rule.title != title)
    )
    return replace(
        policy,
        rules=tuple(rule for rule in policy.rules if rule.title != title),
        departments={**policy.departments, name: kept},
    ), facts


def _without_finding(policy: Policy, facts: Facts, name: str) -> Situation:
    return policy, replace(facts, kinds=tuple(item for item in facts.kinds if item[0] != name))


def _without_doubt(policy: Policy, facts: Facts, name: str) -> Situation:
    return policy, replace(facts, doubts=facts.doubts - {name})


def _without_parameter(policy: Policy, facts: Facts, name: str) -> Situation:
    return policy, replace(facts, parameters=facts.parameters - {name})


def _without_budget(policy: Policy, facts: Facts, name: str) -> Situation:
    return policy, replace(facts, budgets=facts.budgets - {name})


def _through(policy: Policy, facts: Facts, name: str) -> Situation:
    return policy, replace(facts, endpoint=name)


def _declared_less(policy: Policy, facts: Facts, name: str) -> Situation:
    clearance = policy.destinations[name].clearance
    return policy, replace(facts, label=_meet(facts.label, clearance))


_UNDO: dict[str, Callable[[Policy, Facts, str], Situation]] = {
    "rule": _without_rule,
    "budget": _without_budget,
    "endpoint": _through,
    "parameter": _without_parameter,
    "finding": _without_finding,
    "doubt": _without_doubt,
    "label": _declared_less,
}

"""Rules that change nothing, and rules that together leave nothing.

Answers: which rule could be deleted without any rule's effect being missed, and which two
rules refuse everything although neither says so?
Not here: entries of `[findings]` (`policy.tools.idle_findings`).

What a rule takes away is judged by models and operations, not by clearances: a rule that
keeps something off a backend which is not cleared for it either is a second guard.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

from hybridllm.policy.model import Condition, patterns_of
from hybridllm.policy.tools.conditions import can_meet, cases, is_wider

if TYPE_CHECKING:
    from hybridllm.labels import Label
    from hybridllm.policy.model import Policy, Rule
    from hybridllm.policy.tools.idle_findings import Found


@dataclass(frozen=True, slots=True)
class _Owned:
    """A rule where it counts: a department's rule asks for its department too."""

    rule: Rule
    when: Condition
    floor: Label


def idle_rules(policy: Policy, *, kinds: Iterable[str]) -> Iterator[Found]:
    """Yield the rules that never change anything, and those that others make needless."""
    known = tuple(kinds)
    left = list(_owned(policy))
    for item in tuple(left):
        why = _why_idle(policy, item, kinds=known)
        if why:
            left.remove(item)
            yield (
                "idle_rule",
                item.rule.origin,
                f"the rule '{item.rule.name}' can never change anything: {why}",
                "delete it, or correct what it asks for",
            )
    for item in tuple(left):
        others = [other for other in left if other is not item]
        covering = _covering(policy, item, others=others, kinds=known)
        if covering:
            left.remove(item)
            titles = " and ".join(dict.fromkeys(other.rule.title for other in covering))
            text = (
                f"the rule '{item.rule.name}' adds nothing: whenever it applies, so does "
                f"{titles}, and takes or raises as much"
            )
            remedy = "delete one of them, or correct what it asks for"
            yield "shadowed_rule", item.rule.origin, text, remedy


def contradictions(policy: Policy) -> Iterator[Found]:
    """Yield rules that leave a model no backend without saying so: alone, or two together.

    Any request may hold any finding and carry any label, so only names (departments,
    purposes, models ...) can keep two rules from applying to the same request.
    """
    owned = [item for item in _owned(policy) if not item.rule.deny]
    for item in owned:
        rule = item.rule
        if rule.only_backends is not None and rule.only_backends <= rule.forbid_backends:
            yield (
                "contradiction",
                rule.origin,
                f"the rule '{rule.name}' takes away every backend that it leaves itself",
                "write deny = true if that is meant",
            )
    for one, other in combinations(owned, 2):
        alias = (
            _closed_together(policy, one, other) if can_meet(one.when, other=other.when) else None
        )
        if alias is not None:
            text = (
                f"the rule '{one.rule.name}' and {other.rule.title} together leave {alias} no "
                "backend, so what both apply to is refused"
            )
            remedy = "let one of them ask for more, or write deny = true if that is meant"
            yield "contradiction", one.rule.origin, text, remedy


def _owned(policy: Policy) -> Iterator[_Owned]:
    for rule in policy.rules:
        yield _Owned(rule, rule.when, policy.default)
    for name, department in policy.departments.items():
        for rule in department.rules:
            when = replace(rule.when, departments=frozenset({name}))
            yield _Owned(rule, when, policy.default.join(department.default))


def _why_idle(policy: Policy, item: _Owned, *, kinds: tuple[str, ...]) -> str:
    """Return why a rule never changes anything; empty if it may."""
    rule, when = item.rule, item.when
    if when.kinds and not when.kinds & patterns_of(*kinds):
        return "no detector reports the kinds that it asks for"
    if rule.label is not None:
        is_low = rule.label.flows_to(item.floor)
        return f"every request that it applies to is {item.floor} already" if is_low else ""
    if not any(_taken(policy, rule, alias=alias) for alias in _models(policy, when)):
        return "it takes no backend away from any model that it applies to"
    if when.endpoints and not any(
        when.endpoints & policy.destinations[target.backend].endpoints
        for alias in _models(policy, when)
        for target in policy.aliases[alias]
    ):
        return "no backend of its models serves the operations that it asks for"
    return ""


def _covering(
    policy: Policy, item: _Owned, *, others: list[_Owned], kinds: tuple[str, ...]
) -> list[_Owned]:
    """Return the rules that together do all that a rule does; nothing if they do not."""
    found: list[_Owned] = []
    for case in cases(item.when, kinds=kinds):
        wider = [
            other for other in others if is_wider(other.when, than=case, floor=item.floor.level)
        ]
        if not _say_as_much(policy, item, case=case, others=wider):
            return []
        found += wider
    raises = item.rule.label is not None
    alike = [other for other in found if (other.rule.label is not None) == raises]
    return list({other.rule.title: other for other in alike}.values())


def _say_as_much(policy: Policy, item: _Owned, *, case: Condition, others: list[_Owned]) -> bool:
    rule = item.rule
    if rule.label is not None:
        label = item.floor
        for other in others:
            if other.rule.label is not None:
                label = label.join(other.rule.label)
        return rule.label.flows_to(label)
    return all(
        _taken(policy, rule, alias=alias)
        <= frozenset().union(*(_taken(policy, other.rule, alias=alias) for other in others))
        for alias in _models(policy, case)
    )


def _closed_together(policy: Policy, one: _Owned, other: _Owned) -> str | None:
    """Return a model of which each rule leaves something, and both together nothing."""
    for alias in sorted(_models(policy, one.when) & _models(policy, other.when)):
        every = {target.backend for target in policy.aliases[alias]}
        first, second = (_taken(policy, item.rule, alias=alias) for item in (one, other))
        if every not in (first, second) and first | second == every:
            return alias
    return None


def _models(policy: Policy, when: Condition) -> frozenset[str]:
    every = frozenset(policy.aliases)
    return when.models & every if when.models else every


def _taken(policy: Policy, rule: Rule, *, alias: str) -> frozenset[str]:
    """Return the backends of a model that a rule takes away."""
    return frozenset(
        target.backend
        for target in policy.aliases[alias]
        if rule.label is None
        and (
            rule.deny
            or (rule.only_backends is not None and target.backend not in rule.only_backends)
            or target.backend in rule.forbid_backends
            or policy.destinations[target.backend].place in rule.forbid_places
        )
    )

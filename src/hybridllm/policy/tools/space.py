"""The requests that have to be looked at so that no difference is missed.

Answers: which few requests stand for all that policies can tell apart?
Not here: deciding about them, comparing the decisions (`policy.tools.diff`).

There are endlessly many requests, but a policy can only restrict, and a restriction
applies when all parts of its condition hold. So what speaks against a backend is the
union of what single restrictions say, each of which is seen at the smallest request that
it applies to: at most one finding, at most one compartment beside the level, and the
names that its rule asks for. If two policies agree there, they agree everywhere, as long
as the label is compared too. `tests/policy_tools/test_diff.py` tries to refute that.

Kinds that no file tells apart are looked at once, and so are compartments.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from hybridllm.labels import Label
from hybridllm.policy.model import patterns_of
from hybridllm.types import Facts, Identity

if TYPE_CHECKING:
    from hybridllm.policy.model import Department, Policy, Rule

DOUBT = "unreadable:part"
"""Stands for every doubt: a decision does not tell them apart."""

Who = tuple[str, str, str]
"""Principal, purpose and application; empty where no rule asks for a name."""

NOBODY: Who = ("", "", "")


@dataclass(frozen=True, slots=True)
class KindGroup:
    """Kinds of findings that no file tells apart. An empty one stands for no finding."""

    kinds: tuple[str, ...] = ()

    @property
    def representative(self) -> tuple[tuple[str, int], ...]:
        """What a request's facts hold for one finding of this group."""
        return ((self.kinds[0], 1),) if self.kinds else ()


@dataclass(frozen=True, slots=True)
class Probe:
    """One request that stands for many, in names, so that several policies can read it.

    Attributes:
        department: Who asks.
        alias: The model alias.
        endpoint: The operation.
        level: Declared level.
        compartments: Declared compartments.
        found: The finding, if there is one.
        who: Principal, purpose and application.
        doubts: Whether something could not be judged.
        parameter: A guarded parameter that the request uses; empty for none.
    """

    department: str
    alias: str
    endpoint: str
    level: str
    compartments: tuple[str, ...] = ()
    found: KindGroup = KindGroup()
    who: Who = NOBODY
    doubts: bool = False
    parameter: str = ""

    def facts(self, policy: Policy) -> Facts:
        """Return the request as a policy sees it.

        Raises:
            ConfigurationError: The policy lacks the level or a compartment.
        """
        label = policy.scale.label(self.level, compartments=self.compartments)
        return Facts(
            alias=self.alias,
            endpoint=self.endpoint,
            identity=Identity(self.department, *self.who),
            label=label,
            kinds=self.found.representative,
            doubts=frozenset({DOUBT}) if self.doubts else frozenset(),
            parameters=frozenset({self.parameter}) if self.parameter else frozenset(),
        )


def probes(
    policies: Sequence[Policy], *, department: str, alias: str, kinds: Iterable[str]
) -> Iterator[Probe]:
    """Yield the requests of a department for a model that stand for all others.

    Args:
        policies: Policies that are to be compared. All must know the department and the alias.
        department: Whose requests.
        alias: For which model.
        kinds: Every kind that the detectors can report.
    """
    groups = kind_groups(policies, kinds=kinds)
    labels = _labels(policies, department=department)
    asking = _askers(policies, department=department)
    for endpoint in _endpoints(policies, alias=alias):
        for (level, parts), found, who in product(labels, groups, asking):
            yield Probe(department, alias, endpoint, level, parts, found, who)
        lowest, _ = labels[0]
        yield Probe(department, alias, endpoint, lowest, doubts=True)
        for parameter in _parameters(policies, alias=alias):
            yield Probe(department, alias, endpoint, lowest, parameter=parameter)


def kind_groups(policies: Sequence[Policy], *, kinds: Iterable[str]) -> tuple[KindGroup, ...]:
    """Return the groups of kinds that some policy tells apart, and the empty one first."""
    named = frozenset(name for policy in policies for name in _finding_patterns(policy))
    groups: dict[frozenset[str], list[str]] = {}
    for kind in sorted(set(kinds)):
        groups.setdefault(patterns_of(kind) & named, []).append(kind)
    return (KindGroup(), *(KindGroup(tuple(group)) for group in groups.values()))


def shared_levels(policies: Sequence[Policy]) -> tuple[str, ...]:
    """Return the levels that all policies have, least sensitive first."""
    first, *others = policies
    known = [{level.name for level in policy.scale.levels} for policy in others]
    return tuple(
        level.name for level in first.scale.levels if all(level.name in names for names in known)
    )


def compartment_groups(policies: Sequence[Policy]) -> tuple[str, ...]:
    """Return one compartment of each group that no policy tells apart."""
    shared = frozenset.intersection(*(policy.scale.compartments for policy in policies))
    sets = [parts for policy in policies for parts in _compartment_sets(policy)]
    seen: dict[tuple[bool, ...], str] = {}
    for name in sorted(shared):
        seen.setdefault(tuple(name in parts for parts in sets), name)
    return tuple(seen.values())


def rules_for(policy: Policy, *, department: str) -> Iterator[Rule]:
    """Yield the rules that can apply to a department."""
    for rule in policy.rules:
        if not rule.when.departments or department in rule.when.departments:
            yield rule
    yield from policy.departments[department].rules


def _labels(policies: Sequence[Policy], *, department: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return the labels to declare; of those that no policy tells apart, the highest."""
    seen: dict[tuple[Label, ...], tuple[str, tuple[str, ...]]] = {}
    for level in shared_levels(policies):
        for parts in ((), *((name,) for name in compartment_groups(policies))):
            reached = tuple(
                policy.departments[department]
                .default.join(policy.default)
                .join(policy.scale.label(level, compartments=parts))
                for policy in policies
            )
            seen[reached] = (level, parts)
    return list(seen.values())


def _askers(policies: Sequence[Policy], *, department: str) -> tuple[Who, ...]:
    """Return every combination of names that some rule asks for, and the unnamed caller."""
    found: dict[Who, None] = {NOBODY: None}
    for policy in policies:
        for rule in rules_for(policy, department=department):
            when = rule.when
            parts = (when.principals, when.purposes, when.applications)
            for who in product(*(sorted(part) or [""] for part in parts)):
                found[(who[0], who[1], who[2])] = None
    return tuple(found)


def _endpoints(policies: Sequence[Policy], *, alias: str) -> list[str]:
    return sorted(
        {
            endpoint
            for policy in policies
            for target in policy.aliases[alias]
            for endpoint in policy.destinations[target.backend].endpoints
        }
    )


def _parameters(policies: Sequence[Policy], *, alias: str) -> list[str]:
    """Return the parameters that not all backends of a model may receive."""
    sets = [
        policy.destinations[target.backend].parameters
        for policy in policies
        for target in policy.aliases[alias]
    ]
    return sorted(frozenset.union(*sets) - frozenset.intersection(*sets))


def _finding_patterns(policy: Policy) -> Iterator[str]:
    for rule in _all_rules(policy):
        yield from rule.when.kinds
    for entry in policy.finding_labels:
        yield entry.kind
    for department in policy.departments.values():
        for entry in department.finding_labels:
            yield entry.kind


def _compartment_sets(policy: Policy) -> Iterator[frozenset[str]]:
    yield policy.default.compartments
    for destination in policy.destinations.values():
        yield destination.clearance.compartments
    for entry in policy.finding_labels:
        yield entry.label.compartments
    for department in policy.departments.values():
        yield department.default.compartments
        for entry in department.finding_labels:
            yield entry.label.compartments
    for rule in _all_rules(policy):
        yield rule.when.compartments
        if rule.label is not None:
            yield rule.label.compartments


def _all_rules(policy: Policy) -> Iterator[Rule]:
    yield from policy.rules
    departments: Iterable[Department] = policy.departments.values()
    for department in departments:
        yield from department.rules

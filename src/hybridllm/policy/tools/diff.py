"""The requests that two policies treat differently.

Answers: for which department, model, label and finding does a change of the files change
what happens, and how?
Not here: which requests have to be looked at (`policy.tools.space`).

Two policies whose files differ in every line but whose decisions are the same have an
empty difference. Names that only one policy has (a department, a model, a level, a
compartment) cannot be compared, and are listed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hybridllm.policy.tools.space import Probe, probes
from hybridllm.types import Effect

if TYPE_CHECKING:
    from hybridllm.policy.model import Policy
    from hybridllm.policy.tools import Decide
    from hybridllm.types import PolicyDecision


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a decision comes to.

    Attributes:
        effect: `permit`, `deny` or `indeterminate`.
        label: Level and compartments, as text.
        candidates: Backend and model, in order.
    """

    effect: Effect
    label: str
    candidates: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One request that stands for many, and what each policy says of it."""

    probe: Probe
    old: Verdict
    new: Verdict


@dataclass(frozen=True, slots=True)
class OnlyIn:
    """A name that only one policy has.

    Attributes:
        what: `department`, `model`, `level` or `compartment`.
        name: Which one.
        side: `old` or `new`.
    """

    what: str
    name: str
    side: str


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that two policies decide differently.

    Attributes:
        changes: The requests, one for many that are alike.
        only_in: Names that cannot be compared.
        kinds: Every kind that was looked at.
    """

    changes: tuple[Change, ...]
    only_in: tuple[OnlyIn, ...]
    kinds: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether no request is treated differently."""
        return not self.changes and not self.only_in


def difference(old: Policy, *, new: Policy, kinds: Iterable[str], decide: Decide) -> Difference:
    """Return what two policies decide differently.

    Args:
        old: In force so far.
        new: Meant to replace it.
        kinds: Every kind that the detectors of either configuration can report.
        decide: Makes a decision.
    """
    known = tuple(sorted(kinds))
    changes = [
        Change(probe, before, after)
        for department in old.departments
        for alias in old.aliases
        if department in new.departments and alias in new.aliases
        for probe in probes((old, new), department=department, alias=alias, kinds=known)
        for before in (verdict(decide(old, probe.facts(old))),)
        for after in (verdict(decide(new, probe.facts(new))),)
        if before != after
    ]
    return Difference(tuple(changes), tuple(_only_in(old, new=new)), known)


def verdict(decision: PolicyDecision) -> Verdict:
    """Return what a decision comes to, without its reasons."""
    return Verdict(
        decision.effect,
        str(decision.label),
        tuple((candidate.backend, candidate.model) for candidate in decision.candidates),
    )


def _only_in(old: Policy, *, new: Policy) -> Iterator[OnlyIn]:
    names: tuple[tuple[str, Callable[[Policy], Iterable[str]]], ...] = (
        ("level", lambda policy: [level.name for level in policy.scale.levels]),
        ("compartment", lambda policy: sorted(policy.scale.compartments)),
        ("model", lambda policy: policy.aliases),
        ("department", lambda policy: policy.departments),
    )
    for what, names_of in names:
        before, after = list(names_of(old)), list(names_of(new))
        yield from (OnlyIn(what, name, "old") for name in before if name not in after)
        yield from (OnlyIn(what, name, "new") for name in after if name not in before)

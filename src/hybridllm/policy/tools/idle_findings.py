"""Entries of `[findings]` that change nothing.

Answers: which entry could be deleted without any finding meaning anything else?
Not here: rules (`policy.tools.idle_rules`).

The organisation's table is read by the most specific entry, a department's table by all
entries that cover a kind. What both say is compared after joining the label that the
request has anyway.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from hybridllm.policy.model import patterns_of

if TYPE_CHECKING:
    from hybridllm.labels import Label
    from hybridllm.policy.model import FindingLabel, Policy

Found = tuple[str, str, str, str]
"""Code, origin, text and remedy of a remark."""


def idle_entries(policy: Policy, *, kinds: Iterable[str], file: str) -> Iterator[Found]:
    """Yield the entries that change nothing."""
    known = tuple(sorted(kinds))
    table = policy.finding_labels
    for entry in table:
        others = tuple(item for item in table if item is not entry)
        covered = [kind for kind in known if entry.kind in patterns_of(kind)]
        if covered and not _is_read(entry, kinds=covered, table=table):
            why = "more specific entries cover every kind that it stands for"
        elif _floors_alike(policy, kinds=covered, table=table, without=others):
            why = "without it the same kinds would mean the same"
        else:
            continue
        yield _remark(f'{file}: findings."{entry.kind}"', entry, why)
    for name, department in policy.departments.items():
        own = department.finding_labels
        for entry in own:
            covered = [kind for kind in known if entry.kind in patterns_of(kind)]
            others = tuple(item for item in own if item is not entry)
            base = policy.default.join(department.default)
            if all(
                entry.label.flows_to(_reached(policy, others, kind=kind, base=base))
                for kind in covered
            ):
                origin = f'departments/{name}.toml: findings."{entry.kind}"'
                yield _remark(origin, entry, "other entries say as much or more of the same kinds")


def _remark(origin: str, entry: FindingLabel, why: str) -> Found:
    text = f"the entry for {entry.kind} changes nothing: {why}"
    return "idle_finding", origin, text, "delete it, or give it the label that was meant"


def _is_read(entry: FindingLabel, *, kinds: list[str], table: tuple[FindingLabel, ...]) -> bool:
    """Return whether the entry is the most specific one for some kind."""
    return any(_most_specific(table, kind=kind) is entry for kind in kinds)


def _floors_alike(
    policy: Policy,
    *,
    kinds: list[str],
    table: tuple[FindingLabel, ...],
    without: tuple[FindingLabel, ...],
) -> bool:
    base = policy.default
    return all(
        base.join(_organisation(policy, table, kind=kind))
        == base.join(_organisation(policy, without, kind=kind))
        for kind in kinds
    )


def _organisation(policy: Policy, table: tuple[FindingLabel, ...], *, kind: str) -> Label:
    entry = _most_specific(table, kind=kind)
    return policy.scale.strictest if entry is None else entry.label


def _most_specific(table: tuple[FindingLabel, ...], *, kind: str) -> FindingLabel | None:
    for pattern in (kind, f"{kind.partition('.')[0]}.*", "*"):
        for entry in table:
            if entry.kind == pattern:
                return entry
    return None


def _reached(policy: Policy, entries: tuple[FindingLabel, ...], *, kind: str, base: Label) -> Label:
    """Return the label that a finding reaches in a department with these entries."""
    label = base.join(_organisation(policy, policy.finding_labels, kind=kind))
    for entry in entries:
        if entry.kind in patterns_of(kind):
            label = label.join(entry.label)
    return label

"""The difference of two policies, as people and as machines read it.

Answers: how are many changed decisions shown in few rows?
Not here: finding them (`hybridllm.policy.tools.diff`).

Decisions that changed alike share a row. A label that changed is shown for the request
that declares least, since what a caller declares is joined to it everywhere alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hybridllm.policy.tools.diff import Change, Difference, Verdict
    from hybridllm.policy.tools.space import Probe

Cells = tuple[str, ...]
COLUMNS = ("department", "model", "label", "found", "only for", "old", "new")


@dataclass(frozen=True, slots=True)
class _Key:
    """Changes with the same key are one row, but for their departments and findings."""

    alias: str
    labels: str
    only_for: str
    old: str
    new: str


@dataclass(slots=True)
class _Row:
    """Changes of one department and one group of findings that are alike."""

    first: Change
    labels: dict[tuple[str, ...], None] = field(default_factory=dict)
    endpoints: set[str] = field(default_factory=set)


def rows(found: Difference) -> list[Cells]:
    """Return the rows of the table."""
    alike: dict[tuple[object, ...], _Row] = {}
    for change in found.changes:
        probe = change.probe
        effect = (
            change.old.candidates,
            change.new.candidates,
            change.old.label == change.new.label,
        )
        special = (probe.who, probe.doubts, probe.parameter)
        row = alike.setdefault(
            (probe.department, probe.alias, probe.found, special, effect), _Row(change)
        )
        row.labels[(probe.level, *probe.compartments)] = None
        row.endpoints.add(probe.endpoint)
    everywhere = {change.probe.endpoint for change in found.changes}
    departments: dict[_Key, dict[str, None]] = {}
    kinds: dict[_Key, set[str]] = {}
    for row in alike.values():
        key = _key(row, everywhere=everywhere)
        departments.setdefault(key, {})[row.first.probe.department] = None
        kinds.setdefault(key, set()).update(row.first.probe.found.kinds or [""])
    return [
        (
            ", ".join(names),
            key.alias,
            key.labels,
            _kinds_text(kinds[key], known=found.kinds),
            key.only_for,
            key.old,
            key.new,
        )
        for key, names in departments.items()
    ]


def difference_document(found: Difference) -> dict[str, Any]:
    """Return a difference as JSON: every request that was looked at and changed."""
    return {
        "changes": [
            {
                **_probe_document(change.probe),
                "old": _verdict_document(change.old),
                "new": _verdict_document(change.new),
            }
            for change in found.changes
        ],
        "only_in": [
            {"what": item.what, "name": item.name, "side": item.side} for item in found.only_in
        ],
    }


def _probe_document(probe: Probe) -> dict[str, Any]:
    principal, purpose, application = (name or None for name in probe.who)
    return {
        "department": probe.department,
        "model": probe.alias,
        "endpoint": probe.endpoint,
        "label": {"level": probe.level, "compartments": list(probe.compartments)},
        "kinds": list(probe.found.kinds),
        "principal": principal,
        "purpose": purpose,
        "application": application,
        "doubts": probe.doubts,
        "parameter": probe.parameter or None,
    }


def _verdict_document(verdict: Verdict) -> dict[str, Any]:
    return {
        "effect": verdict.effect.value,
        "label": verdict.label,
        "candidates": [{"backend": name, "model": model} for name, model in verdict.candidates],
    }


def _key(row: _Row, *, everywhere: set[str]) -> _Key:
    probe = row.first.probe
    names = zip(("principal", "purpose", "application"), probe.who, strict=True)
    parts = [f"{name} {value}" for name, value in names if value]
    parts += ["what cannot be judged"] if probe.doubts else []
    parts += [f"the parameter {probe.parameter}"] if probe.parameter else []
    parts += sorted(row.endpoints) if row.endpoints != everywhere else []
    old, new = _texts(row.first)
    return _Key(probe.alias, _labels_text(row.labels), ", ".join(parts), old, new)


def _labels_text(labels: Iterable[tuple[str, ...]]) -> str:
    """Return the labels, the levels of one compartment together."""
    levels: dict[tuple[str, ...], list[str]] = {}
    for level, *parts in labels:
        levels.setdefault(tuple(parts), []).append(level)
    alone = levels.pop((), [])
    texts = [", ".join(alone)] if alone else []
    same = [parts for parts, ranks in levels.items() if ranks == alone]
    if same:
        texts[-1] += f" (also with {', '.join(name for parts in same for name in parts)})"
    texts += [
        f"{', '.join(ranks)} with {', '.join(parts)}"
        for parts, ranks in levels.items()
        if parts not in same
    ]
    return "; ".join(texts)


def _kinds_text(kinds: set[str], *, known: Iterable[str]) -> str:
    """Return kinds, as a category where all of its kinds are among them."""
    every = set(known)
    if kinds == every | {""}:
        return "anything"
    texts = ["nothing"] if "" in kinds else []
    for category in sorted({kind.partition(".")[0] for kind in kinds if kind}):
        own = {kind for kind in every if kind.partition(".")[0] == category}
        texts += [f"{category}.*"] if own <= kinds else sorted(own & kinds)
    return ", ".join(texts)


def _texts(change: Change) -> tuple[str, str]:
    """Return both verdicts, with as much detail as tells them apart."""
    names = [[name for name, _ in item.candidates] for item in (change.old, change.new)]
    needs_models = names[0] == names[1] and change.old.candidates != change.new.candidates
    texts = []
    for verdict in (change.old, change.new):
        shown = [
            f"{name} ({model})" if needs_models else name for name, model in verdict.candidates
        ]
        label = f"; label {verdict.label}" if change.old.label != change.new.label else ""
        texts.append(f"{', then '.join(shown) or 'denied'}{label}")
    return texts[0], texts[1]

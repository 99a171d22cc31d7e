"""What is in force for one department, line by line.

Answers: which settings of all files count for this department, and where does each stand?
Not here: what they mean for one request (`hybridllm explain`).

A line that another one overrules is shown too, and says so: whoever reads the list shall
find each line of the files that speaks about the department.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hybridllm.policy.model import patterns_of

if TYPE_CHECKING:
    from hybridllm.policy.model import Condition, FindingLabel, Policy, Rule

ORGANISATION_FILE = "hybridllm.toml"


@dataclass(frozen=True, slots=True)
class Line:
    """One setting in force.

    Attributes:
        section: `label`, `findings`, `rules`, `models` or `backends`.
        name: What it is about.
        value: What it says.
        origin: File and key.
    """

    section: str
    name: str
    value: str
    origin: str


def effective_lines(
    policy: Policy, *, department: str, file: str = ORGANISATION_FILE
) -> tuple[Line, ...]:
    """Return what is in force for a department.

    Args:
        policy: The whole policy.
        department: A department of it.
        file: How the organisation's file is called.

    Raises:
        KeyError: The policy has no such department.
    """
    own = policy.departments[department]
    own_file = f"departments/{department}.toml"
    lines = [Line("label", "starts at", str(policy.default), f"{file}: labels.default")]
    if own.default != policy.default:
        lines.append(Line("label", "raised to", str(own.default), f"{own_file}: default"))
    lines += _findings(policy, department=department, file=file, own_file=own_file)
    for rule in policy.rules:
        if not rule.when.departments or department in rule.when.departments:
            lines.append(_rule(rule, policy=policy))
    lines += [_rule(rule, policy=policy) for rule in own.rules]
    for alias, targets in policy.aliases.items():
        order = ", then ".join(f"{target.backend} ({target.model})" for target in targets)
        lines.append(Line("models", alias, order, f"{file}: models.{alias}"))
    for item in policy.destinations.values():
        says = f"{item.place}, cleared for {item.clearance}"
        lines.append(Line("backends", item.name, says, f"{file}: backends.{item.name}"))
    return tuple(lines)


def condition_text(when: Condition, *, policy: Policy) -> str:
    """Return when a rule applies, as a sentence."""
    parts = []
    if when.level_at_least is not None:
        parts.append(f"the label is {policy.scale.levels[when.level_at_least].name} or higher")
    named = {
        "the label has": when.compartments,
        "found:": when.kinds,
        "department:": when.departments,
        "principal:": when.principals,
        "purpose:": when.purposes,
        "application:": when.applications,
        "model:": when.models,
        "endpoint:": when.endpoints,
    }
    parts += [f"{words} {' or '.join(sorted(names))}" for words, names in named.items() if names]
    return " and ".join(parts) or "always"


def effect_text(rule: Rule) -> str:
    """Return what a rule does, as a sentence."""
    if rule.label is not None:
        return f"raise the label to {rule.label}"
    parts = ["refuse"] if rule.deny else []
    if rule.only_backends is not None:
        parts.append(f"only {' or '.join(sorted(rule.only_backends)) or 'no backend'}")
    if rule.forbid_backends:
        parts.append(f"not {' or '.join(sorted(rule.forbid_backends))}")
    if rule.forbid_places:
        parts.append(f"no {' or '.join(sorted(rule.forbid_places))} backend")
    return " and ".join(parts) or "nothing"


def _findings(policy: Policy, *, department: str, file: str, own_file: str) -> Iterator[Line]:
    own = policy.departments[department].finding_labels
    for entry in policy.finding_labels:
        raised = entry.label
        for mine in own:
            if mine.kind in patterns_of(entry.kind):
                raised = raised.join(mine.label)
        more = "" if raised == entry.label else f"; with this department's entries {raised}"
        yield Line("findings", entry.kind, f"{entry.label}{more}", _entry(file, entry))
    for entry in own:
        yield Line("findings", entry.kind, f"joined to {entry.label}", _entry(own_file, entry))
    if not any(entry.kind == "*" for entry in policy.finding_labels):
        strictest = policy.scale.strictest
        yield Line("findings", "any other kind", str(strictest), "built in: what nobody mentions")


def _entry(file: str, entry: FindingLabel) -> str:
    return f'{file}: findings."{entry.kind}"'


def _rule(rule: Rule, *, policy: Policy) -> Line:
    text = f"{effect_text(rule)}; when: {condition_text(rule.when, policy=policy)}"
    return Line("rules", rule.name, text, rule.origin)

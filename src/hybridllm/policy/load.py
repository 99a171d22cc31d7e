"""From configuration tables to a policy.

Answers: do the names in the files exist, does a department only tighten, and
what is the policy then?
Not here: reading files (`config`), the shape of tables (`policy.schema`).

A mistake stops the start with one message: file, key, what was found, what is
allowed and the nearest match. It never switches a guard off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hybridllm.errors import ConfigurationError, expected_one_of
from hybridllm.labels import Label, Scale
from hybridllm.params import ENDPOINTS
from hybridllm.policy.model import (
    Condition,
    Department,
    Destination,
    FindingLabel,
    Policy,
    Rule,
)
from hybridllm.policy.schema import LabelTable
from hybridllm.types import Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hybridllm.policy.schema import (
        DepartmentConfig,
        LabelConfig,
        LabelsConfig,
        RuleConfig,
        WhenConfig,
    )


@dataclass(frozen=True, slots=True)
class Names:
    """Every name that a rule may refer to.

    Attributes:
        scale: Levels and compartments.
        backends: Keys of `backends`.
        models: Model aliases.
        departments: Names of the department files.
        kinds: Kinds that the detectors report; rules may also name a category or `*`.
    """

    scale: Scale
    backends: frozenset[str]
    models: frozenset[str]
    departments: frozenset[str]
    kinds: frozenset[str]

    @property
    def kind_patterns(self) -> frozenset[str]:
        """Kinds, their categories, and everything."""
        categories = {f"{kind.partition('.')[0]}.*" for kind in self.kinds}
        return self.kinds | categories | {"*"}


def build_scale(labels: LabelsConfig, *, file: str) -> Scale:
    """Return the organisation's scale.

    Raises:
        ConfigurationError: A level stands twice.
    """
    try:
        return Scale.of(labels.levels, compartments=labels.compartments)
    except ConfigurationError as error:
        raise ConfigurationError(str(error), file=file, key="labels.levels") from None


def build_label(scale: Scale, config: LabelConfig, *, file: str, key: str) -> Label:
    """Return the label that a file writes as text or as a table.

    Raises:
        ConfigurationError: The level or a compartment does not exist.
    """
    names = [level.name for level in scale.levels]
    level, parts = (config, []) if isinstance(config, str) else (config.level, config.compartments)
    where = f"{key}.level" if isinstance(config, LabelTable) else key
    require(level, allowed=names, file=file, key=where)
    if parts == "all":
        return scale.label(level, compartments=scale.compartments)
    for position, name in enumerate(parts):
        require(name, allowed=scale.compartments, file=file, key=f"{key}.compartments[{position}]")
    return scale.label(level, compartments=parts)


def build_findings(
    table: Mapping[str, LabelConfig], *, names: Names, file: str
) -> tuple[FindingLabel, ...]:
    """Return what kinds of findings mean.

    Raises:
        ConfigurationError: A kind, level or compartment does not exist.
    """
    for kind in table:
        key = f'findings."{kind}"'
        require(kind, allowed=names.kind_patterns, file=file, key=key, subject="the kind")
    return tuple(
        FindingLabel(kind, build_label(names.scale, label, file=file, key=f'findings."{kind}"'))
        for kind, label in table.items()
    )


def build_rules(
    rules: Sequence[RuleConfig],
    *,
    names: Names,
    file: str,
    own: str | None = None,
    reported: bool = False,
) -> tuple[Rule, ...]:
    """Return the rules of one file.

    Args:
        rules: As written.
        names: Everything that they may refer to.
        file: Shown in errors and reasons.
        own: The department whose file it is; `None` for the organisation's.
        reported: Also those rules that are only reported, as if they were in force.

    Raises:
        ConfigurationError: A name does not exist, or a rule asks for what it changes.
    """
    return tuple(
        _rule(rule, names=names, file=file, key=f"rules[{position}]", own=own)
        for position, rule in enumerate(rules)
        if reported or rule.mode == "enforce"
    )


def build_department(
    name: str,
    config: DepartmentConfig,
    *,
    names: Names,
    floor: Label,
    file: str,
    reported: bool = False,
) -> Department:
    """Return what a department adds.

    Raises:
        ConfigurationError: A name does not exist, or the file would loosen something.
    """
    default = floor
    if config.default is not None:
        default = build_label(names.scale, config.default, file=file, key="default")
        if not floor.flows_to(default):
            raise ConfigurationError(
                f"is {default}, below the organisation's {floor}; a department may only "
                f"tighten. Remove the key, or give {floor} or more",
                file=file,
                key="default",
            )
    return Department(
        name=name,
        default=default,
        finding_labels=build_findings(config.findings, names=names, file=file),
        rules=build_rules(config.rules, names=names, file=file, own=name, reported=reported),
    )


def check_department(policy: Policy, *, department: Department, file: str) -> None:
    """Refuse a department whose table says less of a kind than the organisation's.

    It would change nothing, since labels are joined, so whoever wrote it is mistaken.

    Raises:
        ConfigurationError: An entry is below the organisation's entry for the same kind.
    """
    for entry in department.finding_labels:
        for own in policy.finding_labels:
            if own.kind == entry.kind and not own.label.flows_to(entry.label):
                raise ConfigurationError(
                    f"is {entry.label}, below the organisation's {own.label}; a department "
                    f"may only tighten. Remove the key, or give {own.label} or more",
                    file=file,
                    key=f'findings."{entry.kind}"',
                )


def require(value: str, *, allowed: Iterable[str], file: str, key: str, subject: str = "") -> None:
    """Refuse a name that does not exist.

    Raises:
        ConfigurationError: With the allowed names and the nearest one.
    """
    names = list(allowed)
    if value not in names:
        text = expected_one_of(value, allowed=names)
        raise ConfigurationError(f"{subject} {text}".strip(), file=file, key=key)


def build_destination(
    name: str,
    *,
    place: Place,
    clearance: Label,
    endpoints: Iterable[str],
    parameters: Iterable[str],
    data_residency: str,
) -> Destination:
    """Return what the policy knows of a backend."""
    return Destination(
        name=name,
        place=place,
        clearance=clearance,
        endpoints=frozenset(endpoints),
        parameters=frozenset(parameters),
        data_residency=data_residency,
    )


def _rule(rule: RuleConfig, *, names: Names, file: str, key: str, own: str | None) -> Rule:
    then = rule.then
    condition = _condition(rule.when, names=names, file=file, key=f"{key}.when", own=own)
    if then.label is not None and condition.asks_for_label:
        raise ConfigurationError(
            "asks for the label and raises it; then the order of rules would matter. "
            "Ask for kinds, departments or models instead",
            file=file,
            key=f"{key}.when",
        )
    for field in ("only_backends", "forbid_backends"):
        for position, backend in enumerate(getattr(then, field) or ()):
            where = f"{key}.then.{field}[{position}]"
            require(backend, allowed=names.backends, file=file, key=where)
    return Rule(
        name=rule.name,
        origin=f"{file}: {key}",
        when=condition,
        label=None
        if then.label is None
        else build_label(names.scale, then.label, file=file, key=f"{key}.then.label"),
        deny=bool(then.deny),
        only_backends=None if then.only_backends is None else frozenset(then.only_backends),
        forbid_backends=frozenset(then.forbid_backends),
        forbid_places=frozenset(Place(place) for place in then.forbid_places),
    )


def _condition(
    when: WhenConfig, *, names: Names, file: str, key: str, own: str | None
) -> Condition:
    references = {
        "compartments": (when.compartments, names.scale.compartments),
        "kinds": (when.kinds, names.kind_patterns),
        "departments": (when.departments, names.departments),
        "models": (when.models, names.models),
        "endpoints": (when.endpoints, ENDPOINTS),
    }
    for field, (values, allowed) in references.items():
        for position, value in enumerate(values):
            require(value, allowed=allowed, file=file, key=f"{key}.{field}[{position}]")
    if own is not None and when.departments:
        raise ConfigurationError(
            f"names departments; the rules of this file apply to {own!r} alone. Remove the key",
            file=file,
            key=f"{key}.departments",
        )
    rank = None
    if when.level_at_least is not None:
        label = build_label(
            names.scale, when.level_at_least, file=file, key=f"{key}.level_at_least"
        )
        rank = label.level.rank
    return Condition(
        level_at_least=rank,
        compartments=frozenset(when.compartments),
        kinds=frozenset(when.kinds),
        departments=frozenset(when.departments),
        principals=frozenset(when.principals),
        purposes=frozenset(when.purposes),
        applications=frozenset(when.applications),
        models=frozenset(when.models),
        endpoints=frozenset(when.endpoints),
    )

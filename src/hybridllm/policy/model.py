"""The policy as frozen values: what `decide` works on.

Answers: of what does a policy consist?
Not here: reading it from files (`policy.load`), deciding by it (`policy.decide`).

Every part can only restrict: a rule raises the label or takes backends away,
and nothing in the model can add a backend or lower a label. That is what makes
"a department file never permits more" true by construction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hybridllm.labels import Label, Scale
from hybridllm.types import Facts, Place


@dataclass(frozen=True, slots=True)
class Target:
    """One backend of a model alias, with the model's name there.

    Attributes:
        backend: Its name.
        model: The model's name there.
        weight: Its share among the equals of its group.
        group: Number of its group of equals; 0 stands for itself, in its order.
    """

    backend: str
    model: str
    weight: int = 1
    group: int = 0


@dataclass(frozen=True, slots=True)
class Destination:
    """What the policy knows of a backend.

    Attributes:
        name: Key of the backend in the configuration.
        place: Where it runs.
        clearance: The highest label that it may receive.
        endpoints: Operations that it serves.
        parameters: Egress, retention and engine parameters that it may receive.
        data_residency: Region, for people and for the audit log.
    """

    name: str
    place: Place
    clearance: Label
    endpoints: frozenset[str]
    parameters: frozenset[str] = frozenset()
    data_residency: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """When a rule applies. Every part that is set must hold; an empty one always does.

    Attributes:
        level_at_least: The label's level is this or higher (rank).
        compartments: The label has one of these.
        kinds: A finding's kind is one of these, or lies below one that ends in `.*`.
        departments: The department is one of these.
        principals: The principal is one of these.
        purposes: The purpose is one of these.
        applications: The application is one of these.
        models: The model alias is one of these.
        endpoints: The endpoint is one of these.
    """

    level_at_least: int | None = None
    compartments: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    departments: frozenset[str] = frozenset()
    principals: frozenset[str] = frozenset()
    purposes: frozenset[str] = frozenset()
    applications: frozenset[str] = frozenset()
    models: frozenset[str] = frozenset()
    endpoints: frozenset[str] = frozenset()

    @property
    def asks_for_label(self) -> bool:
        """Whether the condition depends on the label that rules may still raise."""
        return self.level_at_least is not None or bool(self.compartments)

    def holds(self, facts: Facts, *, label: Label, patterns: frozenset[str]) -> bool:
        """Return whether the rule applies.

        Args:
            facts: Of the request.
            label: Its label.
            patterns: Everything that covers a kind that was found (`patterns_of`),
                worked out once for all rules.
        """
        identity = facts.identity
        if self.kinds and self.kinds.isdisjoint(patterns):
            return False
        if self.departments and identity.department not in self.departments:
            return False
        if self.principals and identity.principal not in self.principals:
            return False
        if self.purposes and identity.purpose not in self.purposes:
            return False
        if self.applications and identity.application not in self.applications:
            return False
        if self.models and facts.alias not in self.models:
            return False
        if self.endpoints and facts.endpoint not in self.endpoints:
            return False
        if self.level_at_least is not None and label.level.rank < self.level_at_least:
            return False
        return not self.compartments or not self.compartments.isdisjoint(label.compartments)


@dataclass(frozen=True, slots=True)
class Rule:
    """One restriction. It raises the label or takes backends away.

    Attributes:
        name: Shown in reasons.
        origin: File and position, shown in reasons.
        when: Where it applies.
        label: Join this to the request's label. Such a rule may not ask for the label.
        deny: Refuse the request.
        only_backends: Take all other backends away; `None` takes none.
        forbid_backends: Take these away.
        forbid_places: Take every backend at these places away.
    """

    name: str
    origin: str
    when: Condition
    label: Label | None = None
    deny: bool = False
    only_backends: frozenset[str] | None = None
    forbid_backends: frozenset[str] = frozenset()
    forbid_places: frozenset[Place] = frozenset()

    @property
    def title(self) -> str:
        """Name and place of the rule."""
        return f"{self.name} ({self.origin})"


@dataclass(frozen=True, slots=True)
class FindingLabel:
    """What a kind of finding means: its label.

    Attributes:
        kind: A kind, a category such as `personal.*`, or `*`.
        label: The label that such a finding raises the request to.
    """

    kind: str
    label: Label


@dataclass(frozen=True, slots=True)
class Department:
    """What one department adds to the organisation's policy.

    Attributes:
        name: Key of the department.
        default: Floor of the label for its requests.
        finding_labels: Joined to what the organisation says of the same kinds.
        rules: Restrictions for its own requests.
    """

    name: str
    default: Label
    finding_labels: tuple[FindingLabel, ...] = ()
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """The whole policy in force.

    Attributes:
        scale: Levels and compartments.
        default: Label of a text that nobody labelled.
        finding_labels: Of the organisation. A kind that none covers is the strictest.
        destinations: Backends by name.
        aliases: For each model alias its targets, in order of preference.
        rules: Of the organisation.
        departments: By name.
        digest: SHA-256 of the files it was made from, 64 hexadecimal digits.
    """

    scale: Scale
    default: Label
    finding_labels: tuple[FindingLabel, ...]
    destinations: Mapping[str, Destination]
    aliases: Mapping[str, tuple[Target, ...]]
    rules: tuple[Rule, ...] = ()
    departments: Mapping[str, Department] = field(default_factory=dict)
    digest: str = ""


def patterns_of(*kinds: str) -> frozenset[str]:
    """Return everything that covers one of these kinds: itself, its category, or all."""
    categories = {f"{kind.partition('.')[0]}.*" for kind in kinds}
    return frozenset((*kinds, *categories, "*")) if kinds else frozenset()

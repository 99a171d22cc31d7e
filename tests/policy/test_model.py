"""The values of a policy: what they say when nothing is set, and that nobody changes them."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from hybridllm.labels import Label, Scale
from hybridllm.policy.model import (
    Condition,
    Department,
    Destination,
    FindingLabel,
    Policy,
    Rule,
    Target,
    patterns_of,
)
from hybridllm.types import Facts, Identity, Place

SCALE = Scale.of(["public", "secret"], compartments=["personal"])
LOW = SCALE.lowest
VALUES = {
    "backend": Target("cloud", "big"),
    "place": Destination("cloud", Place.CLOUD, LOW, frozenset()),
    "models": Condition(),
    "deny": Rule("r", "f", Condition()),
    "kind": FindingLabel("*", LOW),
    "default": Department("legal", LOW),
    "digest": Policy(SCALE, LOW, (), {}, {}),
}


@pytest.mark.parametrize("field", VALUES)
def test_a_policy_in_force_cannot_be_changed(field):
    """What was checked at the start holds for every request after it."""
    with pytest.raises(FrozenInstanceError):
        setattr(VALUES[field], field, None)


def test_what_is_not_set_restricts_nothing_and_names_nothing():
    """A rule without an effect takes no backend away; an empty condition has no part."""
    rule, empty = VALUES["deny"], frozenset()

    assert (None, False, None) == (rule.label, rule.deny, rule.only_backends)
    assert (empty, empty) == (rule.forbid_backends, rule.forbid_places)
    assert ("", empty) == (VALUES["place"].data_residency, VALUES["place"].parameters)
    assert ((), ()) == (VALUES["default"].finding_labels, VALUES["default"].rules)
    assert ("", (), {}) == (
        VALUES["digest"].digest,
        VALUES["digest"].rules,
        VALUES["digest"].departments,
    )


@pytest.mark.parametrize(
    ("condition", "asks"),
    [
        (Condition(), False),
        (Condition(departments=frozenset({"legal"})), False),
        (Condition(level_at_least=0), True),
        (Condition(compartments=frozenset({"personal"})), True),
    ],
)
def test_a_condition_knows_whether_it_asks_for_the_label(condition, asks):
    """A rule that raises the label may not ask for it, or its order would matter."""
    assert asks is condition.asks_for_label


FACTS = Facts("assistant", "embeddings", Identity("legal", "p-1", "support", "app"), LOW)
OTHER = frozenset({"other"})


@pytest.mark.parametrize(
    "part",
    ["kinds", "departments", "principals", "purposes", "applications", "models", "endpoints"],
)
def test_a_condition_on_something_else_plainly_does_not_hold(part):
    """Each part counts by itself; the answer is no, and not `unknown`."""
    condition = Condition(**{part: OTHER})

    assert False is condition.holds(FACTS, label=LOW, patterns=patterns_of("personal.email"))
    assert True is Condition().holds(FACTS, label=LOW, patterns=frozenset())


def test_a_condition_on_the_label_looks_at_level_and_compartments():
    """The level itself counts as `at least`; one of the compartments is enough."""
    top = SCALE.strictest

    def holds(condition: Condition, label: Label) -> bool:
        return condition.holds(FACTS, label=label, patterns=frozenset())

    assert (False, True) == tuple(holds(Condition(level_at_least=1), x) for x in (LOW, top))
    some = Condition(compartments=frozenset({"personal", "other"}))
    assert (False, True) == tuple(holds(some, x) for x in (LOW, top))


def test_a_rule_is_shown_with_its_file():
    """People find the rule that decided."""
    assert "r (f)" == VALUES["deny"].title


def test_a_kind_is_covered_by_itself_its_category_and_everything():
    """`personal.email` is meant by three names, and nothing is covered where nothing was found."""
    assert {"personal.email", "personal.*", "*"} == patterns_of("personal.email")
    assert {"odd", "odd.*", "*"} == patterns_of("odd")
    assert frozenset() == patterns_of()

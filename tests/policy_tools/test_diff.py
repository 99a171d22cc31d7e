"""Two policies are compared by what they decide."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from hybridllm.policy.decide import decide
from hybridllm.policy.tools.diff import OnlyIn, difference, verdict
from tests.policy_tools.random_policies import KINDS, fresh, pair, policy_of, requests


@pytest.mark.parametrize("seed", range(60))
def test_equal_policies_have_no_difference(seed):
    """Whoever reorders and renames rules has changed nothing, and is told so."""
    _, tables = fresh(seed)
    old = policy_of(tables)
    new = policy_of({**tables, "rules": tables["rules"][::-1]})

    found = difference(old, new=replace(new, digest="e" * 64), kinds=KINDS, decide=decide)

    assert found.is_empty


@pytest.mark.parametrize("seeds", [range(start, start + 50) for start in range(0, 200, 50)])
def test_no_changed_decision_is_missed(seeds):
    """If any request is treated differently, the difference is not empty."""
    differing = 0
    for seed in seeds:
        old_tables, new_tables = pair(seed)
        old, new = policy_of(old_tables), policy_of(new_tables)
        asked = requests(Random(seed), tables=old_tables, count=60)

        differs = any(verdict(decide(old, item)) != verdict(decide(new, item)) for item in asked)
        found = difference(old, new=new, kinds=KINDS, decide=decide)

        assert not (differs and found.is_empty), seed
        differing += differs

    assert differing > 10


@pytest.mark.parametrize("seed", range(40))
def test_every_change_that_is_shown_is_real(seed):
    """A row of the table can be tried: each policy says what the row says."""
    old_tables, new_tables = pair(seed)
    old, new = policy_of(old_tables), policy_of(new_tables)

    found = difference(old, new=new, kinds=KINDS, decide=decide)

    for change in found.changes:
        assert change.old == verdict(decide(old, change.probe.facts(old)))
        assert change.new == verdict(decide(new, change.probe.facts(new)))
        assert change.old != change.new


def test_names_that_only_one_policy_has_are_listed():
    """A department that is new, or a model that is gone, cannot be compared and is said."""
    _, tables = fresh(3)
    departments = dict(tables["departments"])
    departments["research"] = departments.pop(next(iter(departments)))
    old, new = policy_of(tables), policy_of({**tables, "departments": departments})

    found = difference(old, new=new, kinds=KINDS, decide=decide)

    assert OnlyIn("department", "research", "new") in found.only_in
    assert ["old", "new"] == [item.side for item in found.only_in]


def test_a_level_that_only_one_policy_has_does_not_stop_the_comparison():
    """Scales may grow: what both have is compared, the rest is listed."""
    _, tables = fresh(5)
    old = policy_of(tables)
    new = policy_of({**tables, "levels": tables["levels"] + 1})

    found = difference(old, new=new, kinds=KINDS, decide=decide)

    assert OnlyIn("level", f"level{tables['levels']}", "new") in found.only_in

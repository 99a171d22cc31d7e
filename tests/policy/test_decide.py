"""`decide` equals an independent model, and its laws hold."""

from __future__ import annotations

import itertools
import os
from dataclasses import replace
from random import Random

import pytest

from hybridllm.labels import Scale
from hybridllm.policy.decide import decide
from hybridllm.policy.model import (
    Policy,
)
from hybridllm.types import Effect, PolicyDecision
from tests.model import cases
from tests.model import decision as model

SEED = int(os.environ.get("HYBRIDLLM_TEST_SEED", "20261123"))
# The mutation run asks for fewer: it repeats everything for each mutant.
POLICIES = int(os.environ.get("HYBRIDLLM_TEST_POLICIES", "2000"))
FACTS_PER_POLICY = 50
SCALE = Scale.of(["public", "internal", "confidential", "restricted"], compartments=["personal"])


def as_model(decided: PolicyDecision) -> dict:
    """Return a decision in the model's words."""
    result = {
        "effect": decided.effect.value,
        "candidates": [(item.backend, item.model) for item in decided.candidates],
        "rejected": {
            (item.backend, item.model): {reason.code for reason in item.reasons}
            for item in decided.rejected
        },
    }
    if decided.effect is not Effect.INDETERMINATE:
        result["label"] = decided.label.level.rank, set(decided.label.compartments)
    return result


def compare(policies: int, *, seed: int) -> dict[str, int]:
    """Compare both on random cases; return how often each effect came up."""
    random, effects = Random(seed), dict.fromkeys(("permit", "deny", "indeterminate"), 0)
    for number in range(policies):
        plain = cases.random_policy(random)
        policy, scale = cases.policy_value(plain), cases.scale_of(plain)
        for _ in range(FACTS_PER_POLICY):
            facts = cases.random_facts(random, policy=plain)
            expected = model.decide(plain, facts)
            actual = as_model(decide(policy, cases.facts_value(scale, facts)))
            assert expected == actual, f"seed {seed}, policy {number}: {plain} {facts}"
            effects[expected["effect"]] += 1
    return effects


def test_the_decision_equals_the_independent_model_on_100_000_cases():
    """Two programs, written apart from the same words, agree on every generated request."""
    effects = compare(POLICIES, seed=SEED)

    assert POLICIES * FACTS_PER_POLICY == sum(effects.values())
    assert all(count > POLICIES / 2 for count in effects.values()), effects


@pytest.mark.slow
def test_the_decision_equals_the_independent_model_on_1_000_000_cases():
    """The same, ten times as many and with another seed."""
    assert 1_000_000 == sum(compare(20_000, seed=SEED + 1).values())


def test_the_decision_equals_the_model_on_every_combination_of_a_small_space():
    """5 levels, 2 compartments, 4 departments and 5 clearances: each combination is tried."""
    parts = [set(), {"personal"}, {"customer"}, {"personal", "customer"}]
    labels = [(rank, part) for rank in range(5) for part in parts]
    departments = {
        name: {"default": (rank, set()), "findings": {}, "rules": []}
        for rank, name in enumerate(("legal", "sales", "hr", "lab"))
    }
    departments["lab"]["rules"] = [{"when": {"level_at_least": 3}, "forbid_places": {"cloud"}}]
    tried = 0
    for clearance_rank, clearance_parts in itertools.product(range(5), parts):
        plain = {
            "levels": 5,
            "compartments": {"personal", "customer"},
            "default": (0, set()),
            "findings": {},
            "rules": [],
            "aliases": {"assistant": [("a", "m"), ("b", "m")]},
            "departments": departments,
            "backends": {
                name: {
                    "place": place,
                    "clearance": (clearance_rank, clearance_parts),
                    "endpoints": {"chat.completions"},
                    "parameters": set(),
                }
                for name, place in (("a", "cloud"), ("b", "on_premises"))
            },
        }
        policy, scale = cases.policy_value(plain), cases.scale_of(plain)
        for label, department, doubts in itertools.product(labels, departments, (set(), {"x"})):
            facts = {
                "alias": "assistant",
                "endpoint": "chat.completions",
                "department": department,
                "principal": "",
                "purpose": "",
                "application": "",
                "label": label,
                "kinds": {},
                "doubts": doubts,
                "budgets": set(),
                "parameters": set(),
            }
            actual = as_model(decide(policy, cases.facts_value(scale, facts)))
            assert model.decide(plain, facts) == actual
            tried += 1

    assert 5 * 4 * 20 * 4 * 2 == tried


def test_the_order_of_rules_and_findings_never_matters():
    """Sorting a file by name changes no decision."""
    random = Random(SEED)
    for _ in range(POLICIES // 5):
        plain = cases.random_policy(random)
        policy, scale = cases.policy_value(plain), cases.scale_of(plain)
        shuffled = shuffle(policy, random)
        for _ in range(10):
            facts = cases.facts_value(scale, cases.random_facts(random, policy=plain))
            assert as_model(decide(policy, facts)) == as_model(decide(shuffled, facts))


def shuffle(policy: Policy, random: Random) -> Policy:
    """Return the same policy with everything unordered in another order."""
    departments = {
        name: replace(
            department,
            rules=mixed(department.rules, random),
            finding_labels=mixed(department.finding_labels, random),
        )
        for name, department in policy.departments.items()
    }
    return replace(
        policy,
        rules=mixed(policy.rules, random),
        finding_labels=mixed(policy.finding_labels, random),
        departments=departments,
    )


def mixed(items: tuple, random: Random) -> tuple:
    """Return the items in another order."""
    return tuple(random.sample(items, len(items)))


def test_one_more_rule_never_permits_more():
    """Whatever a rule says, it only takes backends away and only raises the label."""
    random = Random(SEED)
    for _ in range(POLICIES // 5):
        plain = cases.random_policy(random)
        rule = cases.random_rule(random, levels=plain["levels"], own=False)
        longer = {**plain, "rules": [*plain["rules"], rule]}
        policy, more = cases.policy_value(plain), cases.policy_value(longer)
        for _ in range(10):
            facts = cases.facts_value(policy.scale, cases.random_facts(random, policy=plain))
            before, after = decide(policy, facts), decide(more, facts)
            assert set(after.candidates) <= set(before.candidates)
            assert before.label.flows_to(after.label)


def test_one_more_finding_or_doubt_never_permits_more():
    """A detector that sees more can only make a request stricter."""
    random = Random(SEED)
    for _ in range(POLICIES // 5):
        plain = cases.random_policy(random)
        policy = cases.policy_value(plain)
        for _ in range(10):
            facts = cases.facts_value(policy.scale, cases.random_facts(random, policy=plain))
            kinds = dict(facts.kinds) | {random.choice(cases.KINDS): 1}
            more = replace(
                facts,
                kinds=tuple(sorted(kinds.items())),
                doubts=facts.doubts | ({"x"} if random.random() < 0.5 else set()),
                label=facts.label.join(
                    cases.label_value(
                        policy.scale, cases.random_label(random, levels=plain["levels"])
                    )
                ),
            )
            before, after = decide(policy, facts), decide(policy, more)
            assert set(after.candidates) <= set(before.candidates)
            assert before.label.flows_to(after.label)

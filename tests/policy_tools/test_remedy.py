"""What would have to change is true, and nothing of it is idle."""

from __future__ import annotations

import pytest

from hybridllm.policy.decide import decide
from hybridllm.policy.tools.remedy import applied, remedy
from tests.policy_tools.random_policies import fresh, policy_of, requests


def allowed(situation, rejection):
    decision = decide(*situation)
    names = [(item.backend, item.model) for item in decision.candidates]
    return (rejection.backend, rejection.model) in names


def rejections(seed):
    random, tables = fresh(seed)
    policy = policy_of(tables)
    for facts in requests(random, tables=tables, count=20):
        for rejection in decide(policy, facts).rejected:
            yield policy, facts, rejection


@pytest.mark.parametrize("seeds", [range(start, start + 20) for start in range(0, 160, 20)])
def test_what_would_have_to_change_is_enough(seeds):
    """Whoever does all that is said gets the backend."""
    helped = 0
    for seed in seeds:
        for policy, facts, rejection in rejections(seed):
            found = remedy(policy, facts=facts, rejection=rejection, decide=decide)
            after = applied(found.steps, policy=policy, facts=facts)

            assert bool(found.obstacle) is not allowed(after, rejection)
            helped += bool(found.steps)

    assert helped > 100


@pytest.mark.parametrize("seed", range(60))
def test_nothing_is_asked_for_in_vain(seed):
    """Each step is needed: without it the backend stays closed."""
    for policy, facts, rejection in rejections(seed):
        found = remedy(policy, facts=facts, rejection=rejection, decide=decide)
        for step in found.steps:
            others = [other for other in found.steps if other is not step]

            assert not allowed(applied(others, policy=policy, facts=facts), rejection)


@pytest.mark.parametrize("seed", range(60))
def test_an_obstacle_is_named_only_where_no_request_gets_through(seed):
    """Where nothing would help, not even an empty request gets there."""
    for policy, facts, rejection in rejections(seed):
        found = remedy(policy, facts=facts, rejection=rejection, decide=decide)
        if found.obstacle:
            floor = policy.default.join(policy.departments[facts.identity.department].default)
            destination = policy.destinations[rejection.backend]

            assert not floor.flows_to(destination.clearance) or not destination.endpoints

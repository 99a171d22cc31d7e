"""Attempts among equals: shares by weight, no pause while another one is up, keys of their own."""

from __future__ import annotations

from collections import Counter

import pytest

from hybridllm.health import PROBE_EVERY_S
from hybridllm.policy.model import Target
from tests.model.fakes import REPLY, World, status
from tests.model.outages import ask, balanced, fails, probed_world, take_down


@pytest.fixture
def world() -> World:
    """Return a cloud for public text and two engines inside that can be probed."""
    return probed_world()


def test_equals_share_the_calls_by_weight():
    """Three deployments of one alias: the heavy one gets its share, +- 5 % of 900 calls."""
    world = World()
    world.runtime.random.seed(7)
    balanced(world, Target("local", "small", 2, 1), Target("spare", "small", 1, 1))

    counts = Counter(ask(world).result.decision.backend for _ in range(900))

    assert 600 == pytest.approx(counts["local"], abs=45)
    assert 300 == pytest.approx(counts["spare"], abs=45)


def test_an_equal_is_asked_before_anybody_waits():
    """When one deployment stumbles, the other one answers, without a pause."""
    world = World(retries=2)
    balanced(world, Target("local", "small", 1, 1), Target("spare", "small", 1, 1))
    world.local.script = [status(429, retry_after_s=30.0)]

    for _ in range(20):
        assert "spare" == ask(world).result.decision.backend

    assert [] == world.clock.waits


def test_a_request_that_is_wrong_in_itself_is_not_passed_around_equals(world):
    """The other deployment would say the same."""
    balanced(world, Target("local", "small", 1, 1), Target("spare", "small", 1, 1))
    world.local.script = world.spare.script = [status(400)]

    assert 400 == fails(world).status
    assert 1 == len(world.local.received) + len(world.spare.received)


def test_the_retries_of_a_call_are_shared_by_equals():
    """Two deployments that both fail are asked once each, and then twice more in all."""
    world = World(retries=2)
    balanced(world, Target("local", "small", 1, 1), Target("spare", "small", 1, 1))
    world.local.script = world.spare.script = [status(503)]

    fails(world)

    assert 4 == len(world.local.received) + len(world.spare.received)


def test_an_equal_that_is_back_gets_its_share_again(world):
    """A deployment that was restarted is found out by a probe, although the others are up."""
    balanced(world, Target("local", "small", 1, 1), Target("spare", "small", 1, 1))
    take_down(world, "local")
    world.local.script = [REPLY]
    world.clock.now += PROBE_EVERY_S

    counts = Counter(ask(world).result.decision.backend for _ in range(100))

    assert 1 == world.local.probed
    assert 50 == pytest.approx(counts["local"], abs=20)


def test_backends_cannot_tell_that_they_saw_the_same_call(world):
    """The key that makes a repetition harmless at one provider means nothing at another."""
    world.cloud.script = [status(503), status(503), status(503)]

    ask(world, "hello")

    cloud = {request.idempotency_key for request in world.cloud.received}
    local = {request.idempotency_key for request in world.local.received}
    assert (1, 1) == (len(cloud), len(local))
    assert cloud.isdisjoint(local)

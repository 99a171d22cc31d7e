"""Attempts while backends are down: breaker, retry budget, waiting, balance, clearance."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybridllm.errors import AddressRefusedError, PolicyDeniedError
from hybridllm.fleet import Fleet, Member
from hybridllm.flow import complete
from hybridllm.gate import Gate
from hybridllm.health import PROBE_EVERY_S
from hybridllm.policy.model import Target
from hybridllm.wire import BackendError, FailureKind, NoBackendError
from tests.model.driving import drive
from tests.model.fakes import REPLY, SECRET, World, broken, chunk, status
from tests.model.outages import ask, balanced, fails, probed_world, take_down

CALLS = 200


@pytest.fixture
def world() -> World:
    """Return a cloud for public text and two engines inside that can be probed."""
    return probed_world()


# The breaker.


def test_a_backend_that_is_down_is_left_alone_after_twenty_calls(world):
    """The next calls go straight to the other cleared engine, without a pause."""
    world.local.script = [broken()]

    for _ in range(CALLS):
        assert "spare" == ask(world).result.decision.backend

    assert len(world.local.received) <= 20
    assert [] == world.cloud.received


def test_a_backend_that_was_down_is_probed_before_it_sees_a_request(world):
    """The question whether it is back has no content; only then a request goes there."""
    take_down(world, "local")
    world.local.probes = [broken(), 503, 200]
    world.local.script = [REPLY]
    backends = []

    for _ in range(4):
        world.clock.now += PROBE_EVERY_S
        backends.append(ask(world).result.decision.backend)

    assert ["spare", "spare", "local", "local"] == backends
    assert (3, 2) == (world.local.probed, len(world.local.received))


def test_a_server_that_only_lists_its_models_gets_one_request_for_each_probe(world):
    """A good probe is no promise; the first failure after it counts."""
    take_down(world, "local")
    for _ in range(50):
        world.clock.now += PROBE_EVERY_S
        ask(world)

    assert (50, 50) == (world.local.probed, len(world.local.received))


def test_without_a_probe_one_real_request_is_the_trial():
    """A model in this process has nothing to ask but a request."""
    world = World()
    take_down(world, "local")
    world.local.script = [REPLY]

    for _ in range(3):
        ask(world)
    world.clock.now += PROBE_EVERY_S
    found = [ask(world).result.decision.backend for _ in range(3)]

    assert ["local"] * 3 == found
    assert 3 == len(world.local.received)


def test_a_probe_that_is_given_up_is_repeated_by_another_caller(world):
    """A caller that leaves while it probes does not leave the backend closed for ever."""
    take_down(world, "local")
    world.clock.now += PROBE_EVERY_S
    world.local.script = [REPLY]
    left = drive(complete(world.call(SECRET), world.runtime), world, abandon_after=3)
    world.clock.now += 2.0

    assert left.abandoned
    assert "local" == ask(world).result.decision.backend


# The retry budget.


@pytest.mark.parametrize("failure", [status(503), status(429), status(409), broken()], ids=repr)
def test_load_is_at_most_a_tenth_more_while_a_backend_is_down(failure):
    """Two hundred calls that may each be tried three times are 220 attempts at most."""
    world = World(retries=2)
    balanced(world, Target("local", "small"))
    world.local.script = [failure]

    for _ in range(CALLS):
        with suppress(BackendError):
            ask(world)

    assert len(world.local.received) <= 1.1 * CALLS


def test_no_pause_is_made_for_a_retry_that_cannot_be_paid():
    """When the budget is empty, the caller hears of the failure at once."""
    world = World(retries=2)
    world.local.script = [status(429)]
    while world.runtime.fleet.of("local").health.take_retry():
        pass

    ask(world)

    assert [] == world.clock.waits


# Nothing is up.


def test_the_error_says_which_clearance_is_not_available(world):
    """The caller learns what has to be started, and the log that nothing was sent."""
    take_down(world, "local", "spare")

    error = fails(world)

    assert isinstance(error, NoBackendError)
    assert ("local", "spare") == error.backends
    assert "confidential" == error.clearance
    assert "confidential" in str(error)
    assert SECRET not in str(error)
    assert world.sent_nothing()
    assert ["unanswered"] == [record["event"] for record in world.log.records]
    assert "unavailable" == world.log.records[0]["result"]
    assert ["local", "spare"] == [c.backend for c in error.policy_decision.candidates]


def test_what_a_backend_answered_says_more_than_that_another_is_down(world):
    """A 503 with its request id helps the operator more than a breaker does."""
    take_down(world, "spare")
    world.local.script = [status(503, request_id="req-1")]

    assert "req-1" == fails(world, max_retries=0).request_id


@pytest.mark.parametrize("down_s", [0.4, 3.0, 19.0])
def test_a_call_may_wait_for_a_backend(world, down_s):
    """A restart of the engine is a pause for those who asked for one, not an error."""
    take_down(world, "local", "spare")
    waiting = replace(world.runtime.limits, wait_for_backend_s=20.0)
    world.runtime = replace(world.runtime, limits=waiting)
    back_at = world.clock.now + down_s
    world.local.probe = lambda *, timeout_s: 200 if world.clock() >= back_at else 503
    world.spare.probes = [503]
    world.local.script = [REPLY]

    done = ask(world)

    assert "local" == done.result.decision.backend
    assert world.clock.now <= back_at + 1.0
    assert 1 == len(world.local.received)


def test_a_call_waits_also_when_there_is_nothing_to_pay_retries_with(world):
    """An engine that was shaky all morning and restarts at noon is still waited for."""
    balanced(world, Target("local", "small"))
    waiting = replace(world.runtime.limits, wait_for_backend_s=20.0)
    world.runtime = replace(world.runtime, limits=waiting)
    while world.runtime.fleet.of("local").health.take_retry():
        pass
    world.local.script = [broken()] * 5 + [REPLY]

    assert "local" == ask(world).result.decision.backend
    assert 6 == len(world.local.received)


def test_a_call_that_was_sent_once_never_says_that_nothing_was_sent(world):
    """What was asked before the wait counts, although the backend is left alone by its end."""
    balanced(world, Target("local", "small"))
    waiting = replace(world.runtime.limits, wait_for_backend_s=20.0)
    world.runtime = replace(world.runtime, limits=waiting)
    world.local.script = [status(503)]
    world.local.probes = [503]

    assert 503 == fails(world).status
    assert world.runtime.fleet.of("local").health.is_open
    assert [] == world.log.of("unanswered")


def test_a_call_that_waits_gives_a_backend_the_time_it_asks_for(world):
    """A backend that says when it will be back is not asked before."""
    balanced(world, Target("local", "small"))
    waiting = replace(world.runtime.limits, wait_for_backend_s=20.0)
    world.runtime = replace(world.runtime, limits=waiting)
    world.local.script = [status(503, retry_after_s=7.0), REPLY]

    ask(world, max_retries=0)

    assert [7.0] == world.clock.waits


def test_the_wait_is_bounded(world):
    """After it the caller is told; the deadline of the call counts too."""
    take_down(world, "local", "spare")
    world.local.probes = world.spare.probes = [503]
    waiting = replace(world.runtime.limits, wait_for_backend_s=20.0)
    world.runtime = replace(world.runtime, limits=waiting)
    start = world.clock.now

    fails(world)
    assert start + 19.0 <= world.clock.now <= start + 20.0

    start = world.clock.now
    fails(world, timeout_s=5.0)
    assert world.clock.now <= start + 5.0


def test_a_request_that_is_wrong_in_itself_waits_for_nothing(world):
    """Waiting does not make it right."""
    waiting = replace(world.runtime.limits, wait_for_backend_s=20.0)
    world.runtime = replace(world.runtime, limits=waiting)
    world.local.script = [status(400)]

    fails(world)

    assert [] == world.clock.waits


# Whatever happens, clearance holds.

FAULTS = [
    REPLY, status(307), status(400), status(401), status(413), status(429),
    status(429, retry_after_s=3.0), status(500), status(503), broken(),
    broken(FailureKind.TIMEOUT), broken(FailureKind.REPLY), b"junk",
    [broken(code="stream_cut")], [chunk("は"), broken()], AddressRefusedError("elsewhere"),
]  # fmt: skip
SCHEDULES = st.lists(st.sampled_from(FAULTS), min_size=1, max_size=12)


@given(
    SCHEDULES,
    SCHEDULES,
    st.lists(st.sampled_from([200, 401, 503, broken()]), min_size=1, max_size=6),
    st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(0, 3)), min_size=1, max_size=25),
    st.tuples(st.sampled_from([0.0, 4.0]), st.booleans(), st.integers()),
)
def test_confidential_text_stays_inside_while_the_premises_flap(
    local, spare, probes, calls, settings
):
    """Random outages, probes, pauses, queues and waits: nothing that is secret leaves, ever."""
    (wait_s, grouped, seed), world = settings, probed_world(retries=1)
    inside = (Target("local", "s", 2, int(grouped)), Target("spare", "s", 1, int(grouped)))
    balanced(world, Target("cloud", "big"), *inside)
    world.local.script, world.spare.script = list(local), list(spare)
    world.local.probes = list(probes)
    world.runtime = replace(
        world.runtime,
        fleet=Fleet({"local": Member(Gate(max_concurrency=1, max_queue=1), queue_timeout_s=1.0)}),
        limits=replace(world.runtime.limits, wait_for_backend_s=wait_s),
        random=Random(seed),
    )
    for number, (is_secret, stream, later_s) in enumerate(calls):
        before = len(world.cloud.received)
        world.memory.labels.clear()  # its texts would keep all later calls inside
        text = SECRET if is_secret else f"hello {number}"
        with suppress(BackendError, AddressRefusedError, PolicyDeniedError):
            ask(world, text, stream=stream)
        assert not is_secret or before == len(world.cloud.received)
        world.clock.now += later_s

    if not all(is_secret for is_secret, _, _ in calls):
        assert world.cloud.received  # it was there all the time, and willing
    assert not any(SECRET.encode() in request.body for request in world.cloud.received)
    assert len(world.log.of("intent")) == len(world.log.of("outcome"))
    assert all(0 == world.runtime.fleet.of(name).gate.running for name in world.backends)

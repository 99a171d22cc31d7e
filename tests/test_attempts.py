"""Attempts: retries and fallback only among candidates, with one deadline for the whole call."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybridllm.errors import AddressRefusedError, PolicyDeniedError
from hybridllm.flow import complete
from hybridllm.policy.model import Condition, Rule
from hybridllm.types import Place
from hybridllm.wire import BackendError, FailureKind
from tests.model.driving import drive
from tests.model.fakes import REPLY, SECRET, World, broken, chunk, status


@pytest.fixture
def world() -> World:
    """Return a cloud for public text and two engines inside."""
    return World()


def run(world: World, content: str = "hello", **changes: object):
    """Make a call; return what it did."""
    return drive(complete(world.call(content, **changes), world.runtime), world)


def fails(world: World, content: str = "hello", **changes: object) -> BackendError:
    """Make a call that no backend answers; return the error."""
    with pytest.raises(BackendError) as caught:
        run(world, content, **changes)
    return caught.value


def counts(world: World) -> list[int]:
    """Return how often each backend was asked: cloud, local, spare."""
    return [len(backend.received) for backend in world.backends.values()]


# Retries.


@pytest.mark.parametrize(
    "failure",
    [status(408), status(409), status(425), status(429), status(500), status(503), status(529),
     broken()],
    ids=lambda error: f"{error.kind.value} {error.status}",
)  # fmt: skip
def test_what_may_pass_is_tried_again_at_the_same_backend(world, failure):
    """A busy or restarting server gets another chance."""
    world.cloud.script = [failure, failure, REPLY]

    done = run(world)

    assert [3, 0, 0] == counts(world)
    assert "cloud" == done.result.decision.backend
    assert 2 == len(world.clock.waits)


@pytest.mark.parametrize("code", [400, 401, 403, 404, 405, 413, 422, 301, 307, 308])
def test_what_will_not_pass_is_not_repeated(world, code):
    """Asking again with the same bytes gets the same answer."""
    world.cloud.script = [status(code)]

    with suppress(BackendError):
        run(world)

    assert 1 == len(world.cloud.received)
    assert [] == world.clock.waits


def test_a_backend_that_hangs_is_not_asked_again(world):
    """A time-out has used the call's time up; the next candidate gets the rest."""
    world.cloud.script = [broken(FailureKind.TIMEOUT)]

    run(world)

    assert [1, 1, 0] == counts(world)


@given(st.integers(0, 5), st.integers(0, 6))
@settings(deadline=None)
def test_the_number_of_attempts_is_bounded(retries, failures):
    """At each backend: one attempt and as many further ones as allowed."""
    world = World(retries=retries)
    world.cloud.script = [*[status(503)] * failures, REPLY]

    run(world)

    assert min(failures, retries) + 1 == len(world.cloud.received)
    assert (1 if failures > retries else 0) == len(world.local.received)


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_a_call_may_say_how_often(world, retries):
    """`with_options(max_retries=...)` counts for its calls alone."""
    world.cloud.script = [status(503)]

    run(world, max_retries=retries)

    assert retries + 1 == len(world.cloud.received)


def test_a_negative_number_of_retries_is_none(world):
    """Nonsense does not become an endless loop, nor a pause for nothing."""
    world.cloud.script = [status(503)]

    run(world, max_retries=-1)

    assert [1, 1, 0] == counts(world)
    assert [] == world.clock.waits


def test_pauses_grow_and_are_jittered():
    """Many clients that failed together do not come back together."""
    waits = set()
    for seed in range(20):
        world = World(retries=6)
        world.runtime.random.seed(seed)
        world.cloud.script = [status(503)]
        run(world)
        bounds = (0.5, 1.0, 2.0, 4.0, 8.0, 8.0)
        pairs = list(zip(world.clock.waits, bounds, strict=True))
        assert all(0 <= wait <= bound for wait, bound in pairs)
        waits.add(tuple(world.clock.waits))

    assert 20 == len(waits)


@pytest.mark.parametrize("asked", [0.0, 1.5, 60.0])
def test_a_backend_is_given_the_time_it_asks_for(world, asked):
    """Retry-After comes before our own guess."""
    world.cloud.script = [status(429, retry_after_s=asked), REPLY]

    run(world, timeout_s=600.0)

    assert [asked] == world.clock.waits


def test_a_backend_that_asks_for_too_long_is_left(world):
    """Nobody waits ten minutes while another candidate is idle."""
    world.cloud.script = [status(429, retry_after_s=600.0)]

    run(world, timeout_s=3600.0)

    assert [1, 1, 0] == counts(world)
    assert [] == world.clock.waits


# One deadline.


def test_a_pause_beyond_the_deadline_is_not_begun(world):
    """A call of one second does not sleep for thirty."""
    world.cloud.script = [status(429, retry_after_s=30.0)]

    run(world, timeout_s=1.0)

    assert [] == world.clock.waits
    assert [1, 1, 0] == counts(world)


def test_a_pause_that_ends_at_the_deadline_is_not_begun(world):
    """After it there would be no time left to ask."""
    world.cloud.script = [status(429, retry_after_s=30.0)]

    run(world, timeout_s=30.0)

    assert [] == world.clock.waits


def test_an_outcome_says_how_long_the_attempt_took(world):
    """Slow backends show in the log, in milliseconds from the intent on."""
    send = world.cloud.send

    def slow(request, *, permit):
        world.clock.now += 1.5
        return send(request, permit=permit)

    world.cloud.send = slow

    run(world)

    assert [1500.0] == [item["duration_ms"] for item in world.log.of("outcome")]


def test_every_attempt_has_the_deadline_of_the_call(world):
    """Retries do not each start the clock anew."""
    world.cloud.script = [status(503)]
    start = world.clock.now

    run(world, timeout_s=20.0)

    deadlines = {request.deadline for backend in world.backends.values()
                 for request in backend.received}  # fmt: skip
    assert {start + 20.0} == deadlines


def test_no_candidate_is_asked_after_the_deadline(world):
    """When the time is up, the caller hears of the last failure at once."""

    def slow(request, *, permit):
        world.clock.now += 100.0
        raise broken(FailureKind.TIMEOUT)

    world.cloud.send = slow

    error = fails(world, timeout_s=60.0)

    assert FailureKind.TIMEOUT is error.kind
    assert [0, 0, 0] == counts(world)


def test_a_log_that_takes_the_whole_time_ends_as_a_timeout(world):
    """When the disk was slow, the caller sees a time-out and not an inner error."""
    write = world.log.write

    def slow(record):
        world.clock.now += 100.0
        write(record)

    world.log.write = slow

    error = fails(world, timeout_s=60.0)

    assert FailureKind.TIMEOUT is error.kind
    assert world.sent_nothing()


# Fallback.


@pytest.mark.parametrize("code", [401, 403, 404, 405, 413, 429, 500, 503, 301, 307, 308])
def test_another_candidate_is_asked_when_it_may_do_better(world, code):
    """A bad key, a missing model or an outage of one backend is not the end."""
    world.cloud.script = [status(code)]

    done = run(world)

    assert "local" == done.result.decision.backend
    assert Place.ON_PREMISES is done.result.decision.place


@pytest.mark.parametrize("code", [400, 422])
def test_a_request_that_is_wrong_in_itself_is_not_passed_around(world, code):
    """The caller has to change it; another backend would say the same."""
    world.cloud.script = [status(code)]

    assert code == fails(world).status
    assert [1, 0, 0] == counts(world)


def test_a_request_that_is_too_long_for_one_model_may_fit_another(world):
    """A context length is the model's own."""
    world.cloud.script = [status(400, code="context_length_exceeded")]

    assert "local" == run(world).result.decision.backend


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"choices": 3}', b"\xff"])
def test_a_reply_that_is_none_is_a_failure_of_the_backend(world, body):
    """A login page of a proxy is not handed to the caller as an answer."""
    world.cloud.script = [body]

    assert "local" == run(world).result.decision.backend
    assert ["reply", "ok"] == [item["result"] for item in world.log.of("outcome")]


def test_an_address_outside_the_declared_networks_is_not_asked_again(world):
    """A backend that is elsewhere is left at once, and the next one asked."""
    world.cloud.script = [AddressRefusedError("elsewhere")]

    run(world)

    assert [1, 1, 0] == counts(world)
    assert ["refused", "ok"] == [item["result"] for item in world.log.of("outcome")]


def test_a_stream_that_breaks_before_its_first_piece_is_tried_elsewhere(world):
    """The caller has seen nothing yet, so another candidate may answer."""
    world.cloud.script = [[broken(code="stream_cut")]]
    world.local.script = [[chunk("はい")]]

    done = run(world, stream=True)

    assert {"local"} == {emit.decision.backend for emit in done.emitted}
    assert all(stream.closed == 1 for stream in world.cloud.streams)
    assert [3, 1, 0] == counts(world)


def test_the_last_failure_is_raised_with_the_decision(world):
    """Whoever catches the SDK's error can ask why it went where it went."""
    for backend, code in zip(world.backends.values(), (500, 502, 503), strict=True):
        backend.script = [status(code)]

    error = fails(world, max_retries=0)

    assert 503 == error.status
    assert ["cloud", "local", "spare"] == [
        item.backend for item in error.policy_decision.candidates
    ]
    assert error.policy_decision.backend is None


FAULTS = [
    status(307), status(308), status(400), status(401), status(413), status(429), status(500),
    status(503), broken(), broken(FailureKind.TIMEOUT), broken(FailureKind.REPLY), b"junk",
    [broken(code="stream_cut")], [chunk("は"), broken()], AddressRefusedError("elsewhere"),
]  # fmt: skip


@given(
    st.lists(st.sampled_from(FAULTS), min_size=1, max_size=4),
    st.lists(st.sampled_from(FAULTS), min_size=1, max_size=4),
    st.booleans(),
    st.integers(0, 3),
)
@settings(deadline=None, max_examples=300)
def test_availability_never_buys_clearance(local, spare, stream, retries):
    """However the engines inside fail, confidential text never goes to the cloud."""
    world = World(retries=retries)
    world.local.script, world.spare.script = list(local), list(spare)

    with suppress(BackendError, AddressRefusedError):
        run(world, SECRET, stream=stream)

    assert [] == world.cloud.received
    assert all("cloud" not in item["candidates"] for item in world.log.of("intent"))
    assert len(world.log.of("intent")) == len(world.log.of("outcome"))
    assert world.local.received


@given(st.lists(st.sampled_from(FAULTS), min_size=1, max_size=3), st.booleans())
@settings(deadline=None)
def test_every_attempt_is_durable_before_it_is_sent(cloud, stream):
    """In whatever way backends fail, a record comes before every sending."""
    world = World(retries=1)
    world.cloud.script = list(cloud)

    with suppress(BackendError, AddressRefusedError):
        run(world, stream=stream)

    steps = [step for step in world.journal if step.startswith(("durable", "sent"))]
    assert steps[::2] == ["durable intent"] * (len(steps) // 2)
    assert all(step.startswith("sent") for step in steps[1::2])
    assert sum(counts(world)) == len(world.log.of("intent"))
    numbers = [item["attempt"] for item in world.log.of("intent")]
    assert list(range(1, len(numbers) + 1)) == numbers


def test_a_rule_that_takes_every_backend_away_is_a_denial_and_no_failure():
    """An empty set of candidates is an answer of the policy, not an outage."""
    rule = Rule("none", "test", Condition(), only_backends=frozenset())
    world = World(rules=(rule,))

    with pytest.raises(PolicyDeniedError, match="rule"):
        run(world)

    assert world.sent_nothing()

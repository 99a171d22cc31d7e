"""A flow that is left, or whose backend fails: an outcome always, content never."""

from __future__ import annotations

import json

import pytest

from hybridllm.effects import AbandonedError, Emit, Send
from hybridllm.errors import PermitError
from hybridllm.flow import complete
from hybridllm.params import RESPONSES
from hybridllm.runtime import Call, Completed
from hybridllm.types import Identity
from hybridllm.wire import BackendError, FailureKind
from tests.model.driving import drive
from tests.model.fakes import REPLY, SECRET, World, broken, chunk, status

STREAM = [chunk("は"), chunk("い")]


@pytest.fixture
def world() -> World:
    """Return a cloud for public text and two engines inside."""
    return World()


# Giving up.


def abandon_after(world: World, call, steps: int):
    """Drive a flow for some effects, then throw the caller's leaving in."""
    return drive(complete(call, world.runtime), world, abandon_after=steps)


@pytest.mark.parametrize("content", ["hello", SECRET])
@pytest.mark.parametrize("steps", range(1, 12))
@pytest.mark.parametrize("stream", [False, True])
def test_giving_up_at_any_moment_leaves_an_outcome_and_no_open_stream(
    world, content, stream, steps
):
    """Ctrl-C or a cancelled task: every intent has its outcome, every stream is closed."""
    if stream:
        world.cloud.script = world.local.script = [STREAM]

    abandon_after(world, world.call(content, stream=stream), steps)

    intents = [item["attempt"] for item in world.log.of("intent")]
    outcomes = [item["attempt"] for item in world.log.of("outcome")]
    assert intents == outcomes
    for backend in world.backends.values():
        assert all(item.closed for item in backend.streams)


@pytest.mark.parametrize("steps", range(1, 14))
def test_a_reply_that_was_heard_keeps_its_label_whenever_the_caller_leaves(world, steps):
    """Who leaves while the stream is being closed has heard the reply; it stays inside."""
    world.local.script = [STREAM]

    left = abandon_after(world, world.call(SECRET, stream=True), steps)

    chunks = [emit.chunk for emit in left.emitted if emit.chunk]
    heard = "".join(part["choices"][0]["delta"]["content"] for part in chunks)
    assert not heard or heard in world.memory.labels


def test_giving_up_while_a_reply_is_awaited_is_recorded_as_cancelled(world):
    """The log tells a caller who left from a backend that failed."""
    abandon_after(world, world.call(), 3)

    assert ["cancelled"] == [item["result"] for item in world.log.of("outcome")]


def test_what_was_read_of_an_abandoned_confidential_stream_is_remembered(world):
    """The caller saw half of the reply, and may paste it."""
    world.local.script = [[chunk("半分の契約"), chunk("の話")]]

    abandon_after(world, world.call(SECRET, stream=True), 8)

    assert "半分の契約" in world.memory.labels


def test_nothing_is_sent_after_the_caller_has_left_during_a_pause(world):
    """A retry that nobody waits for does not happen."""
    world.cloud.script = [status(503)]

    abandon_after(world, world.call(), 4)

    assert 1 == len(world.cloud.received)


# Failures in a stream.


@pytest.mark.parametrize(
    "failure",
    [broken(code="stream_cut"), broken(FailureKind.TIMEOUT), broken(FailureKind.REPLY)],
    ids=lambda error: error.kind.value,
)
def test_a_stream_that_breaks_after_its_first_piece_is_never_sent_again(world, failure):
    """The caller has seen a piece; another answer would not continue it."""
    world.cloud.script = [[chunk("は"), failure]]

    with pytest.raises(BackendError) as caught:
        drive(complete(world.call(stream=True), world.runtime), world)

    assert 1 == len(world.cloud.received)
    assert [] == world.local.received
    assert [failure.kind.value] == [item["result"] for item in world.log.of("outcome")]
    assert 1 == world.cloud.streams[0].closed
    assert "cloud" == caught.value.policy_decision.backend


def test_a_response_that_ends_without_its_last_event_was_cut(world):
    """The Responses API says itself when it is whole; half of one is an error."""
    delta = {"type": "response.output_text.delta", "item_id": "a", "delta": "は"}
    world.cloud.script = [[json.dumps(delta).encode()]]
    call = Call(
        RESPONSES,
        {"model": "cloudy", "input": "hello", "stream": True},
        identity=Identity(""),
    )

    with pytest.raises(BackendError) as caught:
        drive(complete(call, world.runtime), world)

    assert "stream_cut" == caught.value.code
    assert "cloud" == caught.value.backend
    assert ["connection"] == [item["result"] for item in world.log.of("outcome")]


def test_an_event_that_cannot_be_read_ends_the_stream(world):
    """Half a JSON document is a failure of the backend, without its text."""
    world.cloud.script = [[chunk("は"), f'{{"x": "{SECRET}'.encode()]]

    with pytest.raises(BackendError) as caught:
        drive(complete(world.call(stream=True), world.runtime), world)

    assert FailureKind.REPLY is caught.value.kind
    assert SECRET not in str(caught.value)
    assert ["reply"] == [item["result"] for item in world.log.of("outcome")]


def test_a_backend_that_answers_a_stream_with_a_whole_reply_is_still_an_answer(world):
    """A server without streaming gives the caller its reply, not a crash."""
    world.cloud.script = [REPLY]

    done = drive(complete(world.call(stream=True), world.runtime), world)

    assert isinstance(done.result, Completed)


@pytest.mark.parametrize(
    "failure", [RuntimeError("odd"), PermitError("late"), ValueError(SECRET)], ids=repr
)
def test_an_unforeseen_failure_of_a_backend_leaves_an_outcome(world, failure):
    """Whatever a backend raises, the log says that the attempt has ended."""
    world.cloud.script = [failure]

    with pytest.raises(type(failure)):
        drive(complete(world.call(), world.runtime), world)

    assert [1] == [item["attempt"] for item in world.log.of("outcome")]
    assert [] == world.local.received


def test_an_unforeseen_failure_in_a_stream_leaves_an_outcome_and_closes_it(world):
    """A bug in a backend's stream does not leave a connection open."""
    world.cloud.script = [[chunk("は"), RuntimeError("odd")]]

    with pytest.raises(RuntimeError):
        drive(complete(world.call(stream=True), world.runtime), world)

    assert [1] == [item["attempt"] for item in world.log.of("outcome")]
    assert 1 == world.cloud.streams[0].closed


def test_abandoning_a_finished_flow_changes_nothing(world):
    """Closing twice is allowed."""
    flow = complete(world.call(), world.runtime)
    drive(flow, world)

    with pytest.raises(AbandonedError):
        flow.throw(AbandonedError())
    assert 1 == len(world.log.of("outcome"))


def test_no_part_of_a_running_call_shows_content(world):
    """Calls, effects and results in a debugger show names and sizes."""
    call = world.call(SECRET)
    done = drive(complete(call, world.runtime), world)

    shown = repr((call, done.result, [e for e in done.effects if isinstance(e, (Send, Emit))]))
    assert SECRET not in shown
    assert "はい" not in shown

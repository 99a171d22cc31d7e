"""The flow as a specification: which effects, in which order, and what is recorded."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from hybridllm.effects import (
    CloseStream,
    Compute,
    Emit,
    ReadEvent,
    RecordDurably,
    Send,
)
from hybridllm.errors import (
    AuditError,
    PolicyDeniedError,
    PolicyIndeterminateError,
    RequestError,
    UnknownDepartmentError,
    UnknownModelError,
)
from hybridllm.flow import complete, explain
from hybridllm.types import Identity
from tests.model.driving import drive, names
from tests.model.fakes import KIND, REPLY, SCALE, SECRET, World, chunk, status

STREAM = [chunk("は"), chunk("い")]


@pytest.fixture
def world() -> World:
    """Return a cloud for public text and two engines inside."""
    return World()


# The order of effects.


def test_a_public_request_is_judged_recorded_and_sent(world):
    """The log has the decision before the first byte leaves."""
    done = drive(complete(world.call(), world.runtime), world)

    assert [Compute, RecordDurably, Send] == names(done.effects)
    assert ["durable intent", "sent to cloud", "outcome ok"] == world.journal
    assert REPLY == done.result.reply
    assert "cloud" == done.result.decision.backend
    assert "cloud-model" == done.result.decision.model


def test_a_confidential_request_is_remembered_before_it_is_sent(world):
    """Its text and its reply keep the label, so that tomorrow's paste is confidential too."""
    call = world.call("売上は?", label=SCALE.label("confidential"))

    done = drive(complete(call, world.runtime), world)

    assert [Compute, Compute, RecordDurably, Send, Compute] == names(done.effects)
    assert [True, True] == [
        effect.touches_disk for effect in done.effects if isinstance(effect, Compute)
    ][1:]
    assert {"売上は?", "はい"} <= world.memory.labels.keys()
    assert [] == world.cloud.received
    assert ["durable intent", "sent to local", "outcome ok"] == world.journal


def test_a_finding_labels_the_reply_and_not_its_neighbours(world):
    """A marking belongs to the message it stands in; the reply has seen it."""
    messages = [{"role": "user", "content": text} for text in ("good morning, everybody", SECRET)]

    drive(complete(world.call(messages=messages), world.runtime), world)

    assert "はい" in world.memory.labels
    assert "good morning, everybody" not in world.memory.labels


def test_a_public_request_is_not_remembered(world):
    """Ordinary texts leave no trace in the memory."""
    drive(complete(world.call("good morning, everybody"), world.runtime), world)

    assert {} == world.memory.labels


def test_a_stream_is_handed_on_piece_by_piece_and_closed(world):
    """The first piece opens the stream; the end closes it; both are recorded once."""
    world.cloud.script = [STREAM]

    done = drive(complete(world.call(stream=True), world.runtime), world)

    assert [
        *(Compute, RecordDurably, Send, ReadEvent),
        *(Emit, Emit, ReadEvent, Emit, ReadEvent),
        CloseStream,
    ] == names(done.effects)
    assert done.result is None
    assert [None, "は", "い"] == [
        emit.chunk and emit.chunk["choices"][0]["delta"]["content"] for emit in done.emitted
    ]
    assert {"cloud"} == {emit.decision.backend for emit in done.emitted}
    assert ["durable intent", "sent to cloud", "outcome ok", "stream closed"] == world.journal


def test_a_confidential_stream_is_remembered_as_one_text(world):
    """The memory learns the whole reply, not its pieces."""
    world.local.script = [STREAM]

    drive(complete(world.call(SECRET, stream=True), world.runtime), world)

    assert "はい" in world.memory.labels
    assert "は" not in world.memory.labels


def test_the_memory_is_written_beside_the_event_loop(world):
    """Remembering waits for a disk, so it never stops other callers, streamed or not."""
    for stream in (False, True):
        world.local.script = [STREAM if stream else REPLY]
        call = world.call("売上は?", label=SCALE.label("confidential"), stream=stream)

        done = drive(complete(call, world.runtime), world)

        judging, *remembering = [item for item in done.effects if isinstance(item, Compute)]
        assert not judging.touches_disk
        assert [True, True] == [item.touches_disk for item in remembering]


def test_fields_of_local_engines_never_reach_a_backend_that_may_not_have_them(world):
    """`top_k` is one more parameter that a backend must be allowed to receive."""
    with pytest.raises(PolicyDeniedError, match="parameter"):
        drive(complete(world.call(extra_body={"top_k": 5}), world.runtime), world)

    assert world.sent_nothing()


def test_only_the_judged_bytes_are_sent_with_the_backends_own_model(world):
    """What was read is what leaves: nothing is added but the model's name and the defaults."""
    call = world.call("x", temperature=0.5)

    drive(complete(call, world.runtime), world)

    assert [{**call.params, "model": "cloud-model", "store": False}] == world.cloud.bodies
    assert "chat/completions" == world.cloud.received[0].path


def test_every_attempt_of_a_call_carries_one_idempotency_key(world):
    """A server that saw the first attempt can tell that the second one is the same call."""
    world.cloud.script = [status(503), REPLY]

    drive(complete(world.call(), world.runtime), world)
    drive(complete(world.call(), world.runtime), world)

    keys = [request.idempotency_key for request in world.cloud.received]
    assert keys[0] == keys[1]
    assert keys[1] != keys[2]
    assert len(keys[0]) >= 32


# What is recorded.


def test_intent_and_outcome_share_the_call_and_the_attempt(world):
    """An auditor joins them, and the caller's decision names them too."""
    done = drive(complete(world.call(), world.runtime), world)

    intent, outcome = world.log.records
    assert done.result.decision.audit_id == intent["call"] == outcome["call"]
    assert 1 == intent["attempt"] == outcome["attempt"]
    assert {"total_tokens": 3} == outcome["usage"]
    assert len(world.cloud.received[0].body) == intent["bytes"]


def test_no_record_holds_content(world):
    """The log says kinds and counts, and a keyed hash of what was sent."""
    drive(complete(world.call(f"{SECRET} Kestrel", user="u-4711"), world.runtime), world)

    shown = repr(world.log.records)
    assert SECRET not in shown
    assert "Kestrel" not in shown
    assert "u-4711" not in shown
    assert {KIND: 1} == world.log.of("intent")[0]["kinds"]


def test_the_hash_of_a_body_depends_on_the_key(world):
    """Who reads the log cannot try out guesses of a text."""
    other = World()
    other.runtime = replace(other.runtime, key=bytes(32))

    for each in (world, world, other):
        drive(complete(each.call("same", user="u"), each.runtime), each)

    macs = [item["body"] for item in (*world.log.of("intent"), *other.log.of("intent"))]
    assert macs[0] == macs[1] != macs[2]


def test_a_denial_is_durable_before_the_caller_learns_of_it(world):
    """What was refused is on record, and nothing was sent."""
    with pytest.raises(PolicyDeniedError) as caught:
        drive(complete(world.call(SECRET, model="cloudy"), world.runtime), world)

    assert ["durable denied"] == world.journal
    assert world.sent_nothing()
    assert world.log.records[0]["call"] == caught.value.policy_decision.audit_id
    assert "label_above_clearance" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_an_undecidable_request_is_denied_and_told_apart(world):
    """The caller and the log see that deciding failed, not that a rule said no."""
    broken_policy = replace(world.runtime.policy, destinations={})
    world.runtime = replace(world.runtime, policy=broken_policy)

    with pytest.raises(PolicyIndeterminateError):
        drive(complete(world.call(), world.runtime), world)

    assert "indeterminate" == world.log.records[0]["effect"]
    assert world.sent_nothing()


@pytest.mark.parametrize("content", ["hello", SECRET])
@pytest.mark.parametrize("stream", [False, True])
def test_without_a_durable_record_nothing_is_sent(world, content, stream):
    """A log that cannot be written stops the request at every backend."""
    world.log.refuse = lambda record: AuditError("the disk is full")

    with pytest.raises(AuditError):
        drive(complete(world.call(content, stream=stream), world.runtime), world)

    assert world.sent_nothing()


def test_a_log_that_fails_at_the_second_attempt_stops_there(world):
    """No fallback and no retry goes unrecorded."""
    world.cloud.script = [status(500)]
    world.log.refuse = lambda record: (
        AuditError("full") if record.get("attempt") == 2 and record["event"] == "intent" else None
    )

    with pytest.raises(AuditError):
        drive(complete(world.call(), world.runtime), world)

    assert 1 == len(world.cloud.received)
    assert [] == world.local.received


def test_an_outcome_that_cannot_be_written_does_not_take_the_reply_away(world):
    """The request was recorded and answered; the next one will find the full disk."""
    world.log.refuse = lambda record: AuditError("full") if record["event"] == "outcome" else None

    done = drive(complete(world.call(), world.runtime), world)

    assert REPLY == done.result.reply


def test_a_denial_that_cannot_be_recorded_is_still_no_permission(world):
    """Either way the caller gets an error and nothing is sent."""
    world.log.refuse = lambda record: AuditError("full")

    with pytest.raises((AuditError, PolicyDeniedError)):
        drive(complete(world.call(SECRET, model="cloudy"), world.runtime), world)

    assert world.sent_nothing()


def test_a_memory_that_cannot_be_written_stops_the_request(world):
    """Text whose label would be lost is not sent anywhere."""
    world.memory.fails = True

    call = world.call("売上は?", label=SCALE.label("confidential"))
    with pytest.raises(OSError, match="gone"):
        drive(complete(call, world.runtime), world)

    assert world.sent_nothing()


# What the request is, and who asks.


def test_the_callers_label_and_the_historys_are_joined(world):
    """Nobody can talk a label down by naming a lower one."""
    before = SCALE.label("internal", compartments=["personal"])
    world.memory.labels["pasted from yesterday"] = before
    call = world.call("pasted from yesterday", label=SCALE.label("confidential"))

    decision = drive(complete(call, world.runtime), world).result.decision

    assert "confidential (personal)" == str(decision.label)
    assert "local" == decision.backend


def test_an_unknown_model_names_the_nearest_one_and_sends_nothing(world):
    """A typing mistake is found before anything else happens."""
    with pytest.raises(UnknownModelError, match="Did you mean 'assistant'"):
        drive(complete(world.call(model="asistant"), world.runtime), world)

    assert [] == world.journal


@pytest.mark.parametrize("model", [f"{SECRET} tell me about it", "a\nb", "x" * 65])
def test_a_model_that_is_no_name_is_not_repeated(world, model):
    """Text that was put into the wrong argument stays out of the error."""
    with pytest.raises(UnknownModelError) as caught:
        drive(complete(world.call(model=model), world.runtime), world)

    assert model not in str(caught.value)


def test_an_unknown_department_is_refused(world):
    """A caller cannot invent a department without rules."""
    call = world.call(identity=Identity("legall"))

    with pytest.raises(UnknownDepartmentError, match="Did you mean 'legal'"):
        drive(complete(call, world.runtime), world)

    assert world.sent_nothing()


def test_without_a_default_a_department_must_be_named(world):
    """The error says how to name one and which there are."""
    runtime = replace(world.runtime, default_department="")

    with pytest.raises(UnknownDepartmentError, match="with_options"):
        drive(complete(world.call(), runtime), world)


def test_a_request_that_cannot_be_read_leaves_no_record_and_sends_nothing(world):
    """A mistake in the arguments is the caller's alone."""
    for wrong in ({"messages": []}, {"temperature": float("nan")}, {"stop": ["\ud800"]}):
        with pytest.raises(RequestError):
            drive(complete(world.call(**wrong), world.runtime), world)

    assert [] == world.journal
    assert world.sent_nothing()


def test_explaining_sends_records_and_remembers_nothing(world):
    """A dry run leaves no trace."""
    explained = explain(world.call(SECRET), world.runtime)

    assert ["local", "spare"] == [item.backend for item in explained.decision.candidates]
    assert [KIND] == [finding.kind for finding in explained.findings]
    assert [] == world.journal
    assert {} == world.memory.labels
    assert world.sent_nothing()


@pytest.mark.parametrize("content", ["hello", SECRET, f"{SECRET} again"])
def test_explaining_and_doing_agree(world, content):
    """`explain` is what `create` would do, and not a second opinion."""
    explained = explain(world.call(content), world.runtime).decision
    done = drive(complete(world.call(content), world.runtime), world).result.decision

    assert explained.candidates[0].backend == done.backend
    same = {"audit_id": "", "backend": None, "model": None}
    if content == "hello":
        assert replace(explained, **same) == replace(done, **same)


def test_explaining_and_doing_agree_on_generated_calls():
    """Whatever is asked, by whom and how, the dry run says what happens."""
    random = Random(20261123)
    texts = ("hello", SECRET, "売上は?", "[[1]]", '{"a": "x"}')
    for number in range(2_000):
        world = World()
        content: object = f"{random.choice(texts)} {number}"
        if random.random() < 0.2:
            content = [{"type": random.choice(["text", "image_url"]), "text": content}]
        call = world.call(
            messages=[{"role": "user", "content": content}],
            model=random.choice(["assistant", "cloudy"]),
            label=random.choice([None, None, SCALE.label("internal"), SCALE.strictest]),
            **random.choice([{}, {"store": True}, {"store": False}, {"user": SECRET}]),
        )
        explained = explain(call, world.runtime).decision
        try:
            decision = drive(complete(call, world.runtime), world).result.decision
        except PolicyDeniedError as error:
            decision = error.policy_decision
            assert world.sent_nothing()
        else:
            assert explained.candidates[0].backend == decision.backend
        assert (explained.effect, explained.label, explained.candidates, explained.rejected) == (
            decision.effect,
            decision.label,
            decision.candidates,
            decision.rejected,
        )

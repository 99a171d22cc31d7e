"""The public fakes keep their word: exact shapes, nothing sent, nothing swallowed."""

from __future__ import annotations

import struct
from base64 import b64decode

import openai
import pytest
from openai.types import Completion, CreateEmbeddingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import InputTokenCountResponse, Response, ResponseStreamEvent
from pydantic import BaseModel, TypeAdapter

from hybridllm import AuditError, ConfigurationError, PermitError, PolicyDeniedError
from hybridllm.permit import Permit
from hybridllm.testing import (
    EchoBackend,
    RecordingSink,
    async_client_for_tests,
    client_for_tests,
)
from hybridllm.testing.response_shapes import input_tokens, response, response_events
from hybridllm.testing.shapes import chat_chunks, chat_completion, completion, embeddings
from hybridllm.wire import WireRequest

CONFIGURATION = """
version = 1
[labels]
levels = ["public", "internal", "confidential"]
compartments = ["personal"]
default = "internal"
[findings]
"personal.*" = { level = "confidential", compartments = ["personal"] }
"marking.*" = "confidential"
[backends.cloud]
place = "cloud"
provider = "openai"
api_key_env = "A_KEY_THAT_NO_TEST_SETS"
clearance = "internal"
[backends.local]
place = "on_premises"
base_url = "http://192.0.2.1:8000/v1"
endpoints = ["chat.completions", "completions", "embeddings", "responses", "responses.input_tokens"]
networks = ["192.0.2.1/32"]
clearance = { level = "confidential", compartments = "all" }
[models.assistant]
candidates = [{ backend = "cloud", model = "big" }, { backend = "local", model = "small" }]
[models.cloud_only]
candidates = [{ backend = "cloud", model = "big" }]
"""
PLAIN = "川の名前を三つ教えてください"
MARKED = "社外秘: 来期の計画です"


@pytest.fixture
def config(tmp_path):
    """A configuration that names a key nobody has set, and an engine nobody runs."""
    file = tmp_path / "hybridllm.toml"
    file.write_text(CONFIGURATION, encoding="utf-8")
    return file


def turn(text):
    return [{"role": "user", "content": text}]


def unknown_fields(value):
    """Return what a body has that the SDK's types do not know, at any depth."""
    found = []
    if isinstance(value, BaseModel):
        found += list(value.model_extra or ())
        for name in type(value).model_fields:
            found += unknown_fields(getattr(value, name))
    elif isinstance(value, list):
        for item in value:
            found += unknown_fields(item)
    return found


@pytest.mark.parametrize(
    ("shape", "body"),
    [
        (ChatCompletion, chat_completion({"model": "m", "messages": turn(PLAIN)}, text=PLAIN)),
        (ChatCompletion, chat_completion({"model": "m", "messages": [], "n": 2}, text="")),
        (Completion, completion({"model": "m", "prompt": ["a", "あ"], "n": 2}, text=PLAIN)),
        (InputTokenCountResponse, input_tokens({"model": "m", "input": PLAIN})),
        (CreateEmbeddingResponse, embeddings({"model": "m", "input": ["a", "あ"]})),
        (Response, response({"model": "m", "input": PLAIN}, text=PLAIN)),
        (Response, response({"model": "m", "input": turn(PLAIN)}, text="")),
        *(
            (ChatCompletionChunk, chunk)
            for chunk in chat_chunks(
                {"model": "m", "messages": turn("x"), "stream_options": {"include_usage": True}},
                text=PLAIN,
            )
        ),
        *(
            (ResponseStreamEvent, event)
            for event in response_events({"model": "m", "input": "x"}, text=PLAIN)
        ),
    ],
)
def test_every_answer_has_the_exact_shape_of_the_openai_api(shape, body):
    """A program cannot tell the fake from a server by the form of its answers."""
    parsed = TypeAdapter(shape).validate_python(body)

    assert [] == unknown_fields(parsed)
    assert body.get("object", body.get("type")) in (
        getattr(parsed, "object", None),
        getattr(parsed, "type", None),
    )


def test_the_fake_answers_with_what_it_was_asked(config):
    """Without further ado the reply is the last text of the user, and who answered is told."""
    with client_for_tests(config) as client:
        reply = client.chat.completions.create(model="assistant", messages=turn(PLAIN))

    assert PLAIN == reply.choices[0].message.content
    assert "cloud" == reply.policy_decision.backend
    assert (len(PLAIN), 2 * len(PLAIN)) == (reply.usage.prompt_tokens, reply.usage.total_tokens)


def test_plain_text_is_continued_whole_and_in_pieces(config):
    """The older endpoint is guarded and answered like the others."""
    with client_for_tests(config) as client:
        whole = client.completions.create(model="assistant", prompt=PLAIN)
        stream = client.completions.create(model="assistant", prompt=PLAIN, stream=True)
        pieces = [choice.text for chunk in stream for choice in chunk.choices]
        marked = client.completions.create(model="assistant", prompt=MARKED)

    assert [PLAIN, PLAIN] == [whole.choices[0].text, "".join(pieces)]
    assert ["cloud", "local"] == [one.policy_decision.backend for one in (whole, marked)]


async def test_tokens_are_counted_where_the_text_may_be_seen(config):
    """A count is a request like any other: what is confidential is counted inside."""
    with client_for_tests(config) as client:
        counted = client.responses.input_tokens.count(model="assistant", input=PLAIN)
        plan = client.responses.input_tokens.explain(model="assistant", input=MARKED)
    async with async_client_for_tests(config) as client:
        awaited = await client.responses.input_tokens.count(model="assistant", input=MARKED)

    assert (len(PLAIN), len(MARKED)) == (counted.input_tokens, awaited.input_tokens)
    assert ["cloud", "local"] == [
        one.policy_decision.backend for one in (counted, awaited)
    ]  # fmt: skip
    assert ["local"] == [candidate.backend for candidate in plan.decision.candidates]


def test_parts_of_a_message_are_echoed_as_one_text(config):
    """A message in parts is text too."""
    parts = [{"type": "text", "text": "川の"}, {"type": "text", "text": "名前"}]

    with client_for_tests(config) as client:
        reply = client.chat.completions.create(
            model="assistant", messages=[{"role": "user", "content": parts}]
        )

    assert "川の名前" == reply.choices[0].message.content


def test_a_stream_adds_up_to_the_whole_reply(config):
    """The pieces of a streamed reply, put together, are the reply."""
    with client_for_tests(config) as client:
        stream = client.chat.completions.create(
            model="assistant", messages=turn(PLAIN), stream=True
        )
        pieces = [choice.delta.content or "" for chunk in stream for choice in chunk.choices]

    assert PLAIN == "".join(pieces)
    assert 2 < len(pieces)


def test_the_responses_namespace_works_whole_and_streamed(config):
    """The fake speaks the Responses API as well."""
    with client_for_tests(config) as client:
        whole = client.responses.create(model="assistant", input=PLAIN)
        stream = client.responses.create(model="assistant", input=PLAIN, stream=True)
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]

    assert PLAIN == whole.output_text
    assert PLAIN == "".join(deltas)


async def test_the_async_client_gets_the_same_answers(config):
    """Event loops get what threads get."""
    async with async_client_for_tests(config) as client:
        reply = await client.chat.completions.create(model="assistant", messages=turn(PLAIN))
        stream = await client.chat.completions.create(
            model="assistant", messages=turn(PLAIN), stream=True
        )
        pieces = [choice.delta.content or "" async for c in stream for choice in c.choices]

    assert PLAIN == reply.choices[0].message.content == "".join(pieces)


def test_equal_texts_have_equal_vectors_of_length_one(config):
    """Embeddings are stable, so that a test may compare them."""
    with client_for_tests(config) as client:
        reply = client.embeddings.create(model="assistant", input=["川", "山", "川"], dimensions=16)
        packed = client.embeddings.create(
            model="assistant", input="川", dimensions=16, encoding_format="base64"
        )

    first, second, third = (item.embedding for item in reply.data)
    assert first == third != second
    assert 16 == len(first)
    assert 1.0 == pytest.approx(sum(x * x for x in first))
    assert first == pytest.approx(struct.unpack("<16f", b64decode(packed.data[0].embedding)))


def test_token_ids_and_lists_of_them_are_inputs_too():
    """The API takes texts and token ids; each input gets one vector."""
    bodies = [{"model": "m", "input": given} for given in ("a", [1, 2], [[1], [2]])]

    counts = [len(embeddings(body)["data"]) for body in bodies]

    assert [1, 1, 2] == counts


def test_a_test_sees_what_each_backend_received(config):
    """Marked text goes to the backend that is cleared for it, and the other sees none of it."""
    cloud, local = EchoBackend("cloud"), EchoBackend("local")

    with client_for_tests(config, backends=[cloud, local]) as client:
        client.chat.completions.create(model="assistant", messages=turn(MARKED))

    assert b"" == cloud.received
    assert MARKED in local.received_text
    assert "small" == local.requests[0]["model"]


def test_a_denial_is_the_real_one(config):
    """Policy and detectors are the configuration's own, so a denial is one here too."""
    cloud, sink = EchoBackend("cloud"), RecordingSink()

    with (
        client_for_tests(config, backends=[cloud], audit=sink) as client,
        pytest.raises(PolicyDeniedError),
    ):
        client.chat.completions.create(model="cloud_only", messages=turn(MARKED))

    assert b"" == cloud.received
    assert 1 == len(sink.events("denied"))
    assert "社外秘" not in repr(sink.records)


def test_what_goes_out_is_recorded_before_and_after(config):
    """The sink shows the intent and the outcome of a call, without its text."""
    sink = RecordingSink()

    with client_for_tests(config, audit=sink) as client:
        client.chat.completions.create(model="assistant", messages=turn(PLAIN))

    assert ["intent", "outcome"] == [record["event"] for record in sink.records]
    assert PLAIN not in repr(sink.records)


def test_a_broken_audit_log_stops_everything(config):
    """What a program does when nothing can be recorded can be tried."""
    cloud = EchoBackend("cloud")

    with (
        client_for_tests(config, backends=[cloud], audit=RecordingSink(broken=True)) as client,
        pytest.raises(AuditError),
    ):
        client.chat.completions.create(model="assistant", messages=turn(PLAIN))

    assert b"" == cloud.received


def test_a_failing_backend_raises_the_sdks_own_error(config):
    """How a program copes with a failure can be tried without a server."""
    broken = [EchoBackend("cloud", status=503), EchoBackend("local", status=429)]

    with client_for_tests(config, backends=broken) as client:
        patient = client.with_options(max_retries=0)
        with pytest.raises(openai.RateLimitError):
            patient.chat.completions.create(model="assistant", messages=turn(PLAIN))

    assert [1, 1] == [len(backend.requests) for backend in broken]


def test_a_reply_of_ones_own_sees_the_request(config):
    """The answer may depend on the request."""
    cloud = EchoBackend("cloud", reply=lambda asked: f"{asked['model']}: 隅田川")

    with client_for_tests(config, backends=[cloud]) as client:
        reply = client.chat.completions.create(model="assistant", messages=turn(PLAIN))

    assert "big: 隅田川" == reply.choices[0].message.content


def test_nothing_is_written_beside_the_configuration(config):
    """A test leaves no key, no memory and no log, and does not use those of its owner."""
    with client_for_tests(config) as client:
        client.chat.completions.create(model="assistant", messages=turn(MARKED))

    assert [config] == list(config.parent.iterdir())


def test_a_misspelt_backend_is_named(config):
    """A fake that stands in for nothing would prove nothing."""
    with pytest.raises(ConfigurationError, match="Did you mean 'cloud'"):
        client_for_tests(config, backends=[EchoBackend("cluod")])


def test_the_fake_refuses_other_bytes_than_the_permitted_ones():
    """The fake keeps the contract of every backend, so it can test code that sends."""
    backend = EchoBackend("cloud")
    permit = Permit(backend="cloud", body=b"{}", policy_digest="", deadline=float("inf"))
    request = WireRequest(path="chat/completions", body=b'{"a":1}', deadline=float("inf"))

    with pytest.raises(PermitError):
        backend.send(request, permit=permit)

    assert b"" == backend.received

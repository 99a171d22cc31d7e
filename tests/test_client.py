"""The clients on real loopback servers: what a program sees, and what leaves the process."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from hybridllm import (
    Effect,
    HybridLLM,
    Place,
    PolicyDeniedError,
    RequestError,
    RequestTooLargeError,
    UnknownModelError,
    UnknownParameterError,
)
from tests.audit.reading import records
from tests.model.clients import SECRET, ask, configure
from tests.support.behaviours import CutMidStream, Hang, Redirect, Status

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def file(tmp_path, cloud, on_premises):
    """Return the configuration for both servers."""
    return configure(tmp_path, cloud=cloud, local=on_premises)


@pytest.fixture
def client(file) -> Iterator[HybridLLM]:
    """Return a client for the sales department."""
    with HybridLLM(config=file) as opened:
        yield opened.with_options(department="sales")


def log(file) -> list[dict]:
    """Return the audit log's records."""
    return records(file.parent / ".hybridllm" / "audit")


# Where requests go.


def test_ordinary_text_is_answered_by_the_cloud(client, cloud, on_premises):
    """The best model answers what everybody may know."""
    reply = client.chat.completions.create(**ask())

    assert isinstance(reply, ChatCompletion)
    assert "ok from cloud" == reply.choices[0].message.content
    assert ("cloud", "big", Place.CLOUD) == (
        reply.policy_decision.backend,
        reply.policy_decision.model,
        reply.policy_decision.place,
    )
    assert b"" == on_premises.received


@pytest.mark.parametrize(
    "params",
    [
        ask(f"{SECRET} の売上は?"),
        ask("hi", user=SECRET),
        ask("hi", metadata={"case": SECRET}),
        ask("hi", stop=[SECRET]),
        ask([{"type": "text", "text": "社外"}, {"type": "text", "text": "秘 Kestrel-4711"}]),
        ask("hi", tools=[{"type": "function", "function": {"name": "f", "description": SECRET}}]),
    ],
    ids="message user metadata stop parts tool".split(),
)
def test_text_that_must_stay_inside_is_answered_inside(client, cloud, on_premises, params):
    """The cloud receives not one byte, and the engine inside received the text."""
    reply = client.chat.completions.create(**params)

    assert "local" == reply.policy_decision.backend
    assert b"" == cloud.received
    assert b"Kestrel-4711" in on_premises.received


def test_a_department_may_be_stricter(client, cloud):
    """Everything that legal asks stays inside."""
    reply = client.with_options(department="legal").chat.completions.create(**ask())

    assert "local" == reply.policy_decision.backend
    assert b"" == cloud.received


def test_a_reply_to_confidential_text_stays_confidential_in_a_new_conversation(
    client, cloud, on_premises
):
    """Pasting the engine's answer into the next question does not send it to the cloud."""
    on_premises.say(lambda request: "The merger closes on the third of May, at noon.")
    first = client.chat.completions.create(**ask(SECRET))
    pasted = first.choices[0].message.content

    second = client.chat.completions.create(**ask(pasted))

    assert "local" == second.policy_decision.backend
    assert b"" == cloud.received


def test_embeddings_are_guarded_like_chat(client, cloud, on_premises):
    """A vector gives its text away, so its text is read as well."""
    public = client.embeddings.create(model="assistant", input=["hello", "world"])
    secret = client.embeddings.create(model="assistant", input=["hello", SECRET])

    assert ("cloud", "local") == (public.policy_decision.backend, secret.policy_decision.backend)
    assert 2 == len(public.data)
    assert b"Kestrel" not in cloud.received
    assert b"Kestrel" in on_premises.received


def test_token_ids_and_images_stay_inside(client, cloud):
    """What cannot be read here is not sent away."""
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}

    ids = client.embeddings.create(model="assistant", input=[[15339, 1917]])
    image = client.chat.completions.create(**ask([picture]))

    assert ("local", "local") == (ids.policy_decision.backend, image.policy_decision.backend)
    assert b"" == cloud.received


# Denials and failures.


def test_a_denial_is_no_error_of_the_sdk(client, cloud):
    """Wrappers that retry or fall back on the SDK's errors do not swallow it."""
    with pytest.raises(PolicyDeniedError) as caught:
        client.chat.completions.create(**ask(SECRET, model="cloudy"))

    error = caught.value
    assert not isinstance(error, openai.OpenAIError)
    assert Effect.DENY is error.policy_decision.effect
    assert "Kestrel" not in str(error)
    assert error.policy_decision.audit_id in str(error)
    assert b"" == cloud.received


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (422, openai.UnprocessableEntityError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
    ],
)
def test_a_failure_of_a_backend_is_the_sdks_own_error(client, cloud, code, kind):
    """Existing `except` clauses keep working, and the decision is on the error."""
    cloud.behave(Status(code))

    with pytest.raises(kind) as caught:
        client.chat.completions.create(**ask(model="cloudy"))

    assert code == caught.value.status_code
    assert ["cloud"] == [item.backend for item in caught.value.policy_decision.candidates]
    assert "the stub answers" not in str(caught.value)


def test_a_backend_that_is_down_is_a_connection_error(client, cloud):
    """Nobody listens: the SDK's word for it."""
    cloud.stop()

    with pytest.raises(openai.APIConnectionError):
        client.chat.completions.create(**ask(model="cloudy"))


def test_a_backend_that_hangs_is_a_timeout(client, cloud):
    """The time of the whole call is over: the SDK's word for it."""
    cloud.behave(Hang())

    with pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(**ask(model="cloudy", timeout=0.2))


def test_a_redirect_is_refused_and_the_engine_answers(client, cloud, on_premises, start_server):
    """A cloud that sends us elsewhere is left, and elsewhere gets nothing."""
    elsewhere = start_server(name="elsewhere")
    cloud.behave(Redirect(307, elsewhere.url))

    reply = client.chat.completions.create(**ask())

    assert "local" == reply.policy_decision.backend
    assert b"" == elsewhere.received


@pytest.mark.parametrize(
    ("params", "kind"),
    [
        (ask(model="asistant"), UnknownModelError),
        (ask(messages=[]), RequestError),
        (ask("x" * 30_000_000), RequestTooLargeError),
        (ask("half \ud83d"), RequestError),
        (ask(metadata={"a": [[[[]]]] * 2, "b": 1 and "x"}, temprature=1), UnknownParameterError),
        (ask(extra_headers={"x": "y"}), UnknownParameterError),
        (ask(timeout=-1), RequestError),
        (ask(timeout=float("inf")), RequestError),
        (ask(timeout="soon"), RequestError),
    ],
    ids="alias empty large surrogate parameter headers negative infinite words".split(),
)
def test_bad_input_is_a_typed_error_and_nothing_is_sent(client, cloud, on_premises, params, kind):
    """The caller learns what is wrong before anything leaves."""
    with pytest.raises(kind):
        client.chat.completions.create(**params)

    assert b"" == cloud.received + on_premises.received


def test_deeply_nested_json_is_a_typed_error(client, cloud):
    """A request cannot bring the interpreter down."""
    value: list = []
    for _ in range(50_000):
        value = [value]

    with pytest.raises(RequestError, match="nested"):
        client.chat.completions.create(**ask(metadata=value))

    assert b"" == cloud.received


# Streams.


def test_a_stream_is_an_iterator_and_a_context_manager(client, cloud):
    """Streaming code written for the SDK runs unchanged."""
    with client.chat.completions.create(**ask(stream=True)) as stream:
        assert isinstance(stream, openai.Stream)
        assert "cloud" == stream.policy_decision.backend
        chunks = list(stream)

    assert all(isinstance(chunk, ChatCompletionChunk) for chunk in chunks)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert "ok from cloud" == text
    assert {"cloud"} == {chunk.policy_decision.backend for chunk in chunks}


def test_a_failure_before_the_first_piece_is_raised_by_create(client, cloud):
    """The caller need not guess where an error may come up."""
    cloud.behave(Status(401))

    with pytest.raises(openai.AuthenticationError):
        client.chat.completions.create(**ask(model="cloudy", stream=True))


def test_a_stream_that_is_cut_is_an_error_and_not_a_short_reply(client, cloud, file):
    """Half an answer is told from a whole one, and recorded as broken."""
    cloud.behave(CutMidStream(after_chunks=2))
    stream = client.chat.completions.create(**ask(model="cloudy", stream=True))

    with pytest.raises(openai.APIConnectionError):
        list(stream)

    assert "connection" == log(file)[-1]["result"]
    assert [] == list(stream)


@pytest.mark.parametrize("how", ["close", "with", "forget"])
def test_leaving_a_stream_early_is_recorded_and_closes_its_connection(client, cloud, file, how):
    """Closing, leaving the block or dropping the stream ends the call, here and there."""
    stream = client.chat.completions.create(**ask(stream=True))
    next(stream)

    if how == "close":
        stream.close()
        stream.close()
    elif how == "with":
        with stream:
            pass
    else:
        del stream
        gc.collect()

    assert "cancelled" == log(file)[-1]["result"]
    cloud.wait_until_idle()


def test_an_interrupt_while_reading_closes_the_connection(client, cloud, file, monkeypatch):
    """Ctrl-C in the middle of a stream leaves no open connection and an outcome."""
    stream = client.chat.completions.create(**ask(stream=True))
    perform, calls = stream._driver._perform, []

    def interrupted(effect: object) -> object:
        calls.append(effect)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return perform(effect)

    next(stream)
    monkeypatch.setattr(stream._driver, "_perform", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(stream)

    assert [] == list(stream)
    assert "cancelled" == log(file)[-1]["result"]
    cloud.wait_until_idle()

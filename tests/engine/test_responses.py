"""A model in this process serves the Responses API, and refuses what needs memory."""

import json

import openai
import pytest
from openai.types.responses import InputTokenCountResponse, Response, ResponseStreamEvent
from pydantic import BaseModel, TypeAdapter

from hybridllm.engine.exchange import Done, Piece, Refusal, TokenScore
from hybridllm.engine.response_replies import ResponseWriter
from hybridllm.engine.response_request import LOGPROBS
from hybridllm.engine.wire import read_job
from tests.engine.asking import ask, chat, raw, stream, text_of

EVENT = TypeAdapter(ResponseStreamEvent)
CALL = 'One moment. <tool_call>\n{"name": "find", "arguments": {"番号": 7}}\n</tool_call>'
TOOL = {"type": "function", "name": "find", "parameters": {"type": "object"}, "strict": False}
SCORE = TokenScore("ok", raw=b"ok", logprob=-0.5, alternatives=(TokenScore("o", b"o", -1.5),))
PART = TokenScore("\ufffd", raw=None, logprob=-0.5)


def asked(given="Hello", **settings):
    return {"model": "tiny", "input": given} | settings


def whole(value):
    """Assert that no part of a reply is unknown to the SDK."""
    if isinstance(value, BaseModel):
        assert not value.model_extra, type(value).__name__
        for name in type(value).model_fields:
            whole(getattr(value, name))
    elif isinstance(value, list):
        for item in value:
            whole(item)
    return value


def written(pieces, *, streams, kind=None, **settings):
    """Return what the writer makes of some pieces."""
    body = asked(**settings)
    writer = ResponseWriter(body=body, reply_id="1", created=7)
    writer.expect_tools(kind)
    done = Done(5, completion_tokens=2, cached_tokens=3)
    if streams:
        events = writer.opening()
        for piece in pieces:
            events += writer.events(piece)
        return [whole(EVENT.validate_json(e, strict=True)) for e in events + writer.closing(done)]
    for piece in pieces:
        writer.add(piece)
    return whole(Response.model_validate_json(writer.body(done), strict=True))


ANSWERS = {
    "text": [Piece(0, "Good "), Piece(0, "day."), Piece(0, "", finish_reason="stop")],
    "nothing": [Piece(0, "", finish_reason="stop")],
    "too long": [Piece(0, "Good ", finish_reason="length")],
    "call": [Piece(0, CALL[:30]), Piece(0, CALL[30:], finish_reason="stop")],
    "call alone": [Piece(0, CALL[12:], finish_reason="stop")],
    "scores": [Piece(0, "ok", scores=(SCORE, PART)), Piece(0, "", finish_reason="stop")],
}


@pytest.mark.parametrize("name", ANSWERS)
def test_every_reply_has_exactly_the_shape_of_the_sdk(name):
    """The SDK's own types find no missing and no unknown field, whole or in events."""
    settings = {"tools": [TOOL], "include": [LOGPROBS], "instructions": "Be brief."}

    reply = written(ANSWERS[name], streams=False, kind="hermes", **settings)
    events = written(ANSWERS[name], streams=True, kind="hermes", **settings)

    assert [*range(len(events))] == [event.sequence_number for event in events]
    assert ["response.created", "response.in_progress"] == [event.type for event in events[:2]]
    last = events[-1].response
    assert (reply.status, reply.output_text) == (last.status, last.output_text)
    assert [item.type for item in reply.output] == [item.type for item in last.output]
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert reply.output_text == "".join(deltas)
    done = [event.item for event in events if event.type == "response.output_item.done"]
    assert [item.model_dump() for item in last.output] == [item.model_dump() for item in done]
    assert (5, 3, 2, 7) == (
        reply.usage.input_tokens, reply.usage.input_tokens_details.cached_tokens,
        reply.usage.output_tokens, reply.usage.total_tokens,
    )  # fmt: skip


def test_a_tool_call_is_an_item_of_its_own():
    """The program gets the call, and the words before it as a message."""
    reply = written(ANSWERS["call"], streams=False, kind="hermes")

    message, call = reply.output
    assert "One moment. " == message.content[0].text
    assert ("find", {"番号": 7}) == (call.name, json.loads(call.arguments))


def test_an_answer_that_was_cut_says_so():
    """A caller can tell an end from a limit."""
    reply = written(ANSWERS["too long"], streams=False)

    assert ("incomplete", "max_output_tokens") == (reply.status, reply.incomplete_details.reason)
    assert "response.incomplete" == written(ANSWERS["too long"], streams=True)[-1].type


def test_a_conversation_is_read_as_the_chat_that_it_is():
    """Instructions, turns, calls and their results become the messages of a chat."""
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "Where is 7?"}]},
        {"type": "message", "role": "assistant", "id": "m", "status": "completed",
         "content": [{"type": "output_text", "text": "One moment.", "annotations": []}]},
        {"type": "function_call", "call_id": "c1", "name": "find", "arguments": '{"id": 7}'},
        {"type": "function_call", "call_id": "c2", "name": "find", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "倉庫"},
        {"type": "function_call_output", "call_id": "c2",
         "output": [{"type": "input_text", "text": "nowhere"}]},
    ]  # fmt: skip
    body = asked(
        items, instructions="Be brief.", tools=[TOOL], temperature=0.5, max_output_tokens=9,
        text={"format": {"type": "json_schema", "name": "r", "schema": {"type": "object"}}},
        store=False, background=False, truncation="disabled", parallel_tool_calls=True,
        metadata={"a": "b"}, prompt_cache_key="k", reasoning={},
    )  # fmt: skip
    calls = [
        {"id": number, "type": "function", "function": {"name": "find", "arguments": arguments}}
        for number, arguments in (("c1", '{"id": 7}'), ("c2", "{}"))
    ]
    function = {key: value for key, value in TOOL.items() if key != "type"}
    expected = {
        "model": "tiny",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Where is 7?"},
            {"role": "assistant", "content": "One moment.", "tool_calls": calls},
            {"role": "tool", "tool_call_id": "c1", "content": "倉庫"},
            {"role": "tool", "tool_call_id": "c2", "content": "nowhere"},
        ],
        "tools": [{"type": "function", "function": function}],
        "response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}},
        "temperature": 0.5,
        "max_completion_tokens": 9,
    }

    assert read_job("chat/completions", body=expected) == read_job("responses", body=body)


STATE = {
    "background": True,
    "conversation": "conv_1",
    "previous_response_id": "resp_1",
    "prompt": {"id": "pmpt_1"},
    "prompt_cache_retention": "24h",
    "store": True,
}


@pytest.mark.parametrize("path", ["responses", "responses/input_tokens"])
@pytest.mark.parametrize("name", STATE)
def test_what_needs_memory_is_refused_with_a_way_out(path, name):
    """The engine keeps nothing, says so, and says what to send instead."""
    with pytest.raises(Refusal, match="keeps nothing; send the earlier turns as 'input'") as caught:
        read_job(path, body=asked(**{name: STATE[name]}))

    assert ("unsupported_parameter", name) == (caught.value.code, caught.value.param)


SECRET = "社外秘-Falcon"


@pytest.mark.parametrize(
    "settings",
    [
        {"reasoning": {"effort": "high"}},
        {"include": ["reasoning.encrypted_content"]},
        {"truncation": "auto"},
        {"max_tool_calls": 3},
        {"tools": [{"type": "web_search"}]},
        {"tools": [TOOL | {"strict": True}]},
        {"tool_choice": "required"},
        {"tool_choice": {"type": "function", "name": SECRET}},
        {"text": {"format": {"type": SECRET}}},
        {"text": {"verbosity": "low"}},
        {"max_output_tokens": 0},
        {"n": 2},
        {"stream_options": {"include_usage": True}},
        {SECRET: 1},
        {"instructions": [SECRET]},
        {"input": []},
        {"input": 7},
        {"input": [{"role": SECRET, "content": "x"}]},
        {"input": [{"role": "user", "content": "x", SECRET: 1}]},
        {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": SECRET}]}]},
        {"input": [{"type": "reasoning", "id": "r", "summary": []}]},
        {"input": [{"type": SECRET}]},
        {"input": [{"type": "function_call", "name": 3, "arguments": "{}"}]},
        {"input": [{"type": "function_call", "name": "f", "arguments": SECRET}]},
        {"input": [{"type": "function_call_output", "output": SECRET}]},
        {"input": [{"type": "item_reference", "id": SECRET}]},
    ],
)
def test_what_cannot_be_honoured_is_refused_and_not_repeated(settings):
    """Nothing that was asked for is dropped silently, and no error holds text of the request."""
    with pytest.raises(Refusal) as caught:
        read_job("responses", body=asked(**settings))

    assert 400 == caught.value.status
    assert SECRET not in f"{caught.value} {caught.value.param}"


@pytest.mark.local
def test_a_response_is_the_answer_that_a_chat_gives(backend):
    """The same question gets the same words at both endpoints, whole and streamed."""
    pytest.importorskip("torch")
    body = asked(max_output_tokens=12, temperature=0)
    expected = ask(backend, chat("Hello", max_tokens=12, temperature=0))

    reply = raw(backend, body, path="responses")
    events = [
        EVENT.validate_python(e, strict=True) for e in stream(backend, body, path="responses")
    ]

    read = whole(Response.model_validate_json(reply.body, strict=True))
    assert text_of(expected) == read.output_text == events[-1].response.output_text
    assert reply.request_id == read.id
    assert expected["usage"]["prompt_tokens"] == read.usage.input_tokens
    assert "response.incomplete" == events[-1].type


@pytest.mark.local
def test_tokens_are_counted_as_they_are_used(backend):
    """A count is the number that an answer would be charged for."""
    pytest.importorskip("torch")
    used = ask(backend, asked("三月の請求書", max_output_tokens=1), path="responses")["usage"]

    reply = raw(backend, asked("三月の請求書"), path="responses/input_tokens")

    counted = whole(InputTokenCountResponse.model_validate_json(reply.body, strict=True))
    assert used["input_tokens"] == counted.input_tokens
    with pytest.raises(openai.BadRequestError, match="holds 256 tokens"):
        raw(backend, asked("長い文章 " * 200), path="responses/input_tokens")


@pytest.mark.local
def test_a_response_is_bound_by_its_schema(backend):
    """Structured output works at this endpoint too."""
    pytest.importorskip("torch")
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"],
              "additionalProperties": False}  # fmt: skip
    form = {"type": "json_schema", "name": "r", "schema": schema}

    reply = ask(
        backend, asked(text={"format": form}, max_output_tokens=200, temperature=0),
        path="responses",
    )  # fmt: skip

    text = Response.model_validate(reply).output_text
    assert text.startswith("{")
    if reply["status"] == "completed":
        assert {"a"} == json.loads(text).keys()

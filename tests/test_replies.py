"""Replies off the wire: is it one, how many tokens, which texts, when is it over?"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybridllm.params import CHAT_COMPLETIONS, EMBEDDINGS, RESPONSES
from hybridllm.replies import StreamReader, UnreadableReplyError, read_reply, usage


def event(value: object) -> bytes:
    """Return an event's JSON."""
    return json.dumps(value, ensure_ascii=False).encode()


def delta(content: object, *, index: int = 0) -> bytes:
    """Return one piece of a streamed chat completion."""
    return event({"choices": [{"index": index, "delta": content}]})


@pytest.mark.parametrize(
    ("endpoint", "reply"),
    [
        (CHAT_COMPLETIONS, {"choices": []}),
        (EMBEDDINGS, {"data": [{"embedding": [0.5]}]}),
        (RESPONSES, {"output": []}),
    ],
)
def test_a_reply_of_the_endpoint_is_read(endpoint, reply):
    """An honest reply comes back as it was sent."""
    assert reply == read_reply(endpoint, body=event(reply))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"choices"',
        b"{",
        b"{}",
        b'{"choices": {}}',
        b'{"data": []}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_anything_else_is_no_reply(body):
    """An error page or half a document is a failure, not an empty answer."""
    with pytest.raises(UnreadableReplyError) as caught:
        read_reply(CHAT_COMPLETIONS, body=body)

    assert "" == str(caught.value)
    assert caught.value.__cause__ is None


@given(st.binary(max_size=40))
def test_no_bytes_break_the_reader(body):
    """Whatever a server sends, the answer is a reply or one error."""
    reader = StreamReader(CHAT_COMPLETIONS)

    for read in (reader.take, lambda data: read_reply(CHAT_COMPLETIONS, body=data)):
        try:
            read(body)
        except UnreadableReplyError:
            continue


def test_only_whole_numbers_count_as_tokens():
    """A server's nonsense never reaches the log as a count."""
    counts = {"prompt_tokens": 3, "completion_tokens": "4", "total_tokens": True, "secret": 5}

    assert {"prompt_tokens": 3} == usage({"usage": counts})
    assert {} == usage({"usage": [1]})
    assert {} == usage({})


def test_a_streamed_text_is_put_together():
    """The memory learns the reply's sentences, not its crumbs."""
    reader = StreamReader(CHAT_COMPLETIONS)

    for piece in ("契約", "は社", "外秘"):
        reader.take(delta({"content": piece}))

    assert ["契約は社外秘"] == reader.texts


def test_choices_and_tool_calls_are_kept_apart():
    """Two answers, or two calls, that arrive interleaved are not mixed."""
    reader = StreamReader(CHAT_COMPLETIONS)
    call = {"tool_calls": [{"index": 1, "function": {"arguments": '{"a":'}}]}
    rest = {"tool_calls": [{"index": 1, "function": {"arguments": "1}"}}]}

    for piece in (
        delta({"content": "one "}),
        delta({"content": "eins "}, index=1),
        delta(call),
        delta({"content": "two"}),
        delta({"content": "zwei"}, index=1),
        delta(rest),
    ):
        reader.take(piece)

    assert {"one two", "eins zwei", '{"a":1}'} == set(reader.texts)


def test_the_last_usage_counts():
    """A stream states its tokens once, near the end."""
    reader = StreamReader(CHAT_COMPLETIONS)

    reader.take(event({"choices": [], "usage": {"total_tokens": 7}}))
    reader.take(event({"choices": [], "usage": None}))

    assert {"total_tokens": 7} == reader.usage


@pytest.mark.parametrize("kind", ["response.completed", "response.incomplete", "response.failed"])
def test_a_response_says_itself_that_it_is_over(kind):
    """The Responses API has no end mark; its last event has a name."""
    reader = StreamReader(RESPONSES)
    reader.take(event({"type": "response.output_text.delta", "item_id": "a", "delta": "秘"}))
    before = reader.may_end

    reader.take(event({"type": kind, "response": {"usage": {"output_tokens": 2}}}))

    assert not before
    assert reader.may_end
    assert ["秘"] == reader.texts
    assert {"output_tokens": 2} == reader.usage


def test_a_chat_stream_may_end_when_the_wire_says_so():
    """Chat completions carry their end mark outside the events."""
    assert StreamReader(CHAT_COMPLETIONS).may_end


@pytest.mark.parametrize(
    "odd",
    [
        {"choices": [{"index": [], "delta": {"content": "x"}}]},
        {"choices": [{"delta": {"tool_calls": [{"index": {}, "id": "x"}]}}]},
        {"choices": [None, 3, {"delta": 5}]},
        {"choices": {"a": 1}, "usage": "many"},
    ],
    ids=str,
)
def test_odd_events_are_read_or_refused_and_never_crash(odd):
    """A server's nonsense ends in one kind of error."""
    reader = StreamReader(CHAT_COMPLETIONS)

    try:
        reader.take(event(odd))
    except UnreadableReplyError:
        return
    assert all(isinstance(text, str) for text in reader.texts)


def test_an_error_holds_none_of_the_reply():
    """What a server sent is not repeated in an error."""
    with pytest.raises(UnreadableReplyError) as caught:
        StreamReader(CHAT_COMPLETIONS).take('{"echo": "社外秘"'.encode())

    assert () == caught.value.args

"""Tool calls are read out of the answer, and text that is none stays text."""

import json

import pytest

from hybridllm.engine.exchange import Done, Piece
from hybridllm.engine.replies import ReplyWriter
from hybridllm.engine.tools import ToolReader, tool_format

CALL = '<tool_call>\n{"name": "find", "arguments": {"番号": 7}}\n</tool_call>'


def read(text, *, kind="hermes", size=3):
    """Push a text in small pieces; return the shown text and the calls."""
    reader = ToolReader(kind)
    shown = "".join(reader.push(text[at : at + size]) for at in range(0, len(text), size))
    rest, calls = reader.finish()
    return shown + rest, [(call.name, json.loads(call.arguments)) for call in calls]


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_text_before_a_call_is_shown_and_the_call_is_not(size):
    """A reader sees the words, and the program gets the call."""
    assert ("One moment. ", [("find", {"番号": 7})]) == read("One moment. " + CALL, size=size)


def test_several_calls_are_read():
    """A model may ask for several things at once."""
    assert [("find", {"番号": 7})] * 2 == read(CALL + "\n" + CALL)[1]


def test_a_call_that_is_the_whole_answer_is_read():
    """Llama's models write nothing but the call."""
    text = ' {"name": "find", "parameters": {"id": 7}}'

    assert ("", [("find", {"id": 7})]) == read(text, kind="json")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("hermes", "<tool_call>{broken"),
        ("hermes", '<tool_call>{"name": 7}</tool_call>'),
        ("hermes", "a < b and <tool"),
        ("json", '{"answer": 42}'),
        ("json", "plain text {"),
    ],
)
def test_what_is_no_call_stays_text(kind, text):
    """Nothing that the model said is lost."""
    assert (text, []) == read(text, kind=kind)


def test_a_template_shows_how_calls_are_written():
    """Only ways that are known are offered."""
    assert "hermes" == tool_format("{% if tools %}<tool_call>{% endif %}")
    assert "json" == tool_format('{% if tools %}{"name": x, "parameters": y}{% endif %}')
    assert tool_format("{% if tools %}[TOOL_CALLS]{% endif %}") is None
    assert tool_format("{{ messages }}") is None
    assert tool_format(None) is None


def writer():
    made = ReplyWriter("chat/completions", body={"model": "m"}, reply_id="1", created=1, answers=1)
    made.expect_tools("hermes")
    return made


def test_a_reply_with_a_call_has_the_shape_of_the_api():
    """Existing code that handles tool calls works unchanged."""
    from openai.types.chat import ChatCompletion

    made = writer()
    made.add(Piece(0, CALL, finish_reason="stop"))

    reply = ChatCompletion.model_validate_json(made.body(Done(1, completion_tokens=2)), strict=True)

    choice = reply.choices[0]
    assert ("tool_calls", None) == (choice.finish_reason, choice.message.content)
    assert {"番号": 7} == json.loads(choice.message.tool_calls[0].function.arguments)


def test_a_streamed_call_has_the_shape_of_the_api():
    """The call comes before the event that says why the answer ended."""
    from openai.types.chat import ChatCompletionChunk

    made = writer()
    events = made.events(Piece(0, "Hm. " + CALL[:9])) + made.events(Piece(0, CALL[9:]))
    events += made.events(Piece(0, "", finish_reason="stop"))

    chunks = [ChatCompletionChunk.model_validate_json(event, strict=True) for event in events]
    assert ["Hm. ", None, None] == [chunk.choices[0].delta.content for chunk in chunks]
    assert "find" == chunks[1].choices[0].delta.tool_calls[0].function.name
    assert "tool_calls" == chunks[2].choices[0].finish_reason

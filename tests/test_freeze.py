"""Freezing: what is judged is what is sent, and what cannot be frozen is refused clearly."""

from __future__ import annotations

import json
from collections import OrderedDict, UserDict
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai import NotGiven, Omit
from openai.types.chat import ChatCompletionMessage, ChatCompletionMessageFunctionToolCall
from openai.types.chat.chat_completion_message_function_tool_call import Function
from openai.types.shared.response_format_json_schema import JSONSchema, ResponseFormatJSONSchema

from hybridllm.errors import RequestError, RequestTooLargeError, UnknownParameterError
from hybridllm.freeze import MAX_DEPTH, FrozenRequest, freeze
from hybridllm.params import CHAT_COMPLETIONS, EMBEDDINGS

SECRET = "極秘 Kestrel 4711"
ASK = [{"role": "user", "content": "売上は?"}]
MIB = 1024 * 1024

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


def frozen(endpoint=CHAT_COMPLETIONS, *, max_bytes: int = MIB, **params) -> FrozenRequest:
    """Freeze a request that is whole unless told otherwise."""
    whole = {"model": "assistant", "messages": ASK} if endpoint is CHAT_COMPLETIONS else {}
    return freeze(endpoint, params={**whole, **params}, max_bytes=max_bytes)


def sent(request: FrozenRequest, **defaults) -> dict:
    """Return what a backend would be sent."""
    return json.loads(request.body(model="m", defaults=defaults))


def refusal(**params) -> str:
    """Return the text of the typed error that a request gives."""
    with pytest.raises(RequestError) as caught:
        frozen(**params)
    chained = caught.value.__cause__
    assert chained is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


def nested(depth: int) -> list:
    """Return a list in a list in a list."""
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


@given(json_values)
def test_every_json_value_arrives_as_it_was(value):
    """Freezing changes nothing of a request that is JSON already."""
    assert value == sent(frozen(metadata={"k": value}))["metadata"]["k"]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_text_goes_out_as_utf8_and_not_as_escapes(text):
    """Japanese stays readable on the wire, and what is judged is what is sent."""
    body = frozen(messages=text).body(model="m", defaults={})

    assert json.dumps(text, ensure_ascii=False).encode() in body


def test_changing_the_arguments_later_changes_nothing():
    """A list that another thread edits during the call is not what is sent."""
    messages = [{"role": "user", "content": [{"type": "text", "text": "plain"}]}]
    request = frozen(messages=messages)

    messages[0]["content"][0]["text"] = SECRET
    messages.append({"role": "user", "content": SECRET})

    assert "plain" == sent(request)["messages"][0]["content"][0]["text"]
    assert SECRET.encode() not in request.body(model="m", defaults={})


def test_the_backends_model_replaces_the_alias():
    """A backend learns its own model's name, and never the company's alias."""
    assert "m" == sent(frozen(model="assistant-for-legal"))["model"]


def test_defaults_fill_what_the_caller_left_out_and_nothing_else():
    """`store` is false at a cloud unless the caller says otherwise."""
    assert sent(frozen(), store=False)["store"] is False
    assert sent(frozen(store=True), store=False)["store"] is True


@pytest.mark.parametrize("nothing", [NotGiven(), Omit()], ids=["NotGiven", "Omit"])
def test_the_sdks_words_for_nothing_are_left_out(nothing):
    """Code that passes `NOT_GIVEN` along works as with the SDK."""
    assert {"model", "messages"} == frozen(temperature=nothing, tools=nothing).fields.keys()


def test_messages_of_the_sdk_are_taken_as_they_are():
    """A reply's message goes back into the history, tool calls included, without conversion."""
    function = Function(name="look_up", arguments='{"顧客":"北"}')
    call = ChatCompletionMessageFunctionToolCall(id="c1", type="function", function=function)
    message = ChatCompletionMessage(role="assistant", content=None, tool_calls=[call])

    back = sent(frozen(messages=[*ASK, message]))["messages"][1]

    assert '{"顧客":"北"}' == back["tool_calls"][0]["function"]["arguments"]
    assert "assistant" == back["role"]
    assert "annotations" not in back


def test_models_of_the_sdk_go_out_under_the_names_of_the_api():
    """A response format has a field that Python code has to spell with an underscore."""
    schema = JSONSchema(name="answer", schema={"type": "object"})
    wanted = ResponseFormatJSONSchema(type="json_schema", json_schema=schema)

    back = sent(frozen(response_format=wanted))["response_format"]["json_schema"]

    assert {"type": "object"} == back["schema"]


class Colour(StrEnum):
    """An enumeration of text."""

    RED = "red"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((1, 2), [1, 2]),
        ((part for part in ("a", "b")), ["a", "b"]),
        (range(3), [0, 1, 2]),
        (OrderedDict(a=1), {"a": 1}),
        (UserDict(a=1), {"a": 1}),
        (MappingProxyType({"a": (1,)}), {"a": [1]}),
        (frozenset({"one"}), ["one"]),
        (Colour.RED, "red"),
        ({1: "x", None: "y"}, {"1": "x", "null": "y"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_callers_pass_in_the_field_becomes_json(given, expected):
    """Tuples, generators, mappings and enumerations are taken for what they hold."""
    assert expected == sent(frozen(metadata={"k": given}))["metadata"]["k"]


def test_a_generator_is_read_once_and_its_content_is_kept():
    """A stream of messages is judged and sent with the same content."""
    request = frozen(messages=(message for message in ASK))

    assert ASK == request.fields["messages"]
    assert ASK == sent(request)["messages"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"bytes", "bytes"),
        (bytearray(b"x"), "bytearray"),
        (memoryview(b"x"), "memoryview"),
        (Decimal("1.5"), "Decimal"),
        (datetime(2026, 1, 1, tzinfo=UTC), "datetime"),
        (object(), "object"),
        (print, "builtin_function_or_method"),
        (1j, "complex"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_json_is_refused_by_its_type(value, said):
    """The error names the type; guessing a text for it could send anything."""
    assert f"type {said}" in refusal(metadata={"k": value})


@pytest.mark.parametrize(
    "number", [float("nan"), float("inf"), 10**5000], ids=["nan", "infinite", "huge"]
)
def test_numbers_that_json_lacks_are_refused(number):
    """A backend would read them differently, or not at all."""
    assert "number that JSON lacks" in refusal(temperature=number)


@pytest.mark.parametrize(
    "params",
    [
        {"messages": [{"role": "user", "content": f"{SECRET}\ud83d"}]},
        {"metadata": {f"{SECRET}\udc00": "x"}},
        {"stop": ["\udfff"]},
    ],
)
def test_half_a_character_is_refused_without_showing_the_text(params):
    """A lone surrogate is a clear error that repeats nothing of the message."""
    text = refusal(**params)

    assert "surrogate" in text
    assert SECRET not in text


@pytest.mark.parametrize("keys", [(1, 2), b"k", frozenset()], ids=str)
def test_a_key_that_is_no_text_is_refused(keys):
    """JSON has text keys; anything else is a mistake of the caller."""
    assert "key" in refusal(metadata={keys: SECRET})


def test_a_request_that_contains_itself_is_refused():
    """A cycle is an error, and not an endless loop."""
    loop: list = [SECRET]
    loop.append(loop)
    table: dict = {}
    table["again"] = {"deep": table}

    for cycle in (loop, table, UserDict(again=table)):
        assert SECRET not in refusal(metadata={"k": cycle})


def test_a_mapping_without_an_end_is_refused():
    """An object that invents a new child at each level does not hang the client."""

    class Endless(UserDict):
        def __iter__(self):
            return iter(["again"])

        def __getitem__(self, key):
            return Endless()

        def __len__(self):
            return 1

    assert "nested" in refusal(metadata=Endless())


def test_nesting_up_to_the_limit_is_read():
    """Deep tool schemas work; the limit is far above those in the field."""
    assert frozen(metadata=nested(MAX_DEPTH - 4)).size_bytes > MAX_DEPTH


@pytest.mark.parametrize("depth", [64, 100, 300, 600, 900, 950, 990, 1_000, 1_500, 5_000, 100_000])
def test_deeper_nesting_is_refused_at_any_depth(depth):
    """No depth slips between two limits or ends in a crash of the interpreter."""
    assert "nested" in refusal(metadata=nested(depth))


@pytest.mark.parametrize("size_bytes", [30 * MIB])
def test_a_message_of_thirty_megabytes_is_refused_with_both_sizes(size_bytes):
    """The error says how large the request is and which setting bounds it."""
    with pytest.raises(RequestTooLargeError) as caught:
        frozen(messages=[{"role": "user", "content": "あ" * (size_bytes // 3)}])

    assert "limits.max_request_bytes is 1,048,576" in str(caught.value)
    assert "31,457" in str(caught.value)


def test_the_limit_counts_bytes_and_not_characters():
    """Japanese text has three bytes a character, and the limit means what is sent."""
    size = frozen(messages="売").size_bytes

    assert size == len('{"model":"assistant","messages":"売"}'.encode())
    frozen(messages="売", max_bytes=size)
    with pytest.raises(RequestTooLargeError):
        frozen(messages="売", max_bytes=size - 1)


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("mesages", "messages"),
        ("temprature", "temperature"),
        ("max_token", "max_tokens"),
        ("respons_format", "response_format"),
    ],
)
def test_a_misspelt_parameter_names_the_nearest_one(wrong, meant):
    """Most unknown parameters are typing mistakes."""
    with pytest.raises(UnknownParameterError) as caught:
        frozen(**{wrong: SECRET})

    assert f"Did you mean '{meant}'?" in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("name", [f"{SECRET}!", "a b", "x" * 500, "\n", "", "a\ud800"])
def test_a_parameter_name_that_is_no_name_is_not_repeated(name):
    """A table built from text could carry content in its keys."""
    with pytest.raises(RequestError) as caught:
        frozen(**{name: 1})

    assert SECRET not in str(caught.value)
    assert len(str(caught.value)) < 1_000


@pytest.mark.parametrize("name", ["extra_headers", "extra_query"])
def test_side_doors_of_the_sdk_are_refused_with_a_reason(name):
    """Headers and query strings could carry content past the policy."""
    with pytest.raises(UnknownParameterError) as caught:
        frozen(**{name: {"x-note": SECRET}})

    assert name in str(caught.value)
    assert "past the policy" in str(caught.value)
    assert SECRET not in str(caught.value)
    frozen(**{name: None})


def test_the_extra_body_goes_through_the_same_ledger():
    """What comes by `extra_body` is a parameter like any other."""
    request = frozen(extra_body={"top_k": 5, "seed": 3})

    assert 3 == sent(request)["seed"]
    assert {"top_k"} == request.engine_fields
    with pytest.raises(UnknownParameterError, match="extra_body"):
        frozen(extra_body={"api_base": "http://elsewhere.example"})


@pytest.mark.parametrize(
    "extra",
    [{"model": "other"}, {"messages": []}, [("seed", 1)], "seed", {"seed": 1}],
    ids=str,
)
def test_the_extra_body_cannot_replace_what_was_said(extra):
    """Two values for one parameter: the judged one could not be told from the sent one."""
    with pytest.raises(RequestError):
        frozen(seed=7, extra_body=extra)


@pytest.mark.parametrize(
    "params",
    [
        {"messages": []},
        {"messages": None},
        {"messages": ""},
        {"model": ""},
        {"model": None},
        {"model": 7},
        {"model": ["assistant"]},
        {"model": {"a": SECRET}},
    ],
    ids=str,
)
def test_an_incomplete_request_names_the_parameter(params):
    """Empty messages or a model that is no name are clear errors."""
    text = refusal(**params)

    assert f"'{next(iter(params))}'" in text
    assert SECRET not in text


def test_embeddings_need_an_input_and_cannot_be_streamed():
    """Each endpoint has its own requirements."""
    with pytest.raises(RequestError, match="'input'"):
        frozen(EMBEDDINGS, model="m")
    with pytest.raises(UnknownParameterError):
        frozen(EMBEDDINGS, model="m", input="x", stream=True)


@pytest.mark.parametrize("given", [False, None, 1, "true", [True]], ids=str)
def test_only_a_true_stream_is_a_stream(given):
    """A value that merely looks true does not change how the reply is read."""
    assert not frozen(stream=given).stream
    assert frozen(stream=True).stream


def test_a_frozen_request_shows_no_content():
    """A debugger or a log shows size and endpoint."""
    shown = repr(frozen(messages=SECRET))

    assert SECRET not in shown
    assert "chat.completions" in shown


def test_an_error_of_the_callers_own_generator_is_not_swallowed():
    """A mistake in the caller's code comes back as it is, and nothing is sent."""

    def broken():
        yield ASK[0]
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        frozen(messages=broken())

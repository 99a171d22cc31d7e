"""The walker sees every string, key and number, and says what it cannot read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybridllm.classify import walk as module
from hybridllm.classify.walk import Text, Unreadable, walk

SECRET = "極秘 Kestrel"
WIDE = "４１１１ １１１１"  # full-width digits

texts_in_json = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | texts_in_json,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts_in_json, inner, max_size=4),
    max_leaves=15,
)


def texts(fields: dict) -> list[str]:
    """Return every text of a request."""
    return [item.text for item in walk(fields) if isinstance(item, Text)]


def paths(fields: dict) -> list[str]:
    """Return the paths of everything that was yielded."""
    return [item.path for item in walk(fields)]


def doubts(fields: dict) -> set[str]:
    """Return the codes of what cannot be read."""
    return {item.code for item in walk(fields) if isinstance(item, Unreadable)}


def part(**fields: object) -> dict:
    """Return a request whose only message has this part."""
    return {"messages": [{"role": "user", "content": [fields]}]}


def strings_of(value: object) -> set[str]:
    """Return every string, key and number, the naive way."""
    if isinstance(value, dict):
        keys = {key for key in value if key not in module._FIELD_NAMES}
        return keys.union(*map(strings_of, value.values()))
    if isinstance(value, list):
        return set().union(*map(strings_of, value))
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return {str(value)}
    return set()


@given(st.dictionaries(texts_in_json, json_values, max_size=4))
def test_every_string_key_and_number_is_visited(fields):
    """Whatever shape a request has, nothing in it is skipped."""
    assert set() == strings_of(fields) - set(texts(fields))


@given(json_values)
def test_json_inside_a_string_is_visited_too(value):
    """Escapes in tool arguments hide no word."""
    inner = json.dumps({"k": value})
    fields = {"messages": [{"tool_calls": [{"function": {"arguments": inner}}]}]}

    assert set() == strings_of({"k": value}) - set(texts(fields))


@pytest.mark.parametrize("depth", range(1, 8))
def test_json_inside_json_is_visited_down_to_the_limit(depth):
    """An agent that wraps a result in a result hides nothing."""
    wrapped: object = SECRET
    for _ in range(depth):
        wrapped = json.dumps({"result": wrapped})

    assert SECRET in texts({"messages": [{"content": wrapped}]})


def test_json_that_is_wrapped_too_often_is_a_doubt():
    """What is not unwrapped has not been read, so it stays inside."""
    wrapped: object = SECRET
    for _ in range(12):
        wrapped = json.dumps({"result": wrapped})

    assert {"unreadable:nested_json"} == doubts({"messages": [{"content": wrapped}]})


@pytest.mark.parametrize("bracket", ["[", '{"a":'])
@pytest.mark.parametrize("depth", [100, 900, 1_000, 5_000, 100_000])
def test_deep_json_inside_a_string_is_a_doubt_or_read_and_never_a_crash(bracket, depth):
    """A hostile tool result cannot stop the walk."""
    close = "]" if bracket == "[" else "}"
    inner = bracket * depth + f'"{SECRET}"' + close * depth

    found = list(walk({"messages": [{"content": inner}]}))

    codes = {item.code for item in found if isinstance(item, Unreadable)}
    read = any(isinstance(item, Text) and item.text == SECRET for item in found)
    assert codes or read


def test_json_too_long_to_unwrap_is_a_doubt():
    """Two megabytes of JSON in one string are not unwrapped, so they stay inside."""
    inner = json.dumps({"a": "x" * 2_000_000})

    assert {"unreadable:nested_json"} == doubts({"messages": [{"content": inner}]})


def test_a_value_hidden_behind_a_repeated_key_is_visited():
    """JSON allows a key twice; the reader at the other end may take the first one."""
    inner = '{"note": "\\u6975\\u79d8 Kestrel", "note": "harmless"}'

    assert SECRET in texts({"messages": [{"content": inner}]})


@pytest.mark.parametrize("space", ["", " ", "\n\t", "\ufeff", "\u3000"])
def test_space_in_front_of_json_hides_nothing(space):
    """JSON that starts with a space, or a byte order mark, is still JSON to many readers."""
    inner = space + '{"note": "\\u6975\\u79d8 Kestrel"}'

    assert SECRET in texts({"messages": [{"content": inner}]})


@pytest.mark.parametrize("broken", ["{", "[1,", '{"a": 1} and more', "{{template}}", "[社外秘]"])
def test_text_that_only_looks_like_json_is_read_as_text(broken):
    """A sentence in brackets is a sentence."""
    fields = {"messages": [{"content": broken}]}

    assert [broken] == texts(fields)
    assert set() == doubts(fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": [{"role": "system", "content": SECRET}]},
        {"messages": [{"role": "user", "name": SECRET, "content": "x"}]},
        {"messages": [{"role": "tool", "tool_call_id": SECRET, "content": "x"}]},
        {"messages": [{"tool_calls": [{"function": {"name": "f", "arguments": SECRET}}]}]},
        {"messages": [{"role": "assistant", "refusal": SECRET}]},
        {"tools": [{"type": "function", "function": {"description": SECRET}}]},
        {"tools": [{"function": {"parameters": {"properties": {"a": {"enum": [SECRET]}}}}}]},
        {"tools": [{"function": {"parameters": {"properties": {SECRET: {}}}}}]},
        {"response_format": {"json_schema": {"schema": {"title": SECRET}}}},
        {"metadata": {"case": SECRET}},
        {"metadata": {SECRET: "case"}},
        {"user": SECRET},
        {"safety_identifier": SECRET},
        {"stop": [SECRET]},
        {"prediction": {"type": "content", "content": [{"type": "text", "text": SECRET}]}},
        {"logit_bias": {SECRET: 1}},
        {"web_search_options": {"user_location": {"approximate": {"city": SECRET}}}},
        {"input": SECRET},
        {"input": ["a", SECRET]},
        {"input": [{"type": "function_call_output", "call_id": "1", "output": SECRET}]},
        {"instructions": SECRET},
        {"prompt": {"id": "p", "variables": {"a": SECRET}}},
    ],
    ids=lambda fields: json.dumps(fields)[:48],
)
def test_every_place_of_the_api_is_read(fields):
    """Names, schemas, arguments, metadata, stop words: text is text wherever it stands."""
    assert SECRET in texts(fields)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (part(type="image_url", image_url={"url": "https://x.example/a.png"}), "image_url"),
        (part(type="input_image", image_url="https://x.example/a.png"), "image_url"),
        (part(type="input_audio", input_audio={"data": "AAAA", "format": "wav"}), "input_audio"),
        (part(type="file", file={"file_id": "file-1"}), "file"),
        (part(type="file", file={"file_data": "AAAA"}), "file"),
        ({"messages": [{"role": "assistant", "audio": {"id": "a"}}]}, "audio"),
        ({"input": [{"type": "reasoning", "encrypted_content": "AAAA"}]}, "encrypted_content"),
        ({"input": [{"role": "user", "content": [{"type": "input_file", "file_url": "u"}]}]},
         "file_url"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_not_text_is_reported(fields, code):
    """Images, audio, files and encrypted text cannot be read, so they are doubts."""
    assert f"unreadable:{code}" in doubts(fields)


@pytest.mark.parametrize("kind", ["hologram", "", None, 7, "TEXT", "text ", "item_reference"])
def test_a_part_of_unknown_type_is_a_doubt(kind):
    """A type that a provider invents tomorrow is unreadable until somebody reads it."""
    assert {"unreadable:part"} == doubts(part(type=kind, payload=SECRET))
    assert {"unreadable:part"} == doubts({"input": [{"type": kind, "payload": SECRET}]})


@pytest.mark.parametrize("kind", [["text"], {"a": 1}], ids=str)
def test_a_part_whose_type_is_no_text_is_a_doubt_and_no_crash(kind):
    """A list in place of a type stops nothing else from being read."""
    fields = part(type=kind, payload=SECRET)

    assert {"unreadable:part"} == doubts(fields)
    assert SECRET in texts(fields)


@pytest.mark.parametrize("kind", sorted(module._READABLE_PARTS))
def test_a_part_of_text_is_no_doubt(kind):
    """Ordinary requests raise no doubt."""
    assert set() == doubts(part(type=kind, text="hello"))


def test_an_ordinary_request_raises_no_doubt():
    """Chat with tools, results and a schema can be read to the last character."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":[1]}'}}
    fields = {
        "model": "assistant",
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": [{"type": "text", "text": "hi"}]},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c", "content": '{"rows": [[1, 2], [3, 4]]}'},
        ],
        "tools": [
            {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
        ],
        "audio": None,
        "temperature": 0.5,
        "logit_bias": {"50256": -100},
    }

    assert set() == doubts(fields)


@pytest.mark.parametrize("ids", [[1, 2, 3], [[1, 2], [3]], [0], ["plain", [5, 6]]], ids=str)
def test_token_ids_are_a_doubt(ids):
    """Numbers that stand for words cannot be read here, so they stay inside."""
    assert {"unreadable:token_ids"} == doubts({"input": ids})


def test_token_ids_among_texts_are_a_doubt():
    """A list of texts and numbers may be text in token ids as well."""
    assert {"unreadable:token_ids"} == doubts({"input": ["plain", 5, 6]})


@pytest.mark.parametrize(
    "item",
    [
        {"role": "user", "content": "hi"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]},
        {"type": "function_call", "call_id": "1", "name": "f", "arguments": '{"file": "a"}'},
        {"type": "function_call_output", "call_id": "1", "output": '{"image_url": "x"}'},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "so"}]},
    ],
    ids=lambda item: item.get("type", "plain"),
)
def test_an_ordinary_input_item_raises_no_doubt(item):
    """A history in the form of the Responses API can be read to the last character."""
    assert set() == doubts({"input": [item]})


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ({}, set()),
        ({"cache_control": {"type": "ephemeral"}}, set()),
        ({"annotations": []}, set()),
        ({"image": "AAAA"}, {"unreadable:part"}),
        ({"blob": None}, {"unreadable:part"}),
    ],
    ids=str,
)
def test_a_part_of_text_with_something_else_in_it_is_a_doubt(extra, expected):
    """A picture does not become text by being called so."""
    assert expected == doubts(part(type="text", text="hi", **extra))


def test_names_of_fields_in_tool_arguments_and_schemas_are_only_names():
    """An agent may have a parameter called `file` or `image_url`; its value is text."""
    schema = {"type": "object", "properties": {"file": {"type": "string"}, "audio": {}}}
    call = {"id": "c", "function": {"name": "f", "arguments": '{"image_url": "x", "file": "y"}'}}
    fields = {
        "messages": [{"role": "assistant", "content": None, "tool_calls": [call]}],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}],
    }

    assert set() == doubts(fields)


@pytest.mark.parametrize(
    "content",
    [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "hologram", "payload": "AAAA"},
    ],
    ids=lambda content: content["type"],
)
def test_a_single_part_in_place_of_a_list_is_judged_like_a_part(content):
    """A lenient server takes one part without its list, so it is read the same way."""
    assert set() != doubts({"messages": [{"role": "user", "content": content}]})
    assert set() != doubts({"input": {"role": "user", "content": content}})


def test_flags_and_nothing_are_no_texts():
    """`true` and `null` hold no content, and make no noise."""
    assert [] == texts({"required": True, "strict": False, "stop": None})


def test_the_deepest_json_that_is_unwrapped_is_read():
    """The limit is where it is said to be: eight levels are read, the ninth is a doubt."""
    for levels, code in ((8, set()), (9, {"unreadable:nested_json"})):
        wrapped: object = SECRET
        for _ in range(levels):
            wrapped = json.dumps({"result": wrapped})
        fields = {"messages": [{"content": wrapped}]}

        assert code == doubts(fields)
        assert (not code) == (SECRET in texts(fields))


def test_every_value_of_a_repeated_key_is_read():
    """Three values of one key are three texts."""
    inner = '{"a": "\\u0031", "a": ["\\u0032"], "a": {"b": "\\u0033"}, "c": "\\u0034"}'

    assert {"1", "2", "3", "4"} <= set(texts({"messages": [{"content": inner}]}))


def test_numbers_are_read_as_their_digits():
    """A card number without quotes is a card number."""
    assert ["4111111111111111", "-5", "0.5"] == texts({"k": [4111111111111111, -5, 0.5]})[1:]


def test_text_is_yielded_as_it_was_given():
    """Spans of findings count characters of the caller's own text."""
    assert WIDE in texts({"messages": [{"content": WIDE}]})


@given(st.dictionaries(texts_in_json, json_values, max_size=4))
def test_paths_hold_only_positions_and_names_of_the_api(fields):
    """A path may be logged, so a key that is content never stands in it."""
    known = module._FIELD_NAMES
    for path in paths(fields):
        steps = path.replace("#key", "").replace("#", "").split("/")[1:]
        assert all(
            step in known or step.isdigit() or (step[0] == "{" and step[1:-1].isdigit())
            for step in steps
        ), "a path holds something else"


def test_a_path_leads_to_its_place():
    """People find what was found."""
    fields = {"messages": [{"content": "a"}, {"content": '{"text": ["b"]}'}], "metadata": {"顧": 1}}

    assert "/messages/0/content" in paths(fields)
    assert "/messages/1/content#/text/0" in paths(fields)
    assert "/metadata/{0}#key" in paths(fields)
    assert "/metadata/{0}" in paths(fields)


def test_neither_text_nor_doubt_shows_content():
    """A debugger shows places and lengths."""
    shown = repr(list(walk(part(type="image_url", image_url={"url": SECRET}, note=SECRET))))

    assert SECRET not in shown
    assert f"characters={len(SECRET)}" in shown


def test_the_walk_is_linear_in_the_request():
    """A request of 200,000 short texts is walked in one go, each text once."""
    fields = {"messages": [{"content": ["a"] * 200_000}]}

    assert 200_000 == len(texts(fields))

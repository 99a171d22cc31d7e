"""Every word of the walker's lists counts, and so does where an object stands."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from hybridllm.classify.walk import Text, Unreadable, walk

NAMES = """
    allowed_tools annotations anyOf arguments audio call_id content custom data default
    definition description detail enum examples file file_data file_id filename format
    function function_call functions id image_url include input input_audio input_image
    instructions items json_schema logit_bias messages metadata model name output parameters
    prediction prompt properties refusal required response_format role safety_identifier
    schema stop strict summary syntax text title tool_call_id tool_calls tool_choice tools
    type url user
""".split()
PARTS = "text input_text output_text refusal summary_text reasoning_text".split()
ITEMS = """
    message function_call function_call_output custom_tool_call custom_tool_call_output reasoning
""".split()
FIELDS = "annotations cache_control id logprobs prompt_cache_breakpoint refusal".split()
OPAQUE = "audio encrypted_content file file_data file_id file_url image_url input_audio".split()


def doubts(fields: dict) -> set[str]:
    """Return the codes of what cannot be read."""
    return {item.code for item in walk(fields) if isinstance(item, Unreadable)}


def message(**fields: object) -> dict:
    """Return a request with one message."""
    return {"messages": [{"role": "user", **fields}]}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_the_api_stands_in_a_path_in_clear(name):
    """What the API itself defines is no content: it is no text, and people can read the path."""
    found = [item for item in walk({name: "x"}) if isinstance(item, Text)]

    assert [Text(f"/{name}", "x")] == found


@pytest.mark.parametrize("kind", PARTS)
@pytest.mark.parametrize("where", ["content", "summary", "output", "input"])
def test_parts_of_text_are_read_wherever_parts_stand(kind, where):
    """Each type of text is no doubt, in each list that holds parts."""
    part = {"type": kind, "text": "x"}
    request = {"input": [part]} if where == "input" else message(**{where: [part]})

    assert set() == doubts(request)


@pytest.mark.parametrize("where", ["content", "summary", "output"])
def test_other_parts_are_a_doubt_wherever_parts_stand(where):
    """A type that nobody knows keeps the request inside, in each list that holds parts."""
    assert {"unreadable:part"} == doubts(message(**{where: [{"type": "hologram", "text": "x"}]}))


@pytest.mark.parametrize("field", FIELDS)
def test_what_belongs_to_a_part_of_text_is_no_doubt(field):
    """A citation or a cache mark beside the text does not close the cloud."""
    part = {"type": "text", "text": "x", field: []}

    assert set() == doubts(message(content=[part]))


@pytest.mark.parametrize("kind", ITEMS)
def test_items_whose_strings_are_in_the_request_are_read(kind):
    """A tool call or its output in the input of `responses` is no doubt."""
    assert set() == doubts({"input": [{"type": kind, "output": "x"}]})


@pytest.mark.parametrize("field", OPAQUE)
def test_a_field_that_holds_no_text_is_a_doubt(field):
    """A file, a picture or a sound is reported by the field that holds it."""
    assert {f"unreadable:{field}"} == doubts({"messages": [{"role": "user", field: "x"}]})


def test_a_part_outside_the_conversation_is_judged_too():
    """A predicted output may hold a picture as well as a message may."""
    part = {"type": "image_url", "image_url": {"url": "data:,x"}}
    predicted = {"prediction": {"type": "content", "content": [part]}}

    assert {"unreadable:part", "unreadable:image_url"} == doubts(predicted)


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"content": {"type": "object", "file_id": {"type": "string"}}}},
        {"examples": [{"file_id": "f-1", "audio": "loud"}]},
    ],
    ids=["a property", "an example"],
)
def test_a_schema_may_use_the_same_names(schema):
    """In a tool's schema `content` and `file_id` are names that the caller chose."""
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}

    assert set() == doubts({"tools": [tool]})


def test_arguments_may_use_the_same_names():
    """In JSON inside a string any name may mean anything; its texts are read all the same."""
    arguments = '{"content": {"type": "object", "file_id": "f-1"}}'
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}

    assert set() == doubts(message(tool_calls=[call]))


def test_json_of_a_million_characters_is_still_unwrapped():
    """The limit is exact: one character more counts as unreadable."""
    longest = f'["{"x" * 999_996}"]'

    assert 1_000_000 == len(longest)
    assert set() == doubts(message(content=longest))
    assert {"unreadable:nested_json"} == doubts(message(content=f" {longest[:-2]}x{longest[-2:]}"))


def test_json_that_is_too_deep_has_the_same_code():
    """Whether it is wrapped too often or nested too deep, the reason reads alike."""
    deep = "[" * 200_000 + "]" * 200_000

    assert doubts(message(content=deep)) <= {"unreadable:nested_json"}


def test_what_was_read_cannot_be_changed():
    """A text that one detector was given is the text that the next one gets."""
    with pytest.raises(FrozenInstanceError):
        Text("/a", "x").text = "y"
    with pytest.raises(FrozenInstanceError):
        Unreadable("/a", "unreadable:part").code = ""

"""The ledger classifies every parameter of the SDK, and nothing else."""

from __future__ import annotations

import pytest
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from openai.types.completion_create_params import (
    CompletionCreateParamsNonStreaming as TextParams,
)
from openai.types.completion_create_params import (
    CompletionCreateParamsStreaming as TextStreamParams,
)
from openai.types.embedding_create_params import EmbeddingCreateParams
from openai.types.responses.input_token_count_params import InputTokenCountParams
from openai.types.responses.response_create_params import (
    ResponseCreateParamsNonStreaming,
    ResponseCreateParamsStreaming,
)

from hybridllm.params import (
    CHAT_COMPLETIONS,
    COMPLETIONS,
    EMBEDDINGS,
    ENDPOINTS,
    ENGINE_CONTROLS,
    INPUT_TOKENS,
    RESPONSES,
    ParameterKind,
    guarded_parameters,
)

SDK = [
    (CHAT_COMPLETIONS, [CompletionCreateParamsNonStreaming, CompletionCreateParamsStreaming]),
    (COMPLETIONS, [TextParams, TextStreamParams]),
    (EMBEDDINGS, [EmbeddingCreateParams]),
    (INPUT_TOKENS, [InputTokenCountParams]),
    (RESPONSES, [ResponseCreateParamsNonStreaming, ResponseCreateParamsStreaming]),
]


def sdk_names(shapes: list[type]) -> set[str]:
    """Return every key of the SDK's parameter types."""
    return {key for shape in shapes for key in shape.__required_keys__ | shape.__optional_keys__}


def guarded(endpoint=CHAT_COMPLETIONS, **request):
    """Return the egress and retention parameters of a request."""
    return guarded_parameters(endpoint, request=request)


@pytest.mark.parametrize(("endpoint", "shapes"), SDK, ids=lambda item: getattr(item, "name", ""))
def test_every_parameter_of_the_sdk_is_classified(endpoint, shapes):
    """A parameter that a new SDK brings along is refused until somebody has judged it."""
    assert set() == sdk_names(shapes) - endpoint.ledger.keys()


@pytest.mark.parametrize(("endpoint", "shapes"), SDK, ids=lambda item: getattr(item, "name", ""))
def test_nothing_else_is_classified(endpoint, shapes):
    """The ledger allows no parameter that the SDK's types do not know."""
    assert set() == endpoint.ledger.keys() - sdk_names(shapes)


def test_every_endpoint_is_found_by_its_own_name():
    """Configuration files name endpoints as the SDK does."""
    named = {"chat.completions", "completions", "embeddings", "responses"}

    assert named | {"responses.input_tokens"} == ENDPOINTS.keys()
    assert all(name == endpoint.name for name, endpoint in ENDPOINTS.items())


def test_fields_of_local_engines_are_no_parameters_of_the_api():
    """An engine's own field can only come through `extra_body`."""
    for endpoint in ENDPOINTS.values():
        assert set() == ENGINE_CONTROLS & endpoint.ledger.keys()


@pytest.mark.parametrize(
    "name", [name for name in RESPONSES.ledger if RESPONSES.ledger[name] is ParameterKind.RETENTION]
)
def test_every_retention_parameter_counts_when_it_is_used(name):
    """What makes a provider keep content is noticed, whatever its value."""
    assert {name} == guarded(RESPONSES, **{name: "x"})
    assert {name} == guarded(RESPONSES, **{name: True})


@pytest.mark.parametrize("name", ["web_search_options", "moderation"])
def test_every_egress_parameter_counts_when_it_is_used(name):
    """What makes a provider send content on is noticed, even with an empty value."""
    assert {name} == guarded(**{name: {}})


def test_asking_a_provider_to_keep_nothing_is_harmless():
    """`store=False` is the wish to have nothing kept; only a true `False` counts."""
    assert set() == guarded(store=False)
    assert set() == guarded(RESPONSES, store=False, background=False)
    assert {"store"} == guarded(store=0)
    assert {"store"} == guarded(store="false")


def test_a_parameter_without_a_value_is_not_used():
    """`None` is what the SDK's types allow for "nothing"."""
    assert set() == guarded(store=None, web_search_options=None)


def test_functions_that_the_caller_runs_are_harmless():
    """A function tool sends nothing on: the caller's own code runs it."""
    tools = [{"type": "function", "function": {"name": "f"}}, {"type": "custom"}]

    assert set() == guarded(tools=tools)


def test_a_tool_that_the_provider_runs_counts_by_its_type():
    """Search, fetch and execution at the provider send content on."""
    tools = [{"type": "web_search"}, {"type": "code_interpreter"}, {"type": "function"}]

    assert {"tools.web_search", "tools.code_interpreter"} == guarded(RESPONSES, tools=tools)


@pytest.mark.parametrize("tool", [{}, {"type": None}, {"type": 3}, "web", None, {"type": "a b"}])
def test_a_tool_of_no_known_shape_counts_as_unknown(tool):
    """What nobody can name is not waved through, and its text stands in no name."""
    assert {"tools.unknown"} == guarded(tools=[tool])


def test_a_tool_type_that_is_no_text_is_not_a_way_around():
    """A list or table in place of a type ends as unknown, not as a crash that hides it."""
    assert {"tools.unknown"} == guarded(tools=[{"type": ["function"]}])
    assert {"tools.unknown"} == guarded(tools=[{"type": {"a": 1}}])

"""The parameter ledger: what each wire parameter means for data that leaves.

Answers: which endpoints exist, which parameters may they have, and what does
each one do with data?
Not here: checking their values, or deciding about them (`policy.decide`).

Every parameter is one of four kinds. One that is not listed is refused, so a
parameter that a provider invents tomorrow cannot slip past the policy.

- `DATA` carries content; the walker reads all of it.
- `CONTROL` steers the model; the walker reads it too, since a string is a string.
- `EGRESS` makes the backend send content on to others, or fetch from them.
- `RETENTION` makes the backend keep content after it has answered.

Egress and retention parameters reach a cloud backend only if its configuration
lists them under `parameters`.

Source: both `CompletionCreateParams`, `EmbeddingCreateParams`, `ResponseCreateParams`
and `InputTokenCountParams` of openai 3.57; a test compares the names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any


class ParameterKind(StrEnum):
    """What a parameter does with data."""

    DATA = "data"
    CONTROL = "control"
    EGRESS = "egress"
    RETENTION = "retention"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation of the API.

    Attributes:
        name: As the SDK spells it, such as `chat.completions`.
        path: Below the base URL.
        ledger: Kind of every parameter, by name.
        required: Parameters that a request must have, with content.
        streams: Whether replies can be streamed.
    """

    name: str
    path: str
    ledger: Mapping[str, ParameterKind]
    required: tuple[str, ...]
    streams: bool = False


def _ledger(*, data: str, control: str, egress: str, retention: str) -> Mapping[str, ParameterKind]:
    groups = {
        ParameterKind.DATA: data,
        ParameterKind.CONTROL: control,
        ParameterKind.EGRESS: egress,
        ParameterKind.RETENTION: retention,
    }
    return MappingProxyType(
        {name: kind for kind, names in groups.items() for name in names.split()}
    )


ENGINE_CONTROLS = frozenset("min_p min_tokens repetition_penalty skip_special_tokens top_k".split())
"""Extra body fields of local engines (vLLM 0.32, SGLang, llama.cpp); see `extra_body`."""

CHAT_COMPLETIONS = Endpoint(
    name="chat.completions",
    path="chat/completions",
    required=("model", "messages"),
    streams=True,
    ledger=_ledger(
        data="""
            function_call functions messages metadata prediction response_format
            safety_identifier stop tool_choice tools user
        """,
        control="""
            audio frequency_penalty logit_bias logprobs max_completion_tokens max_tokens
            modalities model n parallel_tool_calls presence_penalty reasoning_effort seed
            service_tier stream stream_options temperature top_logprobs top_p verbosity
        """,
        egress="moderation web_search_options",
        retention="prompt_cache_key prompt_cache_options prompt_cache_retention store",
    ),
)

COMPLETIONS = Endpoint(
    name="completions",
    path="completions",
    required=("model", "prompt"),
    streams=True,
    ledger=_ledger(
        data="prompt stop suffix user",
        control="""
            best_of echo frequency_penalty logit_bias logprobs max_tokens model n
            presence_penalty seed stream stream_options temperature top_p
        """,
        egress="",
        retention="",
    ),
)

EMBEDDINGS = Endpoint(
    name="embeddings",
    path="embeddings",
    required=("model", "input"),
    ledger=_ledger(
        data="input user", control="dimensions encoding_format model", egress="", retention=""
    ),
)

RESPONSES = Endpoint(
    name="responses",
    path="responses",
    required=("model", "input"),
    streams=True,
    ledger=_ledger(
        data="""
            include input instructions metadata safety_identifier text tool_choice tools user
        """,
        control="""
            context_management max_output_tokens max_tool_calls model parallel_tool_calls
            reasoning service_tier stream stream_options temperature top_logprobs top_p truncation
        """,
        egress="access_programs image moderation",
        retention="""
            background background_options conversation previous_response_id prompt
            prompt_cache_key prompt_cache_options prompt_cache_retention store
        """,
    ),
)

INPUT_TOKENS = Endpoint(
    name="responses.input_tokens",
    path="responses/input_tokens",
    required=("model", "input"),
    ledger=_ledger(
        data="input instructions personality text tool_choice tools",
        control="model parallel_tool_calls reasoning truncation",
        egress="",
        retention="conversation previous_response_id",
    ),
)
"""Counting tokens sends the whole prompt, so it is guarded like an answer to it."""

ENDPOINTS: Mapping[str, Endpoint] = MappingProxyType(
    {
        endpoint.name: endpoint
        for endpoint in (CHAT_COMPLETIONS, COMPLETIONS, EMBEDDINGS, RESPONSES, INPUT_TOKENS)
    }
)

_HARMLESS: Mapping[str, object] = MappingProxyType({"store": False, "background": False})
"""Values with which a retention parameter keeps nothing."""

_FUNCTION_TOOLS = frozenset({"function", "custom"})
"""Tools that the caller runs. Any other type makes the provider act: search, fetch, execute."""

PROVIDER_TOOLS = frozenset(
    """
    apply_patch code_interpreter computer computer_use_preview file_search image_generation
    local_shell mcp shell web_search web_search_preview
    """.split()
)
"""Known types of such tools. Any other type may be content, so it is called `unknown`."""


def guarded_parameters(endpoint: Endpoint, *, request: Mapping[str, Any]) -> frozenset[str]:
    """Return the egress and retention parameters that a request really uses.

    A tool that the provider runs itself counts as `tools.<type>`.
    """
    guarded = (ParameterKind.EGRESS, ParameterKind.RETENTION)
    found = {
        name
        for name, value in request.items()
        if endpoint.ledger.get(name) in guarded
        and value is not None
        and not (name in _HARMLESS and value is _HARMLESS[name])
    }
    return frozenset(found | _provider_tools(request.get("tools")))


def _provider_tools(tools: object) -> set[str]:
    if not isinstance(tools, list):
        return set()
    kinds = [tool.get("type") if isinstance(tool, Mapping) else None for tool in tools]
    named = [kind if isinstance(kind, str) else "" for kind in kinds]
    return {
        f"tools.{kind if kind in PROVIDER_TOOLS else 'unknown'}"
        for kind in named
        if kind not in _FUNCTION_TOOLS
    }

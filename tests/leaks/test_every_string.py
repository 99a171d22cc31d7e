"""Every string that the SDK's own types allow in a request is read before it is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from openai.types.completion_create_params import (
    CompletionCreateParamsNonStreaming as TextParams,
)
from openai.types.embedding_create_params import EmbeddingCreateParams
from openai.types.responses.input_token_count_params import InputTokenCountParams
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming

from hybridllm.classify.walk import Text, Unreadable, walk
from hybridllm.freeze import freeze
from hybridllm.params import (
    CHAT_COMPLETIONS,
    COMPLETIONS,
    EMBEDDINGS,
    INPUT_TOKENS,
    RESPONSES,
    Endpoint,
)
from tests.leaks.filled import requests, strings

_SHAPES = {
    "chat.completions": (CHAT_COMPLETIONS, CompletionCreateParamsNonStreaming, 400),
    "completions": (COMPLETIONS, TextParams, 5),
    "embeddings": (EMBEDDINGS, EmbeddingCreateParams, 2),
    "responses": (RESPONSES, ResponseCreateParamsNonStreaming, 600),
    "responses.input_tokens": (INPUT_TOKENS, InputTokenCountParams, 500),
}
_TURNS = 12  # no union of the SDK that is not an item of a list has more members
_LARGEST = 100_000_000

_endpoints = pytest.mark.parametrize("name", _SHAPES)


def _read(fields: dict[str, Any]) -> tuple[str, list[Unreadable]]:
    """Return all texts that the walker yields, in one, and what it cannot read."""
    found = list(walk(fields))
    texts = [item.text for item in found if isinstance(item, Text)]
    return "\0".join(texts), [item for item in found if isinstance(item, Unreadable)]


def _frozen(endpoint: Endpoint, request: dict[str, Any]) -> dict[str, Any]:
    frozen = freeze(endpoint, params={**request, "model": "m"}, max_bytes=_LARGEST)
    return dict(frozen.fields)


@_endpoints
def test_every_string_position_of_the_sdk_is_walked(name: str) -> None:
    """A canary in each string of each parameter type turns up in what the detectors read."""
    endpoint, shape, fewest = _SHAPES[name]
    planted, missed = 0, set()

    for request, canaries in requests(shape, turns=_TURNS, leave_out={"model", "stream"}):
        text, _ = _read(_frozen(endpoint, request))
        planted += len(canaries)
        missed |= {path for canary, path in canaries.items() if canary not in text}

    assert set() == missed
    assert fewest <= planted


@_endpoints
def test_what_is_sent_holds_no_string_that_was_not_walked(name: str) -> None:
    """The body, parsed again, has no text beyond what was read, and no field that is not listed."""
    endpoint, shape, _ = _SHAPES[name]
    allowed = set(endpoint.ledger)

    for request, _canaries in requests(shape, turns=3, leave_out={"model", "stream"}):
        frozen = freeze(endpoint, params={**request, "model": "m"}, max_bytes=_LARGEST)
        text, _unreadable = _read(dict(frozen.fields))
        body = json.loads(frozen.body(model="m", defaults={}))
        unread = {one for one in strings(body) if "canary" in one and one not in text}

        assert set() == unread
        assert allowed >= body.keys()


@pytest.mark.parametrize("name", ["chat.completions", "responses"])
def test_every_part_that_is_not_text_is_a_doubt(name: str) -> None:
    """Images, audio, files and provider-side references of the SDK's types are never overlooked."""
    endpoint, shape, _ = _SHAPES[name]
    whole = requests(shape, turns=2, leave_out={"model", "stream"})

    codes = {one.code for request, _ in whole for one in _read(_frozen(endpoint, request))[1]}

    assert {"unreadable:part", "unreadable:image_url"} <= codes

"""Requests of the OpenAI API, read for the engine.

Answers: what does this body ask of a model in this process?
Not here: the prompt's tokens (`engine.prompts`), the reply (`engine.replies`).

A parameter that the engine cannot honour is refused by name. Only what has no effect on an
answer, such as `user` or `metadata`, is read and left. No message quotes a value.
Source: OpenAI API reference of chat completions, completions, responses and embeddings; `top_k`,
`min_p`, `repetition_penalty` and `ignore_eos` as in vLLM.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hybridllm.engine.exchange import (
    Chat,
    Count,
    Embedding,
    Generation,
    Prompt,
    Refusal,
    Request,
    Sampling,
)
from hybridllm.engine.messages import read_messages, read_tools
from hybridllm.engine.response_request import chat_of

# Say who asks or help a provider to account; the answer does not depend on them.
_WITHOUT_EFFECT = frozenset({"metadata", "prompt_cache_key", "safety_identifier", "user"})
# Honoured only where the value asks for what the engine does anyway.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "audio": (),
    "best_of": (1,),
    "echo": (False,),
    "function_call": ("none",),
    "functions": ([],),
    "modalities": (["text"],),
    "moderation": (),
    "parallel_tool_calls": (True,),
    "prediction": (),
    "prompt_cache_options": (),
    "prompt_cache_retention": (),
    "reasoning_effort": (),
    "service_tier": ("auto", "default"),
    "store": (False,),
    "suffix": ("",),
    "verbosity": ("medium",),
    "web_search_options": (),
}
_SAMPLING = frozenset({
    "frequency_penalty", "ignore_eos", "logit_bias", "logprobs", "max_tokens", "min_p", "n",
    "presence_penalty", "repetition_penalty", "seed", "stop", "stream", "stream_options",
    "temperature", "top_k", "top_p",
})  # fmt: skip
_KNOWN = {
    "chat/completions": _SAMPLING
    | {
        "max_completion_tokens", "messages", "model", "response_format", "tool_choice", "tools",
        "top_logprobs",
    },
    "completions": _SAMPLING | {"model", "prompt"},
    "embeddings": frozenset({"dimensions", "encoding_format", "input", "model"}),
}  # fmt: skip
_MOST_ANSWERS = 128
_MOST_STOPS = 16
_LONGEST_STOP = 256


def read_body(body: bytes) -> dict[str, Any]:
    """Return the request as a dictionary.

    Raises:
        Refusal: It is no JSON object in UTF-8.
    """
    try:
        read = json.loads(body.decode("utf-8"))
        if b"\\u" in body:  # an escaped lone surrogate is no character; tokenizers choke on it
            json.dumps(read, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        raise Refusal("the body is not JSON in UTF-8", code="invalid_json") from None
    if not isinstance(read, dict):
        raise Refusal("the body is not a JSON object", code="invalid_json")
    return {key: value for key, value in read.items() if value is not None}


def read_job(path: str, *, body: Mapping[str, Any]) -> Request:
    """Return what a body asks for at a path.

    Raises:
        Refusal: The path is not served, or a parameter is wrong or cannot be honoured.
    """
    if path == "responses":
        return read_job("chat/completions", body=chat_of(body))
    if path == "responses/input_tokens":
        return Count(_chat(chat_of(body, counts=True)))
    known = _KNOWN.get(path)
    if known is None:
        raise Refusal("this path is not served in-process", code="unknown_path", status=404)
    for name, value in body.items():
        if name in _NEUTRAL and value not in _NEUTRAL[name]:
            raise Refusal(
                f"{name!r} cannot be honoured in-process", code="unsupported_parameter", param=name
            )
        if name not in known and name not in _NEUTRAL and name not in _WITHOUT_EFFECT:
            # The name comes from the request: it may be content, so it is not repeated.
            raise Refusal(
                "a parameter is not known in-process; it is at place "
                f"{list(body).index(name)} of the body",
                code="unsupported_parameter",
            )
    if path == "embeddings":
        return _embedding(body)
    chat = path == "chat/completions"
    return Generation(
        prompts=(_chat(body),) if chat else _prompts(body.get("prompt"), name="prompt"),
        sampling=_sampling(body, logprobs=_chat_logprobs(body) if chat else _logprobs(body)),
        max_tokens=_max_tokens(body, chat=chat),
        stop=_stop(body.get("stop")),
        n=_whole(body, name="n", low=1, high=_MOST_ANSWERS) or 1,
        schema=_schema(body.get("response_format")) if chat else None,
        ignore_eos=_flag(body, name="ignore_eos"),
        streams=_flag(body, name="stream"),
    )


def wants_usage(body: Mapping[str, Any]) -> bool:
    """Say whether a stream ends with the counts of tokens."""
    options = body.get("stream_options", {})
    if not isinstance(options, dict) or set(options) - {"include_obfuscation", "include_usage"}:
        raise _wrong("stream_options", expected="an object with include_usage")
    if options and not _flag(body, name="stream"):
        raise Refusal("stream_options needs stream", code="invalid_value", param="stream_options")
    if options.get("include_obfuscation"):
        raise Refusal(
            "'include_obfuscation' cannot be honoured in-process",
            code="unsupported_parameter",
            param="stream_options",
        )
    return _flag(options, name="include_usage")


def _chat(body: Mapping[str, Any]) -> Chat:
    tools = read_tools(body)
    return Chat(messages=read_messages(body.get("messages")), tools=tools)


def _prompts(value: Any, *, name: str) -> tuple[str | tuple[int, ...], ...]:
    """Read a text, a list of texts, a list of tokens or a list of those."""
    items = value if isinstance(value, list) else [value]
    if items and all(_is_token(item) for item in items):
        return (tuple(items),)
    read: list[str | tuple[int, ...]] = []
    for item in items:
        if isinstance(item, str):
            read.append(item)
        elif isinstance(item, list) and item and all(_is_token(part) for part in item):
            read.append(tuple(item))
        else:
            raise _wrong(name, expected="a text, texts, tokens or lists of tokens")
    if not read or len(read) > 2048:  # OpenAI's own limit of embedding inputs
        raise _wrong(name, expected="1 to 2048 entries")
    return tuple(read)


def _is_token(value: Any) -> bool:
    return type(value) is int and value >= 0


def _embedding(body: Mapping[str, Any]) -> Embedding:
    if body.get("encoding_format", "float") not in {"base64", "float"}:
        raise _wrong("encoding_format", expected="'float' or 'base64'")
    if "dimensions" in body:
        raise Refusal(
            "'dimensions' cannot be honoured in-process; leave it out",
            code="unsupported_parameter",
            param="dimensions",
        )
    inputs: tuple[Prompt, ...] = _prompts(body.get("input"), name="input")
    return Embedding(inputs=tuple(item for item in inputs if not isinstance(item, Chat)))


def _sampling(body: Mapping[str, Any], *, logprobs: int | None) -> Sampling:
    top_k = _whole(body, name="top_k", low=-1, high=2**31)
    return Sampling(
        temperature=_number(body, name="temperature", low=0.0, high=2.0),
        top_p=_number(body, name="top_p", low=0.0, high=1.0),
        top_k=None if top_k is None else max(top_k, 0),
        min_p=_number(body, name="min_p", low=0.0, high=1.0),
        repetition_penalty=_number(body, name="repetition_penalty", low=0.01, high=10.0),
        presence_penalty=_number(body, name="presence_penalty", low=-2.0, high=2.0) or 0.0,
        frequency_penalty=_number(body, name="frequency_penalty", low=-2.0, high=2.0) or 0.0,
        seed=_whole(body, name="seed", low=-(2**63), high=2**63 - 1),
        logit_bias=_logit_bias(body.get("logit_bias", {})),
        logprobs=logprobs,
    )


def _chat_logprobs(body: Mapping[str, Any]) -> int | None:
    wanted = _flag(body, name="logprobs")
    count = _whole(body, name="top_logprobs", low=0, high=20)
    if count is not None and not wanted:
        raise Refusal("top_logprobs needs logprobs", code="invalid_value", param="top_logprobs")
    return (count or 0) if wanted else None


def _logprobs(body: Mapping[str, Any]) -> int | None:
    return _whole(body, name="logprobs", low=0, high=5)


def _logit_bias(value: Any) -> tuple[tuple[int, float], ...]:
    fault = _wrong("logit_bias", expected="token ids with numbers from -100 to 100")
    if not isinstance(value, dict):
        raise fault
    pairs = []
    for key, bias in value.items():
        if not (key.isascii() and key.isdecimal() and _is_number(bias) and -100 <= bias <= 100):
            raise fault
        pairs.append((int(key), float(bias)))
    return tuple(pairs)


def _max_tokens(body: Mapping[str, Any], *, chat: bool) -> int | None:
    names = ("max_completion_tokens", "max_tokens") if chat else ("max_tokens",)
    given = {name: _whole(body, name=name, low=1, high=2**31) for name in names if name in body}
    if len(set(given.values())) > 1:
        raise Refusal(
            "max_tokens and max_completion_tokens differ; give one of them",
            code="invalid_value",
            param="max_tokens",
        )
    # 16 is the default of OpenAI's completions; chat completions fill the context.
    return next(iter(given.values()), None if chat else 16)


def _stop(value: Any) -> tuple[str, ...]:
    stops = [value] if isinstance(value, str) else value or []
    if not isinstance(stops, list) or len(stops) > _MOST_STOPS:
        raise _wrong("stop", expected=f"a text or up to {_MOST_STOPS} texts")
    if not all(isinstance(stop, str) and 0 < len(stop) <= _LONGEST_STOP for stop in stops):
        raise _wrong("stop", expected=f"texts of 1 to {_LONGEST_STOP} characters")
    return tuple(stops)


def _schema(value: Any) -> str | None:
    if value is None:
        return None
    kind = value.get("type") if isinstance(value, dict) else None
    if kind == "text":
        return None
    if kind == "json_object":
        return json.dumps({"type": "object"})
    schema = value.get("json_schema") if kind == "json_schema" else None
    if not isinstance(schema, dict) or not isinstance(schema.get("schema"), dict):
        raise _wrong("response_format", expected="text, json_object or json_schema with a schema")
    return json.dumps(schema["schema"])


def _flag(body: Mapping[str, Any], *, name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise _wrong(name, expected="true or false")
    return value


def _whole(body: Mapping[str, Any], *, name: str, low: int, high: int) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    if type(value) is not int or not low <= value <= high:
        raise _wrong(name, expected=f"a whole number from {low} to {high}")
    return value


def _number(body: Mapping[str, Any], *, name: str, low: float, high: float) -> float | None:
    value = body.get(name)
    if value is None:
        return None
    if not _is_number(value) or not low <= value <= high:
        raise _wrong(name, expected=f"a number from {low} to {high}")
    return float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _wrong(name: str, *, expected: str) -> Refusal:
    return Refusal(f"{name!r}: expected {expected}", code="invalid_value", param=name)

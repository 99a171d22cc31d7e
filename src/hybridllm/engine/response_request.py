"""Requests of the Responses API, read as the conversations that they are.

Answers: which chat does a `responses` request ask for, and what in it needs memory or machinery
that an engine in this process does not have?
Not here: the chat's own parameters (`engine.wire`), the reply (`engine.response_replies`).

The engine keeps nothing after it has answered. Whatever refers to something kept, or asks to
keep it, is refused and says what to send instead; nothing is left out in silence.
Source: OpenAI API reference of responses and of input token counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hybridllm.engine.exchange import Refusal

LOGPROBS = "message.output_text.logprobs"
"""The one value of `include` that an engine in this process can honour."""

_AS_IN_CHAT = frozenset({
    "metadata", "min_p", "model", "parallel_tool_calls", "prompt_cache_key", "repetition_penalty",
    "safety_identifier", "service_tier", "stream", "temperature", "tool_choice", "top_k", "top_p",
    "user",
})  # fmt: skip
_STATE: Mapping[str, tuple[Any, ...]] = {
    "background": (False,),
    "background_options": (),
    "conversation": (),
    "previous_response_id": (),
    "prompt": (),
    "prompt_cache_options": (),
    "prompt_cache_retention": (),
    "store": (False,),
}
_OTHERS: Mapping[str, tuple[Any, ...]] = {
    "access_programs": (),
    "context_management": ([],),
    "image": (),
    "max_tool_calls": (),
    "moderation": (),
    "personality": (),
    "reasoning": ({},),
    "truncation": ("disabled",),
}
_TRANSLATED = frozenset({
    "include", "input", "instructions", "max_output_tokens", "stream_options", "text", "tools",
    "top_logprobs",
})  # fmt: skip
_COUNTED = frozenset({"input", "instructions", "model", "parallel_tool_calls", "text",
                      "tool_choice", "tools"})  # fmt: skip
_MESSAGE_KEYS = frozenset({"content", "id", "phase", "role", "status", "type"})
_ROLES = frozenset({"assistant", "developer", "system", "user"})
_TEXT_PARTS = {"input_text": "text", "output_text": "text", "text": "text", "refusal": "refusal"}


def chat_of(body: Mapping[str, Any], *, counts: bool = False) -> dict[str, Any]:
    """Return the chat that a request asks for, as a body of chat completions.

    Args:
        body: The request.
        counts: Whether only its tokens are to be counted.

    Raises:
        Refusal: It needs state, or something else that is not there.
    """
    _check_names(body, counts=counts)
    chat = {name: value for name, value in body.items() if name in _AS_IN_CHAT}
    chat["messages"] = _messages(body)
    if "max_output_tokens" in body:
        most = body["max_output_tokens"]
        if type(most) is not int or most < 1:
            raise _wrong("max_output_tokens", expected="a whole number from 1 on")
        chat["max_completion_tokens"] = most
    if "tools" in body:
        chat["tools"] = _tools(body["tools"])
    if "text" in body:
        chat |= _format(body["text"])
    if wants_logprobs(body):
        chat |= {"logprobs": True, "top_logprobs": body.get("top_logprobs", 0)}
    _check_stream(body)
    return chat


def wants_logprobs(body: Mapping[str, Any]) -> bool:
    """Say whether the reply has the log probability of each token."""
    return LOGPROBS in body.get("include", ()) or bool(body.get("top_logprobs"))


def _check_names(body: Mapping[str, Any], *, counts: bool) -> None:
    known = _COUNTED if counts else _AS_IN_CHAT | _TRANSLATED
    for name, value in body.items():
        if name in _STATE and value not in _STATE[name]:
            raise Refusal(
                f"{name!r} needs something that is kept between requests, and this engine keeps "
                "nothing; send the earlier turns as 'input', with store = false",
                code="unsupported_parameter",
                param=name,
            )
        if name in _OTHERS and value not in _OTHERS[name]:
            raise _unsupported(name)
        if name not in known and name not in _STATE and name not in _OTHERS:
            # The name comes from the request: it may be content, so it is not repeated.
            raise Refusal(
                "a parameter is not known in-process; it is at place "
                f"{list(body).index(name)} of the body",
                code="unsupported_parameter",
            )
    include = body.get("include", [])
    if not isinstance(include, list) or any(item != LOGPROBS for item in include):
        raise Refusal(
            f"only {LOGPROBS!r} can be included in-process",
            code="unsupported_parameter",
            param="include",
        )


def _check_stream(body: Mapping[str, Any]) -> None:
    options = body.get("stream_options", {})
    if not isinstance(options, dict) or set(options) - {"include_obfuscation"}:
        raise _wrong("stream_options", expected="an object")
    if options.get("include_obfuscation"):
        raise _unsupported("stream_options")


def _messages(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    instructions = body.get("instructions")
    if instructions is not None:
        if not isinstance(instructions, str):
            raise _wrong("instructions", expected="a text")
        messages.append({"role": "system", "content": instructions})
    given = body.get("input")
    if isinstance(given, str):
        return [*messages, {"role": "user", "content": given}]
    if not isinstance(given, list) or not given:
        raise _wrong("input", expected="a text, or a list with at least one item")
    for place, item in enumerate(given):
        _add(messages, item, where=f"input[{place}]")
    return messages


def _add(messages: list[dict[str, Any]], item: Any, *, where: str) -> None:
    """Add an item to the conversation; calls of one turn stand in one message."""
    kind = item.get("type", "message") if isinstance(item, dict) else None
    if kind == "message":
        messages.append(_message(item, where=where))
    elif kind == "function_call":
        call = _call(item, where=where)
        last = messages[-1] if messages else {}
        if last.get("role") != "assistant":
            messages.append({"role": "assistant", "content": None, "tool_calls": []})
        messages[-1].setdefault("tool_calls", []).append(call)
    elif kind == "function_call_output":
        call_id = item.get("call_id")
        if not isinstance(call_id, str):
            raise _wrong(where, expected="a call_id")
        text = _text(item.get("output"), where=where)
        messages.append({"role": "tool", "tool_call_id": call_id, "content": text})
    else:
        raise Refusal(
            f"{where}: only messages, function calls and their outputs can be read in-process",
            code="unsupported_content",
            param="input",
        )


def _message(item: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    role = item.get("role")
    if role not in _ROLES:
        raise _wrong(where, expected=f"a role of {', '.join(sorted(_ROLES))}")
    if {key for key, value in item.items() if value is not None} - _MESSAGE_KEYS:
        raise _wrong(where, expected="no key that is not known in-process")
    return {"role": role, "content": _text(item.get("content"), where=where)}


def _call(item: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    name, arguments = item.get("name"), item.get("arguments")
    if not isinstance(name, str) or not isinstance(arguments, str):
        raise _wrong(where, expected="a name, and arguments as text")
    function = {"name": name, "arguments": arguments}
    return {"id": str(item.get("call_id", "")), "type": "function", "function": function}


def _text(content: Any, *, where: str) -> str:
    texts = []
    for part in content if isinstance(content, list) else [content]:
        text = part
        if isinstance(part, dict):
            text = part.get(_TEXT_PARTS.get(str(part.get("type")), ""))
        if not isinstance(text, str):
            raise Refusal(
                f"{where}: only text can be read in-process",
                code="unsupported_content",
                param="input",
            )
        texts.append(text)
    return "\n".join(texts)


def _tools(value: Any) -> list[Any]:
    """Return the tools as chat completions write them: the function in a table of its own."""
    if not isinstance(value, list):
        raise _wrong("tools", expected="a list")
    found = []
    for place, tool in enumerate(value):
        if not isinstance(tool, dict) or tool.get("type") != "function":
            raise Refusal(
                f"tools[{place}]: only functions are supported in-process",
                code="unsupported_parameter",
                param="tools",
            )
        function = {key: item for key, item in tool.items() if key != "type" and item is not None}
        found.append({"type": "function", "function": function})
    return found


def _format(text: Any) -> dict[str, Any]:
    if not isinstance(text, dict) or set(text) - {"format", "verbosity"}:
        raise _wrong("text", expected="an object with a format")
    found: dict[str, Any] = {}
    if text.get("verbosity") is not None:
        found["verbosity"] = text["verbosity"]
    form = text.get("format")
    if isinstance(form, dict) and form.get("type") == "json_schema":
        schema = {key: value for key, value in form.items() if key != "type"}
        form = {"type": "json_schema", "json_schema": schema}
    if form is not None:
        found["response_format"] = form
    return found


def _unsupported(name: str) -> Refusal:
    return Refusal(
        f"{name!r} cannot be honoured in-process", code="unsupported_parameter", param=name
    )


def _wrong(name: str, *, expected: str) -> Refusal:
    return Refusal(
        f"{name!r}: expected {expected}", code="invalid_value", param=name.partition("[")[0]
    )

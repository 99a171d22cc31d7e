"""The messages of a chat, in the shape that chat templates read.

Answers: which roles, parts and tools may a conversation have here?
Not here: rendering them (`engine.template`), the other parameters (`engine.wire`).

Only text is read. An image, a sound or a file is refused: a model that ignores it would answer
as if it had not been sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hybridllm.engine.exchange import Refusal

_ROLES = frozenset({"assistant", "developer", "system", "tool", "user"})
_KEYS = frozenset(
    {"content", "name", "reasoning_content", "refusal", "role", "tool_call_id", "tool_calls"}
)


def read_messages(value: Any) -> tuple[dict[str, Any], ...]:
    """Return the messages with their content as plain text.

    Raises:
        Refusal: They are no list of messages, or hold what this engine cannot read.
    """
    if not isinstance(value, list) or not value:
        raise _refuse("expected a list with at least one message", where="messages")
    return tuple(_message(item, where=f"messages[{place}]") for place, item in enumerate(value))


def read_tools(body: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """Return the tools that the model may call.

    Raises:
        Refusal: They are not functions, or `tool_choice` forces a call, which is not offered.
    """
    tools = body.get("tools", [])
    choice = body.get("tool_choice", "auto" if tools else "none")
    if choice not in ("auto", "none"):
        raise Refusal(
            "only 'auto' and 'none' can be honoured in-process",
            code="unsupported_parameter",
            param="tool_choice",
        )
    if not isinstance(tools, list):
        raise _refuse("expected a list", where="tools")
    for place, tool in enumerate(tools):
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict) or tool.get("type") != "function":
            raise _refuse("only functions are supported in-process", where=f"tools[{place}]")
        if not isinstance(function.get("name"), str):
            raise _refuse("expected a function with a name", where=f"tools[{place}]")
        if function.get("strict"):
            raise _refuse("'strict' cannot be honoured in-process", where=f"tools[{place}]")
    return tuple(tools) if choice == "auto" else ()


def _message(item: Any, *, where: str) -> dict[str, Any]:
    if not isinstance(item, dict) or item.get("role") not in _ROLES:
        raise _refuse(f"expected a role of {', '.join(sorted(_ROLES))}", where=where)
    if {key for key, value in item.items() if value is not None} - _KEYS:
        raise _refuse("has a key that is not supported in-process", where=where)
    message: dict[str, Any] = {"role": item["role"], "content": _text(item, where=where)}
    if message["role"] == "developer":  # OpenAI's newer word for the same thing
        message["role"] = "system"
    for key in ("name", "reasoning_content", "tool_call_id"):
        if item.get(key) is not None:
            if not isinstance(item[key], str):
                raise _refuse(f"expected a text as {key}", where=where)
            message[key] = item[key]
    if item.get("tool_calls"):
        message["tool_calls"] = _tool_calls(item["tool_calls"], where=where)
    return message


def _text(item: Mapping[str, Any], *, where: str) -> str:
    content = item.get("content")
    if content is None:
        if item.get("refusal") is None and not item.get("tool_calls"):
            raise _refuse("has no content", where=where)
        content = item.get("refusal") or ""
    texts: list[str] = []
    for part in content if isinstance(content, list) else [content]:
        text = part
        if isinstance(part, dict) and part.get("type") == "text":
            text = part.get("text")
        if not isinstance(text, str):
            reason = f"{where}: only text can be read in-process"
            raise Refusal(reason, code="unsupported_content", param="messages")
        texts.append(text)
    return "\n".join(texts)


def _tool_calls(value: Any, *, where: str) -> list[dict[str, Any]]:
    """Return earlier calls; templates want the arguments as an object."""
    calls = []
    found: list[Any] = value if isinstance(value, list) else [None]
    for call in found:
        function: Any = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise _refuse("expected tool calls of functions", where=where)
        try:
            arguments = json.loads(function.get("arguments") or "{}")
        except (TypeError, ValueError, RecursionError):
            raise _refuse("expected arguments in JSON", where=where) from None
        read = {"name": function["name"], "arguments": arguments}
        calls.append({"id": str(call.get("id", "")), "type": "function", "function": read})
    return calls


def _refuse(message: str, *, where: str) -> Refusal:
    return Refusal(f"{where}: {message}", code="invalid_value", param=where.partition("[")[0])

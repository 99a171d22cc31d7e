"""Every place of a chat request that can hold a text.

Answers: which request holds this text at that place?
Not here: which text, and why it is confidential (`places`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.leaks.residue import escaped

Params = dict[str, Any]


def user(text: Any, **more: Any) -> list[Params]:
    return [{"role": "user", "content": text, **more}]


def tool(**function: Any) -> Params:
    return {"tools": [{"type": "function", "function": {"name": "look_up", **function}}]}


def called(arguments: str, result: str = "done", name: str = "look_up") -> Params:
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }
    turns = [
        *user("look it up"),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": result},
    ]
    return {"messages": turns}


def schema(**leaf: Any) -> Params:
    properties = {"a": {"type": "array", "items": {"type": "object", "properties": {"b": leaf}}}}
    return {"type": "object", "properties": properties}


def report_format(schema: Params) -> Params:
    return {"type": "json_schema", "json_schema": {"name": "report", "schema": schema}}


def halves(text: str) -> tuple[str, str]:
    return text[: len(text) // 2 - 1], text[len(text) // 2 - 1 :]


def parts(*texts: str) -> list[Params]:
    return [{"type": "text", "text": part} for part in texts]


PUTS: Mapping[str, Callable[[str], Params]] = {
    "message": lambda s: {"messages": user(f"note {s}")},
    "system prompt": lambda s: {
        "messages": [{"role": "system", "content": f"note {s}"}, *user("hi")]
    },
    "developer prompt": lambda s: {
        "messages": [{"role": "developer", "content": f"note {s}"}, *user("hi")]
    },
    "early turn": lambda s: {
        "messages": [
            *user(f"note {s}"),
            {"role": "assistant", "content": "ok"},
            *user("thanks"),
        ]
    },
    "assistant turn": lambda s: {
        "messages": [*user("hi"), {"role": "assistant", "content": s}, *user("thanks")]
    },
    "refusal": lambda s: {
        "messages": [*user("hi"), {"role": "assistant", "refusal": s}, *user("thanks")]
    },
    "name": lambda s: {"messages": user("hi", name=s)},
    "tool argument": lambda s: called(json.dumps({"a": [{"b": s}]})),
    "tool argument, escaped": lambda s: called(f'{{"a": "{escaped(s)}"}}'),
    "tool argument, JSON in JSON": lambda s: called(json.dumps({"a": json.dumps({"b": s})})),
    "tool argument, key": lambda s: called(json.dumps({s: 1})),
    "tool argument, broken JSON": lambda s: called(f'{{"a": "{s}'),
    "tool name": lambda s: called("{}", name=s.replace(" ", "_")),
    "tool result": lambda s: called("{}", result=f"found {s}"),
    "tool result, escaped JSON": lambda s: called("{}", result=f'[{{"a": "{escaped(s)}"}}]'),
    "custom tool input": lambda s: {
        "messages": [
            *user("hi"),
            {
                "role": "assistant",
                "tool_calls": [
                    {"id": "call_1", "type": "custom", "custom": {"name": "shell", "input": s}}
                ],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": "done"},
        ]
    },
    "legacy function call": lambda s: {
        "messages": [
            *user("hi"),
            {"role": "assistant", "function_call": {"name": "f", "arguments": s}},
            {"role": "function", "name": "f", "content": "done"},
        ]
    },
    "tool description": lambda s: tool(description=f"Looks up {s}"),
    "tool schema, description": lambda s: tool(parameters=schema(type="string", description=s)),
    "tool schema, enum": lambda s: tool(parameters=schema(enum=["x", s])),
    "tool schema, default": lambda s: tool(parameters=schema(default=s)),
    "tool schema, examples": lambda s: tool(parameters=schema(examples=[[s]])),
    "tool schema, property": lambda s: tool(parameters={"properties": {s: {}}}),
    "tool schema, $comment": lambda s: tool(parameters={"$comment": s}),
    "custom tool grammar": lambda s: {
        "tools": [
            {
                "type": "custom",
                "custom": {
                    "name": "calc",
                    "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": s}},
                },
            }
        ]
    },
    "legacy functions": lambda s: {"functions": [{"name": "f", "description": s}]},
    "tool choice": lambda s: {"tool_choice": {"type": "function", "function": {"name": s}}},
    "metadata value": lambda s: {"metadata": {"ticket": s}},
    "metadata key": lambda s: {"metadata": {s: "1"}},
    "response format, schema": lambda s: {"response_format": report_format(schema(description=s))},
    "response format, const": lambda s: {"response_format": report_format(schema(const=s))},
    "stop": lambda s: {"stop": ["\n", s]},
    "stop, text": lambda s: {"stop": s},
    "user": lambda s: {"user": s},
    "safety identifier": lambda s: {"safety_identifier": s},
    "prediction": lambda s: {"prediction": {"type": "content", "content": s}},
    "prediction, parts": lambda s: {"prediction": {"type": "content", "content": parts(s)}},
    "two parts": lambda s: {"messages": user(parts(*halves(s)))},
    "two turns": lambda s: {"messages": [turn for half in halves(s) for turn in user(half)]},
    "a part for each character": lambda s: {"messages": user(parts(*s))},
}
CUTS: Mapping[str, Callable[[str], tuple[str, ...]]] = {
    "tool name": lambda s: (s.replace(" ", "_"),),
    "two parts": halves,
    "two turns": halves,
    "a part for each character": tuple,
}

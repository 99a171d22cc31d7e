"""The bodies of the Responses API.

Answers: what does an OpenAI-compatible server send back on `/v1/responses`?
Not here: chat completions (`chat_shapes`), sockets (`exchange`).

Source: types of the `openai` package, 3.57. A test holds every body against them.
"""

from __future__ import annotations

import json

from tests.support.chat_shapes import Json, event
from tests.support.reply import CREATED, Reply, ToolCall, pieces, token_count


def response(asked: Json, *, reply: Reply) -> Json:
    """Return the finished response."""
    output: list[Json] = [_message(reply.text)] if reply.text else []
    output += [_call(call, index=index) for index, call in enumerate(reply.tool_calls)]
    prompt = token_count(json.dumps(asked.get("input", "")))
    completion = token_count(reply.text)
    return {
        **_skeleton(asked, status="completed"),
        "output": output,
        "usage": {
            "input_tokens": prompt,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": completion,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": prompt + completion,
        },
    }


def input_tokens(asked: Json) -> Json:
    """Return the count of an input's tokens."""
    return {
        "object": "response.input_tokens",
        "input_tokens": token_count(json.dumps(asked.get("input", ""))),
    }


def response_events(asked: Json, *, reply: Reply) -> list[bytes]:
    """Return the events of a stream, from `response.created` to `response.completed`."""
    started = _skeleton(asked, status="in_progress")
    bodies: list[Json] = [
        {"type": "response.created", "response": started},
        {"type": "response.in_progress", "response": started},
    ]
    if reply.text:
        bodies += _text_events(reply.text)
    first_call = 1 if reply.text else 0
    for index, call in enumerate(reply.tool_calls):
        bodies += _call_events(call, index=index, output_index=first_call + index)
    bodies.append({"type": "response.completed", "response": response(asked, reply=reply)})
    return [
        event({**body, "sequence_number": number}, name=str(body["type"]))
        for number, body in enumerate(bodies)
    ]


def error_event(message: str) -> bytes:
    body: Json = {
        "type": "error",
        "code": "server_error",
        "message": message,
        "param": None,
        "sequence_number": 0,
    }
    return event(body, name="error")


def _text_events(text: str) -> list[Json]:
    place: Json = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    part = _part(text)
    deltas: list[Json] = [
        {"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []}
        for piece in pieces(text)
    ]
    return [
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {**_message(""), "content": [], "status": "in_progress"},
        },
        {"type": "response.content_part.added", **place, "part": _part("")},
        *deltas,
        {"type": "response.output_text.done", **place, "text": text, "logprobs": []},
        {"type": "response.content_part.done", **place, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": _message(text)},
    ]


def _call_events(call: ToolCall, *, index: int, output_index: int) -> list[Json]:
    item = _call(call, index=index)
    place: Json = {"item_id": item["id"], "output_index": output_index}
    kind = "response.function_call_arguments"
    deltas: list[Json] = [
        {"type": f"{kind}.delta", **place, "delta": piece} for piece in pieces(call.arguments)
    ]
    return [
        {
            "type": "response.output_item.added",
            "output_index": output_index,
            "item": {**item, "arguments": "", "status": "in_progress"},
        },
        *deltas,
        {"type": f"{kind}.done", **place, "arguments": call.arguments},
        {"type": "response.output_item.done", "output_index": output_index, "item": item},
    ]


def _skeleton(asked: Json, *, status: str) -> Json:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": str(asked.get("model", "stub")),
        "output": [],
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": None,
    }


def _message(text: str) -> Json:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [_part(text)],
    }


def _part(text: str) -> Json:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _call(call: ToolCall, *, index: int) -> Json:
    return {
        "id": f"fc_{index + 1}",
        "type": "function_call",
        "call_id": call.call_id,
        "name": call.name,
        "arguments": call.arguments,
        "status": "completed",
    }

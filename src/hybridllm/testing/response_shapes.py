"""Responses as the OpenAI API writes them.

Answers: which JSON does a server send for this request and this text?
Not here: chat completions and embeddings (`testing.shapes`).

Source: the types of openai 3.57; a test holds every shape against them.
"""

from __future__ import annotations

from typing import Final

from hybridllm.testing.shapes import CREATED, Json, pieces, prompt_tokens

_ITEM: Final = "msg_echo"


def response(asked: Json, *, text: str) -> Json:
    """Return the body of a whole response."""
    prompt, completion = prompt_tokens(asked), len(text)
    return {
        **_unfinished(asked),
        "status": "completed",
        "output": [_message(text, status="completed")],
        "usage": {
            "input_tokens": prompt,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": completion,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": prompt + completion,
        },
    }


def input_tokens(asked: Json) -> Json:
    """Return the body of a count of tokens."""
    return {"object": "response.input_tokens", "input_tokens": prompt_tokens(asked)}


def response_events(asked: Json, *, text: str) -> list[Json]:
    """Return the events of a stream, from `response.created` to `response.completed`."""
    kind, place = "response.output_text", {"item_id": _ITEM, "output_index": 0, "content_index": 0}
    begun, done = _message("", status="in_progress"), _message(text, status="completed")
    events: list[Json] = [
        {"type": "response.created", "response": _unfinished(asked)},
        {"type": "response.in_progress", "response": _unfinished(asked)},
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {**begun, "content": []},
        },
        {"type": "response.content_part.added", **place, "part": _part("")},
        *({"type": f"{kind}.delta", **place, "delta": p, "logprobs": []} for p in pieces(text)),
        {"type": f"{kind}.done", **place, "text": text, "logprobs": []},
        {"type": "response.content_part.done", **place, "part": _part(text)},
        {"type": "response.output_item.done", "output_index": 0, "item": done},
        {"type": "response.completed", "response": response(asked, text=text)},
    ]
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def _unfinished(asked: Json) -> Json:
    return {
        "id": "resp_echo",
        "object": "response",
        "created_at": CREATED,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "instructions": asked.get("instructions"),
        "metadata": asked.get("metadata") or {},
        "model": asked["model"],
        "output": [],
        "parallel_tool_calls": asked.get("parallel_tool_calls", True),
        "temperature": asked.get("temperature", 1.0),
        "tool_choice": asked.get("tool_choice", "auto"),
        "tools": asked.get("tools") or [],
        "top_p": asked.get("top_p", 1.0),
        "usage": None,
    }


def _message(text: str, *, status: str) -> Json:
    return {
        "id": _ITEM,
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": [_part(text)],
    }


def _part(text: str) -> Json:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}

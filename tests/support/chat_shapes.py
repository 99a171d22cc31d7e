"""The bodies of chat completions, completions, embeddings, models and tokenize.

Answers: what does an OpenAI-compatible server send back for this request?
Not here: the Responses API (`responses_shapes`), sockets (`exchange`).

Source: types of the `openai` package, 3.57; `/tokenize` as vLLM has it. A test holds every
body against those types, strictly and without unknown fields.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from collections.abc import Sequence

from tests.support.reply import CREATED, Reply, ToolCall, pieces, token_count

Json = dict[str, object]

DONE = b"data: [DONE]\n\n"
_DIMENSIONS = 8


def event(data: Json, *, name: str | None = None) -> bytes:
    """Return one server-sent event."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def chat_completion(asked: Json, *, reply: Reply) -> Json:
    """Return the body for a request without streaming."""
    message: Json = {"role": "assistant", "content": reply.text or None, "refusal": None}
    if reply.tool_calls:
        message["tool_calls"] = [_tool_call(call) for call in reply.tool_calls]
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": CREATED,
        "model": _model(asked),
        "choices": [
            {
                "index": 0,
                "message": message,
                "logprobs": None,
                "finish_reason": _finish_reason(reply),
            }
        ],
        "usage": _usage(asked, reply=reply),
    }


def chat_events(asked: Json, *, reply: Reply) -> list[bytes]:
    """Return the events of a stream: role, pieces, finish reason, usage when asked, end mark."""
    options = asked.get("stream_options")
    wants_usage = isinstance(options, dict) and bool(options.get("include_usage"))
    deltas: list[Json] = [{"role": "assistant", "content": "" if reply.text else None}]
    deltas += [{"content": piece} for piece in pieces(reply.text)]
    for index, call in enumerate(reply.tool_calls):
        opening = {**_tool_call(call), "index": index}
        opening["function"] = {"name": call.name, "arguments": ""}
        deltas.append({"tool_calls": [opening]})
        deltas += [
            {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
            for piece in pieces(call.arguments)
        ]
    choices: list[list[Json]] = [[_chunk_choice(delta, finish=None)] for delta in deltas]
    choices.append([_chunk_choice({}, finish=_finish_reason(reply))])
    chunks = [_chunk(asked, choices=choice) for choice in choices]
    if wants_usage:
        chunks = [{**chunk, "usage": None} for chunk in chunks]
        chunks.append({**_chunk(asked, choices=[]), "usage": _usage(asked, reply=reply)})
    return [*(event(chunk) for chunk in chunks), DONE]


def completion(asked: Json, *, reply: Reply) -> Json:
    """Return the body of a completion of plain text."""
    choice = _text_choice(reply.text, finish="stop")
    return {**_text_completion(asked, choices=[choice]), "usage": _usage(asked, reply=reply)}


def completion_events(asked: Json, *, reply: Reply) -> list[bytes]:
    """Return the events of a streamed completion: pieces, finish reason, end mark."""
    choices = [_text_choice(piece, finish=None) for piece in pieces(reply.text)]
    choices.append(_text_choice("", finish="stop"))
    chunks = [_text_completion(asked, choices=[choice]) for choice in choices]
    return [*(event(chunk) for chunk in chunks), DONE]


def embeddings(asked: Json) -> Json:
    """Return one vector for each input; equal inputs get equal vectors."""
    dimensions = asked.get("dimensions")
    size = dimensions if isinstance(dimensions, int) else _DIMENSIONS
    inputs = _embedding_inputs(asked.get("input"))
    data: list[Json] = []
    for index, text in enumerate(inputs):
        vector = _vector(text, size=size)
        packed = base64.b64encode(struct.pack(f"<{size}f", *vector)).decode("ascii")
        chosen: object = packed if asked.get("encoding_format") == "base64" else vector
        data.append({"object": "embedding", "index": index, "embedding": chosen})
    tokens = sum(token_count(text) for text in inputs)
    return {
        "object": "list",
        "model": _model(asked),
        "data": data,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def model(model_id: str) -> Json:
    return {"id": model_id, "object": "model", "created": CREATED, "owned_by": "stub"}


def models(ids: Sequence[str]) -> Json:
    return {"object": "list", "data": [model(model_id) for model_id in ids]}


def tokenize(asked: Json) -> Json:
    """Return one token for each UTF-8 byte: a count that a test can work out by hand."""
    prompt = asked.get("prompt", asked.get("content"))
    text = prompt if isinstance(prompt, str) else json.dumps(asked.get("messages", []))
    tokens = list(text.encode("utf-8", "replace"))
    return {"count": len(tokens), "max_model_len": 4096, "tokens": tokens, "token_strs": None}


def error(message: str, *, code: str, kind: str = "invalid_request_error") -> Json:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _chunk(asked: Json, *, choices: list[Json]) -> Json:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": _model(asked),
        "choices": choices,
    }


def _text_completion(asked: Json, *, choices: list[Json]) -> Json:
    return {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": CREATED,
        "model": _model(asked),
        "choices": choices,
    }


def _text_choice(text: str, *, finish: str | None) -> Json:
    return {"index": 0, "text": text, "logprobs": None, "finish_reason": finish}


def _chunk_choice(delta: Json, *, finish: str | None) -> Json:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _tool_call(call: ToolCall) -> Json:
    return {
        "id": call.call_id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }


def _finish_reason(reply: Reply) -> str:
    return "tool_calls" if reply.tool_calls else "stop"


def _model(asked: Json) -> str:
    return str(asked.get("model", "stub"))


def _usage(asked: Json, *, reply: Reply) -> Json:
    prompt = token_count(json.dumps(asked.get("messages", asked.get("prompt", []))))
    completion = token_count(reply.text + "".join(call.arguments for call in reply.tool_calls))
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def _embedding_inputs(value: object) -> list[str]:
    """Return the inputs as texts; the API takes a text, texts, token ids or lists of those."""
    if isinstance(value, list) and value and not isinstance(value[0], int):
        return [item if isinstance(item, str) else json.dumps(item) for item in value]
    return [value if isinstance(value, str) else json.dumps(value)]


def _vector(text: str, *, size: int) -> list[float]:
    digest = hashlib.shake_128(text.encode("utf-8", "replace")).digest(size)
    return [byte / 128.0 - 1.0 for byte in digest]

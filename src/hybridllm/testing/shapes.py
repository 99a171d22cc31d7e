"""Chat completions, completions and embeddings as the OpenAI API writes them.

Answers: which JSON does a server send for this request and this text?
Not here: the Responses API (`testing.response_shapes`).

Source: the types of openai 3.57; a test holds every shape against them, strictly and
without unknown fields.
"""

from __future__ import annotations

import base64
import json
import math
import struct
from hashlib import shake_256
from typing import Any, Final

Json = dict[str, Any]

CREATED: Final = 1_767_225_600
"""2026-01-01, so that answers do not depend on the day."""

PIECE_CHARACTERS: Final = 8
"""Length of a piece of a streamed text."""

_DIMENSIONS: Final = 8


def last_text(asked: Json) -> str:
    """Return the last text of the user in a request."""
    if "prompt" in asked:
        return _inputs(asked["prompt"])[-1]
    turns = asked.get("messages", asked.get("input"))
    if isinstance(turns, str):
        return turns
    for turn in reversed(turns or []):
        if isinstance(turn, dict) and turn.get("role") == "user":
            return text_of(turn.get("content"))
    return ""


def text_of(content: object) -> str:
    """Return the text of a message's content: a string, or a list of parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(part.get("text") or "" for part in parts if isinstance(part, dict))


def pieces(text: str) -> list[str]:
    """Return a text in pieces, as a stream carries it."""
    return [text[at : at + PIECE_CHARACTERS] for at in range(0, len(text), PIECE_CHARACTERS)]


def prompt_tokens(asked: Json) -> int:
    """Return the count of a prompt's tokens: its characters."""
    if "prompt" in asked:
        return sum(len(text) for text in _inputs(asked["prompt"]))
    turns = asked.get("messages", asked.get("input"))
    if isinstance(turns, str):
        return len(turns)
    return sum(len(text_of(turn.get("content"))) for turn in turns or [] if isinstance(turn, dict))


def chat_completion(asked: Json, *, text: str) -> Json:
    """Return the body of a whole reply, with as many equal choices as were asked for."""
    message = {"role": "assistant", "content": text, "refusal": None}
    return {
        **_head(asked, kind="chat.completion"),
        "choices": [
            {"index": index, "message": message, "logprobs": None, "finish_reason": "stop"}
            for index in range(_choices(asked))
        ],
        "usage": _usage(asked, text=text),
    }


def chat_chunks(asked: Json, *, text: str) -> list[Json]:
    """Return the chunks of a stream: role, pieces, end, and token counts when asked for."""
    options = asked.get("stream_options") or {}
    with_usage = options.get("include_usage") is True
    chunks = []
    for index in range(_choices(asked)):
        chunks.append(_choice(index, delta={"role": "assistant", "content": "", "refusal": None}))
        chunks += [_choice(index, delta={"content": piece}) for piece in pieces(text)]
        chunks.append(_choice(index, delta={}, finish="stop"))
    head = _head(asked, kind="chat.completion.chunk")
    more = {"usage": None} if with_usage else {}
    stream = [{**head, "choices": [choice], **more} for choice in chunks]
    if with_usage:
        stream.append({**head, "choices": [], "usage": _usage(asked, text=text)})
    return stream


def completion(asked: Json, *, text: str) -> Json:
    """Return the body of a whole completion of plain text."""
    return {
        **_head(asked, kind="text_completion", prefix="cmpl"),
        "choices": [_text_choice(index, text=text, finish="stop") for index in _places(asked)],
        "usage": _usage(asked, text=text),
    }


def completion_chunks(asked: Json, *, text: str) -> list[Json]:
    """Return the chunks of a streamed completion: pieces, end, and token counts when asked for."""
    with_usage = (asked.get("stream_options") or {}).get("include_usage") is True
    chunks = []
    for index in _places(asked):
        chunks += [_text_choice(index, text=piece, finish=None) for piece in pieces(text)]
        chunks.append(_text_choice(index, text="", finish="stop"))
    head = _head(asked, kind="text_completion", prefix="cmpl")
    more = {"usage": None} if with_usage else {}
    stream = [{**head, "choices": [choice], **more} for choice in chunks]
    if with_usage:
        stream.append({**head, "choices": [], "usage": _usage(asked, text=text)})
    return stream


def embeddings(asked: Json) -> Json:
    """Return one vector of length 1 for each input; equal inputs have equal vectors."""
    inputs = _inputs(asked["input"])
    size = asked.get("dimensions") or _DIMENSIONS
    vectors = [_vector(text, size=size) for text in inputs]
    as_base64 = asked.get("encoding_format") == "base64"
    tokens = sum(len(text) for text in inputs)
    return {
        "object": "list",
        "model": asked["model"],
        "data": [
            {
                "object": "embedding",
                "index": index,
                "embedding": _packed(vector) if as_base64 else vector,
            }
            for index, vector in enumerate(vectors)
        ],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _head(asked: Json, *, kind: str, prefix: str = "chatcmpl") -> Json:
    return {"id": f"{prefix}-echo", "object": kind, "created": CREATED, "model": asked["model"]}


def _places(asked: Json) -> range:
    """Return the places of the answers: `n` to each prompt of a plain completion."""
    return range(_choices(asked) * len(_inputs(asked["prompt"])))


def _text_choice(index: int, *, text: str, finish: str | None) -> Json:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": finish}


def _choices(asked: Json) -> int:
    return asked.get("n") or 1


def _choice(index: int, *, delta: Json, finish: str | None = None) -> Json:
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}


def _usage(asked: Json, *, text: str) -> Json:
    prompt, completion = prompt_tokens(asked), len(text) * _choices(asked)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def _inputs(value: object) -> list[str]:
    """Return the inputs as texts: the API takes a text, texts, token ids or lists of those."""
    several = isinstance(value, list) and not any(isinstance(item, int) for item in value)
    items: list[Any] = value if several else [value]  # type: ignore[assignment]
    return [item if isinstance(item, str) else json.dumps(item) for item in items]


def _vector(text: str, *, size: int) -> list[float]:
    data = shake_256(text.encode()).digest(4 * size)
    raw = [number / 2**31 for number in struct.unpack(f"<{size}i", data)]
    length = math.sqrt(sum(x * x for x in raw)) or 1.0
    return [x / length for x in raw]


def _packed(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode("ascii")

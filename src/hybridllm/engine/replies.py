"""Replies of the OpenAI API, written from the engine's events.

Answers: which JSON does a caller of chat completions, completions or embeddings get?
Not here: producing the events (`engine.scheduler`), reading the request (`engine.wire`).

Source: OpenAI API reference; the field order is that of the API's own replies.
"""

from __future__ import annotations

import base64
import json
import secrets
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hybridllm.engine.exchange import Done, FinishReason, Piece, TokenScore, Vectors
from hybridllm.engine.tools import ToolCall, ToolFormat, ToolReader


@dataclass(slots=True)
class _Answer:
    """What one choice has so far."""

    text: str = ""
    scores: list[TokenScore] = field(default_factory=list)
    finish_reason: FinishReason | None = None
    tools: ToolReader | None = None
    calls: tuple[ToolCall, ...] = ()


class ReplyWriter:
    """Writes the reply to one request.

    Args:
        path: `chat/completions`, `completions` or `embeddings`.
        body: The request.
        reply_id: Unique id, without its prefix.
        created: Seconds since 1970.
        answers: How many choices there will be.
        with_usage: Whether a stream ends with the counts.

    Attributes:
        reply_id: The id with its prefix.
    """

    def __init__(
        self, path: str, *, body: Mapping[str, Any], reply_id: str, created: int, answers: int,
        with_usage: bool = False,
    ) -> None:  # fmt: skip
        self._chat = path == "chat/completions"
        self._model = body["model"]
        self.reply_id = f"{'chatcmpl' if self._chat else 'cmpl'}-{reply_id}"
        self._created = created
        self._answers = [_Answer() for _ in range(answers)]
        self._with_usage = with_usage
        self._base64 = body.get("encoding_format") == "base64"
        self._logprobs = _wants_logprobs(body, chat=self._chat)

    def expect_tools(self, kind: ToolFormat | None) -> None:
        """Read tool calls out of the answers from now on."""
        for answer in self._answers:
            answer.tools = ToolReader(kind) if kind else None

    def add(self, piece: Piece) -> None:
        """Take a piece for a reply that is not streamed."""
        answer = self._answers[piece.index]
        piece = self._without_calls(piece)
        answer.text += piece.text
        answer.scores += piece.scores
        answer.finish_reason = piece.finish_reason or answer.finish_reason

    def body(self, done: Done) -> bytes:
        """Return the whole reply."""
        kind = "chat.completion" if self._chat else "text_completion"
        choices = [self._choice(index) for index in range(len(self._answers))]
        return dump(self._envelope(kind, choices=choices) | {"usage": _usage(done)})

    def vectors(self, vectors: Vectors, *, done: Done) -> bytes:
        """Return the reply with the embeddings."""
        data = [
            {"object": "embedding", "index": index, "embedding": self._vector(value)}
            for index, value in enumerate(vectors.values)
        ]
        usage = {"prompt_tokens": done.prompt_tokens, "total_tokens": done.prompt_tokens}
        return dump({"object": "list", "data": data, "model": self._model, "usage": usage})

    def opening(self) -> list[bytes]:
        """Return the events that a stream starts with: who speaks."""
        if not self._chat:
            return []
        delta = {"role": "assistant", "content": "", "refusal": None}
        return [
            self._event([self._delta(index, delta=delta)]) for index in range(len(self._answers))
        ]

    def events(self, piece: Piece) -> list[bytes]:
        """Return the events of a piece."""
        scores = self._scores(piece.scores)
        if not self._chat:
            choice = {"index": piece.index, "text": piece.text, "logprobs": scores}
            return [self._event([choice | {"finish_reason": piece.finish_reason}])]
        found = []
        piece = self._without_calls(piece)
        if piece.text or piece.scores:
            delta = {"content": piece.text}
            found.append(self._event([self._delta(piece.index, delta=delta, scores=scores)]))
        calls = self._answers[piece.index].calls
        if calls:
            listed = [{"index": place} | _call(call) for place, call in enumerate(calls)]
            found.append(self._event([self._delta(piece.index, delta={"tool_calls": listed})]))
        if piece.finish_reason:
            ending = self._delta(piece.index, delta={}, reason=piece.finish_reason)
            found.append(self._event([ending]))
        return found

    def closing(self, done: Done) -> list[bytes]:
        """Return the events that a stream ends with: the counts, where they are wanted."""
        return [self._event([], usage=_usage(done))] if self._with_usage else []

    def _without_calls(self, piece: Piece) -> Piece:
        """Return the piece with the text that is no tool call; the answer keeps the calls."""
        answer = self._answers[piece.index]
        if answer.tools is None:
            return piece
        text, reason = answer.tools.push(piece.text), piece.finish_reason
        if reason:
            rest, answer.calls = answer.tools.finish()
            text += rest
            reason = "tool_calls" if answer.calls else reason
        return replace(piece, text=text, finish_reason=reason)

    def _choice(self, index: int) -> dict[str, Any]:
        answer = self._answers[index]
        ending = {
            "logprobs": self._scores(answer.scores) if self._logprobs else None,
            "finish_reason": answer.finish_reason,
        }
        if not self._chat:
            return {"index": index, "text": answer.text, **ending}
        message: dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": None}
        if answer.calls:
            message |= {
                "content": answer.text or None,
                "tool_calls": list(map(_call, answer.calls)),
            }
        return {"index": index, "message": message, **ending}

    def _delta(
        self, index: int, *, delta: Mapping[str, Any], scores: Any = None,
        reason: FinishReason | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        return {"index": index, "delta": delta, "logprobs": scores, "finish_reason": reason}

    def _event(self, choices: Sequence[Mapping[str, Any]], *, usage: Any = None) -> bytes:
        kind = "chat.completion.chunk" if self._chat else "text_completion"
        event = self._envelope(kind, choices=choices)
        return dump(event | {"usage": usage} if self._with_usage else event)

    def _envelope(self, kind: str, *, choices: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return {
            "id": self.reply_id,
            "object": kind,
            "created": self._created,
            "model": self._model,
            "choices": choices,
        }

    def _vector(self, value: Sequence[float]) -> list[float] | str:
        if not self._base64:
            return list(value)
        return base64.b64encode(struct.pack(f"<{len(value)}f", *value)).decode("ascii")

    def _scores(self, scores: Sequence[TokenScore]) -> Any:
        if not scores:
            return None if not self._logprobs else self._no_scores()
        if self._chat:
            return {"content": [_chat_score(score) for score in scores], "refusal": None}
        return {
            "tokens": [score.token for score in scores],
            "token_logprobs": [score.logprob for score in scores],
            "top_logprobs": [
                {best.token: best.logprob for best in (*score.alternatives, score)}
                for score in scores
            ],
            "text_offset": _offsets(scores),
        }

    def _no_scores(self) -> Any:
        return {"content": [], "refusal": None} if self._chat else None


def _wants_logprobs(body: Mapping[str, Any], *, chat: bool) -> bool:
    return bool(body.get("logprobs")) if chat else "logprobs" in body


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": f"call_{secrets.token_hex(12)}", "type": "function", "function": function}


def _chat_score(score: TokenScore) -> dict[str, Any]:
    best = [_token(found) for found in score.alternatives]
    return _token(score) | {"top_logprobs": best}


def _token(score: TokenScore) -> dict[str, Any]:
    raw = None if score.raw is None else list(score.raw)
    return {"token": score.token, "logprob": score.logprob, "bytes": raw}


def _offsets(scores: Sequence[TokenScore]) -> list[int]:
    """Return where each token starts; of a stream, within its event."""
    offsets, place = [], 0
    for score in scores:
        offsets.append(place)
        place += len(score.token)
    return offsets


def _usage(done: Done) -> dict[str, Any]:
    return {
        "prompt_tokens": done.prompt_tokens,
        "completion_tokens": done.completion_tokens,
        "total_tokens": done.prompt_tokens + done.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": done.cached_tokens},
    }


def dump(value: object) -> bytes:
    """Return a value as JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")

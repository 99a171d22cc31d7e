"""Replies of the Responses API, written from the engine's events.

Answers: which JSON does a caller of `responses` get, whole and in events?
Not here: reading the request (`engine.response_request`), producing the events
(`engine.scheduler`).

Source: OpenAI API reference of responses and of their events; a test holds every shape against
the types of openai 3.57.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

from hybridllm.engine.exchange import Done, FinishReason, Piece, TokenScore, Vectors
from hybridllm.engine.replies import dump
from hybridllm.engine.response_request import wants_logprobs
from hybridllm.engine.tools import ToolCall, ToolFormat, ToolReader

_Json = dict[str, Any]
_TEXT = "response.output_text"
_ARGUMENTS = "response.function_call_arguments"
# Parts of the request that a reply repeats, with what they are where it is silent.
_REPEATED: Mapping[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "top_logprobs": 0,
    "top_p": None,
    "truncation": "disabled",
    "user": None,
}


class ResponseWriter:
    """Writes the reply to one `responses` request.

    Attributes:
        reply_id: The id with its prefix.
    """

    def __init__(self, *, body: Mapping[str, Any], reply_id: str, created: int) -> None:
        self.reply_id = f"resp_{reply_id}"
        self._item_id = f"msg_{reply_id}"
        self._body = body
        self._created = created
        self._with_scores = wants_logprobs(body)
        self._tools: ToolReader | None = None
        self._text = ""
        self._scores: list[TokenScore] = []
        self._calls: list[_Json] = []
        self._reason: FinishReason | None = None
        self._open = False  # whether the message has been announced in the stream
        self._number = 0

    def expect_tools(self, kind: ToolFormat | None) -> None:
        """Read tool calls out of the answer from now on."""
        self._tools = ToolReader(kind) if kind else None

    def add(self, piece: Piece) -> None:
        """Take a piece for a reply that is not streamed."""
        self._take(piece)

    def body(self, done: Done) -> bytes:
        """Return the whole reply."""
        return dump(self._response(done))

    def vectors(self, vectors: Vectors, *, done: Done) -> bytes:
        """Never called: a response holds no vectors."""
        raise NotImplementedError

    def opening(self) -> list[bytes]:
        """Return the events that a stream starts with."""
        kinds = ("response.created", "response.in_progress")
        return [self._event(kind, response=self._response(None)) for kind in kinds]

    def events(self, piece: Piece) -> list[bytes]:
        """Return the events of a piece."""
        text = self._take(piece)
        found = []
        if text or (piece.scores and self._with_scores):
            found += self._announced()
            scores = [_score(score, brief=True) for score in self._shown(piece.scores)]
            found.append(self._event(f"{_TEXT}.delta", **self._place, delta=text, logprobs=scores))
        if piece.finish_reason:
            found += self._ended()
        return found

    def closing(self, done: Done) -> list[bytes]:
        """Return the event that a stream ends with: the whole response."""
        response = self._response(done)
        return [self._event(f"response.{response['status']}", response=response)]

    def _take(self, piece: Piece) -> str:
        """Keep a piece; return its text that is no tool call."""
        text = piece.text
        calls: tuple[ToolCall, ...] = ()
        if self._tools:
            text = self._tools.push(piece.text)
            if piece.finish_reason:
                rest, calls = self._tools.finish()
                text += rest
        self._text += text
        self._scores += piece.scores
        self._calls += [_call(call) for call in calls]
        self._reason = piece.finish_reason or self._reason
        return text

    @property
    def _place(self) -> _Json:
        return {"item_id": self._item_id, "output_index": 0, "content_index": 0}

    def _announced(self) -> list[bytes]:
        """Return the events that open the message, the first time that there is text."""
        if self._open:
            return []
        self._open = True
        item = self._message(status="in_progress") | {"content": []}
        return [
            self._event("response.output_item.added", output_index=0, item=item),
            self._event("response.content_part.added", **self._place, part=_part("", scores=())),
        ]

    def _ended(self) -> list[bytes]:
        """Return the events that close the message, and those of the calls after it."""
        found = []
        if self._open or not self._calls:
            found += self._announced()
            part = self._part()
            found += [
                self._event(
                    f"{_TEXT}.done", **self._place, text=self._text,
                    logprobs=[_score(score, brief=True) for score in self._shown(self._scores)],
                ),
                self._event("response.content_part.done", **self._place, part=part),
                self._event(
                    "response.output_item.done", output_index=0,
                    item=self._message(status=self._status),
                ),
            ]  # fmt: skip
        for index, call in enumerate(self._calls, start=int(self._open)):
            place = {"item_id": call["id"], "output_index": index}
            begun = call | {"arguments": "", "status": "in_progress"}
            arguments = call["arguments"]
            found += [
                self._event("response.output_item.added", output_index=index, item=begun),
                self._event(f"{_ARGUMENTS}.delta", **place, delta=arguments),
                self._event(f"{_ARGUMENTS}.done", **place, arguments=arguments),
                self._event("response.output_item.done", output_index=index, item=call),
            ]
        return found

    @property
    def _status(self) -> str:
        return "incomplete" if self._reason == "length" else "completed"

    def _response(self, done: Done | None) -> _Json:
        """Return the response as it is: still without output, or with all of it."""
        body = self._body
        response = {
            "id": self.reply_id,
            "object": "response",
            "created_at": self._created,
            "model": body["model"],
            "status": "in_progress",
            "background": False,
            "error": None,
            "incomplete_details": None,
            "output": [],
            "parallel_tool_calls": True,
            "previous_response_id": None,
            "service_tier": "default",
            "tools": [_tool(tool) for tool in body.get("tools") or []],
            "usage": None,
            **{name: body.get(name, silent) for name, silent in _REPEATED.items()},
        }
        if done is None:
            return response
        if self._status == "incomplete":
            response["incomplete_details"] = {"reason": "max_output_tokens"}
        speaks = self._open or self._text or not self._calls
        output = [self._message(status=self._status)] if speaks else []
        return response | {
            "status": self._status,
            "completed_at": int(time.time()),
            "output": [*output, *self._calls],
            "usage": _usage(done),
        }

    def _message(self, *, status: str) -> _Json:
        return {
            "id": self._item_id,
            "type": "message",
            "role": "assistant",
            "status": status,
            "content": [self._part()],
        }

    def _part(self) -> _Json:
        return _part(self._text, scores=self._shown(self._scores))

    def _shown(self, scores: Sequence[TokenScore]) -> Sequence[TokenScore]:
        return scores if self._with_scores else ()

    def _event(self, kind: str, **fields: Any) -> bytes:
        number, self._number = self._number, self._number + 1
        return dump({"type": kind, "sequence_number": number, **fields})


class CountWriter:
    """Writes the reply to a request that asks for a count of tokens.

    Attributes:
        reply_id: A name for the log; the reply itself has none.
    """

    def __init__(self, *, reply_id: str) -> None:
        self.reply_id = f"count_{reply_id}"

    def expect_tools(self, kind: ToolFormat | None) -> None:
        """Do nothing: there will be no text."""

    def add(self, piece: Piece) -> None:
        """Never called: a count has no text."""
        raise NotImplementedError

    def body(self, done: Done) -> bytes:
        """Return the count."""
        return dump({"object": "response.input_tokens", "input_tokens": done.prompt_tokens})

    def vectors(self, vectors: Vectors, *, done: Done) -> bytes:
        """Never called: a count holds no vectors."""
        raise NotImplementedError

    def opening(self) -> list[bytes]:
        """Never called: counts are not streamed."""
        raise NotImplementedError

    def events(self, piece: Piece) -> list[bytes]:
        """Never called: counts are not streamed."""
        raise NotImplementedError

    def closing(self, done: Done) -> list[bytes]:
        """Never called: counts are not streamed."""
        raise NotImplementedError


def _part(text: str, *, scores: Sequence[TokenScore]) -> _Json:
    shown = [_score(score, brief=False) for score in scores]
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": shown}


def _score(score: TokenScore, *, brief: bool) -> _Json:
    """Return a token's score; those in events are without bytes."""
    best = [_token(found, brief=brief) for found in score.alternatives]
    return _token(score, brief=brief) | {"top_logprobs": best}


def _token(score: TokenScore, *, brief: bool) -> _Json:
    found: _Json = {"token": score.token, "logprob": score.logprob}
    return found if brief else found | {"bytes": list(score.raw or b"")}


def _call(call: ToolCall) -> _Json:
    number = secrets.token_hex(12)
    return {
        "id": f"fc_{number}",
        "type": "function_call",
        "call_id": f"call_{number}",
        "name": call.name,
        "arguments": call.arguments,
        "status": "completed",
    }


def _tool(tool: Mapping[str, Any]) -> _Json:
    return {"description": None, "parameters": None, "strict": False} | dict(tool)


def _usage(done: Done) -> _Json:
    return {
        "input_tokens": done.prompt_tokens,
        "input_tokens_details": {"cached_tokens": done.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": done.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": done.prompt_tokens + done.completion_tokens,
    }

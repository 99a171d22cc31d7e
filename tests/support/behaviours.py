"""How a stub behaves: honest, failing, hanging, redirecting, echoing or talking nonsense.

Answers: what does the peer do when a request comes?
Not here: honest answers themselves (`exchange`), sockets (`wire`).

Units: seconds, bytes.
"""

from __future__ import annotations

import threading
from collections import abc
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Literal

from tests.support import chat_shapes, responses_shapes
from tests.support.chat_shapes import Json
from tests.support.exchange import Exchange
from tests.support.reply import Reply

_CODES = {
    400: "bad_request",
    401: "invalid_api_key",
    403: "permission_denied",
    404: "model_not_found",
    413: "context_length_exceeded",
    422: "unprocessable_entity",
    429: "rate_limit_exceeded",
}


class Behaviour:
    """One way to answer. `choose` is called when a request begins, `answer` when it is read."""

    def choose(self) -> Behaviour:
        return self

    def answer(self, exchange: Exchange) -> bool:
        """Answer the request; True keeps the connection for another one."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Ok(Behaviour):
    """The honest answer."""

    def answer(self, exchange: Exchange) -> bool:
        answer = exchange.answer()
        if answer.is_stream:
            exchange.start_stream()
            exchange.send_events(answer.events)
            exchange.end_stream()
        else:
            exchange.respond(answer.status, body=answer.body)
        return True


@dataclass(frozen=True, slots=True)
class Status(Behaviour):
    """An error status with OpenAI's error body, or with the given one."""

    code: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Json | None = None

    def answer(self, exchange: Exchange) -> bool:
        if isinstance(self.body, bytes):
            exchange.respond(self.code, body=self.body, headers=self.headers)
        else:
            code = _CODES.get(self.code, "server_error")
            body = self.body or chat_shapes.error(f"the stub answers {self.code}", code=code)
            exchange.respond_json(self.code, body, headers=self.headers)
        return True


def rate_limited(*, retry_after_s: int, as_date: bool = False) -> Status:
    """Return a 429 whose Retry-After is a number of seconds, or an HTTP date."""
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=retry_after_s), usegmt=True)
    return Status(429, headers={"Retry-After": date if as_date else str(retry_after_s)})


@dataclass(frozen=True, slots=True)
class Redirect(Behaviour):
    """A redirect; `location` gets the request's own target appended unless told otherwise."""

    code: int
    location: str
    keep_target: bool = True

    def answer(self, exchange: Exchange) -> bool:
        target = exchange.request.target if self.keep_target else ""
        exchange.respond(self.code, headers={"Location": self.location + target})
        return True


@dataclass(frozen=True, slots=True)
class Hang(Behaviour):
    """Silence until the server stops: from the connection on, before the head or before the body.

    With `accept` the request stays in the kernel, so a large one blocks its sender;
    the recordings show it all the same.
    """

    before: Literal["accept", "headers", "body"] = "headers"

    def answer(self, exchange: Exchange) -> bool:
        if self.before == "body":
            if exchange.answer().is_stream:
                exchange.start_stream()
            else:
                exchange.send_head(200, headers={"Content-Length": "1000"})
        exchange.connection.hold()
        return False


@dataclass(frozen=True, slots=True)
class Slow(Behaviour):
    """Another behaviour, its first bytes one by one with a pause after each."""

    pause_s: float = 0.001
    drip_bytes: int = 400
    inner: Behaviour = field(default_factory=Ok)

    def answer(self, exchange: Exchange) -> bool:
        exchange.pause_s = self.pause_s
        exchange.drip_bytes = self.drip_bytes
        return self.inner.choose().answer(exchange)


@dataclass(frozen=True, slots=True)
class CutMidStream(Behaviour):
    """A stream that stops after some events; a reply without streaming stops half-way.

    `close` ends the connection within the body, `reset` does so with RST, and `end` finishes the
    HTTP body properly although finish reason and end mark are missing.
    """

    after_chunks: int = 2
    how: Literal["close", "reset", "end"] = "close"

    def answer(self, exchange: Exchange) -> bool:
        answer = exchange.answer()
        if answer.is_stream:
            exchange.start_stream()
            exchange.send_events(answer.events[: self.after_chunks])
            if self.how == "end":
                exchange.end_stream()
        else:
            exchange.send_head(200, headers={"Content-Length": str(len(answer.body))})
            exchange.send(answer.body[: len(answer.body) // 2])
        if self.how == "reset":
            exchange.connection.reset()
        return False


@dataclass(frozen=True, slots=True)
class StreamError(Behaviour):
    """A stream that reports an error in an event; without streaming, a plain 500."""

    after_chunks: int = 2

    def answer(self, exchange: Exchange) -> bool:
        answer = exchange.answer()
        if not answer.is_stream:
            return Status(500).answer(exchange)
        message = "the stub fails in mid-stream"
        if exchange.request.path == "/v1/responses":
            failure = responses_shapes.error_event(message)
        else:
            failure = chat_shapes.event(chat_shapes.error(message, code="server_error"))
        exchange.start_stream()
        exchange.send_events([*answer.events[: self.after_chunks], failure])
        exchange.end_stream()
        return True


@dataclass(frozen=True, slots=True)
class EchoError(Behaviour):
    """An error whose body repeats the whole request body, as careless servers do."""

    code: int = 400

    def answer(self, exchange: Exchange) -> bool:
        echoed = exchange.request.body.decode("utf-8", "replace")
        body = chat_shapes.error(f"cannot handle this request: {echoed}", code="bad_request")
        exchange.respond_json(self.code, body)
        return True


@dataclass(frozen=True, slots=True)
class Garbage(Behaviour):
    """Bytes that are no HTTP at all."""

    def answer(self, exchange: Exchange) -> bool:
        exchange.send(b"\x00\xff\x15 no protocol you know \x80\r\n\r\n")
        return False


@dataclass(frozen=True, slots=True)
class BadJson(Behaviour):
    """Status 200 and a body (or an event) that breaks off inside its JSON."""

    def answer(self, exchange: Exchange) -> bool:
        broken = b'{"id": "chatcmpl-1", "choices": [{"index": 0, "mess'
        return _send_as_reply(exchange, broken)


@dataclass(frozen=True, slots=True)
class WrongShape(Behaviour):
    """Status 200 and valid JSON that is no reply to anything."""

    def answer(self, exchange: Exchange) -> bool:
        return _send_as_reply(exchange, b'{"unexpected": [1, {"deep": null}]}')


@dataclass(frozen=True, slots=True)
class HugeBody(Behaviour):
    """A well-formed chat reply (or event) whose text has that many characters."""

    size_bytes: int

    def answer(self, exchange: Exchange) -> bool:
        body = chat_shapes.chat_completion(
            exchange.request.json(), reply=Reply("x" * self.size_bytes)
        )
        if exchange.answer().is_stream:
            choice: Json = {"index": 0, "delta": {"content": "x" * self.size_bytes}}
            body = {**body, "object": "chat.completion.chunk", "choices": [choice], "usage": None}
        data = chat_shapes.event(body).removeprefix(b"data: ").rstrip(b"\n")
        return _send_as_reply(exchange, data)


class Sequence(Behaviour):
    """One behaviour for each request in turn; the last one stays."""

    def __init__(self, behaviours: abc.Sequence[Behaviour]) -> None:
        if not behaviours:
            raise ValueError("a sequence of behaviours needs at least one")
        self._behaviours = list(behaviours)
        self._lock = threading.Lock()
        self._next = 0

    def choose(self) -> Behaviour:
        with self._lock:
            position = min(self._next, len(self._behaviours) - 1)
            self._next += 1
        return self._behaviours[position].choose()


class OnPath(Behaviour):
    """Another behaviour for each path, so that `/health` can be well while chat is not."""

    def __init__(
        self, paths: Mapping[str, Behaviour], *, otherwise: Behaviour | None = None
    ) -> None:
        self._paths = dict(paths)
        self._otherwise = otherwise or Ok()

    def answer(self, exchange: Exchange) -> bool:
        chosen = self._paths.get(exchange.request.path, self._otherwise)
        return chosen.choose().answer(exchange)


class FailThenOk(Sequence):
    """The given behaviour that many times, and honest from then on."""

    def __init__(self, count: int, behaviour: Behaviour) -> None:
        super().__init__([*[behaviour] * count, Ok()])


def _send_as_reply(exchange: Exchange, data: bytes) -> bool:
    if exchange.answer().is_stream:
        exchange.start_stream()
        exchange.send_events([b"data: " + data + b"\n\n"])
        exchange.end_stream()
    else:
        exchange.respond(200, body=data)
    return True

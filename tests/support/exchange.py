"""One request and the means to answer it.

Answers: what is the right answer to this request, and how do its bytes go out?
Not here: faults (`behaviours`), the bodies themselves (`chat_shapes`, `responses_shapes`).

Units: seconds, bytes.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from tests.support import chat_shapes, responses_shapes
from tests.support.chat_shapes import Json
from tests.support.reply import Reply
from tests.support.wire import Connection, ParsedRequest

_JSON = "application/json"
_EVENTS = "text/event-stream; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """The right answer: a whole body, or the events of a stream."""

    status: int = 200
    body: bytes = b""
    events: tuple[bytes, ...] = ()

    @property
    def is_stream(self) -> bool:
        return bool(self.events)


@dataclass(slots=True)
class Exchange:
    """A request on its connection, with what an honest server would say to it."""

    connection: Connection
    request: ParsedRequest
    reply: Reply
    models: Sequence[str]
    stopping: threading.Event
    pause_s: float = 0.0
    drip_bytes: int = field(default=0)  # how many of the next bytes go out one by one

    def answer(self) -> Answer:
        return right_answer(self.request, reply=self.reply, models=self.models)

    def send(self, data: bytes) -> None:
        """Send, one byte at a time while `drip_bytes` lasts."""
        slow, fast = data[: self.drip_bytes], data[self.drip_bytes :]
        self.drip_bytes -= len(slow)
        for byte in slow:
            self.connection.send(bytes((byte,)))
            self.stopping.wait(self.pause_s)
        self.connection.send(fast)

    def send_head(
        self, status: int, *, headers: Mapping[str, str], content_type: str = _JSON
    ) -> None:
        lines = [f"HTTP/1.1 {status} {_phrase(status)}", f"Content-Type: {content_type}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.send("\r\n".join((*lines, "", "")).encode("latin-1"))

    def respond(
        self, status: int, *, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> None:
        """Send a whole response of known length."""
        self.send_head(status, headers={"Content-Length": str(len(body)), **(headers or {})})
        self.send(body)

    def respond_json(
        self, status: int, body: Json, *, headers: Mapping[str, str] | None = None
    ) -> None:
        self.respond(status, body=json.dumps(body).encode(), headers=headers)

    def start_stream(self) -> None:
        self.send_head(200, headers={"Transfer-Encoding": "chunked"}, content_type=_EVENTS)

    def send_events(self, events: Sequence[bytes]) -> None:
        for one in events:
            self.send(b"%x\r\n%s\r\n" % (len(one), one))

    def end_stream(self) -> None:
        self.send(b"0\r\n\r\n")


def right_answer(request: ParsedRequest, *, reply: Reply, models: Sequence[str]) -> Answer:
    """Return what an honest server answers to this request."""
    asked = request.json()
    stream = _STREAMS.get(request.path)
    if request.method == "POST" and stream is not None and asked.get("stream"):
        return Answer(events=tuple(stream(asked, reply=reply)))
    if request.method == "POST" and (body := _posted(request.path, asked, reply=reply)):
        return _whole(body)
    if request.method == "GET" and request.path == "/v1/models":
        return _whole(chat_shapes.models(models))
    named = request.path.removeprefix("/v1/models/")
    if request.method == "GET" and named in models:
        return _whole(chat_shapes.model(named))
    if request.method == "GET" and request.path == "/health":
        return Answer()
    return _whole(chat_shapes.error("no such route", code="not_found"), status=404)


_STREAMS = {
    "/v1/chat/completions": chat_shapes.chat_events,
    "/v1/completions": chat_shapes.completion_events,
    "/v1/responses": responses_shapes.response_events,
}


def _posted(path: str, asked: Json, *, reply: Reply) -> Json | None:
    match path:
        case "/v1/chat/completions":
            body = chat_shapes.chat_completion(asked, reply=reply)
        case "/v1/completions":
            body = chat_shapes.completion(asked, reply=reply)
        case "/v1/responses/input_tokens":
            body = responses_shapes.input_tokens(asked)
        case "/v1/responses":
            body = responses_shapes.response(asked, reply=reply)
        case "/v1/embeddings":
            body = chat_shapes.embeddings(asked)
        case "/tokenize":
            body = chat_shapes.tokenize(asked)
        case _:
            return None
    return body


def _whole(body: Json, *, status: int = 200) -> Answer:
    return Answer(status=status, body=json.dumps(body, ensure_ascii=False).encode())


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Overloaded" if status == 529 else "Unknown"

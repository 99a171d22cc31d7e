"""A backend that answers with what it was asked.

Answers: what would this backend have learnt, and how does a program cope with it?
Not here: the shapes of the answers (`testing.shapes`, `testing.response_shapes`).

It keeps the contract of every backend: the permit is redeemed with the very bytes of the
body, each call is one attempt, and a failure is a `BackendError`.
"""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

from hybridllm.testing.response_shapes import input_tokens, response, response_events
from hybridllm.testing.shapes import (
    Json,
    chat_chunks,
    chat_completion,
    completion,
    completion_chunks,
    embeddings,
    last_text,
)
from hybridllm.types import Place
from hybridllm.wire import BackendError, FailureKind, WireReply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hybridllm.permit import Permit
    from hybridllm.wire import WireRequest


class EchoBackend:
    """A backend in memory, with answers in the exact shapes of the OpenAI API.

    Args:
        name: The key of the backend in the configuration that it stands in for.
        place: Where it claims to run. The policy goes by the configuration.
        reply: Returns the answer to a request; without it, the last text of the user.
        status: Fail each attempt with this HTTP status.

    Tokens are counted as characters, so that a test can work them out by hand.
    """

    def __init__(
        self,
        name: str = "echo",
        *,
        place: Place = Place.CLOUD,
        reply: Callable[[Json], str] | None = None,
        status: int | None = None,
    ) -> None:
        self._name = name
        self._place = place
        self._reply = reply or last_text
        self._status = status
        self._bodies: list[bytes] = []
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """Key of the backend in the configuration."""
        return self._name

    @property
    def place(self) -> Place:
        """Where it claims to run."""
        return self._place

    @property
    def received(self) -> bytes:
        """Every byte that it received, of all requests."""
        with self._lock:
            return b"\n".join(self._bodies)

    @property
    def received_text(self) -> str:
        """The same as text."""
        return self.received.decode("utf-8")

    @property
    def requests(self) -> tuple[Json, ...]:
        """The requests that it received, oldest first."""
        with self._lock:
            return tuple(json.loads(body) for body in self._bodies)

    def send(self, request: WireRequest, *, permit: Permit) -> WireReply:
        """Answer one attempt."""
        permit.redeem(backend=self._name, body=request.body, now=time.monotonic())
        with self._lock:
            self._bodies.append(request.body)
        if self._status is not None:
            raise BackendError(self._name, kind=FailureKind.STATUS, status=self._status)
        asked: Json = json.loads(request.body)
        if request.stream:
            return WireReply(events=_Events(self._events(request.path, asked)))
        return WireReply(body=_encode(self._answer(request.path, asked)))

    async def asend(self, request: WireRequest, *, permit: Permit) -> WireReply:
        """Answer one attempt."""
        return self.send(request, permit=permit)

    def close(self) -> None:
        """Do nothing; what was received can still be read."""

    async def aclose(self) -> None:
        """Do nothing; what was received can still be read."""

    def _answer(self, path: str, asked: Json) -> Json:
        if path == "chat/completions":
            return chat_completion(asked, text=self._reply(asked))
        if path == "completions":
            return completion(asked, text=self._reply(asked))
        if path == "embeddings":
            return embeddings(asked)
        if path == "responses/input_tokens":
            return input_tokens(asked)
        if path == "responses":
            return response(asked, text=self._reply(asked))
        raise BackendError(self._name, kind=FailureKind.STATUS, status=404)

    def _events(self, path: str, asked: Json) -> list[Json]:
        text = self._reply(asked)
        if path == "responses":
            return response_events(asked, text=text)
        if path == "completions":
            return completion_chunks(asked, text=text)
        return chat_chunks(asked, text=text)

    def __repr__(self) -> str:
        return f"EchoBackend({self._name!r}, requests={len(self._bodies)})"


class _Events:
    """The events of one streamed reply; nothing comes after it was closed."""

    def __init__(self, events: Iterable[Json]) -> None:
        self._left = iter([_encode(event) for event in events])

    def read(self) -> bytes | None:
        return next(self._left, None)

    async def aread(self) -> bytes | None:
        return self.read()

    def close(self) -> None:
        self._left = iter(())

    async def aclose(self) -> None:
        self.close()


def _encode(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()

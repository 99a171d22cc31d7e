"""Streamed replies over HTTP.

Answers: which events does a running reply hold, and did it end as it should?
Not here: what an event means (`resources`).

A stream is over when the server says `[DONE]`. If the connection ends before,
the reply was cut, and a cut reply is an error, not a short one.
"""

from __future__ import annotations

import json
import socket
import time
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio
import httpcore2

from hybridllm.backends.exchange import known_code, raise_as_backend_error, reply_error
from hybridllm.backends.leftovers import aclose_if_more_follows, close_if_more_follows
from hybridllm.backends.network import call_deadline
from hybridllm.backends.sse import EventDecoder, EventTooLargeError
from hybridllm.wire import BackendError, FailureKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

_LAST_PIECE_S = 0.05
"""How long the last bytes of a body may take after `[DONE]`, before its connection is given up."""

_TRANSPORT_ERRORS = (
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.TimeoutException,
    OSError,
)


class HttpEventStream:
    """The events of one streamed reply.

    Args:
        backend: Name of the backend, for errors.
        response: The open response; closed by this object.
        deadline: When the call must be over, in seconds of `time.monotonic`.
        ends_with_done: Whether `[DONE]` must come before the end of the body.
    """

    def __init__(
        self,
        backend: str,
        *,
        response: httpcore2.Response,
        deadline: float,
        ends_with_done: bool = True,
    ) -> None:
        self._backend = backend
        self._response = response
        self._deadline = deadline
        self._ends_with_done = ends_with_done
        self._at_end = False
        self._decoder = EventDecoder()
        self._ready: deque[bytes] = deque()
        self._pieces: Iterator[bytes] | None = None
        self._apieces: AsyncIterator[bytes] | None = None

    def read(self) -> bytes | None:
        """Return the next event, or `None` after the sender said that it is done."""
        while not self._ready:
            if not self._take(self._next_piece()):
                return None
        event = self._event()
        if event is None:
            self._deadline = min(self._deadline, time.monotonic() + _LAST_PIECE_S)
            with suppress(BackendError):  # the reply is whole; only the connection is not reused
                self._at_end = self._next_piece() is None
        return event

    async def aread(self) -> bytes | None:
        """Return the next event, or `None` after the sender said that it is done."""
        while not self._ready:
            if not self._take(await self._anext_piece()):
                return None
        event = self._event()
        if event is None:
            self._deadline = min(self._deadline, time.monotonic() + _LAST_PIECE_S)
            with suppress(BackendError):  # the reply is whole; only the connection is not reused
                self._at_end = await self._anext_piece() is None
        return event

    def close(self) -> None:
        """Close the connection, unless the reply was read to its end.

        Another thread that waits for the next piece wakes up.
        """
        if self._at_end:
            close_if_more_follows(self._response)
        else:
            self._shut_down()
        with suppress(*_TRANSPORT_ERRORS):  # it is gone either way
            self._response.close()

    async def aclose(self) -> None:
        """Close the connection, unless the reply was read to its end."""
        pieces, self._apieces = self._apieces, None
        with anyio.CancelScope(shield=True), suppress(*_TRANSPORT_ERRORS):
            if isinstance(pieces, AsyncGenerator):
                await pieces.aclose()  # before the response that it reads
            await aclose_if_more_follows(self._response)
            await self._response.aclose()

    def _shut_down(self) -> None:
        stream = self._response.extensions.get("network_stream")
        sock = None if stream is None else stream.get_extra_info("socket")
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _next_piece(self) -> bytes | None:
        token = call_deadline.set(self._deadline)
        try:
            if self._pieces is None:
                self._pieces = self._response.iter_stream()
            return next(self._pieces, None)
        except _TRANSPORT_ERRORS as error:
            raise_as_backend_error(self._backend, error)
        finally:
            call_deadline.reset(token)

    async def _anext_piece(self) -> bytes | None:
        token = call_deadline.set(self._deadline)
        try:
            if self._apieces is None:
                self._apieces = self._response.aiter_stream()
            return await anext(self._apieces, None)
        except _TRANSPORT_ERRORS as error:
            raise_as_backend_error(self._backend, error)
        finally:
            call_deadline.reset(token)

    def _take(self, piece: bytes | None) -> bool:
        """Keep a piece. Return `False` at the end of the body, if it may end there."""
        if piece is None:
            self._at_end = True
            if self._ends_with_done:
                raise BackendError(self._backend, kind=FailureKind.CONNECTION, code="stream_cut")
            return False
        is_too_large = False
        try:
            self._ready.extend(self._decoder.feed(piece))
        except EventTooLargeError:
            is_too_large = True
        if is_too_large:
            raise reply_error(self._backend, code="reply_too_large")
        return True

    def _event(self) -> bytes | None:
        event = self._ready.popleft()
        if event.strip() == b"[DONE]":
            return None
        if b'"error"' in event:
            self._refuse_error(event)
        return event

    def _refuse_error(self, event: bytes) -> None:
        try:
            data = json.loads(event)
        except (ValueError, RecursionError):
            return  # whoever reads the event will say that it is no JSON
        if isinstance(data, dict) and data.get("error") and "choices" not in data:
            raise reply_error(self._backend, code=known_code(event) or "stream_error")

    def __repr__(self) -> str:
        return f"HttpEventStream({self._backend!r})"

"""What callers get from a model in this process: replies, streams, and the SDK's errors.

Answers: what does a caller see of an engine's reply or refusal?
Not here: writing the reply, and deciding to refuse (`hybridllm.engine`).

The errors hold codes, names and counts, and never text of a request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import httpx2
import openai

from hybridllm.engine.call import Call
from hybridllm.engine.exchange import Refusal
from hybridllm.wire import WireReply, WireRequest

# Nothing is sent there; the SDK's errors need a request with an address.
_ADDRESS = "http://in-process.invalid/v1/"
_KINDS: Mapping[int, type[openai.APIStatusError]] = {
    400: openai.BadRequestError,
    404: openai.NotFoundError,
    429: openai.RateLimitError,
}


def reply_of(call: Call, *, request: WireRequest) -> WireReply:
    """Return a complete reply, or a stream that has begun."""
    if request.stream:
        return WireReply(events=_Events(call, path=request.path), request_id=call.reply_id)
    return WireReply(body=call.body, request_id=call.reply_id)


def error_of(refusal: Refusal, *, path: str) -> openai.APIError:
    """Return the SDK's error for a refusal; it holds codes, names and counts."""
    request = httpx2.Request("POST", _ADDRESS + path)
    if refusal.status == 408:
        return openai.APITimeoutError(request)
    kind = _KINDS.get(refusal.status, openai.InternalServerError)
    body = {
        "message": refusal.message,
        "type": "invalid_request_error" if refusal.status < 429 else "server_error",
        "param": refusal.param,
        "code": refusal.code,
    }
    # Trying again helps only against a full queue.
    headers = {"x-should-retry": "true" if refusal.status == 429 else "false"}
    response = httpx2.Response(refusal.status, request=request, headers=headers)
    return kind(refusal.message, response=response, body=body)


def _broken_off(refusal: Refusal, *, path: str) -> openai.APIConnectionError:
    """Return the error of a stream that ends too early."""
    request = httpx2.Request("POST", _ADDRESS + path)
    if refusal.status == 408:
        return openai.APITimeoutError(request)
    return openai.APIConnectionError(message=refusal.message, request=request)


def _stream_closed(path: str) -> openai.APIConnectionError:
    """Return the error of reading a stream that its reader has closed."""
    request = httpx2.Request("POST", _ADDRESS + path)
    return openai.APIConnectionError(message="the stream was closed", request=request)


class _Events:
    """The events of a streamed reply."""

    def __init__(self, call: Call, *, path: str) -> None:
        self._call = call
        self._path = path
        self._closed = False

    def read(self) -> bytes | None:
        """Return the next event, or `None` after the last."""
        try:
            while not (self._call.ready or self._call.complete or self._closed):
                self._call.wait()
        except Refusal as refusal:
            raise _broken_off(refusal, path=self._path) from None
        return self._next()

    async def aread(self) -> bytes | None:
        """Return the next event, or `None` after the last."""
        try:
            while not (self._call.ready or self._call.complete or self._closed):
                await self._call.await_next()
        except Refusal as refusal:
            raise _broken_off(refusal, path=self._path) from None
        except asyncio.CancelledError:
            self.close()
            raise
        return self._next()

    def close(self) -> None:
        """Stop the engine's work on it."""
        if not self._closed:
            self._closed = True
            self._call.cancel()

    async def aclose(self) -> None:
        """Stop the engine's work on it."""
        self.close()

    def _next(self) -> bytes | None:
        if self._closed and not self._call.complete:
            raise _stream_closed(self._path)
        return self._call.ready.popleft() if self._call.ready else None

"""What callers get from a model in this process: replies, streams, and failures.

Answers: what does the flow see of an engine's reply or refusal?
Not here: writing the reply, and deciding to refuse (`hybridllm.engine`).

The failures hold codes, names and counts, and never text of a request.
"""

from __future__ import annotations

import asyncio

from hybridllm.engine.call import Call
from hybridllm.engine.exchange import Refusal
from hybridllm.wire import BackendError, FailureKind, WireReply, WireRequest

_FULL, _BROKEN = 429, 500


class EngineError(BackendError):
    """The engine refused or failed. Trying again helps only against a full queue."""

    @property
    def may_retry(self) -> bool:
        """Whether the same engine may succeed a moment later."""
        return self.status == _FULL

    @property
    def may_fall_back(self) -> bool:
        """Whether another backend of the same decision may succeed."""
        return (self.status or 0) >= _BROKEN or super().may_fall_back


def reply_of(call: Call, *, request: WireRequest, backend: str) -> WireReply:
    """Return a complete reply, or a stream that has begun."""
    if request.stream:
        return WireReply(events=_Events(call, backend=backend), request_id=call.reply_id)
    return WireReply(body=call.body, request_id=call.reply_id)


def error_of(refusal: Refusal, *, backend: str) -> BackendError:
    """Return the failure of an attempt that the engine refuses."""
    if refusal.status == 408:
        return EngineError(backend, kind=FailureKind.TIMEOUT)
    return EngineError(
        backend,
        kind=FailureKind.STATUS,
        status=refusal.status,
        code=refusal.code,
        detail=refusal.message,
        param=refusal.param,
    )


def _broken_off(refusal: Refusal, *, backend: str) -> BackendError:
    """Return the failure of a stream that ends too early."""
    if refusal.status == 408:
        return BackendError(backend, kind=FailureKind.TIMEOUT)
    return BackendError(
        backend, kind=FailureKind.CONNECTION, code=refusal.code, detail=refusal.message
    )


class _Events:
    """The events of a streamed reply."""

    def __init__(self, call: Call, *, backend: str) -> None:
        self._call = call
        self._backend = backend
        self._closed = False

    def read(self) -> bytes | None:
        """Return the next event, or `None` after the last."""
        try:
            while not (self._call.ready or self._call.complete or self._closed):
                self._call.wait()
        except Refusal as refusal:
            raise _broken_off(refusal, backend=self._backend) from None
        return self._next()

    async def aread(self) -> bytes | None:
        """Return the next event, or `None` after the last."""
        try:
            while not (self._call.ready or self._call.complete or self._closed):
                await self._call.await_next()
        except Refusal as refusal:
            raise _broken_off(refusal, backend=self._backend) from None
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
            # Whoever reads a stream that was closed meanwhile must not take it for whole.
            raise BackendError(
                self._backend, kind=FailureKind.CONNECTION, code="cancelled",
                detail="the stream was closed",
            )  # fmt: skip
        return self._call.ready.popleft() if self._call.ready else None

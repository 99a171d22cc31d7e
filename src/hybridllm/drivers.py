"""Drivers: they perform the effects that a flow yields, for threads and for event loops.

Answers: how does a flow wait?
Not here: what it does (`flow`).

The two drivers are twins, line by line, and hold no rule. When the caller gives up
(a closed stream, a cancelled task, Ctrl-C), the flow is told and finishes what is
left to do: an audit line, a closed connection.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread

from hybridllm.effects import (
    AbandonedError,
    AwaitPlace,
    CloseStream,
    Compute,
    Effect,
    Emit,
    Probe,
    ReadEvent,
    RecordDurably,
    Send,
    Wait,
)
from hybridllm.errors import HybridLLMError
from hybridllm.wire import BackendError

if TYPE_CHECKING:
    from hybridllm.audit.log import AuditSink
    from hybridllm.flow import Flow
    from hybridllm.runtime import Completed
    from hybridllm.wire import EventStream

LOOP_BYTES = 32 * 1024
"""Larger requests are read in a thread, so that the event loop goes on: at the measured
0.3 ms per KiB of detection this is about 10 ms."""


_NOBODY_WAITS = (AbandonedError, BackendError, HybridLLMError, OSError)
"""What may come out of a flow that is given up; there is nobody left to be told."""

_CLOSING: set[asyncio.Task[None]] = set()
"""Streams that are being closed; a loop keeps only weak references to its tasks."""


@dataclass(frozen=True, slots=True)
class _Returned:
    """The flow has come to its end; a coroutine cannot let `StopIteration` through."""

    value: Completed | None


class SyncDriver:
    """Drives one flow in the calling thread."""

    def __init__(self, flow: Flow, *, audit: AuditSink) -> None:
        self._flow = flow
        self._audit = audit
        self.result: Completed | None = None

    def run(self) -> Completed | None:
        """Run to the end."""
        while self.next_emit() is not None:
            pass
        return self.result

    def next_emit(self) -> Emit | None:
        """Run to the next piece for the caller; `None` at the end."""
        effect = _send(self._flow, None)
        while not isinstance(effect, (Emit, _Returned)):
            effect = self._step(effect)
        if isinstance(effect, Emit):
            return effect
        self.result = effect.value
        return None

    def abandon(self) -> None:
        """Tell the flow that nobody waits any more."""
        with suppress(*_NOBODY_WAITS):
            effect = _throw(self._flow, AbandonedError())
            while not isinstance(effect, _Returned):
                effect = self._step(effect)

    def _step(self, effect: Effect) -> Effect | _Returned:
        try:
            result = self._perform(effect)
        except Exception as error:  # the flow decides what any failure means
            return _throw(self._flow, error)
        except BaseException:
            self.abandon()
            raise
        return _send(self._flow, result)

    def _perform(self, effect: Effect) -> Any:
        match effect:
            case Compute(work=work):
                return work()
            case RecordDurably(record=record):
                return self._audit.write(record)
            case Send(backend=backend, request=request, permit=permit):
                return backend.send(request, permit=permit)
            case Probe(backend=probed, timeout_s=timeout_s):
                return probed.probe(timeout_s=timeout_s)
            case AwaitPlace(ticket=ticket, timeout_s=timeout_s):
                return ticket.wait(timeout_s=timeout_s)
            case ReadEvent(events=events):
                return events.read()
            case CloseStream(events=events):
                return events.close()
            case Wait(seconds=seconds):
                return time.sleep(seconds)
            case Emit():
                return None


class AsyncDriver:
    """Drives one flow in an event loop (asyncio or trio)."""

    def __init__(self, flow: Flow, *, audit: AuditSink) -> None:
        self._flow = flow
        self._audit = audit
        self.result: Completed | None = None

    async def run(self) -> Completed | None:
        """Run to the end."""
        while await self.next_emit() is not None:
            pass
        return self.result

    async def next_emit(self) -> Emit | None:
        """Run to the next piece for the caller; `None` at the end."""
        effect = _send(self._flow, None)
        while not isinstance(effect, (Emit, _Returned)):
            effect = await self._step(effect)
        if isinstance(effect, Emit):
            return effect
        self.result = effect.value
        return None

    async def abandon(self) -> None:
        """Tell the flow that nobody waits any more. A cancelled task still gets this done."""
        with anyio.CancelScope(shield=True), suppress(*_NOBODY_WAITS):
            effect = _throw(self._flow, AbandonedError())
            while not isinstance(effect, _Returned):
                effect = await self._step(effect)

    def forget(self) -> None:
        """Tell the flow the same where nothing can be awaited: from a finaliser."""
        with suppress(*_NOBODY_WAITS):
            effect = _throw(self._flow, AbandonedError())
            while not isinstance(effect, (_Returned, Emit)):
                if isinstance(effect, CloseStream):
                    _close_soon(effect.events)
                elif isinstance(effect, Compute):
                    effect.work()
                effect = _send(self._flow, None)

    async def _step(self, effect: Effect) -> Effect | _Returned:
        try:
            result = await self._perform(effect)
        except Exception as error:  # the flow decides what any failure means
            return _throw(self._flow, error)
        except BaseException:
            await self.abandon()
            raise
        return _send(self._flow, result)

    async def _perform(self, effect: Effect) -> Any:
        match effect:
            case Compute():
                return await _compute(effect)
            case RecordDurably(record=record):
                return await anyio.to_thread.run_sync(self._audit.write, record)
            case Send(backend=backend, request=request, permit=permit):
                return await backend.asend(request, permit=permit)
            case Probe(backend=probed, timeout_s=timeout_s):
                return await probed.aprobe(timeout_s=timeout_s)
            case AwaitPlace(ticket=ticket, timeout_s=timeout_s):
                return await ticket.await_place(timeout_s=timeout_s)
            case ReadEvent(events=events):
                return await events.aread()
            case CloseStream(events=events):
                return await events.aclose()
            case Wait(seconds=seconds):
                return await anyio.sleep(seconds)
            case Emit():
                return None


async def _compute(effect: Compute) -> Any:
    """Work beside the event loop, if it would hold the loop up."""
    if effect.touches_disk or effect.size_bytes > LOOP_BYTES:
        return await anyio.to_thread.run_sync(effect.work)
    return effect.work()


def _close_soon(events: EventStream) -> None:
    """Close a stream from outside of any task, if an event loop runs that can do it."""
    with suppress(RuntimeError):  # no loop: the loop's end has closed the connection
        task = asyncio.get_running_loop().create_task(_closed(events))
        _CLOSING.add(task)
        task.add_done_callback(_CLOSING.discard)


async def _closed(events: EventStream) -> None:
    await events.aclose()


def _send(flow: Flow, value: Any) -> Effect | _Returned:
    try:
        return flow.send(value)
    except StopIteration as stop:
        return _Returned(stop.value)


def _throw(flow: Flow, error: Exception) -> Effect | _Returned:
    try:
        return flow.throw(error)
    except StopIteration as stop:
        return _Returned(stop.value)

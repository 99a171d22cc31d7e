"""From the engine's thread to the callers.

Answers: how do events reach a thread or an event loop, without either waiting for the other?
Not here: what the events say (`engine.exchange`).

All events of one step that go to one event loop cross over in one call, since waking a loop
costs more than an event.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from queue import Empty, SimpleQueue
from threading import TIMEOUT_MAX
from typing import Protocol

from hybridllm.engine.exchange import Event


class Mailbox(Protocol):
    """Where the events of one request go."""

    loop: asyncio.AbstractEventLoop | None

    def deliver(self, event: Event) -> None:
        """Take an event, on the receiver's side."""
        ...


class ThreadMailbox:
    """For a caller that waits in a thread."""

    loop: asyncio.AbstractEventLoop | None = None

    def __init__(self) -> None:
        self._events: SimpleQueue[Event] = SimpleQueue()

    def deliver(self, event: Event) -> None:
        """Take an event; any thread may call it."""
        self._events.put(event)

    def next(self, *, timeout_s: float) -> Event | None:
        """Return the next event, or `None` when there was none in time."""
        try:
            return self._events.get(timeout=min(max(timeout_s, 0.0), TIMEOUT_MAX))
        except Empty:
            return None


class LoopMailbox:
    """For a caller that awaits in an event loop. Must be made in that loop."""

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        self._events: asyncio.Queue[Event] = asyncio.Queue()

    def deliver(self, event: Event) -> None:
        """Take an event; only the loop's own thread may call it."""
        self._events.put_nowait(event)

    async def next(self, *, timeout_s: float) -> Event | None:
        """Return the next event, or `None` when there was none in time."""
        try:
            async with asyncio.timeout(min(max(timeout_s, 0.0), TIMEOUT_MAX)):
                return await self._events.get()
        except TimeoutError:
            return None


class Outbox:
    """Collects the events of a step and sends them together."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Mailbox, Event]] = []

    def put(self, mailbox: Mailbox, *, event: Event) -> None:
        """Keep an event until the next `flush`."""
        self._waiting.append((mailbox, event))

    def flush(self) -> None:
        """Send everything, in order, with one wake-up for each event loop."""
        waiting, self._waiting = self._waiting, []
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Mailbox, Event]]] = defaultdict(list)
        for mailbox, event in waiting:
            if mailbox.loop is None:
                mailbox.deliver(event)
            else:
                by_loop[mailbox.loop].append((mailbox, event))
        for loop, events in by_loop.items():
            try:
                loop.call_soon_threadsafe(_deliver_all, events)
            except RuntimeError:  # the loop is closed, so nobody waits there any more
                continue


def _deliver_all(events: list[tuple[Mailbox, Event]]) -> None:
    for mailbox, event in events:
        mailbox.deliver(event)

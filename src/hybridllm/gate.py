"""The gate of one backend: how many calls it works on at once, and who waits.

Answers: may a call start now, and if not, where does it stand in the queue?
Not here: how long it may wait (`admission`), which backend is asked (`balance`).

- First come, first served, and blind to labels: who waits does not depend on content.
- One gate serves threads and event loops at the same time. A waiting task does not
  block its loop, and whoever leaves the queue, for whatever reason, takes no place along.
- After a fork the child starts with an empty gate: the parent's calls are not its own.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, Final

import anyio
from anyio.lowlevel import current_token


class Gate:
    """Admits calls up to a limit, and keeps the others in order.

    Args:
        max_concurrency: Calls at once; `None` for no limit.
        max_queue: Calls that may wait.
    """

    def __init__(self, *, max_concurrency: int | None = None, max_queue: int = 1_000) -> None:
        self._limit: Final = max_concurrency
        self._max_queue: Final = max_queue
        self._start()

    @property
    def running(self) -> int:
        """Calls that hold a place."""
        return self._running if self._process == os.getpid() else 0

    @property
    def waiting(self) -> int:
        """Calls in the queue."""
        return len(self._queue) if self._process == os.getpid() else 0

    def enter(self) -> Slot | Ticket | None:
        """Return a place, else a ticket of the queue, else nothing: the queue is full."""
        with self._own_lock():
            # While somebody waits, no place is free: a place that is given back is handed on.
            if self._limit is None or self._running < self._limit:
                self._running += 1
                return Slot(self, process=self._process)
            if len(self._queue) >= self._max_queue:
                return None
            ticket = Ticket(self)
            self._queue[ticket] = None
            return ticket

    def listen(self, ticket: Ticket, *, wake: Callable[[], object]) -> bool:
        """Call `wake` as soon as the ticket has a place. Return whether it has none yet."""
        with self._own_lock():
            if ticket not in self._queue:
                return False
            self._queue[ticket] = wake
            return True

    def claim(self, ticket: Ticket) -> Slot | None:
        """Return the ticket's place; without one it leaves the queue."""
        with self._own_lock():
            self._queue.pop(ticket, None)
            if ticket in self._granted:
                self._granted.remove(ticket)
                ticket.slot = Slot(self, process=self._process)
            return ticket.slot

    def leave(self, *, process: int) -> None:
        """Take a place back, and give it to whoever has waited longest."""
        with self._own_lock():
            if process != self._process:
                return  # a place of the parent's gate
            self._running -= 1
            while self._queue and self._limit is not None and self._running < self._limit:
                ticket, wake = next(iter(self._queue.items()))
                del self._queue[ticket]
                if wake is None or _is_told(wake):
                    self._granted.add(ticket)
                    self._running += 1

    def _own_lock(self) -> threading.RLock:
        """Return the lock of this process.

        It may be taken twice: a stream that is collected while its thread is in here
        gives its place back.
        """
        if self._process != os.getpid():
            self._start()
        return self._lock

    def _start(self) -> None:
        self._lock = threading.RLock()
        self._process = os.getpid()
        self._running = 0
        self._queue: dict[Ticket, Callable[[], object] | None] = {}
        self._granted: set[Ticket] = set()

    def __repr__(self) -> str:
        return f"Gate(running={self.running}, waiting={self.waiting})"


class Slot:
    """A place at a backend. Given back once, however often `release` is called."""

    __slots__ = ("_gate", "_held", "_process")

    def __init__(self, gate: Gate, *, process: int) -> None:
        self._gate = gate
        self._process = process
        self._held = [True]

    def release(self) -> None:
        """Give the place back."""
        try:
            self._held.pop()  # one caller wins: list.pop is atomic
        except IndexError:
            return
        self._gate.leave(process=self._process)


class Ticket:
    """A place in the queue of one gate.

    Attributes:
        slot: The place at the backend, once it was claimed.
    """

    __slots__ = ("_gate", "slot")

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.slot: Slot | None = None

    def wait(self, *, timeout_s: float) -> Slot | None:
        """Wait for a place in a thread; `None` after the time is up."""
        event = threading.Event()
        if self._gate.listen(self, wake=event.set):
            event.wait(timeout_s)
        return self._gate.claim(self)

    async def await_place(self, *, timeout_s: float) -> Slot | None:
        """Wait for a place in an event loop; `None` after the time is up."""
        event = anyio.Event()
        soon = _soon()
        if self._gate.listen(self, wake=lambda: soon(event.set)):
            with anyio.move_on_after(timeout_s):
                await event.wait()
        return self._gate.claim(self)

    def leave(self) -> None:
        """Leave the queue; a place that was given already goes to the next one."""
        slot = self._gate.claim(self)
        if slot is not None:
            slot.release()


def _is_told(wake: Callable[[], object]) -> bool:
    """Wake a waiting call. Return whether there was still somebody to wake."""
    try:
        wake()
    except RuntimeError:  # its event loop has ended, and the call with it
        return False
    return True


def _soon() -> Callable[[Callable[[], object]], object]:
    """Return how any thread has something done in the running event loop."""
    loop: Any = current_token().native_token
    of_asyncio = getattr(loop, "call_soon_threadsafe", None)
    soon: Callable[[Callable[[], object]], object] = of_asyncio or loop.run_sync_soon
    return soon

"""The engine's thread.

Answers: how does a request get to the one thread that owns the model?
Not here: what that thread does in a turn (`engine.scheduler`).

The thread starts with the first request, loads the model, and is a daemon: a program that ends
without `close` is not held up. Model and tokenizer are never touched by any other thread, so
that no two requests can see each other's state.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Lock, Thread

import torch

from hybridllm.engine.exchange import Failed, Job, Refusal
from hybridllm.engine.mailbox import Mailbox, Outbox
from hybridllm.engine.model import LoadedModel
from hybridllm.engine.scheduler import Scheduler
from hybridllm.engine.settings import Limits
from hybridllm.engine.ticket import Ticket
from hybridllm.errors import ConfigurationError


class Engine:
    """Serves many callers with one model.

    Args:
        loader: Loads the model; called once, in the engine's thread.
        limits: How much it takes on.
        name: For the thread's name.
    """

    def __init__(self, loader: Callable[[], LoadedModel], *, limits: Limits, name: str) -> None:
        self._loader = loader
        self._limits = limits
        self._name = name
        self._inbox: SimpleQueue[Ticket | None] = SimpleQueue()
        self._lock = Lock()
        self._thread: Thread | None = None
        self._outbox = Outbox()
        self._taken = 0  # requests that the thread has on its hands
        self._closed = False
        self.load_error: ConfigurationError | None = None

    @property
    def running(self) -> bool:
        """Whether the thread is there."""
        return self._thread is not None and self._thread.is_alive()

    def submit(self, job: Job, *, mailbox: Mailbox, deadline: float) -> Ticket:
        """Hand a request over; its events go to the mailbox.

        Raises:
            Refusal: Too many requests wait, or the engine is closed.
        """
        ticket = Ticket(job, mailbox=mailbox, deadline=deadline)
        with self._lock:
            if self._closed:
                raise _closed()
            if self._inbox.qsize() + self._taken >= self._limits.max_waiting:
                raise Refusal("too many requests wait", code="engine_overloaded", status=429)
            if self._thread is None:
                self._thread = Thread(
                    target=self._work, name=f"hybridllm-engine-{self._name}", daemon=True
                )
                self._thread.start()
            self._inbox.put(ticket)
        return ticket

    def close(self) -> None:
        """Tell the thread to end after its current step; all requests fail."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._inbox.put(None)

    def join(self, *, timeout_s: float) -> None:
        """Wait for the thread to end."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _work(self) -> None:
        try:
            loaded = self._loader()
            scheduler = Scheduler(loaded, limits=self._limits, outbox=self._outbox)
        except Exception as error:  # Loading reads strangers' files; callers must hear of it.
            if isinstance(error, ConfigurationError):
                self.load_error = error
            self._refuse_all(_not_loaded(error), wait=True)
            return
        if loaded.device.type == "cpu":
            torch.set_num_threads(self._limits.threads or max(1, _cores() - 1))
        while self._collect(scheduler):
            try:
                scheduler.turn()
            except Exception as error:  # A fault in one turn must not leave callers waiting.
                scheduler.fail_all(_broken(error))
            self._outbox.flush()
        scheduler.fail_all(_closed())
        self._refuse_all(_closed(), wait=False)

    def _collect(self, scheduler: Scheduler) -> bool:
        """Take what has come in; wait when there is nothing to do. False: the engine closes."""
        if not scheduler.busy:
            scheduler.rest()
        while True:
            self._outbox.flush()
            self._taken = scheduler.requests
            try:
                ticket = self._inbox.get(block=not scheduler.busy)
            except Empty:
                return True
            if ticket is None:
                return False
            if not ticket.cancelled:
                scheduler.add(ticket)

    def _refuse_all(self, refusal: Refusal, *, wait: bool) -> None:
        """Refuse what comes in until the engine is closed, or until nothing is left."""
        while True:
            self._outbox.flush()
            try:
                ticket = self._inbox.get(block=wait)
            except Empty:
                return
            if ticket is None:
                return
            self._outbox.put(ticket.mailbox, event=Failed(refusal))


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)  # Linux alone tells what this process may use
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _closed() -> Refusal:
    return Refusal("the engine is closed", code="engine_closed", status=503)


def _not_loaded(error: Exception) -> Refusal:
    # A configuration error names files and reasons; anything else is told by its class alone.
    reason = str(error) if isinstance(error, ConfigurationError) else type(error).__name__
    return Refusal(f"the model is not loaded: {reason}", code="model_not_loaded", status=500)


def _broken(error: Exception) -> Refusal:
    return Refusal(f"the engine failed ({type(error).__name__})", code="engine_failed", status=500)

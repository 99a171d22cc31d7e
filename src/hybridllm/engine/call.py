"""One request on the caller's side.

Answers: what has come back for this request so far?
Not here: the engine's side of it (`engine.ticket`), the errors that callers see
(`backends.in_process`).

Units: seconds of `time.monotonic`.
"""

from __future__ import annotations

import time
from collections import deque

from hybridllm.engine.exchange import Accepted, Done, Event, Failed, Piece, Refusal, Vectors
from hybridllm.engine.mailbox import LoopMailbox, ThreadMailbox
from hybridllm.engine.ticket import Ticket
from hybridllm.engine.writers import Writer


class Call:
    """Collects the events of one request into a body, or into the events of a stream.

    Attributes:
        complete: Whether everything has come.
        ready: Events of a stream that nobody has read yet.
    """

    def __init__(
        self, ticket: Ticket, *, mailbox: ThreadMailbox | LoopMailbox, writer: Writer,
        streams: bool,
    ) -> None:  # fmt: skip
        self.complete = False
        self.ready: deque[bytes] = deque()
        self._ticket = ticket
        self._mailbox = mailbox
        self._writer = writer
        self._streams = streams
        self._vectors: Vectors | None = None
        self._body = b""

    def __del__(self) -> None:
        # A stream that its reader drops without closing it must not go on being written.
        self._ticket.cancel()

    @property
    def reply_id(self) -> str:
        """The id that the reply carries."""
        return self._writer.reply_id

    @property
    def body(self) -> bytes:
        """The whole reply, once it is complete."""
        return self._body

    def wait(self) -> None:
        """Take the next event.

        Raises:
            Refusal: The engine refused or failed, or the deadline has passed.
        """
        assert isinstance(self._mailbox, ThreadMailbox)  # noqa: S101 - told to the type checker
        self._take(self._mailbox.next(timeout_s=self._time_left()))

    async def await_next(self) -> None:
        """Take the next event.

        Raises:
            Refusal: The engine refused or failed, or the deadline has passed.
        """
        assert isinstance(self._mailbox, LoopMailbox)  # noqa: S101 - told to the type checker
        self._take(await self._mailbox.next(timeout_s=self._time_left()))

    def cancel(self) -> None:
        """Stop the engine's work on this request, and wake whoever waits for it."""
        self._ticket.cancel()
        refusal = Refusal("the request was cancelled", code="cancelled", status=408)
        self._mailbox.deliver(Failed(refusal))

    def _time_left(self) -> float:
        return self._ticket.deadline - time.monotonic()

    def _take(self, event: Event | None) -> None:
        match event:
            case None:
                self._ticket.cancel()
                raise Refusal("the deadline has passed", code="deadline_exceeded", status=408)
            case Failed(refusal):
                raise refusal
            case Accepted():
                self._writer.expect_tools(event.tools)
                self.ready.extend(self._writer.opening() if self._streams else ())
            case Piece():
                if self._streams:
                    self.ready.extend(self._writer.events(event))
                else:
                    self._writer.add(event)
            case Vectors():
                self._vectors = event
            case Done():
                self._finish(event)

    def _finish(self, done: Done) -> None:
        self.complete = True
        if self._streams:
            self.ready.extend(self._writer.closing(done))
        elif self._vectors is not None:
            self._body = self._writer.vectors(self._vectors, done=done)
        else:
            self._body = self._writer.body(done)

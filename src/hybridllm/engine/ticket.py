"""A request on its way through the engine.

Answers: where do its events go, and does anybody still wait for them?
Not here: the answers themselves (`engine.row`).

Units: seconds of `time.monotonic`.
"""

from __future__ import annotations

import time

from hybridllm.engine.exchange import Job, Refusal
from hybridllm.engine.mailbox import Mailbox
from hybridllm.engine.tools import ToolFormat


class Ticket:
    """One request.

    Callers use `cancel`; everything else belongs to the engine's thread.
    """

    __slots__ = ("_cancelled", "cached_tokens", "completion_tokens", "deadline", "job", "mailbox",
                 "open_rows", "prompt_tokens", "tools")  # fmt: skip

    def __init__(self, job: Job, *, mailbox: Mailbox, deadline: float) -> None:
        self.job = job
        self.mailbox = mailbox
        self.deadline = deadline
        self.prompt_tokens = 0
        self.cached_tokens = 0
        self.completion_tokens = 0
        self.open_rows = 0
        self.tools: ToolFormat | None = None
        self._cancelled = False

    def cancel(self) -> None:
        """Say that nobody waits any more; the engine drops the request at its next step."""
        self._cancelled = True

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits any more."""
        return self._cancelled

    def overdue(self) -> Refusal | None:
        """Return the refusal of a request that is past its deadline."""
        if time.monotonic() <= self.deadline:
            return None
        return Refusal("the deadline has passed", code="deadline_exceeded", status=408)

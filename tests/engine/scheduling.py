"""A scheduler that tests drive turn by turn, without its thread.

Answers: how does a test make an order of joins, cancels and stops, and make it again?
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from hybridllm.engine.exchange import Event, Generation, Piece, Sampling
from hybridllm.engine.mailbox import Outbox, ThreadMailbox
from hybridllm.engine.model import LoadedModel
from hybridllm.engine.row import Row
from hybridllm.engine.scheduler import Scheduler
from hybridllm.engine.settings import Limits
from hybridllm.engine.ticket import Ticket

GREEDY = Sampling(temperature=0.0)


class Bench:
    """A scheduler without a thread."""

    def __init__(self, loaded: LoadedModel, **limits: Any) -> None:
        torch.set_num_threads(1)  # threads of such small products only wait for each other
        self.outbox = Outbox()
        self.loaded = loaded
        self.scheduler = Scheduler(loaded, limits=Limits(**limits), outbox=self.outbox)
        self._seen: dict[int, Row] = {}

    def submit(
        self, prompt: Sequence[int], *, deadline: float = float("inf"), **how: Any
    ) -> Ticket:
        """Ask for a greedy answer to some tokens."""
        job = Generation(prompts=(tuple(prompt),), streams=True, **{"sampling": GREEDY} | how)
        ticket = Ticket(job, mailbox=ThreadMailbox(), deadline=deadline)
        self.scheduler.add(ticket)
        return ticket

    def rows(self) -> list[Row]:
        """Return every answer that was seen running so far."""
        self._seen |= {id(row): row for row in self.scheduler.running}
        return list(self._seen.values())

    def run(self, *, turns: int = 10_000, to_the_end: bool = True) -> None:
        """Do turns until nothing is left."""
        for _ in range(turns):
            if not self.scheduler.busy:
                return
            self.scheduler.turn()
            self.rows()
        assert not to_the_end, "the scheduler does not come to an end"

    def events(self, ticket: Ticket) -> list[Event]:
        """Return what has come for a request."""
        self.outbox.flush()
        mailbox = ticket.mailbox
        assert isinstance(mailbox, ThreadMailbox)
        found = []
        while (event := mailbox.next(timeout_s=0)) is not None:
            found.append(event)
        return found

    def text(self, ticket: Ticket) -> str:
        """Return the text that has come for a request."""
        return "".join(event.text for event in self.events(ticket) if isinstance(event, Piece))

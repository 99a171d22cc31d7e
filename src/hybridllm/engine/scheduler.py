"""Who runs next.

Answers: in which order do prompts get read and answers grow, and what happens when memory ends?
Not here: the thread (`engine.core`), the forward passes (`engine.batch`).

One turn reads at most one group of short prompts and one chunk of a long one, then grows every
running answer by one token. Rows join and leave between turns. When memory runs out, the cache
is dropped, half as many rows run at once, and each goes on from its prompt and what it has said.
Everything here runs in the engine's thread.
Units: tokens, bytes.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Sequence

import torch

from hybridllm.engine.adapters import change_adapters
from hybridllm.engine.batch import Batch
from hybridllm.engine.exchange import (
    Accepted,
    AdapterChange,
    Count,
    Done,
    Embedding,
    Failed,
    Refusal,
    Vectors,
)
from hybridllm.engine.growth import give_up, grow
from hybridllm.engine.mailbox import Outbox
from hybridllm.engine.memory import KvBudget, is_out_of_memory, kv_budget_bytes
from hybridllm.engine.model import LoadedModel
from hybridllm.engine.pooling import EmbeddingRun
from hybridllm.engine.reading import Reader
from hybridllm.engine.row import Row
from hybridllm.engine.rows import RowFactory
from hybridllm.engine.settings import Limits
from hybridllm.engine.ticket import Ticket

# Turns without trouble after which twice as many rows may run again.
_RECOVERY_TURNS = 256
# The part of the memory for running rows that what was read before may take beside it.
_PREFIX_PART = 8


class Scheduler:
    """Runs the requests of one model, turn by turn.

    Attributes:
        running: The answers that grow, in the order of the batch.
        room: How many may grow at once; fewer than allowed after memory ran out.
    """

    def __init__(self, loaded: LoadedModel, *, limits: Limits, outbox: Outbox) -> None:
        self._loaded = loaded
        self._limits = limits
        self._outbox = outbox
        self._factory = RowFactory(loaded)
        self._batch = Batch(loaded) if loaded.writes else None
        self._kv = KvBudget(
            limits.kv_cache_bytes or kv_budget_bytes(loaded.device),
            bytes_per_token=loaded.kv_bytes_per_token,
        )
        self.room = limits.max_batch
        self._good_turns = 0
        self._waiting: deque[Row] = deque()
        total = self._kv.total_bytes
        prefix_bytes = limits.prefix_cache_bytes
        self._reader = Reader(
            chunk=limits.prefill_tokens,
            prefix_bytes=total // _PREFIX_PART if prefix_bytes is None else prefix_bytes,
        )
        self.running: list[Row] = []
        self._embeddings: deque[EmbeddingRun] = deque()

    @property
    def busy(self) -> bool:
        """Whether a turn would do anything."""
        return bool(self._waiting or self._reader.groups or self.running or self._embeddings)

    @property
    def requests(self) -> int:
        """How many requests wait or run."""
        return len(self._tickets())

    def add(self, ticket: Ticket) -> None:
        """Take a request on, or refuse it."""
        try:
            if isinstance(ticket.job, AdapterChange):
                in_use = {row.adapter for row in self._rows()}
                change_adapters(self._loaded.adapters, change=ticket.job, in_use=in_use)
                self._reader.prefixes.forget_adapter(ticket.job.name)
                self._outbox.put(ticket.mailbox, event=Done(0))
                return
            if isinstance(ticket.job, Count):
                self._outbox.put(ticket.mailbox, event=Done(self._factory.count(ticket.job)))
                return
            if isinstance(ticket.job, Embedding):
                self._embeddings.append(EmbeddingRun(ticket, loaded=self._loaded))
            else:
                rows = self._factory.rows(ticket)
                self._check_queue()
                ticket.open_rows = len(rows)
                self._waiting.extend(rows)
        except Refusal as refusal:
            self._outbox.put(ticket.mailbox, event=Failed(refusal))
        else:
            self._outbox.put(
                ticket.mailbox, event=Accepted(ticket.prompt_tokens, tools=ticket.tools)
            )

    def turn(self) -> None:
        """Do one turn."""
        self._sweep()
        try:
            if self._batch:
                self._reader.admit(self._waiting, fits=self._fits)
                self._read(self._batch)
                self._step(self._batch)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            del error  # its traceback holds the tensors that did not fit
            self._shrink()
        else:
            self._recover()
        self._embed()

    def rest(self) -> None:
        """Give memory back; nothing runs. What was read stays, for conversations that go on."""
        if self._batch:
            self._batch.slots.clear()

    def fail_all(self, refusal: Refusal) -> None:
        """End every request, and forget them."""
        for ticket in self._tickets():
            self._outbox.put(ticket.mailbox, event=Failed(refusal))
        self._waiting.clear()
        self._reader.groups.clear()
        self._reader.prefixes.clear()  # after a fault, nothing that was computed is trusted
        self.running.clear()
        self._embeddings.clear()
        self.rest()

    def _check_queue(self) -> None:
        if sum(len(row.prompt) for row in self._waiting) > self._limits.max_waiting_tokens:
            raise Refusal("too many prompts wait", code="engine_overloaded", status=429)

    def _tickets(self) -> dict[Ticket, None]:
        """Return every request once, in order."""
        tickets = [row.ticket for row in self._rows()]
        return dict.fromkeys(tickets + [run.ticket for run in self._embeddings])

    def _rows(self) -> list[Row]:
        """Return every answer that is not complete."""
        return [*self.running, *self._reader.rows, *self._waiting]

    def _sweep(self) -> None:
        """Drop what nobody waits for any more."""
        gone: dict[Ticket, Refusal | None] = {}
        for ticket in self._tickets():
            refusal = ticket.overdue()
            if ticket.cancelled or refusal:
                gone[ticket] = refusal
        if not gone:
            return
        for ticket, refusal in gone.items():
            ticket.cancel()
            if refusal:
                self._outbox.put(ticket.mailbox, event=Failed(refusal))
        self._waiting = deque(row for row in self._waiting if row.ticket not in gone)
        self._embeddings = deque(run for run in self._embeddings if run.ticket not in gone)
        self._reader.groups = [
            group
            for group in self._reader.groups
            if any(row.ticket not in gone for row in group.rows)
        ]
        self._remove([row for row in self.running if row.ticket in gone])

    def _fits(self, tokens: int, extra: int) -> bool:
        rows = len(self.running) + extra + len(self._reader.rows)
        if not rows:
            return True
        if rows >= self.room:
            return False
        return self._kv.has_room(rows + 1, tokens=max([tokens, *self._lengths()]))

    def _read(self, batch: Batch) -> None:
        for group in list(self._reader.groups):
            logits = group.prefill.advance(batch.forward)
            if logits is None:
                continue
            self._reader.keep_prompts(group)
            fresh = grow(group.rows, logits=logits[group.sources], outbox=self._outbox)
            if fresh:
                places = [group.sources[group.rows.index(row)] for row in fresh]
                lengths = [group.prefill.lengths[place] for place in places]
                batch.slots.join(group.prefill.cache, sources=places, lengths=lengths)
            self.running += fresh
            self._reader.groups.remove(group)

    def _step(self, batch: Batch) -> None:
        while len(self.running) > 1 and self._kv.exceeded(
            len(self.running), tokens=max(self._lengths())
        ):
            self._preempt()
        if not self.running:
            return
        rows = list(self.running)
        logits = batch.step(
            [row.output[-1] for row in rows], adapters=[row.adapter for row in rows]
        )
        alive = set(map(id, grow(rows, logits=logits, outbox=self._outbox)))
        for place, row in enumerate(rows):
            if row.finish_reason:
                self._reader.keep_answer(row, slots=batch.slots, place=place)
        self._remove([row for row in rows if id(row) not in alive])

    def _remove(self, rows: Sequence[Row]) -> None:
        assert self._batch is not None or not rows  # noqa: S101 - told to the type checker
        for row in rows:
            place = self.running.index(row)
            self._batch.slots.leave(place)  # type: ignore[union-attr]
            last = self.running.pop()
            if last is not row:
                self.running[place] = last

    def _lengths(self) -> list[int]:
        return [row.length for row in self.running]

    def _preempt(self) -> None:
        """Send the row that has said least back to wait; it goes on from there later."""
        row = min(self.running, key=lambda row: len(row.output))
        self._remove([row])
        self._waiting.appendleft(row)

    def _shrink(self) -> None:
        """Start again with half as many rows after memory ran out."""
        rows = [*self.running, *self._reader.rows]
        rows = [row for row in rows if not row.finish_reason]
        self.running.clear()
        self._reader.groups.clear()
        self._reader.prefixes.clear()
        self.rest()
        gc.collect()
        if self._loaded.device.type == "cuda":
            torch.cuda.empty_cache()
        if len(rows) == 1:  # it ran alone, so fewer rows will not help it
            give_up(rows.pop(), outbox=self._outbox)
        self._waiting.extendleft(reversed(rows))
        self.room = max(1, len(rows) // 2)
        self._good_turns = 0

    def _recover(self) -> None:
        self._good_turns += 1
        if self._good_turns >= _RECOVERY_TURNS and self.room < self._limits.max_batch:
            self.room = min(self._limits.max_batch, self.room * 2)
            self._good_turns = 0

    def _embed(self) -> None:
        """Embed one group of inputs of the request that is first."""
        if not self._embeddings:
            return
        run = self._embeddings[0]
        try:
            run.advance(tokens_at_once=self._limits.prefill_tokens)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            self._embeddings.popleft()
            refusal = Refusal("out of memory", code="out_of_memory", status=503)
            self._outbox.put(run.ticket.mailbox, event=Failed(refusal))
            return
        if run.vectors is not None:
            self._embeddings.popleft()
            self._outbox.put(run.ticket.mailbox, event=Vectors(run.vectors))
            self._outbox.put(run.ticket.mailbox, event=Done(run.ticket.prompt_tokens))

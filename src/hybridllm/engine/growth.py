"""One more token for every running answer.

Answers: what does each answer say next, and who hears of it?
Not here: the logits (`engine.batch`), who runs (`engine.scheduler`).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from hybridllm.engine.exchange import Done, Failed, Refusal
from hybridllm.engine.mailbox import Outbox
from hybridllm.engine.row import Row
from hybridllm.engine.sampling import choose


def grow(rows: Sequence[Row], *, logits: torch.Tensor, outbox: Outbox) -> list[Row]:
    """Choose and report the next token of each row; return the rows that go on."""
    for row, choice in zip(rows, choose(logits, rows=rows), strict=True):
        ticket = row.ticket
        piece = row.accept(choice)
        if piece and not ticket.cancelled:
            outbox.put(ticket.mailbox, event=piece)
        if row.finish_reason:
            ticket.completion_tokens += len(row.output)
            ticket.cached_tokens += row.cached_tokens
            ticket.open_rows -= 1
            if not ticket.open_rows:
                done = Done(
                    ticket.prompt_tokens, completion_tokens=ticket.completion_tokens,
                    cached_tokens=ticket.cached_tokens,
                )  # fmt: skip
                outbox.put(ticket.mailbox, event=done)
    return [row for row in rows if not row.finish_reason and not row.ticket.cancelled]


def give_up(row: Row, *, outbox: Outbox) -> None:
    """End the request of a row that does not fit into memory even when it is alone."""
    refusal = Refusal(
        f"the memory does not hold one request of {row.length} tokens",
        code="out_of_memory",
        status=503,
    )
    row.ticket.cancel()
    outbox.put(row.ticket.mailbox, event=Failed(refusal))

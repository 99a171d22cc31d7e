"""Prompts that are being read.

Answers: which prompts are read together, which parts of them are known already, and who shares?
Not here: the forward pass (`engine.batch`), who may run at all (`engine.scheduler`).

Prompts that begin alike go on from what was read before (`engine.prefixes`). Equal prompts of one
scope, such as those of `n` answers, are read once.
Units: tokens.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hybridllm.engine.batch import Prefill
from hybridllm.engine.exchange import Generation
from hybridllm.engine.prefixes import Prefix, Prefixes

if TYPE_CHECKING:
    from hybridllm.engine.cache import Slots
    from hybridllm.engine.row import Row

# A forward pass of few tokens still reads all weights, so groups beside the first count as this
# part of a chunk at least.
_LEAST_SHARE = 4


@dataclass(slots=True, eq=False)
class Group:
    """Prompts that are read together.

    Attributes:
        rows: Their answers.
        sources: Which prompt of `prefill` each row has.
        is_long: Whether it takes more than one turn.
    """

    prefill: Prefill
    rows: list[Row]
    sources: list[int]
    is_long: bool


@dataclass(slots=True)
class _Plan:
    """A group in the making: prompts that all begin with the same known prefix."""

    prefix: Prefix | None
    rows: list[Row] = field(default_factory=list)
    longest: int = 0

    def cost(self, *, least: int) -> int:
        """Return the tokens that one forward pass reads, padding included."""
        return max(self.longest * len(self.rows), least)


class Reader:
    """Forms the groups, and keeps what was read for prompts that begin alike."""

    def __init__(self, *, chunk: int, prefix_bytes: int) -> None:
        self._chunk = chunk
        self.prefixes = Prefixes(prefix_bytes)
        self.groups: list[Group] = []

    @property
    def rows(self) -> list[Row]:
        """Every row whose prompt is being read."""
        return [row for group in self.groups for row in group.rows]

    def admit(self, waiting: deque[Row], *, fits: Callable[[int, int], bool]) -> None:
        """Move waiting rows to groups: short prompts up to one chunk, and one long prompt.

        Args:
            waiting: In order; what does not fit stays.
            fits: Says of a length, and of a number of rows that come in beside it, whether there
                is room.
        """
        long = any(group.is_long for group in self.groups)
        plans: dict[Hashable, _Plan] = {}
        kept: deque[Row] = deque()
        while waiting and fits(waiting[0].length, sum(len(plan.rows) for plan in plans.values())):
            row = waiting.popleft()
            prefix = self._known(row)
            rest = row.length - (prefix.length if prefix else 0)
            if rest > self._chunk:
                if long:
                    kept.append(row)
                    continue
                long = True
                self._start([row], prefix=prefix, is_long=True)
            elif not self._joins(plans, row, prefix=prefix, rest=rest):
                waiting.appendleft(row)
                break
        waiting.extendleft(reversed(kept))
        for plan in plans.values():
            self._start(plan.rows, prefix=plan.prefix, is_long=False)

    def keep_prompts(self, group: Group) -> None:
        """Keep what a group has read."""
        for source in set(group.sources):
            row = group.rows[group.sources.index(source)]
            self.prefixes.keep(
                row.tokens, layers=group.prefill.cache.layers, row=source, first=0, scope=row.scope,
                adapter=row.adapter,
            )  # fmt: skip

    def keep_answer(self, row: Row, *, slots: Slots, place: int) -> None:
        """Keep what a finished answer has read and said, for the next turn of a conversation."""
        length = slots.lengths[place]
        self.prefixes.keep(
            row.tokens[:length], layers=slots.cache.layers, row=place, first=slots.end - length,
            scope=row.scope, adapter=row.adapter,
        )  # fmt: skip

    def _known(self, row: Row) -> Prefix | None:
        prefix = self.prefixes.find(row.tokens, scope=row.scope, adapter=row.adapter)
        job = row.ticket.job
        if isinstance(job, Generation) and not row.output and row.index % job.n == 0:
            row.cached_tokens = prefix.length if prefix else 0
        return prefix

    def _joins(
        self, plans: dict[Hashable, _Plan], row: Row, *, prefix: Prefix | None, rest: int
    ) -> bool:
        """Put a row into the plan of its prefix, unless this turn would read too much."""
        key = None if prefix is None else id(prefix.last)
        old = plans.get(key)
        rows = [*old.rows, row] if old else [row]
        plan = _Plan(prefix, rows, max(rest, old.longest if old else 0))
        together = plans | {key: plan}
        least = self._chunk // _LEAST_SHARE if len(together) > 1 else 0
        if plans and sum(one.cost(least=least) for one in together.values()) > self._chunk:
            return False
        plans[key] = plan
        return True

    def _start(self, rows: Sequence[Row], *, prefix: Prefix | None, is_long: bool) -> None:
        prompts: dict[tuple[Hashable, str | None, tuple[int, ...]], int] = {}
        sources = [
            prompts.setdefault((_owner(row), row.adapter, row.tokens), len(prompts))
            for row in rows
        ]  # fmt: skip
        prefill = Prefill(
            [tokens for _, _, tokens in prompts],
            adapters=[adapter for _, adapter, _ in prompts],
            chunk=self._chunk,
            prefix=prefix,
        )
        self.groups.append(Group(prefill, [*rows], sources, is_long))


def _owner(row: Row) -> Hashable:
    """Return with whom a row may share: its scope, or only its own request."""
    return id(row.ticket) if row.scope is None else row.scope

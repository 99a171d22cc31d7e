"""How fast a backend answers many callers at once.

Answers: how many tokens a second, how long until the first one, how long between two?
Not here: which backends there are (`config.benching`), showing the numbers (`cli.engine_bench`).

The texts are made up here, so no policy is asked and nothing is recorded; the permits are for
them alone. Every answer is exactly as long as asked for.
Units: tokens, seconds.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hybridllm.permit import Permit
from hybridllm.wire import WireRequest

if TYPE_CHECKING:
    from hybridllm.wire import Backend, EventStream

_TOPICS = ("rivers", "invoices", "bread", "winter", "trains", "glass", "tea", "bridges")
_LONGEST_S = 3600.0


@dataclass(slots=True)
class Speed:
    """What one backend did with some callers.

    Attributes:
        name: Of the backend.
        callers: At once.
        seconds: For all of them.
        tokens: Written for all of them.
        first_s: Until the first piece, for each caller.
        between_s: Between two pieces.
    """

    name: str
    callers: int
    seconds: float = 0.0
    tokens: int = 0
    first_s: list[float] = field(default_factory=list)
    between_s: list[float] = field(default_factory=list)

    @property
    def tokens_per_s(self) -> float:
        """Tokens of all callers in a second."""
        return self.tokens / self.seconds if self.seconds else 0.0


def questions(count: int) -> list[str]:
    """Return so many made-up texts, each another one."""
    return [
        f"Caller {number} asks: write three sentences about {_TOPICS[number % len(_TOPICS)]}."
        for number in range(count)
    ]


async def measure(backend: Backend, *, model: str, callers: int, tokens: int) -> Speed:
    """Let some callers ask at once, and wait for all.

    Raises:
        BackendError: An answer did not come.
    """
    found = Speed(backend.name, callers)
    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for text in questions(callers):
            body = _body(text, model=model, tokens=tokens)
            group.create_task(_one_caller(backend, body, into=found))
    found.seconds = time.perf_counter() - started
    return found


async def measure_all(
    backend: Backend, *, model: str, callers: Sequence[int], tokens: int
) -> list[Speed]:
    """Measure one number of callers after the other; a first short answer is not counted."""
    try:
        await measure(backend, model=model, callers=1, tokens=2)
        return [
            await measure(backend, model=model, callers=count, tokens=tokens) for count in callers
        ]
    finally:
        await backend.aclose()


def _body(text: str, *, model: str, tokens: int) -> bytes:
    return json.dumps({
        "model": model,
        "messages": [{"role": "user", "content": text}],
        "max_tokens": tokens,
        "temperature": 0,
        "ignore_eos": True,
        "stream": True,
        "stream_options": {"include_usage": True},
    }).encode()  # fmt: skip


async def _one_caller(backend: Backend, body: bytes, *, into: Speed) -> None:
    deadline = time.monotonic() + _LONGEST_S
    permit = Permit(backend=backend.name, body=body, policy_digest="", deadline=deadline)
    request = WireRequest(path="chat/completions", body=body, deadline=deadline, stream=True)
    started = last = time.perf_counter()
    events = (await backend.asend(request, permit=permit)).events
    assert events is not None  # noqa: S101 - told to the type checker
    first = True
    async for chunk in _chunks(events):
        into.tokens += (chunk.get("usage") or {}).get("completion_tokens", 0)
        if not any(choice.get("delta", {}).get("content") for choice in chunk["choices"]):
            continue
        now = time.perf_counter()
        (into.first_s if first else into.between_s).append(now - (started if first else last))
        first, last = False, now


async def _chunks(events: EventStream) -> AsyncIterator[dict[str, Any]]:
    try:
        while (event := await events.aread()) is not None:
            yield json.loads(event)
    finally:
        await events.aclose()  # a stream that is not closed keeps its connection

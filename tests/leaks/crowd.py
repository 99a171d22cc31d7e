"""A crowd of callers: what each asks, what it must get, and how it asks.

Answers: which mixed requests do many callers of five departments make at once?
Not here: servers and configuration (`setting`), what must hold over all (`test_crosstalk`).

Every question is unlike all others, and a stub repeats the last thing it was asked: so a reply,
a label or a memory that belongs to another caller shows.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.leaks.operations import Answered, Operation
from tests.support.wire import ParsedRequest

DEPARTMENTS = ("sales", "legal", "finance", "support", "research")
_OPERATIONS = ("chat.completions",) * 3 + ("responses", "embeddings")
_ASK_AGAIN = "and what follows from that?"


@dataclass(frozen=True, slots=True)
class Plan:
    """One question, and what must come of it.

    Attributes:
        label: What the caller declares.
        level: What the decision must say, whatever was said elsewhere.
        goes_on: Whether a second question follows that repeats the reply and declares nothing.
    """

    text: str = field(repr=False)
    operation: Operation
    department: str
    label: str | None
    level: str
    backend: str
    goes_on: bool

    @property
    def again(self) -> str:
        """The second question: no label, no word that a detector knows, but the reply."""
        return f"{self.text}\n{_ASK_AGAIN}"


def plans(count: int, *, seed: int, is_async: bool) -> list[Plan]:
    """Return that many questions; a third is labelled, a sixth holds an address."""
    return list(_plans(count, random.Random(seed), is_async=is_async))


def _plans(count: int, dice: random.Random, *, is_async: bool) -> Iterator[Plan]:
    for number in range(count):
        endpoint = dice.choice(_OPERATIONS)
        streams = endpoint != "embeddings" and dice.random() < 0.3
        what = dice.choice(("open", "open", "open", "labelled", "labelled", "found"))
        inside = what != "open"
        address = f" mail-{number}@kestrel.example" if what == "found" else ""
        yield Plan(
            text=f"Kestrel-{'inside' if inside else 'open'} plan number {number}{address}",
            operation=Operation(endpoint, is_async=is_async, streams=streams),
            department=dice.choice(DEPARTMENTS),
            label="confidential" if what == "labelled" else None,
            level="confidential" if inside else "internal",
            backend="on_premises" if inside else "cloud",
            goes_on=endpoint == "chat.completions" and dice.random() < 0.4,
        )


def client_of(client: Any, plan: Plan, *, again: bool = False) -> Any:
    """Return the view of a shared client with which this caller asks."""
    return client.with_options(department=plan.department, label=None if again else plan.label)


def params(plan: Plan, *, again: bool = False) -> dict[str, Any]:
    """Return the arguments of the first or the second question."""
    text = plan.again if again else plan.text
    if plan.operation.endpoint == "chat.completions":
        return {"messages": [{"role": "user", "content": text}]}
    return {"input": text}


def last_text(request: ParsedRequest) -> str:
    """Return the last thing that a stub was asked."""
    asked: Any = request.json()
    said = asked["messages"][-1]["content"] if "messages" in asked else asked["input"]
    return str(said[-1]["content"] if isinstance(said, list) else said)


def wrong(plan: Plan, answered: Answered, *, again: bool = False) -> str | None:
    """Say what crossed, if anything did."""
    expected = plan.again if again else plan.text
    if plan.operation.endpoint == "embeddings":
        expected = "vectors"
    if (expected, plan.backend) != (answered.text, answered.backend):
        return f"{plan.text} ({again=}) got {answered.text} from {answered.backend}"
    if plan.level != answered.decision.label.level.name:
        return f"{plan.text} ({again=}) was {answered.decision.label}"
    return None

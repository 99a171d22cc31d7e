"""Effects: what the flow asks its driver to do.

Answers: which things does a flow wait for?
Not here: doing them (`drivers`) or asking for them (`flow`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hybridllm.audit.record import Record
    from hybridllm.gate import Ticket
    from hybridllm.grounding import Grounding
    from hybridllm.permit import Permit
    from hybridllm.types import PolicyDecision
    from hybridllm.wire import Backend, EventStream, Probed, WireRequest


class AbandonedError(Exception):
    """Thrown into a flow when nobody waits for its result any more."""


@dataclass(frozen=True, slots=True)
class Compute:
    """Work without waiting; its result is sent back.

    Attributes:
        work: What to do.
        size_bytes: How much data it goes through.
        touches_disk: Whether it may wait for a disk, or for anything else.
    """

    work: Callable[[], Any]
    size_bytes: int = 0
    touches_disk: bool = False

    def __repr__(self) -> str:
        return f"Compute(size_bytes={self.size_bytes})"


@dataclass(frozen=True, slots=True)
class RecordDurably:
    """Go on only when this record is durable."""

    record: Record


@dataclass(frozen=True, slots=True)
class Send:
    """Make one attempt; the reply is sent back."""

    backend: Backend
    request: WireRequest
    permit: Permit


@dataclass(frozen=True, slots=True)
class Probe:
    """Ask a backend whether it is there, without content; the HTTP status is sent back."""

    backend: Probed
    timeout_s: float


@dataclass(frozen=True, slots=True)
class AwaitPlace:
    """Wait in the queue of a backend; the place is sent back, or `None` after the time."""

    ticket: Ticket
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Let some time pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class ReadEvent:
    """Read the next event of a stream; it is sent back."""

    events: EventStream


@dataclass(frozen=True, slots=True)
class CloseStream:
    """Stop the sender of a stream."""

    events: EventStream


@dataclass(frozen=True, slots=True)
class Emit:
    """Hand a piece of a streamed reply to the caller.

    Attributes:
        chunk: The JSON of one event; `None` first, when the stream has opened.
        decision: The decision, with the backend that answers.
        grounding: Last, if the request took passages along: what they carry of the reply.
    """

    chunk: dict[str, Any] | None
    decision: PolicyDecision
    grounding: Grounding | None = None

    def __repr__(self) -> str:
        return f"Emit(backend={self.decision.backend!r})"


Effect = Compute | RecordDurably | Send | Probe | AwaitPlace | Wait | ReadEvent | CloseStream | Emit


def surely(effect: Effect) -> Generator[Effect, Any, AbandonedError | None]:
    """Have an effect performed even if the caller leaves at it; return that it left.

    Only for what may be done twice: closing a stream, remembering a label. Whoever leaves
    at the end of a stream has the whole reply, so its label must not be lost.
    """
    try:
        yield effect
    except AbandonedError as error:
        yield effect
        return error
    return None

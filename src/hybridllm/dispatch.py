"""Dispatch: one attempt at one backend, recorded before and after.

Answers: how does a cleared request get to a backend, and what is kept of the attempt?
Not here: which backend, and how often (`attempts`), what a record says (`audit.record`).

- No attempt starts before its intent is durable in the audit log.
- Each attempt has a permit of its own, for exactly its bytes and its backend.
- However it ends, an attempt has an outcome and gives its place at the backend back.
"""

from __future__ import annotations

import secrets
from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from itertools import count
from typing import TYPE_CHECKING, Any

from hybridllm.admission import admit
from hybridllm.audit import record
from hybridllm.effects import (
    AbandonedError,
    CloseStream,
    Compute,
    Effect,
    ReadEvent,
    RecordDurably,
    Send,
    surely,
)
from hybridllm.errors import AddressRefusedError, AuditError
from hybridllm.permit import Permit
from hybridllm.replies import UnreadableReplyError, read_reply
from hybridllm.types import Place
from hybridllm.wire import BackendError, EventStream, FailureKind, Scope, WireReply, WireRequest

if TYPE_CHECKING:
    from hybridllm.gate import Slot
    from hybridllm.params import Endpoint
    from hybridllm.runtime import Judged, Runtime
    from hybridllm.types import Candidate


@dataclass(frozen=True, slots=True)
class Answer:
    """The reply of the backend that answered; of a stream, its first event."""

    reply: WireReply
    first: bytes | None
    attempt: Attempt
    content: dict[str, Any]

    def __repr__(self) -> str:
        return f"Answer(backend={self.attempt.candidate.backend!r})"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: its number in the call, its backend, when it started, its place there."""

    number: int
    candidate: Candidate
    started: float
    slot: Slot


@dataclass(frozen=True, slots=True)
class Asking:
    """What all attempts of one call share.

    Attributes:
        judged: The request and its decision.
        runtime: The parts of the client.
        deadline: When the call must be over.
        retries: Further attempts at the same rank.
        key: Secret of the call, from which each backend gets a key of its own.
        numbers: The attempts, counted over the whole call.
        asked: Backends that have had an attempt, since the call last waited for one.
    """

    judged: Judged
    runtime: Runtime
    deadline: float
    retries: int
    key: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    asked: set[str] = field(default_factory=set)

    def idempotency_key(self, backend: str) -> str:
        """Return the same key for all attempts at one backend, and another one elsewhere.

        Two providers could otherwise tell from their logs that they saw the same call.
        """
        return blake2b(backend.encode(), key=self.key, digest_size=16).hexdigest()

    def is_too_late(self, *, pause_s: float = 0.0) -> bool:
        """Return whether the call is over, now or after a pause."""
        return self.runtime.clock() + pause_s >= self.deadline


def dispatch(candidate: Candidate, asking: Asking) -> Generator[Effect, Any, Answer]:
    """Get a place, record, then send; the outcome is recorded whatever happens."""
    backend = candidate.backend
    slot = yield from admit(
        backend,
        asking.runtime,
        deadline=asking.deadline,
        costs_retry=backend in asking.asked,
    )
    asking.asked.add(backend)
    try:
        return (yield from _recorded(candidate, asking, slot=slot))
    except BaseException:
        slot.release()
        raise


def _recorded(
    candidate: Candidate, asking: Asking, *, slot: Slot
) -> Generator[Effect, Any, Answer]:
    """Record, then send; the outcome is recorded whatever happens."""
    judged, runtime = asking.judged, asking.runtime
    endpoint = judged.frozen.endpoint
    attempt = Attempt(next(asking.numbers), candidate, runtime.clock(), slot)
    send, intent = _prepared(attempt, asking)
    events: EventStream | None = None
    try:
        yield RecordDurably(intent)
        yield from _count_request(attempt, asking)
        _must_have_time(attempt, asking)
        sent = runtime.clock()
        reply: WireReply = yield send
        events = reply.events
        content: dict[str, Any] = {}
        first: bytes | None = None
        if events is None:
            content = _read(endpoint, reply, backend=candidate.backend)
        else:
            first = yield ReadEvent(events)
    except AuditError:
        raise  # there is no intent, so there is no outcome
    except Exception as error:  # a boundary: whatever it is, the attempt has an outcome
        note(judged, attempt, runtime, error=error)
        if events is not None:
            left = yield from surely(CloseStream(events))
            if left is not None:
                raise left from error
        raise
    now = runtime.clock()
    runtime.fleet.of(candidate.backend).health.answered(now=now, latency_s=now - sent)
    return Answer(reply, first, attempt, content)


def _prepared(attempt: Attempt, asking: Asking) -> tuple[Send, record.Record]:
    """Return the attempt with its permit, and what is recorded before it."""
    judged, runtime, candidate = asking.judged, asking.runtime, attempt.candidate
    frozen, decision = judged.frozen, judged.decision
    defaults = runtime.defaults.get(candidate.backend, {}).get(frozen.endpoint.name, {})
    body = frozen.body(model=candidate.model, defaults=defaults)
    permit = Permit(
        backend=candidate.backend,
        body=body,
        policy_digest=decision.policy_digest,
        deadline=asking.deadline,
    )
    request = WireRequest(
        path=frozen.endpoint.path,
        body=body,
        deadline=asking.deadline,
        stream=frozen.stream,
        idempotency_key=asking.idempotency_key(candidate.backend),
        scope=Scope(judged.facts.identity.department, judged.decision.label),
    )
    intent = record.intent(
        call=judged.id,
        attempt=attempt.number,
        facts=judged.facts,
        decision=decision,
        candidate=candidate,
        body_mac=body_mac(runtime.key, body=body),
        body_bytes=len(body),
    )
    return Send(runtime.backends[candidate.backend], request, permit), intent


def _count_request(attempt: Attempt, asking: Asking) -> Generator[Effect, Any, None]:
    """Count the attempt in the budgets, if it goes to a cloud."""
    budgets = asking.runtime.budgets
    if budgets is not None and attempt.candidate.place is Place.CLOUD:
        department = asking.judged.facts.identity.department
        yield Compute(partial(budgets.count_request, department), touches_disk=True)


def count_reply(
    judged: Judged, attempt: Attempt, runtime: Runtime, *, usage: Mapping[str, int], received: int
) -> Generator[Effect, Any, None]:
    """Count what an answer cost, if a cloud gave it.

    Args:
        judged: The request.
        attempt: That was answered.
        runtime: The parts of the client.
        usage: Token counts that the backend states.
        received: Bytes of the reply, for a backend that states none.
    """
    budgets = runtime.budgets
    if budgets is not None and attempt.candidate.place is Place.CLOUD:
        counting = partial(
            budgets.count_reply,
            judged.facts.identity.department,
            backend=attempt.candidate.backend,
            usage=usage,
            sent=judged.frozen.size_bytes,
            received=received,
        )
        yield Compute(counting, touches_disk=True)


def _must_have_time(attempt: Attempt, asking: Asking) -> None:
    """Give up before sending if recording the intent took all the time there was."""
    if asking.is_too_late():
        raise BackendError(attempt.candidate.backend, kind=FailureKind.TIMEOUT)


def _read(endpoint: Endpoint, reply: WireReply, *, backend: str) -> dict[str, Any]:
    with suppress(UnreadableReplyError):
        return read_reply(endpoint, body=reply.body)
    raise BackendError(backend, kind=FailureKind.REPLY)


def note(
    judged: Judged,
    attempt: Attempt,
    runtime: Runtime,
    *,
    error: Exception | None = None,
    tokens: Mapping[str, int] | None = None,
    had_begun: bool = False,
) -> None:
    """Record how an attempt ended. The intent is durable already, so this never stops a reply."""
    now = runtime.clock()
    runtime.fleet.of(attempt.candidate.backend).health.ended(
        error, now=now, lasted_s=now - attempt.started, had_begun=had_begun
    )
    failed = error if isinstance(error, BackendError) else None
    with suppress(AuditError):  # the next intent will fail, and that does stop a request
        runtime.audit.note(
            record.outcome(
                call=judged.id,
                attempt=attempt.number,
                backend=attempt.candidate.backend,
                result=_result(error),
                duration_s=now - attempt.started,
                status=failed.status if failed else None,
                code=failed.code if failed else "",
                usage=dict(tokens or {}),
            )
        )


def _result(error: Exception | None) -> str:
    match error:
        case None:
            return "ok"
        case BackendError():
            return error.kind.value
        case AbandonedError():
            return "cancelled"
        case AddressRefusedError():
            return "refused"
        case _:
            return "failed"


def body_mac(key: bytes, *, body: bytes) -> str:
    """Return the keyed hash by which the log knows a body: 32 hexadecimal digits."""
    return blake2b(body, key=key[:64], person=b"audit body", digest_size=16).hexdigest()

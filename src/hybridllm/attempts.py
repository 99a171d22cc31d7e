"""Attempts: from a permitted request to the backend that answers.

Answers: which candidate is asked, how often, and what is recorded around it?
Not here: who the candidates are (`policy.decide`), waiting (`drivers`).

- No attempt starts before its intent is durable in the audit log.
- Each attempt has a permit of its own, for exactly its bytes and its backend.
- Retries and fallback choose only among the candidates of the decision, so
  availability never buys clearance.
- A stream counts as an answer with its first event; after that nothing is retried.
"""

from __future__ import annotations

import secrets
from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from hybridllm.audit import record
from hybridllm.effects import (
    AbandonedError,
    CloseStream,
    Effect,
    ReadEvent,
    RecordDurably,
    Send,
    Wait,
)
from hybridllm.errors import AddressRefusedError, AuditError, PermitError
from hybridllm.permit import Permit
from hybridllm.replies import UnreadableReplyError, read_reply
from hybridllm.wire import BackendError, EventStream, FailureKind, WireReply, WireRequest

if TYPE_CHECKING:
    from hybridllm.params import Endpoint
    from hybridllm.runtime import Call, Judged, Runtime
    from hybridllm.types import Candidate

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 8.0
LONGEST_RETRY_AFTER_S = 60.0


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
    """One attempt: its number in the call, its backend, and when it started."""

    number: int
    candidate: Candidate
    started: float


def attempts(
    judged: Judged, call: Call, runtime: Runtime, *, deadline: float
) -> Generator[Effect, Any, Answer]:
    """Try the candidates in order, each as often as allowed, until one answers."""
    asked = runtime.limits.max_retries if call.max_retries is None else call.max_retries
    retries = max(0, asked)
    key = secrets.token_hex(16)
    number = 0
    failure: BackendError | AddressRefusedError | None = None
    for candidate in judged.decision.candidates:
        for again in range(1 + retries):
            number += 1
            try:
                return (
                    yield from _attempt(
                        judged, candidate, runtime, number=number, deadline=deadline, key=key
                    )
                )
            except (BackendError, AddressRefusedError) as error:
                failure = error
            pause = _pause(failure, runtime, again=again)
            last = again == retries or pause is None
            if last or pause is None or runtime.clock() + pause >= deadline:
                break
            yield Wait(pause)
        if not _may_fall_back(failure) or runtime.clock() >= deadline:
            break
    if failure is None:
        raise PermitError("a permitted decision names no candidate")
    raise failure


def _attempt(
    judged: Judged,
    candidate: Candidate,
    runtime: Runtime,
    *,
    number: int,
    deadline: float,
    key: str,
) -> Generator[Effect, Any, Answer]:
    """Record, then send; the outcome is recorded whatever happens."""
    frozen = judged.frozen
    endpoint = frozen.endpoint
    defaults = runtime.defaults.get(candidate.backend, {}).get(endpoint.name, {})
    body = frozen.body(model=candidate.model, defaults=defaults)
    intent = record.intent(
        call=judged.id,
        attempt=number,
        facts=judged.facts,
        decision=judged.decision,
        candidate=candidate,
        body_mac=body_mac(runtime.key, body=body),
        body_bytes=len(body),
    )
    attempt = Attempt(number, candidate, runtime.clock())
    permit = Permit(
        backend=candidate.backend,
        body=body,
        policy_digest=judged.decision.policy_digest,
        deadline=deadline,
    )
    request = WireRequest(
        path=endpoint.path, body=body, deadline=deadline, stream=frozen.stream, idempotency_key=key
    )
    events: EventStream | None = None
    try:
        yield RecordDurably(intent)
        _must_have_time(candidate, runtime, deadline=deadline)
        reply: WireReply = yield Send(runtime.backends[candidate.backend], request, permit)
        events = reply.events
        if events is None:
            content = _read(endpoint, reply, backend=candidate.backend)
            return Answer(reply, None, attempt, content)
        first: bytes | None = yield ReadEvent(events)
    except AuditError:
        raise  # there is no intent, so there is no outcome
    except Exception as error:  # a boundary: whatever it is, the attempt has an outcome
        note(judged, attempt, runtime, error=error)
        if events is not None:
            yield CloseStream(events)
        raise
    return Answer(reply, first, attempt, {})


def _must_have_time(candidate: Candidate, runtime: Runtime, *, deadline: float) -> None:
    """Give up before sending if recording the intent took all the time there was."""
    if runtime.clock() >= deadline:
        raise BackendError(candidate.backend, kind=FailureKind.TIMEOUT)


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
) -> None:
    """Record how an attempt ended. The intent is durable already, so this never stops a reply."""
    failed = error if isinstance(error, BackendError) else None
    with suppress(AuditError):  # the next intent will fail, and that does stop a request
        runtime.audit.note(
            record.outcome(
                call=judged.id,
                attempt=attempt.number,
                backend=attempt.candidate.backend,
                result=_result(error),
                duration_s=runtime.clock() - attempt.started,
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


def _pause(
    failure: BackendError | AddressRefusedError, runtime: Runtime, *, again: int
) -> float | None:
    """Return the seconds before the next attempt at the same backend; `None` for no such attempt.

    Full jitter: anything between nothing and a bound that doubles each time (Brooker,
    "Exponential Backoff and Jitter", 2015). What the backend asks for comes first.
    """
    if isinstance(failure, AddressRefusedError) or not failure.may_retry:
        return None
    asked = failure.retry_after_s
    if asked is not None:
        return asked if asked <= LONGEST_RETRY_AFTER_S else None
    return runtime.random.uniform(0, min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**again))


def _may_fall_back(failure: BackendError | AddressRefusedError | None) -> bool:
    return not isinstance(failure, BackendError) or failure.may_fall_back


def body_mac(key: bytes, *, body: bytes) -> str:
    """Return the keyed hash by which the log knows a body: 32 hexadecimal digits."""
    return blake2b(body, key=key[:64], person=b"audit body", digest_size=16).hexdigest()

"""Attempts: from a permitted request to the backend that answers.

Answers: which candidate is asked, and how often?
Not here: who the candidates are (`policy.decide`), one attempt (`dispatch`), whether a
backend is up (`admission`), the choice among equals (`balance`), waiting (`drivers`).

- Retries, fallback and balance choose only among the candidates of the decision, so
  availability never buys clearance.
- A stream counts as an answer with its first event; after that nothing is retried.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from hybridllm.audit import record
from hybridllm.balance import choose, ranks
from hybridllm.dispatch import Asking, dispatch
from hybridllm.effects import Effect, Wait
from hybridllm.errors import AddressRefusedError, AuditError, PermitError
from hybridllm.health import PROBE_EVERY_S, is_outage
from hybridllm.wire import BackendError, FailureKind, NoBackendError

if TYPE_CHECKING:
    from hybridllm.balance import Share
    from hybridllm.dispatch import Answer
    from hybridllm.runtime import Call, Judged, Runtime
    from hybridllm.types import Candidate

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 8.0
LONGEST_RETRY_AFTER_S = 60.0
UNASKED = (FailureKind.UNAVAILABLE, FailureKind.BUSY)
"""How an attempt fails before it is one; the latter says more."""

Failure = BackendError | AddressRefusedError


def attempts(
    judged: Judged, call: Call, runtime: Runtime, *, deadline: float
) -> Generator[Effect, Any, Answer]:
    """Try the candidates in order, each as often as allowed, until one answers.

    While none of them is up, the call waits as long as the configuration allows.
    """
    asked = runtime.limits.max_retries if call.max_retries is None else call.max_retries
    asking = Asking(judged, runtime, deadline, max(0, asked))
    until = min(deadline, runtime.clock() + runtime.limits.wait_for_backend_s)
    failure: Failure | None = None
    while True:
        latest: Failure
        try:
            return (yield from _every_rank(asking))
        except (BackendError, AddressRefusedError) as error:
            latest = error
        failure = _more_telling(latest, than=failure)
        pause_s = _until_next_round(latest)
        if not is_outage(latest) or runtime.clock() + pause_s >= until:
            raise _final(failure, asking)
        yield Wait(pause_s)
        # Not retries of the budget: an outage opens the breaker, and that bounds them.
        asking.asked.clear()


def _every_rank(asking: Asking) -> Generator[Effect, Any, Answer]:
    """Ask rank after rank, and raise the failure that says most."""
    failure: Failure | None = None
    targets = asking.runtime.policy.aliases[asking.judged.facts.alias]
    for equals in ranks(asking.judged.decision.candidates, targets=targets):
        try:
            return (yield from _rank(equals, asking))
        except (BackendError, AddressRefusedError) as error:
            failure = _more_telling(error, than=failure)
        if not _may_fall_back(failure) or asking.is_too_late():
            break
    if failure is None:
        raise PermitError("a permitted decision names no candidate")
    raise failure


def _rank(equals: Sequence[Share], asking: Asking) -> Generator[Effect, Any, Answer]:
    """Ask each of the equals once, then again those that may do better a moment later."""
    runtime = asking.runtime
    fresh = list(equals)
    again: dict[Candidate, float] = {}
    failure: Failure | None = None
    retried = 0
    while fresh or (again and retried < asking.retries):
        if fresh:
            share = choose(fresh, fleet=runtime.fleet, random=runtime.random, now=runtime.clock())
            fresh.remove(share)
            candidate = share.candidate
        else:
            candidate = min(again, key=again.__getitem__)
            pause_s = again.pop(candidate)
            retried += 1
            health = runtime.fleet.of(candidate.backend).health
            if asking.is_too_late(pause_s=pause_s) or not health.may_be_asked_again:
                break
            yield Wait(pause_s)
        error: Failure
        try:
            return (yield from dispatch(candidate, asking))
        except (BackendError, AddressRefusedError) as caught:
            error = caught
        failure = _more_telling(error, than=failure)
        if not _may_fall_back(error) or asking.is_too_late():
            break
        pause = _pause(error, runtime, again=retried)
        if pause is not None:
            again[candidate] = pause
    if failure is None:
        raise PermitError("a rank without a candidate")
    raise failure


def _pause(failure: Failure, runtime: Runtime, *, again: int) -> float | None:
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


def _until_next_round(failure: Failure) -> float:
    """Return the seconds until a call that waits for a backend looks again."""
    asked = failure.retry_after_s if isinstance(failure, BackendError) else None
    return max(PROBE_EVERY_S, asked or 0.0)


def _may_fall_back(failure: Failure | None) -> bool:
    return not isinstance(failure, BackendError) or failure.may_fall_back


def _tells(failure: Failure) -> int:
    """Return how much a failure says: an answer more than a queue, a queue more than an outage."""
    if isinstance(failure, BackendError) and failure.kind in UNASKED:
        return UNASKED.index(failure.kind)
    return len(UNASKED)


def _more_telling(error: Failure, *, than: Failure | None) -> Failure:
    """Return the failure to report: the later one, unless the earlier one says more."""
    return error if than is None or _tells(error) >= _tells(than) else than


def _final(failure: Failure, asking: Asking) -> Failure:
    """Return what the caller is told; a call that was never sent anywhere is recorded too."""
    if not isinstance(failure, BackendError) or failure.kind not in UNASKED:
        return failure
    judged = asking.judged
    decision = judged.decision
    with suppress(AuditError):  # nothing was sent, so nothing is missing but this line
        asking.runtime.audit.note(
            record.unanswered(
                call=judged.id, facts=judged.facts, decision=decision, result=failure.kind.value
            )
        )
    if failure.kind is FailureKind.BUSY:
        return failure
    names = dict.fromkeys(candidate.backend for candidate in decision.candidates)
    return NoBackendError(tuple(names), clearance=str(decision.label))

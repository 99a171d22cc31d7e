"""Admission: whether a backend may be asked now, and waiting until it may.

Answers: is this backend up, is there a place for one more call?
Not here: which backend is asked (`balance`), asking it (`attempts`).

Nothing of the request leaves here. A backend that was down is probed without content
before it sees a request again; one that cannot be probed (a model in this process)
gets one request for a trial.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from hybridllm.effects import AwaitPlace, Effect, Probe
from hybridllm.errors import AddressRefusedError
from hybridllm.gate import Slot, Ticket
from hybridllm.health import PROBE_TIMEOUT_S, TRIAL_EVERY_S, Admission
from hybridllm.wire import BackendError, FailureKind, Probed

if TYPE_CHECKING:
    from hybridllm.fleet import Member
    from hybridllm.runtime import Runtime


def admit(
    backend: str, runtime: Runtime, *, deadline: float, costs_retry: bool
) -> Generator[Effect, Any, Slot]:
    """Return a place at a backend that is up.

    Args:
        backend: Which one.
        runtime: The parts of the client.
        deadline: Of the call.
        costs_retry: Whether the call has asked this backend before. A good probe pays
            for it; otherwise the backend's retry budget does.

    Raises:
        BackendError: It is down, or has too much to do. Nothing was sent.
    """
    member = runtime.fleet.of(backend)
    was_probed = yield from _pass_breaker(backend, runtime, member=member, deadline=deadline)
    if costs_retry and not was_probed and not member.health.take_retry():
        raise BackendError(backend, kind=FailureKind.UNAVAILABLE)
    entry = member.gate.enter()
    if entry is None:
        raise BackendError(backend, kind=FailureKind.BUSY, code="queue_full")
    if isinstance(entry, Slot):
        return entry
    slot = yield from _wait_in_line(entry, timeout_s=_longest(member, runtime, deadline=deadline))
    if slot is None:
        raise BackendError(backend, kind=FailureKind.BUSY, code="queue_timeout")
    if member.health.is_open:  # it went down while the call waited
        slot.release()
        raise BackendError(backend, kind=FailureKind.UNAVAILABLE)
    return slot


def _pass_breaker(
    backend: str, runtime: Runtime, *, member: Member, deadline: float
) -> Generator[Effect, Any, bool]:
    """Go on if the backend is up. Return whether that was just found out."""
    health = member.health
    if not health.is_open:
        return False
    peer = runtime.backends[backend]
    lease_s = PROBE_TIMEOUT_S if isinstance(peer, Probed) else TRIAL_EVERY_S
    admission = health.admit(now=runtime.clock(), lease_s=lease_s)
    if admission is Admission.PASS:
        return False
    if admission is Admission.REFUSE:
        raise BackendError(backend, kind=FailureKind.UNAVAILABLE)
    if not isinstance(peer, Probed):
        return True  # this call is the trial
    left_s = deadline - runtime.clock()
    try:
        status: int = yield Probe(peer, timeout_s=max(0.0, min(PROBE_TIMEOUT_S, left_s)))
        is_up = status < 500
    except (BackendError, AddressRefusedError):
        is_up = False
    health.probed(is_up=is_up, now=runtime.clock())
    if not is_up:
        raise BackendError(backend, kind=FailureKind.UNAVAILABLE)
    return True


def _wait_in_line(ticket: Ticket, *, timeout_s: float) -> Generator[Effect, Any, Slot | None]:
    try:
        slot: Slot | None = yield AwaitPlace(ticket, timeout_s=timeout_s)
    except BaseException:
        ticket.leave()
        raise
    return slot


def _longest(member: Member, runtime: Runtime, *, deadline: float) -> float:
    return max(0.0, min(member.queue_timeout_s, deadline - runtime.clock()))

"""How one backend has been doing: breaker, retry budget, latency.

Answers: is the backend up, may it be asked again, how fast did it answer of late?
Not here: asking it (`attempts`, `admission`), choosing between several (`balance`).

Nothing here knows a request: only how attempts ended, and how long they took.

- The breaker opens when 10 of the last 20 attempts found the backend out of order,
  so 10 failures in a row are enough. It lets one probe through every half second;
  after a good one it closes on probation: the next failure opens it again.
- A retry costs one token of ten, an answer earns a tenth of one back: a backend
  that is down sees at most ten attempts more than it has calls.
- A time-out of an attempt that had less than a second says nothing of a backend,
  or a caller in a hurry would close it to everybody.

Units: seconds on the flow's clock.
Source: Nygard, "Release It!" (breaker); gRPC proposal A6 (ten tokens, a tenth each).
"""

from __future__ import annotations

import os
import threading
from collections import deque
from enum import StrEnum
from typing import Final

from hybridllm.errors import AddressRefusedError
from hybridllm.wire import BackendError, FailureKind

WINDOW: Final = 20
"""Attempts that the breaker looks back on: "opens within 20 calls" is the promise."""

FAILURES_TO_OPEN: Final = 10
PROBE_EVERY_S: Final = 0.5
"""So that a recovery is noticed within a second."""

PROBE_TIMEOUT_S: Final = 2.0
TRIAL_EVERY_S: Final = 5.0
"""Between real requests at a backend that is down and cannot be probed."""

RETRY_TOKENS: Final = 10.0
TOKENS_PER_ANSWER: Final = 0.1
PATIENCE_S: Final = 1.0
LATENCY_MEMORY_S: Final = 10.0
"""Own choice: what is older says nothing, so a slow backend gets another chance."""

_LATENCY_WEIGHT: Final = 0.3


class Admission(StrEnum):
    """What the breaker says to a call."""

    PASS = "pass"  # noqa: S105 - no password
    PROBE = "probe"
    REFUSE = "refuse"


class Health:
    """How one backend has been doing, shared by all threads and event loops."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._lock = threading.RLock()
        self._failed: deque[bool] = deque(maxlen=WINDOW)
        self._next_probe: float | None = None  # none: the breaker is closed
        self._on_probation = False
        self._tokens = RETRY_TOKENS
        self._latency: tuple[float, float] | None = None  # seconds, and when

    @property
    def is_open(self) -> bool:
        """Whether the breaker keeps calls away."""
        return self._next_probe is not None

    def is_resting(self, *, now: float) -> bool:
        """Whether the breaker keeps calls away, and it is no time for a probe yet."""
        next_probe = self._next_probe
        return next_probe is not None and now < next_probe

    @property
    def may_be_asked_again(self) -> bool:
        """Whether waiting for one more attempt of the same call makes sense."""
        return self._next_probe is None and self._tokens >= 1

    def admit(self, *, now: float, lease_s: float) -> Admission:
        """Say what a call may do. Whoever is told to probe is the only one for `lease_s`."""
        with self._own_lock():
            if self._next_probe is None:
                return Admission.PASS
            if now < self._next_probe:
                return Admission.REFUSE
            self._next_probe = now + lease_s
            return Admission.PROBE

    def probed(self, *, is_up: bool, now: float) -> None:
        """Note what a probe has found."""
        with self._own_lock():
            if is_up:
                self._close(on_probation=True)
            elif self._next_probe is not None:
                self._next_probe = now + PROBE_EVERY_S

    def answered(self, *, now: float, latency_s: float) -> None:
        """Note how long a first answer took."""
        with self._own_lock():
            before = self.latency_s(now=now)
            mean = latency_s if before is None else before + _LATENCY_WEIGHT * (latency_s - before)
            self._latency = (mean, now)

    def ended(
        self, error: Exception | None, *, now: float, lasted_s: float, had_begun: bool
    ) -> None:
        """Note how an attempt ended.

        Args:
            error: What it ended with, if not well.
            now: When.
            lasted_s: How long it took.
            had_begun: Whether a piece of the reply had come.
        """
        with self._own_lock():
            if error is None:
                self._tokens = min(RETRY_TOKENS, self._tokens + TOKENS_PER_ANSWER)
            failed = _verdict(error, lasted_s=lasted_s, had_begun=had_begun)
            if failed is None:
                return
            if not failed and (self.is_open or self._on_probation):
                self._close(on_probation=False)
            self._failed.append(failed)
            if self._failed.count(True) >= FAILURES_TO_OPEN and not self.is_open:
                self._next_probe = now + PROBE_EVERY_S

    def take_retry(self) -> bool:
        """Pay for one more attempt of a call; `False` if there is nothing left to pay with."""
        with self._own_lock():
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True

    def latency_s(self, *, now: float) -> float | None:
        """Return the moving mean of first answers; `None` if there was none of late."""
        latest = self._latency
        return latest[0] if latest and now - latest[1] <= LATENCY_MEMORY_S else None

    def _own_lock(self) -> threading.RLock:
        """Return the lock of this process; it may be taken twice, as that of a `Gate`."""
        if self._process != os.getpid():
            # The parent's may be held by a thread that is not in this process.
            self._process, self._lock = os.getpid(), threading.RLock()
        return self._lock

    def _close(self, *, on_probation: bool) -> None:
        self._next_probe = None
        self._on_probation = on_probation
        self._failed.clear()
        if on_probation:
            self._failed.extend([True] * (FAILURES_TO_OPEN - 1))

    def __repr__(self) -> str:
        return f"Health(is_open={self.is_open})"


def is_outage(error: BackendError | AddressRefusedError) -> bool:
    """Return whether the backend itself is out of order, rather than the request or the caller."""
    if not isinstance(error, BackendError):
        return True  # it is not where it has to be
    if error.kind is FailureKind.STATUS:
        return (error.status or 0) >= 500
    return error.kind is not FailureKind.BUSY


def _verdict(error: Exception | None, *, lasted_s: float, had_begun: bool) -> bool | None:
    """Return whether an attempt found the backend out of order; `None` if nobody can tell."""
    if error is None:
        return False
    if isinstance(error, BackendError):
        if error.kind is FailureKind.TIMEOUT and (had_begun or lasted_s < PATIENCE_S):
            return None
        return is_outage(error)
    return True if isinstance(error, AddressRefusedError) else None

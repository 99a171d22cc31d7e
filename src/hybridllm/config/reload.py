"""The policy of a client that runs: exchanged as a whole, or not at all.

Answers: which policy is in force for a call that begins now?
Not here: reading files (`config.wiring`), what is remembered of it (`config.revision`).

All copies of a client share one `Reloader`. It has one reference to what is in force, so a
reader sees the old policy or the new one, and a call keeps what it began with. Files are
looked at by the call that comes when it is time; there is no thread that watches them. A
change counts when it has stood still for a moment, and when the files are the same before
and after everything was read. Wrong files leave the last good policy in force, and say so
in the audit log, in the log of the program and to `hybridllm doctor`.

What cannot change while a client lives: the scale of labels, the state directory, the
stores, the audit log, and how a backend is reached. Files that change those are refused.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import anyio.to_thread

from hybridllm.audit import record
from hybridllm.config.revision import (
    PolicyState,
    Refusal,
    forget_refusal,
    highest_revision,
    remember_refusal,
    remember_revision,
)
from hybridllm.config.running import must_fit
from hybridllm.config.sources import stamp_of
from hybridllm.config.trials import LOGGER, reported_rules
from hybridllm.config.wiring import read_decided
from hybridllm.errors import AuditError, ConfigurationError

if TYPE_CHECKING:
    from hybridllm.config.sources import Stamp
    from hybridllm.config.start import Wiring
    from hybridllm.runtime import Runtime
    from hybridllm.wire import Backend

SETTLE_S: Final = 1.0
"""How long changed files must stay as they are before they count."""

_REMEDY: Final = "hybridllm check"


class Reloader:
    """Holds what is in force, and exchanges it.

    Args:
        wiring: What is in force first.
        clock: Seconds, monotonic.
    """

    def __init__(self, wiring: Wiring, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.wiring = wiring
        self.backends: tuple[Backend, ...] = tuple(wiring.runtime.backends.values())
        self.state = _state(wiring)
        self._clock = clock
        self._lock, self._process = threading.Lock(), os.getpid()
        self._stamp: Stamp = stamp_of(wiring.sources)
        self._pending: Stamp | None = None
        self._asked = False
        self._due = self._next(self._check_s)
        if not wiring.opening.fakes:
            self._begin(wiring)

    def latest(self) -> Runtime:
        """Return the runtime for a call that begins now; look at the files if it is time."""
        if self._asked or self._clock() >= self._due:
            self._look()
        return self.wiring.runtime

    async def alatest(self) -> Runtime:
        """Return the same; the files are looked at outside of the event loop."""
        if self._asked or self._clock() >= self._due:
            await anyio.to_thread.run_sync(self._look)
        return self.wiring.runtime

    def reload(self, *, allow_older: bool = False) -> PolicyState:
        """Put the files in force as they are now, or raise and leave everything as it is.

        Raises:
            ConfigurationError: The files are wrong, or change what cannot change.
            MissingExtraError: They need a part that is not installed.
            AuditError: The change cannot be recorded.
        """
        with self._own_lock():
            stamp = stamp_of(self.wiring.sources)
            try:
                self._exchange(allow_older=allow_older)
            except Exception as error:  # a boundary: whatever went wrong, the old policy stays
                self._refuse(error, stamp=stamp)
                raise
            return self.state

    def listen(self) -> None:
        """Look at the files at the next call after a SIGHUP.

        Raises:
            ConfigurationError: There is no such signal here.
        """
        hangup = getattr(signal, "SIGHUP", None)
        if hangup is None:
            raise ConfigurationError("this system has no SIGHUP; call client.reload() instead")
        before = signal.getsignal(hangup)

        def ask(number: int, frame: Any) -> None:
            self._asked = True
            if callable(before):
                before(number, frame)

        try:
            signal.signal(hangup, ask)
        except ValueError:
            raise ConfigurationError(
                "only the main thread may listen to signals; call it there"
            ) from None

    def close(self) -> None:
        """Close the stores and the log, and take a note of refused files back."""
        if self.state.refused is not None:
            forget_refusal(self.wiring.state, process=os.getpid())
        self.wiring.close_stores()

    def _begin(self, wiring: Wiring) -> None:
        """Remember the revision that a client starts with; record it if somebody went back."""
        revision = wiring.config.revision
        highest = highest_revision(wiring.state, file=wiring.file.name)
        if revision < highest:
            wiring.runtime.audit.write(
                record.policy_loaded(
                    digest=wiring.sources.digest,
                    revision=revision,
                    previous="",
                    previous_revision=highest,
                    files=len(wiring.sources.files),
                )
            )
        remember_revision(wiring.state, revision=revision, exactly=revision < highest)

    @property
    def _check_s(self) -> float:
        fakes = self.wiring.opening.fakes
        return 0.0 if fakes else self.wiring.config.reload.check_s

    def _next(self, seconds: float) -> float:
        return self._clock() + seconds if seconds else float("inf")

    def _own_lock(self) -> threading.Lock:
        """Return the lock; another one in a forked child, where nobody would open the old one."""
        if self._process != os.getpid():
            self._lock, self._process = threading.Lock(), os.getpid()
        return self._lock

    def _look(self) -> None:
        """Go over to changed files. One call looks; others go on with what is in force."""
        lock = self._own_lock()
        if not lock.acquire(blocking=False):
            return
        try:
            asked, self._asked = self._asked, False
            self._due = self._next(self._check_s)
            stamp = stamp_of(self.wiring.sources)
            if not asked and stamp == self._stamp:
                self._pending = None
            elif not asked and stamp != self._pending:
                self._pending = stamp
                self._due = self._next(min(SETTLE_S, self._check_s))
            else:
                self._exchange_quietly(stamp)
        finally:
            lock.release()

    def _exchange_quietly(self, stamp: Stamp) -> None:
        try:
            self._exchange(allow_older=False)
        except Exception as error:  # a boundary: files that are wrong must not fail a request
            self._refuse(error, stamp=stamp)

    def _exchange(self, *, allow_older: bool) -> None:
        """Read everything, record the change and put it in force, in this order."""
        old = self.wiring
        decided = read_decided(
            old.file,
            opening=old.opening,
            allow_older=allow_older,
            accept=lambda sources: must_fit(sources, running=old.sources),
            kept=old.runtime.backends,
        )
        sources = decided.sources
        new = replace(
            old,
            runtime=decided.put_into(old.runtime),
            config=sources.organisation,
            sources=sources,
        )
        revision = sources.organisation.revision
        highest = 0 if old.opening.fakes else highest_revision(old.state, file=old.file.name)
        new.runtime.audit.write(
            record.policy_loaded(
                digest=sources.digest,
                revision=revision,
                previous=old.sources.digest,
                previous_revision=max(highest, old.config.revision),
                files=len(sources.files),
            )
        )
        if not old.opening.fakes:
            with suppress(ConfigurationError):  # the record says it too
                remember_revision(old.state, revision=revision, exactly=revision < highest)
            if self.state.refused is not None:
                forget_refusal(old.state, process=os.getpid())
        self._keep(new)

    def _keep(self, new: Wiring) -> None:
        known = {id(backend) for backend in self.backends}
        added = [item for item in new.runtime.backends.values() if id(item) not in known]
        self.backends = (*self.backends, *added)  # calls under way may still use the old ones
        before = self.state
        self.wiring = new  # from here on it is in force
        self.state = replace(_state(new), reloads=before.reloads + 1, refusals=before.refusals)
        self._stamp, self._pending = stamp_of(new.sources), None
        self._due = self._next(self._check_s)
        LOGGER.info("policy %s is in force", self.state.digest[:12])

    def _refuse(self, error: Exception, *, stamp: Stamp) -> None:
        """Say that the last good policy stays, wherever somebody may look."""
        self._stamp, self._pending = stamp, None  # the same files are not read again and again
        wiring = self.wiring
        refusal = Refusal(
            time=_now(),
            file=getattr(error, "file", None) or wiring.file.name,
            key=getattr(error, "key", None) or "",
            problem=type(error).__name__,
            policy=wiring.sources.digest,
            process=os.getpid(),
        )
        self.state = replace(self.state, refused=refusal, refusals=self.state.refusals + 1)
        LOGGER.warning(
            "changed files were refused (%s%s: %s); policy %s stays in force. Remedy: %s",
            refusal.file,
            f": {refusal.key}" if refusal.key else "",
            refusal.problem,
            refusal.policy[:12],
            _REMEDY,
        )
        with suppress(AuditError, OSError):  # whoever cannot record sends nothing anyway
            wiring.runtime.audit.note(
                record.policy_refused(
                    file=refusal.file,
                    key=refusal.key,
                    problem=refusal.problem,
                    remedy=_REMEDY,
                    policy=refusal.policy,
                )
            )
        if not wiring.opening.fakes:
            remember_refusal(wiring.state, refusal=refusal)

    def __repr__(self) -> str:
        return f"Reloader(policy={self.state.digest[:12]!r}, reloads={self.state.reloads})"


def _state(wiring: Wiring) -> PolicyState:
    return PolicyState(
        digest=wiring.sources.digest,
        revision=wiring.config.revision,
        since=_now(),
        reported_rules=reported_rules(wiring.sources),
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

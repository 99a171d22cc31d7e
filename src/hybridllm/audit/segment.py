"""One file of the audit log: chained lines, and when they are durable.

Answers: how do many writers share one file, and one `fdatasync`?
Not here: which file (`audit.log`), what a line says (`audit.record`, `audit.line`).

Writers that arrive together share a sync (group commit): one of them leads and
syncs for all that have queued up behind it, the others wait for it. The leader
holds no lock while it waits for the disk.

A write that fails breaks the segment for good: nobody can tell how much of it
arrived, so no later line may follow.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING

from hybridllm.audit.line import MAC_FIELD, as_body, as_line, chain, signed
from hybridllm.errors import AuditError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hybridllm.audit.signing import SigningKey

__all__ = ["MAC_FIELD", "Segment", "cannot", "chain"]

GATHER_STEP_S = 0.0002
GATHER_STEPS = 5
"""A leader waits up to 1 ms for as many writers as shared the sync before; PostgreSQL
calls this `commit_delay` and `commit_siblings`. A lone writer never waits."""

_SYNC: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)


class Segment:
    """One file of the log, shared by the threads of one process.

    Args:
        descriptor: Open for appending; closed by this object.
        key: Secret for the keyed hashes.
        signer: Signs the checkpoints, if anything does.
        name: What the segment's own lines call it.
        number: Counts the segments of a directory.
        begun: When it was begun, as its first line says.
    """

    def __init__(
        self,
        descriptor: int,
        *,
        key: bytes,
        signer: SigningKey | None = None,
        name: str = "",
        number: int = 0,
        begun: str = "",
    ) -> None:
        self.name = name
        self.number = number
        self.begun = begun
        self._descriptor = descriptor
        self._key = key
        self._signer = signer
        self._process = os.getpid()
        self._born = self._checked = time.monotonic()
        self._turn = threading.Condition()
        self._is_led = False
        self._last_mac = ""
        self._waiting: list[int] = []
        self._last_batch = 1
        self._pending: list[bytes] = []
        self._appended = 0
        self._written = 0
        self._durable = 0
        self._size = 0
        self._hash = sha256()
        self._checkpoint: int | None = None
        self._seen = (0, 0, "")
        self._policies: dict[str, None] = {}
        self._is_closed = False

    @property
    def is_usable(self) -> bool:
        """Whether lines can still be added. After a fork, only the parent's process may."""
        return not self._is_closed and self._process == os.getpid()

    @property
    def size(self) -> int:
        """Bytes of all lines so far."""
        return self._size

    @property
    def digest(self) -> str:
        """SHA-256 of all lines so far."""
        return self._hash.hexdigest()

    @property
    def age_s(self) -> float:
        """How long ago it was begun."""
        return time.monotonic() - self._born

    @property
    def checkpoint_on_disk(self) -> tuple[int, str] | None:
        """Bytes up to the last checkpoint and their digest; nothing if it is still under way."""
        ticket, size, digest = self._seen
        return (size, digest) if ticket <= self._durable else None

    def needs_checkpoint(self, *, lines: int, seconds: float) -> bool:
        """Return whether so many lines or seconds have passed since the last checkpoint."""
        unchecked = self._appended - (self._checkpoint or 0) - 1
        return unchecked >= lines or (unchecked > 0 and time.monotonic() - self._checked >= seconds)

    def append(self, record: Mapping[str, object]) -> int:
        """Chain a line and queue it. Return its ticket.

        Raises:
            AuditError: A name in it is no valid Unicode.
        """
        with self._turn:
            ticket = self._add(as_body({"seq": self._appended, **record}))
            policy = record.get("policy")
            if isinstance(policy, str):
                self._policies[policy] = None
            return ticket

    def append_checkpoint(self, record: Mapping[str, object]) -> int:
        """Queue a line that vouches for all lines before it. Return its ticket."""
        with self._turn:
            body = as_body(
                {
                    "seq": self._appended,
                    **record,
                    "segment": self.name,
                    "number": self.number,
                    "count": self._appended,
                    "head": self._last_mac,
                    "digest": self.digest,
                    "previous": self._checkpoint,
                    "policies": list(self._policies),
                    "signer": self._signer.public.id if self._signer else None,
                }
            )
            ticket = self._add(signed(body, signer=self._signer) if self._signer else body)
            self._checkpoint = ticket - 1
            self._seen = (ticket, self._size, self.digest)
            self._checked = time.monotonic()
            self._policies.clear()
            return ticket

    def wait_until_durable(self, ticket: int) -> None:
        """Return when the line with this ticket is on disk.

        Raises:
            AuditError: It could not be written.
        """
        with self._turn:
            if self._durable < ticket:
                self._waiting.append(ticket)
            while self._is_led and self._durable < ticket:
                self._turn.wait()
            if self._durable >= ticket:
                return
            self._must_be_open()
            self._is_led = True
        try:
            self._gather()
            self._write_pending()
            self._sync()
        finally:
            with self._turn:
                self._is_led = False
                before = len(self._waiting)
                self._waiting = [other for other in self._waiting if other > self._durable]
                self._last_batch = before - len(self._waiting)
                with suppress(AuditError):  # whoever waits for these lines will hear of it
                    self.hand_over()
                self._turn.notify_all()

    def hand_over(self) -> None:
        """Give queued lines to the system, unless somebody is about to.

        Raises:
            AuditError: They could not be written.
        """
        with self._turn:
            if not self._is_led and self._pending:
                self._must_be_open()
                self._write_pending()

    def end(self, record: Mapping[str, object]) -> None:
        """Write the last line, which is a checkpoint, and close the file.

        Raises:
            AuditError: It could not be written.
        """
        if not self.is_usable:
            return
        try:
            self.wait_until_durable(self.append_checkpoint(record))
        finally:
            self.close()

    def close(self) -> None:
        """Close the file as it is."""
        if not self._is_closed:
            self._is_closed = True
            with suppress(OSError):  # the file is closed either way
                os.close(self._descriptor)

    def _add(self, body: str) -> int:
        line = b""
        with suppress(UnicodeEncodeError):
            mac = chain(self._key, previous=self._last_mac, body=body)
            line = as_line(body, mac=mac)
        if not line:
            raise AuditError("a name in the record is no valid Unicode; nothing was sent")
        self._last_mac = mac
        self._hash.update(line)
        self._size += len(line)
        self._pending.append(line)
        self._appended += 1
        return self._appended

    def _gather(self) -> None:
        for _ in range(GATHER_STEPS):
            if len(self._waiting) >= self._last_batch:
                return
            time.sleep(GATHER_STEP_S)

    def _write_pending(self) -> None:
        with self._turn:
            lines, self._pending = self._pending, []
            upto = self._appended
        try:
            data = memoryview(b"".join(lines))
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError as error:
            self.close()
            raise AuditError(cannot("write", error=error)) from None
        self._written = upto

    def _sync(self) -> None:
        upto = self._written
        try:
            _SYNC(self._descriptor)
        except OSError as error:
            self.close()
            raise AuditError(cannot("sync", error=error)) from None
        self._durable = upto

    def _must_be_open(self) -> None:
        if self._is_closed:
            raise AuditError("the audit log failed a moment ago; nothing was sent")


def cannot(verb: str, *, error: OSError) -> str:
    """Return what to tell when the log cannot be used."""
    return (
        f"cannot {verb} the audit log ({error.strerror}); nothing was sent. "
        "Check the disk and the directory's rights"
    )

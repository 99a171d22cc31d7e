"""One file of the audit log: chained lines, and when they are durable.

Answers: how do many writers share one file, and one `fdatasync`?
Not here: which file (`audit.log`), what a line says (`audit.record`).

Writers that arrive together share a sync (group commit): one of them leads and
syncs for all that have queued up behind it, the others wait for it. The leader
holds no lock while it waits for the disk.

A write that fails breaks the segment for good: nobody can tell how much of it
arrived, so no later line may follow.
"""

from __future__ import annotations

import hmac
import json
import os
import threading
import time
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING

from hybridllm.errors import AuditError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAC_FIELD = ',"mac":"'
"""What stands between the body of a line and its keyed hash."""

GATHER_STEP_S = 0.0002
GATHER_STEPS = 5
"""A leader waits up to 1 ms for as many writers as shared the sync before; PostgreSQL
calls this `commit_delay` and `commit_siblings`. A lone writer never waits."""

_SYNC: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)


def chain(key: bytes, *, previous: str, body: str) -> str:
    """Return the keyed hash of a line: over itself and the hash of the line before."""
    return hmac.new(key, f"{previous}\n{body}".encode(), sha256).hexdigest()


class Segment:
    """One file of the log, shared by the threads of one process.

    Args:
        descriptor: Open for appending; closed by this object.
        key: Secret for the keyed hashes.
    """

    def __init__(self, descriptor: int, *, key: bytes) -> None:
        self._descriptor = descriptor
        self._key = key
        self._process = os.getpid()
        self._turn = threading.Condition()
        self._is_led = False
        self._last_mac = ""
        self._last_batch = 1
        self._pending: list[bytes] = []
        self._appended = 0
        self._written = 0
        self._durable = 0
        self._is_closed = False

    @property
    def is_usable(self) -> bool:
        """Whether lines can still be added. After a fork, only the parent's process may."""
        return not self._is_closed and self._process == os.getpid()

    def append(self, record: Mapping[str, object]) -> int:
        """Chain a line and queue it. Return its ticket.

        Raises:
            AuditError: A name in it is no valid Unicode.
        """
        with self._turn:
            body = json.dumps(
                {"seq": self._appended, **record}, ensure_ascii=False, separators=(",", ":")
            )
            mac = ""
            with suppress(UnicodeEncodeError):
                mac = chain(self._key, previous=self._last_mac, body=body)
            if not mac:
                raise AuditError("a name in the record is no valid Unicode; nothing was sent")
            self._last_mac = mac
            self._pending.append(f'{body[:-1]}{MAC_FIELD}{mac}"}}\n'.encode())
            self._appended += 1
            return self._appended

    def wait_until_durable(self, ticket: int) -> None:
        """Return when the line with this ticket is on disk.

        Raises:
            AuditError: It could not be written.
        """
        with self._turn:
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
        """Write the last line and close the file.

        Raises:
            AuditError: It could not be written.
        """
        if not self.is_usable:
            return
        try:
            self.wait_until_durable(self.append(record))
        finally:
            self._close()

    def _gather(self) -> None:
        for _ in range(GATHER_STEPS):
            if len(self._pending) >= self._last_batch:
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
            self._close()
            raise AuditError(cannot("write", error=error)) from None
        self._written = upto

    def _sync(self) -> None:
        upto = self._written
        try:
            _SYNC(self._descriptor)
        except OSError as error:
            self._close()
            raise AuditError(cannot("sync", error=error)) from None
        self._last_batch = upto - self._durable
        self._durable = upto

    def _must_be_open(self) -> None:
        if self._is_closed:
            raise AuditError("the audit log failed a moment ago; nothing was sent")

    def _close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            with suppress(OSError):  # the file is closed either way
                os.close(self._descriptor)


def cannot(verb: str, *, error: OSError) -> str:
    """Return what to tell when the log cannot be used."""
    return (
        f"cannot {verb} the audit log ({error.strerror}); nothing was sent. "
        "Check the disk and the directory's rights"
    )

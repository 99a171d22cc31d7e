"""Locks on files, between processes.

Answers: does a process still write this file, and who may change the log's head now?
Not here: what the files hold (`audit.head`, `audit.segment`).

A lock ends with its process, however that ends, and says nothing to whoever only reads.
On Windows a lock bars reading, so it is put on a byte far behind the end.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE_S: Final = 10.0
BINARY: Final = getattr(os, "O_BINARY", 0)
"""Keeps Windows from exchanging line ends; elsewhere there is no such flag."""

_STEP_S: Final = 0.005
_RENAME_PATIENCE_S: Final = 1.0 if sys.platform == "win32" else 0.0
_FAR: Final = 2**31 - 2
"""Where Windows locks: the last place that its 32-bit call reaches. Segments are shorter."""

if sys.platform == "win32":
    import msvcrt

    def lock(descriptor: int) -> bool:
        """Take the lock of an open file. Return whether it was free."""
        here = os.lseek(descriptor, 0, os.SEEK_CUR)
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(descriptor, here, os.SEEK_SET)
        return True

else:
    import fcntl

    def lock(descriptor: int) -> bool:
        """Take the lock of an open file. Return whether it was free."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file, which is made if there is none.

    Raises:
        OSError: The file cannot be opened.
        TimeoutError: Another process holds it for too long.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | BINARY, 0o600)
    try:
        patience = time.monotonic() + PATIENCE_S
        while not lock(descriptor):
            if time.monotonic() > patience:
                raise TimeoutError(0, "another process holds its lock")
            time.sleep(_STEP_S)
        yield
    finally:
        os.close(descriptor)


def is_written(path: Path) -> bool:
    """Return whether a process still holds the lock of a file.

    Raises:
        OSError: The file cannot be opened.
    """
    descriptor = os.open(path, os.O_RDWR | BINARY)
    try:
        return not lock(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, *, data: bytes) -> None:
    """Exchange a file's bytes whole: a reader sees all of the old ones or all of the new ones.

    Raises:
        OSError: It cannot be written.
    """
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | BINARY, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _rename(draft, path)
    except OSError:
        with suppress(OSError):
            draft.unlink()
        raise


def sync_directory(directory: Path) -> None:
    """Make new names in a directory durable, where the system can."""
    if sys.platform != "win32":
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _rename(draft: Path, path: Path) -> None:
    """Rename; on Windows a reader may stand in the way for a moment."""
    patience = time.monotonic() + _RENAME_PATIENCE_S
    while True:
        try:
            draft.replace(path)
            return
        except PermissionError:
            if time.monotonic() > patience:
                raise
        time.sleep(_STEP_S)

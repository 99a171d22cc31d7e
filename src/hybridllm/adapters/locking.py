"""One writer at a time, among threads and processes.

Answers: who may change the registry now?

The lock belongs to an open file of the system: it is free the moment its holder dies,
however it dies. Each call opens the file anew, so threads of one process exclude each other
as processes do. Readers take no lock.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hybridllm.errors import StoreError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_WAIT_S: Final = 0.01


@contextmanager
def locked(path: Path, *, timeout_s: float) -> Iterator[None]:
    """Hold the lock.

    Raises:
        StoreError: Another holds it for longer than `timeout_s`.
        OSError: The file cannot be opened.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + timeout_s
        while not _take(descriptor):
            if time.monotonic() >= deadline:
                raise StoreError(
                    f"another process has been changing the registry for {timeout_s:g} s"
                )
            time.sleep(_WAIT_S)
        yield
    finally:
        os.close(descriptor)  # gives the lock back


def _take(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            os.lseek(descriptor, 0, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

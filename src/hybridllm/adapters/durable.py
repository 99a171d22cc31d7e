"""Files that are whole or not there, whenever the power goes.

Answers: how is a file written, moved and removed so that a crash leaves the old or the new?
Not here: which files (`adapters.store`).

A file is written beside its place, synced, and renamed over it; then its folder is synced.
Windows cannot sync a folder; NTFS keeps renames in its journal.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

DRAFT = ".draft-"
"""Beginning of the names of files that are not whole yet."""

_TRIES = 100
_WAIT_S = 0.01


def write_whole(path: Path, *, data: bytes) -> None:
    """Put a file in its place, or leave what is there.

    Raises:
        OSError: It cannot be written; nothing has changed.
    """
    draft = path.with_name(f"{DRAFT}{secrets.token_hex(8)}")
    try:
        write_new(draft, pieces=[data])
        _replace(draft, path)
    except BaseException:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _replace(draft: Path, path: Path) -> None:
    """Rename over a file. Windows refuses that while a reader has it open, so try for a while."""
    for _ in range(_TRIES if sys.platform == "win32" else 0):
        with suppress(PermissionError):
            draft.replace(path)
            return
        time.sleep(_WAIT_S)
    draft.replace(path)


def write_new(path: Path, *, pieces: Iterable[bytes]) -> int:
    """Write a file that does not exist yet, sync it and return its size.

    Raises:
        OSError: It cannot be written; a part of it may be there.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    size = 0
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        for piece in pieces:
            file.write(piece)
            size += len(piece)
        file.flush()
        os.fsync(file.fileno())
    return size


def move(path: Path, *, target: Path) -> None:
    """Move a folder to a place where nothing is.

    Raises:
        OSError: It cannot be moved; nothing has changed.
    """
    path.rename(target)
    sync_folder(target.parent)
    if path.parent != target.parent:
        sync_folder(path.parent)


def unlink(path: Path) -> None:
    """Remove a file if it is there.

    Raises:
        OSError: It is there and cannot be removed.
    """
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def remove_folder(path: Path) -> None:
    """Remove a folder as far as possible; what is left is removed the next time."""

    def make_writable(_call: Callable[..., object], name: str, _error: object) -> None:
        # Windows does not remove a file that is read-only.
        with suppress(OSError):
            Path(name).chmod(stat.S_IRWXU)
            Path(name).unlink()

    if sys.version_info >= (3, 12):
        shutil.rmtree(path, onexc=make_writable)
    else:
        shutil.rmtree(path, onerror=make_writable)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    if sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

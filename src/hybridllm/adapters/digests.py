"""Digests of files, remembered while the files stay as they are.

Answers: what is the SHA-256 of this file now?

Units: bytes. A file counts as unchanged while device, inode, size and both times are the
same; whoever can set the time of last change of an inode owns the machine.
"""

from __future__ import annotations

import os
import stat
import threading
from hashlib import sha256
from pathlib import Path
from typing import Final

_PIECE_BYTES: Final = 2**20


def file_sha256(path: Path) -> str:
    """Return the digest of a file.

    Raises:
        OSError: It cannot be read.
    """
    digest = sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


class DigestMemory:
    """Digests of files that were read before."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, ...], str]] = {}
        self._lock = threading.Lock()

    def sha256(self, path: Path) -> str:
        """Return the digest of a file, reading it only if it may have changed.

        Raises:
            OSError: It cannot be read, or changes while it is.
        """
        before = _identity(path)
        with self._lock:
            known = self._known.get(path)
        if known is not None and known[0] == before:
            return known[1]
        digest = file_sha256(path)
        if _identity(path) != before:
            raise OSError("the file changed while it was read")
        with self._lock:
            self._known[path] = (before, digest)
        return digest

    def forget(self, folder: Path) -> None:
        """Drop what is known of the files of a folder."""
        with self._lock:
            for path in [path for path in self._known if path.parent == folder]:
                del self._known[path]


def _identity(path: Path) -> tuple[int, ...]:
    facts: os.stat_result = path.lstat()
    if not stat.S_ISREG(facts.st_mode):
        raise OSError("this is no file")  # what a link leads to may change unseen
    return (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)

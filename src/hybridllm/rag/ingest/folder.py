"""The files of a folder.

Answers: which files stand below a folder, under which ids, and what are their bytes?
Not here: reading them (`reading`), who may find them (`access_file`).

Links are never followed: they lead out of the folder, in circles, or to what is read
anyway. Names are compared in Unicode form NFC and joined with `/` on every system, so a
folder has the same ids on Linux, macOS and Windows.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hybridllm.errors import ConfigurationError
from hybridllm.rag.ingest.access_file import ACCESS_FILE
from hybridllm.rag.ingest.failures import DocumentReadError, Reason


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that may be read.

    Attributes:
        name: From the folder on, in NFC, with `/`.
        path: Where the system finds it.
    """

    name: str = field(repr=False)
    path: Path = field(repr=False)


@dataclass(frozen=True, slots=True)
class Listing:
    """What stands in a folder.

    Attributes:
        files: By name.
        refused: Name and reason of what is not read. A refused folder ends with `/`.
    """

    files: tuple[FoundFile, ...]
    refused: tuple[tuple[str, Reason], ...]

    @property
    def closed(self) -> tuple[str, ...]:
        """The folders below that the system does not let be listed, each with a `/`."""
        return tuple(
            name
            for name, reason in self.refused
            if reason is Reason.UNREADABLE and name.endswith("/")
        )


def list_folder(folder: Path) -> Listing:
    """Return the files below a folder, sorted by name.

    Raises:
        ConfigurationError: The folder is missing, cannot be listed, or has an access file
            below its top, where it would do nothing.
    """
    files: dict[str, FoundFile] = {}
    refused: list[tuple[str, Reason]] = []
    try:
        root = Path(os.path.realpath(folder, strict=True))
        found = list(_walk(root, prefix=""))
    except OSError as error:
        text = f"cannot be listed ({os.strerror(error.errno or 0)}); nothing was changed"
        raise ConfigurationError(text, file=str(folder)) from None
    for name, path, reason in sorted(found, key=lambda item: (item[0], str(item[1]))):
        if reason is not None:
            refused.append((name, reason))
        elif name in files:
            refused.append((name, Reason.NAME_TWICE))
        else:
            files[name] = FoundFile(name, path)
    return Listing(tuple(files.values()), tuple(refused))


def read_bytes(path: Path, *, most: int) -> bytes:
    """Return the bytes of a file that is no link.

    Raises:
        DocumentReadError: It is a link by now, no file, too large, or cannot be read.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    # A pipe that took the file's place must not make everything wait.
    flags |= getattr(os, "O_NONBLOCK", 0)
    try:
        if path.is_symlink():
            raise DocumentReadError(Reason.LINK)
        with os.fdopen(os.open(path, flags), "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise DocumentReadError(Reason.NOT_A_FILE)
            data = stream.read(most + 1)
    except OSError:
        raise DocumentReadError(Reason.UNREADABLE) from None
    if len(data) > most:
        raise DocumentReadError(Reason.TOO_LARGE)
    return data


def _walk(folder: Path, *, prefix: str) -> Iterator[tuple[str, Path, Reason | None]]:
    """Yield name, path and, for what is not read, the reason."""
    pending = [(folder, prefix)]
    while pending:
        place, before = pending.pop()
        try:
            entries = list(os.scandir(place))
        except OSError:
            if place == folder:
                raise
            yield before, place, Reason.UNREADABLE
            continue
        for entry in entries:
            path = Path(entry.path)
            name = before + unicodedata.normalize("NFC", entry.name)
            reason = _reason(entry, path=path, is_top=not before)
            if entry.name == ACCESS_FILE:
                continue
            if reason is None and entry.is_dir(follow_symlinks=False):
                pending.append((path, f"{name}/"))
            elif reason is Reason.BAD_NAME:
                yield before + ascii(entry.name), path, reason
            else:
                yield name, path, reason


def _reason(entry: os.DirEntry[str], *, path: Path, is_top: bool) -> Reason | None:
    if entry.name == ACCESS_FILE:
        if not is_top or entry.is_symlink():
            text = "counts only as a file at the top of the folder; move its rules there"
            raise ConfigurationError(text, file=entry.path)
        return None
    if any("\ud800" <= char <= "\udfff" for char in entry.name):
        return Reason.BAD_NAME
    # Resolving finds what `is_symlink` does not know, such as a junction of Windows.
    if entry.is_symlink() or os.path.normcase(os.path.realpath(path)) != os.path.normcase(path):
        return Reason.LINK
    if entry.name.startswith((".", "~$")):
        return Reason.HIDDEN_FILE
    if entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False):
        return None
    return Reason.NOT_A_FILE

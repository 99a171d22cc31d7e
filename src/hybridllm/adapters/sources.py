"""Where adapters come from.

Answers: which files does a source have under a name, and how are they read?
Not here: what happens to them (`adapters.importing`).

A folder is the only source of this package. An S3-compatible store or a hub is a class with
the same method that lives where network libraries may be imported; nothing of it is here.
A source is not trusted: all that it gives is copied within limits, and checked in the copy.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Protocol, runtime_checkable

from hybridllm.errors import ConfigurationError

_NO_LINKS: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_DO_NOT_WAIT: Final = getattr(os, "O_NONBLOCK", 0)  # a pipe would be waited for


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file that a source offers.

    Attributes:
        name: Without any folder.
        open: Returns the bytes; called at most once.
        is_link: It is a link, or anything else that is no file.
    """

    name: str
    open: Callable[[], BinaryIO]
    is_link: bool = False


@runtime_checkable
class AdapterSource(Protocol):
    """Something that has adapters."""

    def files(self, reference: str) -> Iterator[SourceFile]:
        """Yield the files of one adapter.

        Raises:
            ConfigurationError: There is none of this name.
            OSError: It cannot be read.
        """


class FolderSource:
    """Adapters in folders below one folder.

    Args:
        root: All references are relative to it; none may lead out of it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def files(self, reference: str) -> Iterator[SourceFile]:
        """Yield the files of a folder."""
        root = self._root.resolve()
        folder = (root / reference).resolve()
        if not folder.is_relative_to(root):
            raise ConfigurationError("leads out of the folder of adapters", key="reference")
        if not folder.is_dir():
            raise ConfigurationError("is no folder", file=reference)
        for path in sorted(folder.iterdir()):
            is_file = stat.S_ISREG(path.lstat().st_mode)
            yield SourceFile(path.name, _opener(path), is_link=not is_file)


def _opener(path: Path) -> Callable[[], BinaryIO]:
    def open_file() -> BinaryIO:
        return os.fdopen(os.open(path, os.O_RDONLY | _NO_LINKS | _DO_NOT_WAIT), "rb")

    return open_file

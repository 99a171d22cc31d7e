"""Office files as archives.

Answers: which parts does an office file have, and what does each hold?
Not here: the XML in them (`xml_parts`).

Everything is counted before it is unpacked, and again while it is: the sizes that an
archive declares may be lies. Macros, embedded files and pictures are never unpacked.
"""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from typing import Final

from hybridllm.rag.ingest.failures import DocumentReadError, Reason
from hybridllm.rag.ingest.limits import Budget
from hybridllm.rag.ingest.xml_parts import attribute, tree

_OLD_OFFICE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_PARTS: Final = (
    "EncryptedPackage".encode("utf-16-le"),
    b"E\0n\0c\0r\0y\0p\0t\0i\0o\0n\0I",
)
_PIECE_BYTES: Final = 64 * 2**10
_SMALL_BYTES: Final = 2**20


class OfficeFile:
    """An opened docx, xlsx or pptx."""

    def __init__(self, data: bytes, *, budget: Budget) -> None:
        if data.startswith(_OLD_OFFICE):
            is_encrypted = any(name in data for name in _ENCRYPTED_PARTS)
            raise DocumentReadError(Reason.ENCRYPTED if is_encrypted else Reason.OLD_FORMAT)
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, EOFError):
            raise DocumentReadError(Reason.DAMAGED) from None
        self._budget = budget
        self._left = budget.limits.inflated_bytes
        items = self._archive.infolist()
        self._members = {item.filename: item for item in items}
        if len(items) != len(self._members):
            # Of two parts by one name each program believes another one.
            raise DocumentReadError(Reason.DAMAGED)
        self._check_sizes(len(data))

    def __contains__(self, part: str) -> bool:
        return part in self._members

    @property
    def parts(self) -> list[str]:
        """The names of all parts."""
        return list(self._members)

    def pieces(self, part: str) -> Iterator[bytes]:
        """Yield a part's bytes as they are unpacked.

        Raises:
            DocumentReadError: It is missing, damaged or larger than the limits allow.
        """
        item = self._members.get(part)
        if item is None:
            raise DocumentReadError(Reason.DAMAGED)
        if item.flag_bits & 1:
            raise DocumentReadError(Reason.ENCRYPTED)
        try:
            with self._archive.open(item) as stream:
                while piece := stream.read(_PIECE_BYTES):
                    self._left -= len(piece)
                    if self._left < 0:
                        raise DocumentReadError(Reason.EXPANDS_TOO_MUCH)
                    yield piece
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError):
            raise DocumentReadError(Reason.DAMAGED) from None

    def related(self, part: str) -> dict[str, tuple[str, str]]:
        """Return kind and part by id of what a part refers to inside the file."""
        folder, name = posixpath.split(part)
        relations = posixpath.join(folder, "_rels", f"{name}.rels")
        if relations not in self:
            return {}
        found = {}
        for item in tree(self.pieces(relations), budget=self._budget):
            if attribute(item, name="TargetMode") != "External":
                target = posixpath.normpath(
                    posixpath.join("/", folder, attribute(item, name="Target"))
                ).lstrip("/")
                kind = attribute(item, name="Type").rpartition("/")[2]
                found[attribute(item, name="Id")] = (kind, target)
        return found

    def _check_sizes(self, packed: int) -> None:
        limits = self._budget.limits
        if len(self._members) > limits.entries:
            raise DocumentReadError(Reason.EXPANDS_TOO_MUCH)
        total = sum(item.file_size for item in self._members.values())
        is_bomb = total > _SMALL_BYTES and total > packed * limits.expansion_ratio
        if is_bomb or total > limits.inflated_bytes:
            raise DocumentReadError(Reason.EXPANDS_TOO_MUCH)

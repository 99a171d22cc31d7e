"""All fingerprints of one document in one row, under a keyed checksum.

Answers: how are they packed, and has the row been damaged or edited?
Not here: the tables (`index`).
"""

from __future__ import annotations

import hashlib
import json
import sys
from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Checksums:
    """Keyed BLAKE2b of 128 bits (RFC 7693): nobody without the key can make a valid one."""

    def __init__(self, key: bytes) -> None:
        self._listings = hashlib.blake2b(key=key, digest_size=16, person=b"print-listing")
        self._texts = hashlib.blake2b(key=key, digest_size=16, person=b"print-content")

    def of_listing(self, names: Sequence[str], *, fingerprints: bytes) -> bytes:
        """Return the checksum of a document's names, label and packed fingerprints."""
        state = self._listings.copy()
        state.update(json.dumps(list(names)).encode("ascii"))
        state.update(fingerprints)
        return state.digest()

    def of_text(self, text: str) -> bytes:
        """Return a digest by which an unchanged document is recognised."""
        state = self._texts.copy()
        state.update(text.encode("utf-8", "surrogatepass"))
        return state.digest()


def packed(fingerprints: Sequence[int]) -> bytes:
    """Return eight bytes each, the highest first, as SQLite itself stores them."""
    numbers = array("q", fingerprints)
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers.tobytes()


def unpacked(data: bytes) -> array[int]:
    """Return the fingerprints again."""
    numbers = array("q", data)
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers

"""A bitmap in memory that answers most look-ups without the file.

Answers: is this fingerprint certainly not in the index?
Not here: what is in the index (`index`).

It is a Bloom filter in blocks (Putze, Sanders, Singler 2009, "Cache-, hash- and
space-efficient Bloom filters", JEA 14): a fingerprint sets two bits of one byte.
Fingerprints are keyed digests already, so their low bits choose the byte and their
highest eight bits the two in it. With `BITS_PER_FINGERPRINT` bits for each, about one
absent fingerprint in 20 is looked up in the file for nothing. A bit is never cleared:
what was removed costs a look-up until the bitmap is built again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

BITS_PER_FINGERPRINT: Final = 12
_LEAST_BYTES: Final = 1 << 13
_MOST_BYTES: Final = 1 << 32

_PAIRS: Final = [1 << high | 1 << low for high in range(8) for low in range(high)]
_MARKS: Final = tuple(_PAIRS[number % len(_PAIRS)] for number in range(256))
"""Two bits of a byte for each value of eight bits, negative ones counted from the end."""


class Front:
    """The marks of all fingerprints that were ever added, for at most `capacity` of them."""

    def __init__(self, capacity: int) -> None:
        wanted = max(_LEAST_BYTES, capacity * BITS_PER_FINGERPRINT // 8)
        # The byte is chosen by bits that don't choose the mark.
        size = min(1 << (wanted - 1).bit_length(), _MOST_BYTES)
        self.capacity: Final = max(capacity, size * 8 // BITS_PER_FINGERPRINT)
        self._mask = size - 1
        self._marks = bytearray(size)

    @property
    def memory_bytes(self) -> int:
        """Size of the bitmap."""
        return len(self._marks)

    def add(self, fingerprints: Iterable[int]) -> None:
        """Mark signed 64-bit fingerprints."""
        marks, mask, known = self._marks, self._mask, _MARKS
        for fingerprint in fingerprints:
            marks[fingerprint & mask] |= known[fingerprint >> 56]

    def possible(self, probes: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
        """Return the fingerprints that may be in the index, each with its positions."""
        marks, mask, known = self._marks, self._mask, _MARKS
        found: dict[int, list[int]] = {}
        for position, fingerprint in probes:
            mark = known[fingerprint >> 56]
            if marks[fingerprint & mask] & mark == mark:
                found.setdefault(fingerprint, []).append(position)
        return found

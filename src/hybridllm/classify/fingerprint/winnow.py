"""Which few digests of a text stand for all of its passages.

Answers: what does a document leave in an index, what is looked up for a prompt, and
which original characters does a match stand for?
Not here: keeping and finding digests (`index`), whole messages (`digest`).

Winnowing (Schleimer, Wilkerson, Aiken 2003, "Winnowing: local algorithms for document
fingerprinting", SIGMOD, section 3.2): of every `WINDOW` neighbouring grams of
`GRAM_CHARACTERS` the one with the least order value is a fingerprint. So two texts
with `GUARANTEED_CHARACTERS` normalised characters in common share a fingerprint, and
texts with fewer than `GRAM_CHARACTERS` in common share none.

Normalised means NFKC, case folded, letters and digits only: width, spacing, case and
punctuation don't matter. The order value is a keyed linear function of the first
characters of a gram, computed for all grams by one multiplication of long integers.
It only selects; the digest that is kept is BLAKE2b of a secret and the gram, 64 bits
(RFC 7693). All inputs have one length, so such a prefix serves as a key.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from array import array
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

from hybridllm.classify.fingerprint.digest import INVISIBLE, KEY_BYTES
from hybridllm.classify.fingerprint.listing import unpacked
from hybridllm.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GRAM_CHARACTERS: Final = 24
"""Shared text shorter than this is never a match: about five English words."""

WINDOW: Final = 19
"""Neighbouring grams that share a fingerprint. More is faster and finds less."""

GUARANTEED_CHARACTERS: Final = GRAM_CHARACTERS + WINDOW - 1
"""Common normalised characters that are always found: 42, as 60 English characters
with their spaces and marks hold about 48 letters."""

_SHORT_CHARACTERS: Final = 160
"""A text up to this length is looked up gram by gram: it costs little, and a quote that
is shorter than guaranteed is found more often."""

_DISTINCT_CHARACTERS: Final = 6
"""A document's gram with fewer (a row of zeros, a ruler) says nothing about it."""

_ORDER_CHARACTERS: Final = 8
"""Characters of a gram that decide its order. With factors below 16 for each of two
bytes, a sum stays below 8 * 2 * 15 * 255 = 61_200 and fits its lane of 16 bits."""

_CHUNK_CHARACTERS: Final = 1 << 16
"""Characters worked on at once, so that memory stays bounded."""

_NEITHER_LETTER_NOR_DIGIT: Final = re.compile(r"[\W_]+")
_WITH_MARKS: Final = re.compile(
    ".[\u0300-\u036f\u3099\u309a\uff9e\uff9f\u1160-\u11ff\ud7b0-\ud7ff]{0,16}", re.DOTALL
)
"""A character with the marks, kana voicing or Hangul letters that NFKC joins to it."""

_ASCII_LOWER: Final = bytes(range(256)).lower()
_ASCII_DELETED: Final = bytes(code for code in range(128) if not chr(code).isalnum())


class Winnower:
    """Selects and digests grams under one key."""

    def __init__(self, key: bytes) -> None:
        if len(key) not in KEY_BYTES:
            raise ConfigurationError(
                f"has {len(key)} bytes; expected {KEY_BYTES.start} to {KEY_BYTES.stop - 1}",
                key="key",
            )
        seed = hashlib.blake2b(key=key, person=b"print-order").digest()
        stream = hashlib.shake_256(seed).digest(512 + 2 * _ORDER_CHARACTERS)
        self._low = stream[:256]
        # A second byte of zero adds nothing, so a text orders alike alone and beside Japanese.
        self._high = b"\0" + stream[257:512]
        factors = [1 + byte % 15 for byte in stream[512:]]
        self._low_factors = _lanes(factors[:_ORDER_CHARACTERS])
        self._high_factors = _lanes(factors[_ORDER_CHARACTERS:])
        # A secret and a gram fill one block; the keyed mode would take a second for its key.
        secret = hashlib.blake2b(key=key, digest_size=32, person=b"print-gram").digest()
        self._keyed = hashlib.blake2b(secret, digest_size=8)
        self.key_check: Final = hashlib.blake2b(key=key, person=b"print-check").digest()

    def fingerprints(self, text: str) -> set[int]:
        """Return the fingerprints that a document leaves, each a signed 64-bit integer."""
        found: set[int] = set()
        for part, selected in self._selected(normalised(text)):
            for position in selected:
                gram = part[position * 4 : (position + GRAM_CHARACTERS) * 4]
                if len(set(gram.decode("utf-32-le", "surrogatepass"))) >= _DISTINCT_CHARACTERS:
                    found.add(self._fingerprint(gram))
        return found

    def every_fingerprint(self, text: str) -> set[int]:
        """Return the fingerprint of each gram, selected or not: about one a character.

        Which grams are selected at the ends of a passage depends on what stands beside
        it, so only all grams of one document cover a passage of another completely.
        """
        code_points = normalised(text).encode("utf-32-le", "surrogatepass")
        size = 4 * GRAM_CHARACTERS
        return {
            self._fingerprint(code_points[first : first + size])
            for first in range(0, len(code_points) - size + 1, 4)
        }

    def probes(self, normal: str) -> list[tuple[int, int]]:
        """Return position and fingerprint of each gram to look up, of a normalised text."""
        positions: list[int] = []
        digests: list[bytes] = []
        first, copy = 0, self._keyed.copy
        for part, selected in self._selected(normal):
            every = range(len(normal) - GRAM_CHARACTERS + 1)
            grams = selected if len(normal) > _SHORT_CHARACTERS else every
            for position in grams:
                state = copy()
                state.update(part[position * 4 : (position + GRAM_CHARACTERS) * 4])
                digests.append(state.digest())
            positions.extend([first + position for position in grams] if first else grams)
            first += _CHUNK_CHARACTERS - GUARANTEED_CHARACTERS + 1
        return list(zip(positions, unpacked(b"".join(digests)), strict=True))

    def _fingerprint(self, gram: bytes) -> int:
        state = self._keyed.copy()
        state.update(gram)
        return int.from_bytes(state.digest(), "big", signed=True)

    def _selected(self, normal: str) -> Iterator[tuple[bytes, list[int]]]:
        """Yield parts of the text, four bytes a character, with the grams selected there."""
        step = _CHUNK_CHARACTERS - GUARANTEED_CHARACTERS + 1
        for first in range(0, max(1, len(normal) - GUARANTEED_CHARACTERS + 1), step):
            part = normal[first : first + _CHUNK_CHARACTERS]
            code_points = part.encode("utf-32-le", "surrogatepass")
            yield code_points, _least(self._orders(code_points))

    def _orders(self, code_points: bytes) -> bytes:
        """Return the order value of each gram, one byte each."""
        length = len(code_points) // 4
        if length < GRAM_CHARACTERS:
            return b""
        total = _lanes(code_points[::4].translate(self._low)) * self._low_factors
        high = code_points[1::4]
        if high.count(0) < length:
            total += _lanes(high.translate(self._high)) * self._high_factors
        lanes = total.to_bytes(2 * (length + _ORDER_CHARACTERS), "little")
        first = 2 * (_ORDER_CHARACTERS - 1)
        return lanes[first : first + 2 * (length - GRAM_CHARACTERS + 1) : 2]


def normalised(text: str) -> str:
    """Return the letters and digits of a text, without width and case.

    Check: "Net-Revenue: ４２ 億円" -> "netrevenue42億円".
    """
    if text.isascii():
        return text.encode("ascii").translate(_ASCII_LOWER, _ASCII_DELETED).decode("ascii")
    folded = unicodedata.normalize("NFKC", INVISIBLE.sub("", text)).casefold()
    return _NEITHER_LETTER_NOR_DIGIT.sub("", folded)


def original_positions(text: str) -> array[int]:
    """Return for each normalised character where it stands in the text.

    Each character is normalised here together with the marks that follow it, which is
    slow and only done for a match. Rare sequences come out with another length than in
    `normalised`; then the caller knows no places.
    """
    if text.isascii():
        return array("L", [place for place, sign in enumerate(text) if sign.isalnum()])
    found = array("L")
    for match in _WITH_MARKS.finditer(text):
        found.extend([match.start()] * _normalised_length(match.group()))
    return found


@lru_cache(maxsize=8192)
def _normalised_length(cluster: str) -> int:
    return len(normalised(cluster))


def _lanes(values: bytes | list[int]) -> int:
    """Return a long integer with one value in each 16 bits."""
    lanes = bytearray(2 * len(values))
    lanes[::2] = bytes(values)
    return int.from_bytes(lanes, "little")


@cache
def _finders() -> tuple[Callable[..., re.Match[bytes] | None], ...]:
    """Return for each byte a search for the first lesser one; made once, in some 5 ms."""
    ranges = (b"[\\x00-\\x%02x]" % (order - 1) for order in range(1, 256))
    return tuple(re.compile(pattern).search for pattern in (b"(?!)", *ranges))


def _least(orders: bytes) -> list[int]:
    """Return the leftmost least gram of every window; all grams if there is no window."""
    if len(orders) < WINDOW:
        return list(range(len(orders)))
    found = []
    lesser_than = _finders()
    first, last = 0, len(orders) - WINDOW
    while first <= last:
        window = orders[first : first + WINDOW]
        least = first + window.index(min(window))
        found.append(least)
        # The windows that follow share this gram, until a lesser one enters them.
        while lesser := lesser_than[orders[least]](orders, first + WINDOW, least + WINDOW):
            least = lesser.start()
            found.append(least)
            first = least - WINDOW + 1
        first = least + 1
    return found

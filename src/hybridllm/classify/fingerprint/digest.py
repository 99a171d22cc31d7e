"""Keyed digests of whole texts and of their lines.

Answers: under which digests is a text remembered, and under which is it looked up?
Not here: where digests are kept (`classify.memory`), parts of lines (`winnow`).

Digests are keyed BLAKE2b of 128 bits (RFC 7693), taken after NFKC, case folding and
removal of all white space and invisible characters.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import TYPE_CHECKING, Final

from hybridllm.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

MINIMUM_CHARACTERS: Final = 16
"""Shorter texts, counted after normalisation, are common phrases."""

PIECE_CHARACTERS: Final = 40
"""A line of at least this length is remembered on its own."""

MAX_PIECES: Final = 256
"""Lines remembered of one text. All lines of a text are looked up."""

KEY_BYTES: Final = range(16, 65)
"""Lengths of a key: BLAKE2b takes up to 64 bytes; 16 is the least worth having."""

INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Unicode 16, DerivedCoreProperties.txt, Default_Ignorable_Code_Point."""


class Digester:
    """Turns texts into the keyed digests under which their labels are kept."""

    def __init__(self, key: bytes) -> None:
        if len(key) not in KEY_BYTES:
            raise ConfigurationError(
                f"has {len(key)} bytes; expected {KEY_BYTES.start} to {KEY_BYTES.stop - 1}",
                key="key",
            )
        self._keyed = hashlib.blake2b(key=key, digest_size=16, person=b"message-memory")

    @property
    def key_check(self) -> bytes:
        """A digest by which a store recognises its key."""
        return self._digest("key check")

    def to_recall(self, texts: Iterable[str]) -> set[bytes]:
        """Return the digests under which any of these texts may be known."""
        return self._digests(texts, piece_characters=MINIMUM_CHARACTERS, max_pieces=None)

    def to_remember(self, texts: Iterable[str]) -> set[bytes]:
        """Return the digests that these texts leave behind."""
        return self._digests(texts, piece_characters=PIECE_CHARACTERS, max_pieces=MAX_PIECES)

    def _digests(
        self, texts: Iterable[str], *, piece_characters: int, max_pieces: int | None
    ) -> set[bytes]:
        # A lone string would be read as its characters, all of them too short.
        found: set[bytes] = set()
        for text in (texts,) if isinstance(texts, str) else texts:
            lines = normalised_lines(text)
            pieces = [line for line in lines if len(line) >= piece_characters]
            found.update(map(self._digest, pieces[:max_pieces]))
            if len(lines) > 1:
                whole = _composed("".join(lines))
                if len(whole) >= MINIMUM_CHARACTERS:
                    found.add(self._digest(whole))
            elif lines and MINIMUM_CHARACTERS <= len(lines[0]) < piece_characters:
                found.add(self._digest(lines[0]))
        return found

    def _digest(self, text: str) -> bytes:
        # Copying a keyed state is faster than hashing the key each time.
        state = self._keyed.copy()
        # A lone surrogate is a legal character of a JSON string.
        state.update(text.encode("utf-8", "surrogatepass"))
        return state.digest()


def normalised_lines(text: str) -> list[str]:
    """Return the lines without width, case, white space and invisible characters.

    Check: "Ｎｅｔ  Revenue" -> ["netrevenue"].
    """
    if text.isascii():
        lines = text.lower().splitlines()
        return ["".join(words) for line in lines if (words := line.split())]
    folded = unicodedata.normalize("NFKC", INVISIBLE.sub("", text)).casefold()
    lines = ["".join(words) for line in folded.splitlines() if (words := line.split())]
    # Removed spaces can bring a letter and its accent together.
    return _composed("\n".join(lines)).split("\n") if lines else []


def _composed(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFKC", text)

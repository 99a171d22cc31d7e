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
    from collections.abc import Iterable, Iterator

MINIMUM_CHARACTERS: Final = 16
"""Shorter texts, counted after normalisation, are common phrases."""

PIECE_CHARACTERS: Final = 40
"""A line or sentence of at least this length is remembered on its own. Japanese says in half
the characters what English says: a character beyond Latin counts twice."""

MAX_PIECES: Final = 256
"""Lines and sentences remembered of one text. All of a text are looked up."""

MAX_CUTS: Final = 8
"""Ends of sentences in one line at which its beginning and its rest are looked up too."""

_SENTENCE_END: Final = re.compile(r"(?<=[.!?:;。．！？：；])")

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
        found: set[bytes] = set()
        for text in _each(texts):
            pieces = _pieces_to_recall(sentences_by_line(text))
            found.update(
                self._digest(piece) for piece in pieces if len(piece) >= MINIMUM_CHARACTERS
            )
        return found

    def to_remember(self, texts: Iterable[str]) -> set[bytes]:
        """Return the digests that these texts leave behind."""
        found: set[bytes] = set()
        for text in _each(texts):
            lines = sentences_by_line(text)
            whole = _joined(sentence for line in lines for sentence in line)
            if len(whole) >= MINIMUM_CHARACTERS:
                found.add(self._digest(whole))
            pieces = [piece for piece in _lines_and_sentences(lines) if _is_telling(piece)]
            found.update(map(self._digest, pieces[:MAX_PIECES]))
        return found

    def _digest(self, text: str) -> bytes:
        # Copying a keyed state is faster than hashing the key each time.
        state = self._keyed.copy()
        # A lone surrogate is a legal character of a JSON string.
        state.update(text.encode("utf-8", "surrogatepass"))
        return state.digest()


def _each(texts: Iterable[str]) -> Iterable[str]:
    # A lone string would be read as its characters, all of them too short.
    return (texts,) if isinstance(texts, str) else texts


def _is_telling(piece: str) -> bool:
    wide = 0 if piece.isascii() else sum(character > "\u2e7f" for character in piece)
    return len(piece) + wide >= PIECE_CHARACTERS


def sentences_by_line(text: str) -> list[list[str]]:
    """Return the normalised sentences of each line. A colon ends a sentence too."""
    lines = (_SENTENCE_END.sub("\n", line) for line in text.splitlines())
    return [sentences for line in lines if (sentences := normalised_lines(line))]


def _lines_and_sentences(lines: list[list[str]]) -> list[str]:
    """Return the lines of a text, and the sentences of lines that hold several."""
    pieces = [piece for line in lines for piece in (_joined(line), *line)]
    return list(dict.fromkeys(pieces))


def _pieces_to_recall(lines: list[list[str]]) -> Iterator[str]:
    """Yield what may have been remembered: whole, line, sentence, and parts of a line.

    A known text often comes back inside a line: "Translate: <text>", or with an order
    behind it. So the beginning and the rest of a line are tried at its sentence ends.
    """
    if len(lines) > 1:
        yield _joined(sentence for line in lines for sentence in line)
    for line in lines:
        yield _joined(line)
        if len(line) > 1:
            yield from line
        for cut in range(1, min(len(line), MAX_CUTS + 1)):
            yield _joined(line[:cut])
            yield _joined(line[cut:])


def _joined(sentences: Iterable[str]) -> str:
    return _composed("".join(sentences))


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

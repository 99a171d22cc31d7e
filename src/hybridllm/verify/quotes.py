"""Words that an answer puts between quotation marks.

Answers: what does a sentence quote, and does a source say just that?
Not here: words that are quoted as names (up to two English words or six characters).

Compared after NFKC, without regard to case, kinds of quotation marks and white space; an
ellipsis inside a quote stands for anything.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_QUOTES: Final = re.compile(
    r"「(?P<corner>[^「」]*(?:「[^「」]*」[^「」]*)*)」|『(?P<double>[^『』]*)』|“(?P<curly>[^“”]*)”"
    r"|(?<![\w\"])\"(?P<straight>[^\"\n]+)\"(?![\w\"])|«(?P<guillemets>[^«»]*)»"
)
_CODE: Final = re.compile(r"`([^`\n]+)`")
_MARKS: Final = str.maketrans(dict.fromkeys("\"'“”‘’«»「」『』`*_", ""))
_SPACE: Final = re.compile(r"\s+")
_GAP: Final = re.compile(r"\[?(?:…+|\.{3,}|・{3,})\]?")
_ENDS: Final = " .,;:!?。、，．！？…"


def quoted(text: str) -> tuple[str, ...]:
    """Return what a sentence quotes verbatim."""
    found = []
    for match in _QUOTES.finditer(text):
        words = next(item for item in match.groups() if item is not None).strip()
        if not _is_name(words):
            found.append(words)
    return tuple(found)


def named(text: str) -> tuple[str, ...]:
    """Return the short words between quotation marks, which name something."""
    found = []
    for match in _QUOTES.finditer(text):
        words = next(item for item in match.groups() if item is not None).strip()
        if words and _is_name(words):
            found.append(words)
    return tuple(found)


def code_spans(text: str) -> tuple[str, ...]:
    """Return what stands between backquotes."""
    return tuple(match[1].strip() for match in _CODE.finditer(text))


def squeezed(text: str) -> str:
    """Return a text as it is compared: NFKC, lower case, no marks, no white space."""
    plain = unicodedata.normalize("NFKC", text).translate(_MARKS).lower()
    return _SPACE.sub("", plain)


def is_verbatim(words: str, *, inside: str) -> bool:
    """Return whether a source says these words, in one stretch or with gaps as marked.

    Args:
        words: The quote.
        inside: The source's text, already `squeezed`.
    """
    position = 0
    for part in _GAP.split(unicodedata.normalize("NFC", words)):
        wanted = squeezed(part.strip(_ENDS))
        found = inside.find(wanted, position)
        if found < 0:
            return False
        position = found + len(wanted)
    return True


def _is_name(words: str) -> bool:
    if words.isascii():
        return len(words.split()) <= 2
    return len(words) <= 6

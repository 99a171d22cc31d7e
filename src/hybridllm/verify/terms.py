"""Words that a glossary forbids, in an answer.

Answers: which forbidden words does a sentence use?
Not here: the glossary itself; whoever has one hands over its terms (`model.Term`).

Words of Latin letters stand alone and count in any case; Japanese ones count anywhere.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from hybridllm.verify.model import Term


def forbidden_in(text: str, *, terms: Sequence[Term]) -> tuple[str, ...]:
    """Return the forbidden words that a text uses, outside the preferred term itself."""
    found: list[str] = []
    for term in terms:
        rest = _without(term.preferred, text=text)
        found.extend(word for word in term.forbidden if stands_in(word, text=rest))
    return tuple(found)


def stands_in(word: str, *, text: str) -> bool:
    """Return whether a text uses a word."""
    return _expression(word).search(_folded(text)) is not None


def _without(word: str, *, text: str) -> str:
    return _expression(word).sub(" ", _folded(text))


def _expression(word: str) -> re.Pattern[str]:
    plain = re.escape(_folded(word))
    before = r"(?<![a-z0-9])" if plain[:1].isascii() else ""
    after = r"(?![a-z0-9])" if plain[-1:].isascii() else ""
    return re.compile(f"{before}{plain}{after}")


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower()

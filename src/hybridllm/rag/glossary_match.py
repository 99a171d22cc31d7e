"""Terms in a text, however they are written.

Answers: which of many words stand in a text, and where?
Not here: what the words mean (`glossary`).

All words are found in one pass by an Aho-Corasick automaton over folded text: NFKC (which undoes
half-width kana and full-width letters), lower case, a space for a hyphen or a line break. Words
of Latin letters stand alone, also in the plural; Japanese ones are found inside longer ones,
except a single character. Of overlapping finds the longest counts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import ahocorasick

# A character with the marks that NFKC may join to it: ｶﾞ is ガ.
_CLUSTERS: Final = re.compile(r".[\u0300-\u036f\u3099\u309a\uff9e\uff9f]*", re.DOTALL)
_SPACES: Final = frozenset("\t\n\r -\u2010\u2011\u2013\u3000")
_LATIN_END: Final = 0x250  # behind Latin Extended-B: letters of words that are written apart


@dataclass(frozen=True, slots=True)
class Found:
    """A word in a text.

    Attributes:
        word: Which one, by its number in the list.
        start: Its first character.
        end: The character behind its last.
    """

    word: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class WordFinder:
    """Finds a fixed list of words. Several words may have the same writing."""

    _automaton: ahocorasick.Automaton | None = field(repr=False)

    @classmethod
    def of(cls, words: Sequence[str]) -> WordFinder:
        """Prepare to find words."""
        import ahocorasick

        by_form: dict[str, tuple[int, ...]] = {}
        for number, word in enumerate(words):
            for form in _forms(word):
                by_form[form] = (*by_form.get(form, ()), number)
        if not by_form:
            return cls(None)
        automaton = ahocorasick.Automaton()
        for form, numbers in by_form.items():
            automaton.add_word(form, (len(form), numbers))
        automaton.make_automaton()
        return cls(automaton)

    def find(self, text: str) -> list[Found]:
        """Return the words in a text, in order; of overlapping ones the longest."""
        if self._automaton is None or not text:
            return []
        folded, places = folded_with_places(text)
        hits: list[tuple[int, int, tuple[int, ...]]] = []
        for last, (length, numbers) in self._automaton.iter(folded):
            start = last - length + 1
            if _stands_alone(folded, start=start, end=last + 1):
                hits.append((start, last + 1, numbers))
        found: list[Found] = []
        reach = 0
        for start, end, numbers in sorted(hits, key=lambda hit: (hit[0], -hit[1])):
            if start >= reach:
                span = (places[start][0], places[end - 1][1])
                found.extend(Found(number, *span) for number in numbers)
                reach = end
        return found


def folded_word(word: str) -> str:
    """Return a word in the form in which equal words are equal."""
    return folded_with_places(word)[0].strip()


def folded_with_places(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Return a text as it is compared, and where each of its characters came from."""
    chars: list[str] = []
    places: list[tuple[int, int]] = []
    for cluster in _CLUSTERS.finditer(text):
        plain = unicodedata.normalize("NFKC", cluster.group()).lower()
        for char in plain:
            is_space = char in _SPACES
            if is_space and (not chars or chars[-1] == " "):
                continue
            chars.append(" " if is_space else char)
            places.append(cluster.span())
    return "".join(chars), places


def _forms(word: str) -> set[str]:
    plain = folded_word(word)
    forms = {plain}
    if plain and _is_latin(plain[-1]) and plain[-1].isalpha() and len(plain) > 2:
        forms |= _plurals(plain)
    if len(plain) > 3 and plain.endswith("ー"):
        forms.add(plain[:-1])
    return {form for form in forms if form}


def _plurals(plain: str) -> set[str]:
    if plain.endswith(("s", "x", "ch", "sh")):
        return {f"{plain}es"}
    if plain.endswith("y") and plain[-2] not in "aeiou":
        return {f"{plain[:-1]}ies"}
    return {f"{plain}s"}


def _stands_alone(text: str, *, start: int, end: int) -> bool:
    before, after = text[start - 1 : start] if start else "", text[end : end + 1]
    if _runs_on(before, text[start]) or _runs_on(text[end - 1], after):
        return False
    if end - start == 1 and not _is_latin(text[start]):
        return not (_is_ideograph(before) or _is_ideograph(after))
    return True


def _runs_on(left: str, right: str) -> bool:
    return bool(left and right) and _is_latin(left) and _is_latin(right)


def _is_latin(char: str) -> bool:
    return char.isalnum() and ord(char) < _LATIN_END


def _is_ideograph(char: str) -> bool:
    return bool(char) and ("\u3400" <= char <= "\u9fff" or "\u30a1" <= char <= "\u30fe")

"""Thousands of words looked for in one pass over a text.

Answers: which of these words stand in a text, and where do they end?
Not here: what the words mean (`scanning` and the families).

Two ways that give the same places in the same order: an Aho-Corasick automaton (Aho and
Corasick 1975, CACM 18(6)), which every installation has, and Hyperscan (Wang and others,
NSDI 2019), which reads many bytes at once and is used where the extra `fast` is installed.
Both are linear, and safe to share between threads.
"""

from __future__ import annotations

import re
import threading
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Literals(Protocol[T_co]):
    """Words with a value each."""

    def iter(self, text: str) -> Iterator[tuple[int, T_co]]:
        """Yield for each word that stands in `text` the place of its last character.

        In order of these places; of words that end in one place the longest first, where
        words of ASCII alone come before the others.
        """
        ...


def build_literals(words: Mapping[str, T], *, fast: bool | None = None) -> Literals[T]:
    """Return what finds these words.

    Args:
        words: Each with its value. Texts have to be folded as they are.
        fast: Whether to use Hyperscan; `None` where it is installed.
    """
    if is_fast() if fast is None else fast:
        return HyperscanLiterals(words)
    return AutomatonLiterals(words)


def is_fast() -> bool:
    """Return whether Hyperscan is installed, without loading it."""
    return find_spec("hyperscan") is not None


class AutomatonLiterals(Generic[T]):
    """Finds words by two automata.

    An automaton compares a character with every child of a state, and hundreds of kanji
    start a word; so English text meets only the few letters that start its own.
    """

    __slots__ = ("_ascii", "_others")

    def __init__(self, words: Mapping[str, T]) -> None:
        self._ascii = _automaton({w: value for w, value in words.items() if w.isascii()})
        self._others = _automaton({w: value for w, value in words.items() if not w.isascii()})

    def iter(self, text: str) -> Iterator[tuple[int, T]]:
        """Yield the last place and the value of each word."""
        if text.isascii() or not len(self._others):
            yield from self._found(self._ascii, text)
            return
        found = [(last, value) for last, value in self._found(self._ascii, text)]
        found += self._found(self._others, text)
        found.sort(key=_last)
        yield from found

    @staticmethod
    def _found(automaton: Any, text: str) -> Iterator[tuple[int, T]]:
        if len(automaton):
            yield from automaton.iter(text)


class HyperscanLiterals(Generic[T]):
    """Finds words by Hyperscan, which reads UTF-8."""

    __slots__ = ("_database", "_own", "_words")

    def __init__(self, words: Mapping[str, T]) -> None:
        import hyperscan

        ordered = sorted(words, key=lambda word: (not word.isascii(), -len(word)))
        self._words = [(word, words[word]) for word in ordered]
        self._database: Any = None
        if ordered:
            self._database = hyperscan.Database()
            self._database.compile(
                expressions=[re.escape(word).encode() for word in ordered],
                ids=list(range(len(ordered))),
                elements=len(ordered),
                flags=[0] * len(ordered),
            )
        self._own = threading.local()

    def iter(self, text: str) -> Iterator[tuple[int, T]]:
        """Yield the last place and the value of each word."""
        if self._database is None:
            return
        # What is no valid Unicode is no word either, but keeps its length.
        data = text.encode("utf-8", "surrogatepass")
        found: list[tuple[int, int]] = []
        self._database.scan(
            data,
            match_event_handler=lambda word, _start, end, _flags, _context: found.append(
                (end, word)
            ),
            scratch=self._scratch(),
        )
        found.sort()
        is_ascii, before, characters = len(data) == len(text), 0, 0
        for end, word in found:
            if is_ascii:
                characters = end
            else:
                characters += len(data[before:end].decode("utf-8", "surrogatepass"))
                before = end
            yield characters - 1, self._words[word][1]

    def _scratch(self) -> Any:
        """Return this thread's working memory; two scans at once must not share one."""
        scratch = getattr(self._own, "scratch", None)
        if scratch is None:
            import hyperscan

            scratch = self._own.scratch = hyperscan.Scratch(self._database)
        return scratch


def _automaton(words: Mapping[str, object]) -> Any:
    import ahocorasick

    automaton = ahocorasick.Automaton()
    for word, value in words.items():
        automaton.add_word(word, value)
    if words:
        automaton.make_automaton()
    return automaton


def _last(found: tuple[int, object]) -> int:
    return found[0]

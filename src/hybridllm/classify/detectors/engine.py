"""The built-in detector: normalise once, read once, ask every family.

Answers: what is sensitive in a string, whatever way it is written?
Not here: the families' rules, nor the label that a finding leads to (`policy`).

The text is read as it is and then, only where something was undone, again in each
unfolded form: encodings decoded (two levels), spacing and spelling squeezed. Compiled
tables are built on first use and shared by the process; nothing else is kept.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

from hybridllm.classify.detector import Match
from hybridllm.classify.detectors.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hybridllm.classify.detectors.scanning import CueScanner, Scan

FAMILIES = (
    "numbers", "codes", "mail", "keys", "connections", "passwords", "markings", "names_en",
    "names_ja", "addresses", "dates", "facts", "business", "business_secrets", "references",
    "obfuscation",
)  # fmt: skip
"""Modules of this package that hold `CUES` and `find`."""

_BUILDING = threading.Lock()


def is_available() -> bool:
    """Return whether SudachiPy is installed, without loading it."""
    return find_spec("sudachipy") is not None


class Family(Protocol):
    """What a family module offers."""

    CUES: Mapping[str, Sequence[str]]

    def find(self, scan: Scan) -> Iterable[Match]:
        """Yield what the family finds."""
        ...


class BuiltinDetector:
    """All built-in rules, with Japanese names by a dictionary where asked for."""

    __slots__ = ("_tag_names",)

    name = "builtin"
    kinds = frozenset(kind.name for kind in KINDS)

    def __init__(self, *, japanese_names: bool = False) -> None:
        self._tag_names = japanese_names

    def detect(self, text: str) -> list[Match]:
        """Return what is sensitive in `text`, in order of place.

        Raises:
            MissingExtraError: Names are to be tagged and SudachiPy is not installed.
        """
        if not text:
            return []
        from hybridllm.classify.detectors.unfolding import readings

        scanner, families, tagger = _tables()
        asked = (*families, tagger) if self._tag_names else families
        found: dict[tuple[str, int, int], float] = {}
        for shadow in readings(text):
            scan = scanner.scan(shadow.text)
            before = _Known(found)
            for family in asked:
                for match in family.find(scan):
                    span = shadow.original_span((match.start, match.end))
                    if not before.covers(match.kind, span):
                        key = (match.kind, *span)
                        found[key] = max(match.confidence, found.get(key, 0.0))
        return _without_nested(found)


def _tables() -> tuple[CueScanner, tuple[Family, ...], Family]:
    with _BUILDING:
        return _built_tables()


@cache
def _built_tables() -> tuple[CueScanner, tuple[Family, ...], Family]:
    from hybridllm.classify.detectors.scanning import CueScanner

    package = __name__.rpartition(".")[0]
    families: tuple[Family, ...] = tuple(import_module(f"{package}.{name}") for name in FAMILIES)
    tagger: Family = import_module(f"{package}.names_sudachi")
    return CueScanner(family.CUES for family in families), families, tagger


class _Known:
    """What earlier readings found; a later one adds only what they did not begin with.

    Undoing more can only blur where a value ends, so the first sight of it stays.
    """

    __slots__ = ("_starts",)

    def __init__(self, found: Mapping[tuple[str, int, int], float]) -> None:
        self._starts: dict[str, list[tuple[int, int]]] = {}
        for kind, start, end in sorted(found):
            self._starts.setdefault(kind, []).append((start, end))

    def covers(self, kind: str, span: tuple[int, int]) -> bool:
        """Return whether a finding of this kind stands where the span begins."""
        spans = self._starts.get(kind, [])
        index = bisect_right(spans, span[0], key=_start) - 1
        return index >= 0 and span[0] < spans[index][1]


def _start(span: tuple[int, int]) -> int:
    return span[0]


_NUMBER_KINDS = frozenset(
    {f"personal.{name}" for name in (
        "phone", "my_number", "driving_licence", "passport", "residence_card", "health_insurance",
        "pension", "ssn", "national_id", "birth_date", "reference",
    )} | {"financial.card", "financial.iban", "financial.bank_account"}
)  # fmt: skip


def _without_nested(found: Mapping[tuple[str, int, int], float]) -> list[Match]:
    """Return the matches without those that lie inside one of the same kind.

    One number is one thing, so of overlapping kinds of numbers the surest stays.
    """
    kept: list[Match | None] = []
    widest: dict[str, int] = {}
    last: Match | None = None
    last_index = 0
    for kind, start, end in sorted(found, key=lambda key: (key[1], -key[2], key[0])):
        confidence = found[kind, start, end]
        if end <= widest.get(kind, -1):
            continue
        if kind in _NUMBER_KINDS:
            if last is not None and last.end > start:
                if confidence <= last.confidence:
                    continue
                kept[last_index] = None
            last, last_index = Match(kind, start, end, confidence), len(kept)
        kept.append(Match(kind, start, end, confidence))
        widest[kind] = end
    return [match for match in kept if match is not None]

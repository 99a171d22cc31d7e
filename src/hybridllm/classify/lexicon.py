"""Names that only your organisation knows are sensitive: customers, staff, code names.

Answers: which terms of a list stand in a text, however they are written?
Not here: rules that need no list (`detectors`), how terms are written (`lexicon_forms`),
lists out of databases (`lexicon_query`) and as hashes (`lexicon_hashed`).

A lexicon is a CSV file with the columns `term,group` and optionally `reading` (kana
or romaji, several parted by `;`). All terms of all variants are found in one pass by
an Aho-Corasick automaton over folded text: NFKC, lower case, katakana for hiragana, no
space beside Japanese letters and one elsewhere, so that width, case, kana form and
spacing make no difference. Encoded text is read too (`detectors.unfolding`).
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hybridllm.classify.detector import Match
from hybridllm.classify.detectors.unfolding import readings
from hybridllm.classify.lexicon_forms import (
    fold_with_places,
    folded,
    longest,
    stands_alone,
    variants,
)
from hybridllm.classify.lexicon_hashed import is_hashed
from hybridllm.classify.lexicon_query import SUFFIX, query_rows
from hybridllm.classify.normalise import normalise
from hybridllm.errors import ConfigurationError, expected_one_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import ahocorasick

_COLUMNS = ("term", "group", "reading", "romaji")
_GROUP = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MAX_TERM = 200


@dataclass(frozen=True, slots=True)
class Term:
    """One entry of a lexicon.

    Attributes:
        text: As the organisation writes it.
        group: Such as `customer`; the finding's kind is `lexicon.<group>`.
        readings: Other writings, such as kana or romaji.
    """

    text: str
    group: str
    readings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Lexicon:
    """A list of terms. Its `repr` names none of them."""

    terms: tuple[Term, ...]

    def __repr__(self) -> str:
        return f"Lexicon({len(self.terms)} terms)"

    @property
    def groups(self) -> frozenset[str]:
        """The groups that the terms belong to."""
        return frozenset(term.group for term in self.terms)


def load_lexicon(path: str | Path, *, environment: Mapping[str, str] | None = None) -> Lexicon:
    """Read a lexicon from a CSV file in UTF-8, or from the database that a TOML file names.

    Args:
        path: The file; `.toml` for a query (`lexicon_query`).
        environment: Where such a file's variable is looked up.

    Raises:
        ConfigurationError: The file cannot be read or a line is wrong; the message
            names file and line, never the term.
    """
    name = str(path)
    if is_hashed(path):
        raise ConfigurationError(
            "is a hashed lexicon; a configuration with its key can use it, as one of "
            "detection.lexicons",
            file=name,
        )
    if Path(path).suffix == SUFFIX:
        rows = query_rows(Path(path), columns=_COLUMNS, environment=environment)
        return Lexicon(
            tuple(_term(row, name, f"row {number}") for number, row in enumerate(rows, 1))
        )
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"cannot be read ({error.strerror})", file=name) from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"is not UTF-8 (byte {error.start}); save it as 'CSV UTF-8'", file=name
        ) from None
    return Lexicon(tuple(_rows(text, name)))


def _rows(text: str, file: str) -> Iterator[Term]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
        for column in header:
            if column not in _COLUMNS:
                raise ConfigurationError(
                    f"column {expected_one_of(column, allowed=_COLUMNS)}", file=file, key="line 1"
                )
        for column in ("term", "group"):
            if column not in header:
                raise ConfigurationError(f"has no column '{column}'", file=file, key="line 1")
        for row in reader:
            if any(cell.strip() for cell in row):
                place = f"line {reader.line_num}"
                yield _term(dict(zip(header, row, strict=False)), file, place)
    except csv.Error as error:
        raise ConfigurationError(
            f"is no valid CSV: {error}", file=file, key=f"line {reader.line_num}"
        ) from None


def _term(row: dict[str, str], file: str, place: str) -> Term:
    text, group = row.get("term", "").strip(), row.get("group", "").strip().lower()
    if len(folded(normalise(text).text)) < 2:
        raise ConfigurationError("term needs at least 2 characters", file=file, key=place)
    if len(text) > _MAX_TERM:
        raise ConfigurationError(
            f"term is longer than {_MAX_TERM} characters", file=file, key=place
        )
    if not _GROUP.fullmatch(group):
        raise ConfigurationError(
            "group must be 1 to 40 of a-z, 0-9 and _, such as customer", file=file, key=place
        )
    readings = f"{row.get('reading', '')};{row.get('romaji', '')}".split(";")
    return Term(text, group, tuple(filter(None, (reading.strip() for reading in readings))))


class LexiconDetector:
    """Finds the terms of a lexicon. The automaton is built with the object."""

    __slots__ = ("_automaton", "kinds")

    name = "lexicon"

    def __init__(self, lexicon: Lexicon) -> None:
        import ahocorasick

        self.kinds: frozenset[str] = frozenset(f"lexicon.{group}" for group in lexicon.groups)
        self._automaton: ahocorasick.Automaton = ahocorasick.Automaton()
        for term in lexicon.terms:
            for form in variants((term.text, *term.readings)):
                self._automaton.add_word(form, (len(form), f"lexicon.{term.group}"))
        if lexicon.terms:
            self._automaton.make_automaton()

    def detect(self, text: str) -> list[Match]:
        """Return where terms stand in `text`; of overlapping ones the longest."""
        if not len(self._automaton) or not text:
            return []
        found: list[tuple[int, int, str]] = []
        for shadow in readings(text):
            folded, places = fold_with_places(shadow.text)
            for last, (length, kind) in self._automaton.iter(folded):
                start, end = places[last - length + 1], places[last] + 1
                if stands_alone(shadow.text, start=start, end=end):
                    found.append((*shadow.original_span((start, end)), kind))
        return list(longest(found))

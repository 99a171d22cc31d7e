"""Names that only your organisation knows are sensitive: customers, staff, code names.

Answers: which terms of a list stand in a text, however they are written?
Not here: rules that need no list (`detectors`).

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
from hybridllm.classify.normalise import normalise
from hybridllm.errors import ConfigurationError, expected_one_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import ahocorasick

_COLUMNS = ("term", "group", "reading", "romaji")
_GROUP = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MAX_TERM = 200
_LEGAL_FORMS = {
    "株式会社": "(株)", "(株)": "株式会社", "有限会社": "(有)", "(有)": "有限会社",
    "合同会社": "(合)", "(合)": "合同会社", "合資会社": "(資)", "合名会社": "(名)",
    "一般社団法人": "(一社)", "一般財団法人": "(一財)", "公益社団法人": "(公社)",
    "公益財団法人": "(公財)", "医療法人": "(医)", "学校法人": "(学)", "社会福祉法人": "(福)",
}  # fmt: skip
"""How each is written in full and in short."""

_LEGAL_FORMS_EN = re.compile(
    r",? (?:inc|ltd|llc|llp|plc|corp|corporation|co|gmbh|ag|limited|k\.k|kk|pte|s\.a|company)\.?"
    r"(?:,? (?:ltd|inc)\.?)?$"
)
# One sign for all that parts words; each keeps its place, so that this moves nothing.
_GAPS = {ord(char): " " for char in "\t\n\r-_\u30fb\u00b7"} | {
    code: chr(code + 0x60) for code in range(0x3041, 0x3097)
}
_ASCII_GAPS = {code: char for code, char in _GAPS.items() if code < 0x80}
_JAPANESE = "\u3005\u3007\u30a1-\u30fe\u3400-\u9fff"
_DROPPED = re.compile(f" (?:(?= )|(?<=[{_JAPANESE}] )|(?=[{_JAPANESE}]))")


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


def load_lexicon(path: str | Path) -> Lexicon:
    """Read a lexicon from a CSV file in UTF-8, with or without byte order mark.

    Raises:
        ConfigurationError: The file cannot be read or a line is wrong; the message
            names file and line, never the term.
    """
    name = str(path)
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
                yield _term(dict(zip(header, row, strict=False)), file, reader.line_num)
    except csv.Error as error:
        raise ConfigurationError(
            f"is no valid CSV: {error}", file=file, key=f"line {reader.line_num}"
        ) from None


def _term(row: dict[str, str], file: str, line: int) -> Term:
    text, group = row.get("term", "").strip(), row.get("group", "").strip().lower()
    place = f"line {line}"
    if len(_folded(normalise(text).text)) < 2:
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
            for form in _variants(term):
                self._automaton.add_word(form, (len(form), f"lexicon.{term.group}"))
        if lexicon.terms:
            self._automaton.make_automaton()

    def detect(self, text: str) -> list[Match]:
        """Return where terms stand in `text`; of overlapping ones the longest."""
        if not len(self._automaton) or not text:
            return []
        found: list[tuple[int, int, str]] = []
        for shadow in readings(text):
            folded, places = _fold_with_places(shadow.text)
            for last, (length, kind) in self._automaton.iter(folded):
                start, end = places[last - length + 1], places[last] + 1
                if _stands_alone(shadow.text, start, end):
                    found.append((*shadow.original_span((start, end)), kind))
        return list(_longest(found))


def _longest(found: list[tuple[int, int, str]]) -> Iterator[Match]:
    reach = -1
    for start, end, kind in sorted(found, key=lambda item: (item[0], -item[1])):
        if end > reach:
            yield Match(kind, start, end, 0.99)
            reach = end


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Return whether Latin letters and digits do not run on beside the term."""
    if start and _is_latin(text[start]) and _is_latin(text[start - 1]):
        return False
    return not (end < len(text) and _is_latin(text[end - 1]) and _is_latin(text[end]))


def _is_latin(char: str) -> bool:
    return char.isalnum() and ord(char) < 0x250


def _folded(plain: str) -> str:
    return _DROPPED.sub("", _fold(plain)).strip()


def _fold(plain: str) -> str:
    lower = plain.lower()
    if len(lower) != len(plain):
        # A few capitals (such as U+0130) grow in lower case; places must stay equal.
        lower = "".join(low if len(low := c.lower()) == 1 else c for c in plain)
    return lower.translate(_ASCII_GAPS if lower.isascii() else _GAPS)


def _fold_with_places(text: str) -> tuple[str, Sequence[int]]:
    folded = _fold(text)
    places: list[int] = []
    pieces: list[str] = []
    position = 0
    for gap in _DROPPED.finditer(folded):
        pieces.append(folded[position : gap.start()])
        places.extend(range(position, gap.start()))
        position = gap.end()
    if not position:
        return folded, range(len(folded))
    pieces.append(folded[position:])
    places.extend(range(position, len(folded)))
    return "".join(pieces), places


def _variants(term: Term) -> set[str]:
    """Return the folded forms under which a term is known.

    A company is known without its legal form too, unless what remains is a word of
    one or two characters, which would stand in ordinary text.
    """
    forms: set[str] = set()
    for text in (term.text, *term.readings):
        plain = text if text.isascii() else normalise(text).text
        whole = _folded(plain)
        for form in (whole, *_without_legal_form(whole)):
            forms.add(form)
            if " " in form and len(form) > 5:
                forms.add(form.replace(" ", ""))
    return {form for form in forms if len(form) >= 2}


def _without_legal_form(whole: str) -> set[str]:
    """Return the name without its legal form, and with it on the other side."""
    if whole.isascii():
        core = _LEGAL_FORMS_EN.sub("", whole)
        return {core} if core != whole and len(core) > 3 else set()
    for legal, short in _LEGAL_FORMS.items():
        if whole.startswith(legal) or whole.endswith(legal):
            core = whole.removeprefix(legal).removesuffix(legal).strip()
            forms = {legal + core, core + legal, short + core, core + short}
            return forms | {core} if len(core) > 2 else forms
    return set()

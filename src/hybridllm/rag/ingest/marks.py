"""Which marking a document carries, and what that makes of its label.

Answers: which words, properties and Microsoft labels mark a document, and which label of
the organisation does each stand for?
Not here: where in a file to look (the readers), markings in a request (`classify`).

A marking's name comes out of the table below, out of the configuration, or is a
Microsoft label's id. It is never text of the document: a value that nobody listed is
called `UNLISTED` and stands for the strictest label.

Sources: ISO/IEC 27002:2022, 5.13; FIRST Traffic Light Protocol 2.0; METI, Handbook for the
protection of trade secrets (秘密情報の保護ハンドブック); RFC 2156, 5.3.4 (Sensitivity);
Microsoft Purview, "label metadata" (MSIP_Label_*).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from typing import Final

from hybridllm.labels import Label

UNLISTED: Final = "unlisted"

WORDS: Final[dict[str, tuple[str, ...]]] = {
    "public": (
        "public", "for public release", "approved for public release", "tlp:clear", "tlp:white",
        "公開", "社外公開可", "一般公開",
    ),
    "internal": (
        "internal", "internal use only", "for internal use only", "for internal use",
        "internal only", "company internal", "for official use only", "employees only",
        "do not distribute", "not for distribution", "tlp:green", "tlp:amber",
        "tlp:amber+strict", "社内限り", "社内限定", "社内用", "社内資料", "内部資料",
        "内部限り", "部内限り", "社外持出禁止", "持出禁止", "社外不出", "取扱注意",
        "取り扱い注意", "取扱い注意", "複製禁止",
    ),
    "confidential": (
        "confidential", "company confidential", "company-confidential", "restricted",
        "proprietary", "commercial in confidence", "proprietary and confidential",
        "privileged and confidential", "private and confidential", "private", "社外秘",
        "部外秘", "関係者外秘", "関係者限り", "関係者限定", "機密", "秘密", "秘", "機密文書",
        "機密資料", "秘密情報", "機密情報", "マル秘", "丸秘", "対外秘", "取引先秘", "人事秘",
        "非公開", "閲覧禁止",
    ),
    "secret": (
        "strictly confidential", "highly confidential", "most confidential", "secret",
        "top secret", "strictly secret", "eyes only", "tlp:red", "極秘", "厳秘", "最高機密",
        "機密性3",
    ),
}  # fmt: skip

PUBLIC: Final = frozenset(WORDS["public"])
"""The words that may lower a label from the strictest, which is that of an unmarked document."""

PLAIN: Final = frozenset(
    "public internal confidential restricted proprietary private secret 公開 機密 秘密 秘 秘密情報 "
    "機密情報".split()
)
"""Ordinary words too: they count as a marking only where they stand alone."""
# Even alone on a line these may be a heading; only a marked place makes them a marking.
_WEAK: Final = frozenset("internal private secret restricted proprietary 秘密 機密 秘".split())
_GRADES: Final = {word: grade for grade, words in WORDS.items() for word in words}
_LONGEST_LINE: Final = 120
_LONGEST_PLAIN_LINE: Final = 60
_FRAME: Final = re.compile(r"[\[\](){}<>【】《》「」『』*#=|/\\・,、。;:~–—\u2500-\u25ff★☆※◆-]+")
# A hyphen inside a word parts nothing: non-confidential.
_SEGMENTS: Final = re.compile(
    r"(?:[\[\](){}<>【】《》「」『』*#=|/\\・,、。;:~–—\u2500-\u25ff★☆※◆]|(?<!\S)-|-(?!\S))+"
)
STATED: Final = frozenset("footer front_matter header mail_header msip property watermark".split())
"""Kinds of places where a document states its label."""
_DIGITS: Final = re.compile(r"(?:page|p\.|of|頁|ページ|[0-9.])+")
_NEGATED: Final = re.compile(r"(?:non-?|not |no longer |un|非|脱)$")
_ABOUT: Final = re.compile(
    r"(?:とは|では?ない|ではありません|の(?:定義|意味|付け方|区分|ラベル|扱い方)|ラベル|という|を解除"
    r"|ity|ly | computing| business information| clause| agreement)"
)
_EXPLICIT: Final = re.compile(
    r"classif|sensitiv|protective.?marking|confidentiality|security.?(?:level|label)|^(?:x-)?label$"
    r"|機密|秘密(?:区分|等級)|情報区分|取扱区分|公開範囲|社外秘"
)
_ABOUT_ITSELF: Final = re.compile(
    r"class(?:ification)?[_-]?(?:authority|date|by|reason)|policy|spam"
)
_GUID: Final = re.compile(
    r"MSIP_Label_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})_(\w+)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Marking:
    """A marking that a document carries.

    Attributes:
        name: A word of `WORDS` or of the configuration, `msip:` and an id, or `UNLISTED`.
        kind: Where it was found, such as `header`, `property`, `msip`, `page_edge`.
        page: On which page, sheet or slide; 0 if it is the whole document's.
    """

    name: str
    kind: str
    page: int = 0


@dataclass(frozen=True, slots=True)
class Markings:
    """What markings mean in an organisation.

    Attributes:
        strictest: Stands for every marking that is not listed.
        labels: Label by marking. A key is a word of `WORDS` or of one's own, a grade
            (`public`, `internal`, `confidential`, `secret`) for all of its words, or a
            Microsoft label's id.
    """

    strictest: Label
    labels: Mapping[str, Label] = field(default_factory=dict)

    def label_of(self, marking: Marking) -> Label:
        """Return the label that a marking stands for."""
        table = {folded(key): label for key, label in self.labels.items()}
        name = marking.name.removeprefix("msip:")
        found = table.get(name)
        if found is None and (grade := _GRADES.get(name)) is not None:
            found = table.get(grade)
        return self.strictest if found is None else found

    def label_for(self, markings: Iterable[Marking], *, configured: Label | None) -> Label:
        """Return the join of all markings and of what is configured for the source.

        A document without either gets the strictest label. The lowest level is believed only
        where a document states its label, and not from words that also stand in its text.
        """
        labels = [
            label
            for marking in markings
            if (label := self.label_of(marking)).level.rank or marking.kind in STATED
        ]
        if configured is not None:
            labels.append(configured)
        if not labels:
            return self.strictest
        return reduce(lambda one, other: one.join(other), labels)

    @property
    def names(self) -> frozenset[str]:
        """The names that an explicit property may carry."""
        return frozenset(map(folded, self.labels))


def folded(text: str) -> str:
    """Return a name in the form in which markings are compared."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def in_line(text: str, *, names: frozenset[str], is_marked_place: bool) -> set[str]:
    """Return the names of the markings in one line.

    Args:
        text: The line.
        names: What the configuration names, beside `WORDS`.
        is_marked_place: Whether markings are usual here: headers, footers, properties, the
            edges of a page. Elsewhere a marking must fill the line.
    """
    if not text or len(text) > _LONGEST_LINE:
        return set()
    table = _table(names)
    # Set in wide type too: C O N F I D E N T I A L.
    whole = table.get(_bare(text))
    if not is_marked_place:
        return set() if whole is None else {whole} - _WEAK - PUBLIC
    line = folded(text)
    segments = {_DIGITS.sub("", part).strip() for part in _SEGMENTS.split(line)} | {line}
    found = {word for word in table.values() if word in segments}
    found |= set(_phrases(line, table=table.values()))
    found |= set() if whole is None else {whole}
    # A longer word says it better: "confidential" inside "strictly confidential".
    return {word for word in found if not any(word != other and word in other for other in found)}


def fills(text: str, *, name: str) -> bool:
    """Return whether a line says nothing but a marking, in whatever frame."""
    return _bare(text) == _bare(name)


def _bare(text: str) -> str:
    return _FRAME.sub("", folded(text).replace(" ", ""))


@lru_cache(maxsize=16)
def _table(names: frozenset[str]) -> dict[str, str]:
    """Return all markings by their bare form."""
    return {_bare(word): word for word in [*_GRADES, *names] if len(word) > 1 or word == "秘"}


def explicit(value: str, *, names: frozenset[str]) -> str:
    """Return the marking that a property made for it names; `UNLISTED` if nobody listed it."""
    value = folded(value)
    if value in names or value in _GRADES:
        return value
    found = in_line(value, names=names, is_marked_place=True)
    return min(found) if len(found) == 1 else UNLISTED


def is_explicit(name: str) -> bool:
    """Return whether a property or header by this name is made for markings."""
    name = folded(name)
    return bool(_EXPLICIT.search(name)) and not _ABOUT_ITSELF.search(name)


def microsoft(properties: Iterable[tuple[str, str]]) -> set[str]:
    """Return the names of the Microsoft labels among these properties.

    A label that says `Enabled` = `false` has been taken off by its user.
    """
    seen: dict[str, bool] = {}
    for name, value in properties:
        if found := _GUID.fullmatch(name.strip()):
            guid = found.group(1).casefold()
            off = found.group(2).casefold() == "enabled" and folded(value) == "false"
            seen[guid] = seen.get(guid, True) and not off
    return {f"msip:{guid}" for guid, is_on in seen.items() if is_on}


def _phrases(line: str, *, table: Iterable[str]) -> Iterator[str]:
    """Yield the markings that stand in a line amid other words."""
    for word in table:
        if word in PLAIN and (
            len(line) > _LONGEST_PLAIN_LINE or word in _WEAK | {"public", "公開"}
        ):
            continue
        place = line.find(word)
        while place >= 0:
            if _stands_alone(line, start=place, end=place + len(word)):
                yield word
                break
            place = line.find(word, place + 1)


def _stands_alone(line: str, *, start: int, end: int) -> bool:
    """Say whether a word is meant as a marking, and not denied or spoken of."""
    if line[start].isascii() and (
        line[max(start - 1, 0) : start].isalnum() or line[end : end + 1].isalnum()
    ):
        return False
    return not _NEGATED.search(line[:start]) and not _ABOUT.match(line[end:])

"""Names of private people in Japanese text, without a dictionary.

Answers: who is named by honorific, label, self-introduction or a frequent full name?
Not here: names that only part-of-speech tags reveal (`names_sudachi`).

A frequent family name counts with something beside it: an honorific or a post
(`様`, `部長`), a label (`氏名：`), a given name, or `と申します`. People who are spoken of
for their public role (`首相`, `選手`, `武将`) are no findings.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hybridllm.classify.detector import Match
from hybridllm.classify.detectors.name_cues_ja import CUES, HONORIFICS
from hybridllm.classify.detectors.name_data_ja import (
    COMMON_FAMILY_NAMES,
    FAMILY_NAMES,
    FAMOUS_DEAD,
    GIVEN_NAMES,
    NO_FAMILY_NAMES,
    NO_NAMES_BEFORE_HONORIFIC,
)

__all__ = ["CUES", "find", "is_public", "split_name"]

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hybridllm.classify.detectors.scanning import Scan

_KANJI = "一-鿿々ヶヵ"
_HEAD = re.compile(
    f"([{_KANJI}]{{1,6}}(?:[ ]?[{_KANJI}]{{1,4}}|[ ]?[ぁ-ん]{{2,4}}|[ ]?[ァ-ヺー]{{2,6}})?)[ ]?$"
)
_SPOKEN = re.compile(
    f"(?:^|[。、の「 \n:・])([{_KANJI}]{{1,4}}(?:[ ]?[{_KANJI}ぁ-んァ-ヺ]{{1,4}})?"
    f"|[ァ-ヺー]{{2,10}})$"
)
_NOT_PEOPLE = (
    "者",
    "社",
    "店",
    "会社",
    "部",
    "課",
    "会",
    "件",
    "名",
    "所",
    "局",
    "業",
    "的",
    "上",
    "方",
    "人",
    "商品",
    "病",
    "症",
    "法",
    "制度",
)
_GROUP_BEFORE = re.compile(
    "(?:部署|部|課|チーム|係|班|室|担当|同僚|後輩|先輩|新人|上司|部下|職員|社員|うち)の$"
)
_HIRAGANA = re.compile("(?<![ぁ-ん])([ぁ-ん]{2,4})$")
_KATAKANA = re.compile("([ァ-ヺー・]{2,16})[ ]?$")
_LABELLED = re.compile(
    f"(?:名|者|様|欄)?(?:\\([^)\n]{{0,12}}\\))?[ \t]{{0,4}}(?P<sign>[:=|]|は|が|の|、|[ \n「]"
    f"|)[ \t「『]{{0,4}}"
    f"(?P<name>[{_KANJI}]{{1,4}}[ ]?[{_KANJI}ぁ-んァ-ヺー]{{0,6}}"
    f"|[ァ-ヺー]{{2,10}}[ ・]?[ァ-ヺー]{{2,10}})"
)
_SPACED = re.compile(f"[{_KANJI}]{{1,4}}[ ][{_KANJI}ぁ-んァ-ヺ]{{1,5}}(?![{_KANJI}])")
_GIVEN = re.compile(f"[ ]?([{_KANJI}]{{1,4}}|[ぁ-ん]{{2,4}})")
_STRONG_SIGNS = frozenset([":", "=", "|", "は", "の", ""])
_WEAK_SIGNS = frozenset([" ", "、", "\n", ""])
_SENTENCE_ENDS = ("です。", "でございます", "です、", "です\n")
_STRONG_HONORIFICS = frozenset(
    "さん 様 さま 氏 くん 君 部長 課長 係長 社長 専務 常務 主任 先生 殿 店長 次長".split()
)
_ALL_KANJI = re.compile("[一-鿿々ヶ]{2,3}$")
_BOUNDARIES = frozenset(["", *"のとはがにへ、。「 \n:・/・(やも,"])
_COMMON_ENDINGS = tuple(
    "屋者師員士手官家人生客民女男部課社店会所局長室様方達族主君侶課隊団業物品仕模同多一"
)
_COMMON_STARTS = tuple("副前現元新各同両御お本当全某諸")
_PARTICLE = re.compile(
    "(?:が|は|に|へ|の|と(?!いう)|も|を|から|より|宛)(?![ぁ-ん]{0,1}[市区町村駅県])"
)
_PLACES = re.compile(
    "(?:県|市|区|町|村|駅|城|港|川|山|島|線|通り|銀行|大学|製作所|自動車|工業|商事|建設|病院|組"
    "|屋|家具|証券|電機|神社)"
)


def find(scan: Scan) -> Iterator[Match]:
    """Yield the names of private people in a Japanese text."""
    if scan.text.isascii():
        return
    for start, end in scan.hits.get("honorific", ()):
        if match := _before_honorific(scan, start, end):
            yield match
    for _, end in scan.hits.get("ja_label", ()):
        if match := _after_label(scan, end):
            yield match
    for start, _ in scan.hits.get("introduction", ()):
        if match := _introduced(scan, start):
            yield match
    for start, end in scan.hits.get("family_name", ()):
        if match := _full_name(scan, start, end):
            yield match


def split_name(text: str) -> int:
    """Return how many characters at the end of `text` are a name; 0 for none."""
    for start in range(len(text)):
        part = text[start:]
        for size in (3, 2):
            family, rest = part[:size], part[size:].lstrip(" ")
            if family in FAMILY_NAMES and (
                rest == "" or rest in GIVEN_NAMES or 1 <= len(rest) <= 3
            ):
                return len(part)
    for start in range(len(text)):
        for size in (1, 2, 3):
            family, rest = text[start : start + size], text[start + size :].lstrip(" ")
            if rest in GIVEN_NAMES and family.strip() == family and start + size < len(text):
                return len(text) - start if start == 0 or size > 1 else 0
    return len(text) if text in GIVEN_NAMES and len(text) > 1 else 0


def _is_unknown_name(head: str, name: str, honorific: str) -> bool:
    """Return whether a word that no list has is a family name by its honorific."""
    if honorific not in _STRONG_HONORIFICS or not 2 <= len(name) <= 3 or not _ALL_KANJI.match(name):
        return False
    if name in NO_FAMILY_NAMES or name.endswith(_COMMON_ENDINGS) or name.startswith(_COMMON_STARTS):
        return False
    before = head[: len(head) - len(name)][-1:]
    return before in _BOUNDARIES


def _before_honorific(scan: Scan, start: int, end: int) -> Match | None:
    head = scan.text[max(0, start - 14) : start]
    found = _HEAD.search(head)
    word = scan.text[start:end]
    if found is not None:
        size = split_name(found[1])
        if not size and _is_unknown_name(head, found[1], word) and "様" not in found[1] + word[1:]:
            size = len(found[1])
        if not size:
            return None
        # A post such as `担当` follows many words, so the name must be a known one.
        first = start - (len(head) - found.end(1)) - size
        name = scan.text[first : first + size]
        if is_public(scan, name=name, start=first, end=end) or _PLACES.match(word):
            return None
        return Match("personal.name", first, first + size, 0.85)
    spoken = _HIRAGANA.search(head)
    if spoken is not None and spoken[1] in GIVEN_NAMES and word in _STRONG_HONORIFICS:
        return Match("personal.name", start - len(spoken[1]), start, 0.75)
    found = _KATAKANA.search(head)
    if found is None or word not in {"さん", "様", "さま", "氏", "殿", "君", "先生"}:
        return None
    name = found[1].strip("・")
    if (
        name in NO_NAMES_BEFORE_HONORIFIC
        or len(name) < 2
        or name.endswith(("ー社", "サービス", "メーカー", "センター"))
    ):
        return None
    first = start - (len(head) - found.start(1))
    return (
        None
        if is_public(scan, name=name, start=first, end=end)
        else Match("personal.name", first, first + len(name), 0.75)
    )


def _after_label(scan: Scan, end: int) -> Match | None:
    found = _LABELLED.match(scan.text, end)
    if found is None:
        return None
    name, sign, first = found["name"], found["sign"], found.start("name")
    if "ァ" <= name[0] <= "ー":
        spaced = (" " in name or "・" in name) and sign not in {"が", "の", "、", "「"}
        return Match("personal.name", first, first + len(name), 0.8) if spaced else None
    if _SPACED.match(name) and sign in _STRONG_SIGNS and not _PLACES.search(name):
        return Match("personal.name", first, first + len(name), 0.85)
    size = _unlisted_family(name)
    if size:
        return Match("personal.name", first, first + size, 0.8)
    stop = _listed_family(scan.text, first, name)
    if not stop or (
        stop - first <= 3 and name[: stop - first] in FAMILY_NAMES and sign in _WEAK_SIGNS
    ):
        return None
    if is_public(scan, name=scan.text[first:stop], start=first, end=stop):
        return None
    return Match("personal.name", first, stop, 0.85)


def _unlisted_family(name: str) -> int:
    """Return the length of a name whose given name alone is in the list; 0 for none."""
    for size in (3, 2, 1):
        rest = name[size:].lstrip(" ")
        cut = next((n for n in (4, 3, 2, 1) if rest[:n] in GIVEN_NAMES), 0)
        family = name[: len(name) - len(rest)].strip()
        if cut and (cut > 1 or len(rest) == 1) and family not in FAMILY_NAMES | NO_FAMILY_NAMES:
            return len(name) - len(rest) + cut
    return 0


def _listed_family(text: str, first: int, name: str) -> int:
    """Return where a name with a listed family name ends; 0 for none."""
    size = next((n for n in (3, 2) if name[:n] in FAMILY_NAMES), 0)
    if not size:
        return 0
    stop = first + size
    given = _GIVEN.match(text, stop)
    if given is None:
        return stop
    rest = given[1]
    cut = next((n for n in (3, 2, 1) if rest[:n] in GIVEN_NAMES), 0)
    if not cut and _PLACES.match(rest):
        return 0
    return (
        given.start(1) + (cut or len(rest)) if cut or (len(rest) <= 3 and rest[0] >= "一") else stop
    )


def _introduced(scan: Scan, start: int) -> Match | None:
    head = scan.text[max(0, start - 12) : start]
    found = _HEAD.search(head)
    size = split_name(found[1]) if found else 0
    if not size:
        spoken = _SPOKEN.search(head)
        size = len(spoken[1]) if spoken and not spoken[1].endswith(_NOT_PEOPLE) else 0
    return Match("personal.name", start - size, start, 0.85) if size else None


def _full_name(scan: Scan, start: int, end: int) -> Match | None:
    text = scan.text
    if start and "一" <= text[start - 1] <= "鿿":
        return None
    stop, confidence = _given_end(text, end), 0.85
    if not stop:
        stop, confidence = end, _alone(text, start, end)
    if not confidence or is_public(scan, name=text[start:stop], start=start, end=stop):
        return None
    return Match("personal.name", start, stop, confidence)


def _given_end(text: str, end: int) -> int:
    """Return where the given name after a family name ends; 0 for none."""
    given = _GIVEN.match(text, end)
    if given is None:
        return 0
    word, first = given[1], given.start(1)
    for size in (4, 3, 2, 1):
        if len(word) < size or word[:size] not in GIVEN_NAMES:
            continue
        rest = word[size:]
        if size == 1 and first == end and rest:
            continue
        if rest and not rest.startswith(HONORIFICS) and word[0] >= "一":
            continue
        if word[0] < "一" and first == end and size < 3:
            continue
        return first + size
    return 0


def _alone(text: str, start: int, end: int) -> float:
    """Return how sure it is that a family name by itself names somebody."""
    before, after = text[max(0, start - 1) : start], text[end : end + 1]
    if before in {":", "/"} and after in {"", "、", "。", "\n", "/", ",", ")", " "}:
        return 0.7
    if before in {"の", "、", "。", ""} and text.startswith(_SENTENCE_ENDS, end):
        return 0.7
    if before == "の" and _GROUP_BEFORE.search(text, max(0, start - 5), start):
        return 0.65 if _PARTICLE.match(text, end) else 0.0
    return 0.6 if text[start:end] in COMMON_FAMILY_NAMES and _PARTICLE.match(text, end) else 0.0


def is_public(scan: Scan, *, name: str, start: int, end: int) -> bool:
    """Return whether the name is of history, on a form, or spoken of for a public role."""
    if name.replace(" ", "") in FAMOUS_DEAD:
        return True
    return scan.near_in_sentence("public_person_ja", start=start, end=end, before=10, after=8)

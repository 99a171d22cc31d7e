"""The words that say something, in a form in which they can be compared.

Answers: which content words does a text have, and how much of them does another text hold?
Not here: numbers and codes (`quantities`), what an overlap means (`check`).

English words are cut to a stem by a few endings, so that "approved", "approval" and "approves"
meet. Japanese gives pairs of neighbouring characters inside runs of kanji or katakana: no
dictionary is needed, and 申請書 and 申請用紙 share 申請. Hiragana carries little and is left
out.
Source of the stop words: closed classes of English grammar.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

KANJI: Final = "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
KATAKANA: Final = "\u30a1-\u30fa\u30fc-\u30fe"
LATIN: Final = "A-Za-z\u00c0-\u024f\u0370-\u052f"
_PIECES: Final = re.compile(
    rf"(?P<kanji>[{KANJI}]+)|(?P<katakana>[{KATAKANA}]+)|(?P<latin>[{LATIN}]+(?:['’][{LATIN}]+)*)"
)
_JAPANESE: Final = re.compile(f"[{KANJI}\u3041-\u30ff]")

STOP_WORDS: Final = frozenset(
    "a about according after all also although am an and any are as at be because been before"
    " being between both but by can could did do does doing done during each either etc even ever"
    " every few for from further get gets got had has have having he her here hers him his how"
    " however i if in into is it its itself just kind let like made make makes many may me might"
    " more most much must my need needs neither new no nor not note now of off often on once one"
    " only onto or other others our out over own per please provide provided provides quite rather"
    " same say says set she should since so some such than that the their them then there"
    " therefore these they thing things this those through thus to too two under until up upon us"
    " use used uses using very via was we well were what when where whether which while who whom"
    " whose why will with within without would yes yet you your yours it's don't doesn't isn't"
    " can't won't that's there's cannot based document documents source sources passage text"
    " above below following example namely specifically additionally moreover furthermore".split()
)
# Words of every Japanese answer; they support nothing.
_EMPTY_JA: Final = frozenset(
    "場合 必要 以下 以上 以内 未満 以前 以後 以降 際 時 事 物 者 方 的 等 上 中 下 内 他 何 後 前"
    " 間 次 点 為 様 私 回答 資料 文書 記載 出典 質問 情報 説明 可能 行 言 見 出 入 当 該当 対 応"
    " 関 使 用 使用 利用 合 持 得 一 二 三 四 五 六 七 八 九 十 百 千 万 億 年 月 日 分 円 人 件"
    " 個 回 台 本 枚".split()
)
_SINGLE_WEIGHT: Final = 0.5
_TRACE: Final = 0.4
_ENDINGS: Final = (
    "ization", "isation", "ational", "fulness", "iveness", "ations", "ation", "ments", "ment",
    "ings", "ing", "ances", "ance", "ences", "ence", "ables", "able", "ibles", "ible", "ities",
    "ity", "izes", "ized", "ises", "ised", "ize", "ise", "ions", "ion", "ives", "ive", "als", "al",
    "ies", "ied", "ers", "ors", "er", "or", "ed", "es", "ly", "s", "y", "e",
)  # fmt: skip
_IRREGULAR: Final = {
    word: forms.split()[0]
    for forms in (
        "send sent|buy bought|pay paid|keep kept|write written wrote|hold held|run ran|take took"
        " taken|give gave given|choose chose chosen|begin began begun|lose lost|leave left|find"
        " found|build built|teach taught|bring brought|show shown|meet met|tell told|sell sold"
        " sale|see saw seen|know knew known|grow grew grown|rise rose risen|fall fell fallen|break"
        " broke broken|speak spoke spoken|drive drove driven|child children|person people|think"
        " thought|read reading|hide hidden hid|begin started|feed fed|lead led|spend spent|win won"
    ).split("|")
    for word in forms.split()
}


def is_japanese(text: str) -> bool:
    """Return whether a text has kana or kanji."""
    return _JAPANESE.search(text) is not None


def ordered_words(text: str) -> tuple[str, ...]:
    """Return the content words of a text in order: stems, and whole runs in Japanese."""
    folded = unicodedata.normalize("NFKC", text)
    found: list[str] = []
    for piece in _PIECES.finditer(folded):
        word = piece.group()
        if piece.lastgroup == "latin":
            if (lower := word.lower()) not in STOP_WORDS and len(word) > 1:
                found.append(stem(lower))
        elif word not in _EMPTY_JA:
            found.append(word.rstrip("ー") if piece.lastgroup == "katakana" else word)
    return tuple(word for word in found if word)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing that a claim says: a word, or a character of a Japanese run.

    Attributes:
        forms: Any of these in a source carries it: a stem, or the pairs that it stands in.
        weight: How much it counts.
        trace: What carries a little of it: the character alone.
    """

    forms: frozenset[str]
    weight: float
    trace: str = ""


def wanted(text: str) -> tuple[Wanted, ...]:
    """Return what a text says, each thing once.

    A run of n characters weighs as much as it has pairs, at most 3, so that one long compound
    does not outweigh the sentence. A character of it is carried by any pair that it stands in:
    国内出張 is carried by 国内 and 出張, though 内出 is nowhere.
    """
    found: dict[frozenset[str], Wanted] = {}
    for word in ordered_words(text):
        if not is_japanese(word):
            found[frozenset({word})] = Wanted(frozenset({word}), 1.0)
        elif len(word) == 1:
            found.setdefault(frozenset({word}), Wanted(frozenset({word}), _SINGLE_WEIGHT))
        else:
            weight = min(len(word) - 1, 3) / len(word)
            for place, char in enumerate(word):
                pairs = frozenset(grams(word[max(0, place - 1) : place + 2]))
                found[pairs | {f"{char}{place}"}] = Wanted(pairs, weight, char)
    return tuple(found.values())


def grams(word: str) -> tuple[str, ...]:
    """Return the pairs of neighbouring characters of a run; a single character is itself."""
    if len(word) < 2:
        return (word,)
    return tuple(map("".join, pairwise(word)))


def holdings(text: str) -> frozenset[str]:
    """Return everything by which a source's text can carry a word: stems, pairs, kanji."""
    folded = unicodedata.normalize("NFKC", text)
    found: set[str] = set()
    for piece in _PIECES.finditer(folded):
        word = piece.group()
        if piece.lastgroup == "latin":
            found.add(stem(word.lower()))
        else:
            found.update(grams(word))
            found.update(word if piece.lastgroup == "kanji" else ())
    return frozenset(found)


def coverage(claim: Iterable[Wanted], *, held: frozenset[str]) -> float:
    """Return the weighted share of what is wanted that is held, 0 to 1."""
    total = having = 0.0
    for item in claim:
        total += item.weight
        if not item.forms.isdisjoint(held):
            having += item.weight
        elif item.trace in held:
            having += _TRACE * item.weight
    return having / total if total else 0.0


def is_held(item: Wanted, *, held: frozenset[str]) -> bool:
    """Return whether a thing is carried in full."""
    return not item.forms.isdisjoint(held)


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """Return what is left of an English word without its ending, at least 3 letters."""
    plain = re.sub(r"['’](?:s|re|ve|ll|d|m)$", "", word)
    plain = _IRREGULAR.get(plain, plain)
    for _ in range(2):
        for ending in _ENDINGS:
            if plain.endswith(ending) and len(plain) - len(ending) >= 3:
                plain = plain[: -len(ending)]
                break
        else:
            break
    # stopp(ed) and stop are one word.
    if len(plain) > 3 and plain[-1] == plain[-2] and plain[-1] not in "aeiouls":
        plain = plain[:-1]
    return plain

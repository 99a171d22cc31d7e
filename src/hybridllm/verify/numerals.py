"""Numbers that are written in words.

Answers: what is a text with 三十日, 1億2,000万円 or "twenty-five days" in plain digits?
Not here: units and dates (`units`, `dates`), comparing (`quantities`).

Only what is surely a number is rewritten: kanji digits need a counter behind them (三十日, not
一般), and the words "one" and 一 need a unit, since they mostly count nothing.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import Final

_DIGITS: Final = {char: value for value, char in enumerate("〇一二三四五六七八九")} | {"零": 0}
_TENS: Final = {"十": 10, "百": 100, "千": 1_000}
_MYRIADS: Final = {"万": 10**4, "億": 10**8, "兆": 10**12}
_ARABIC: Final = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_KANJI: Final = "〇零一二三四五六七八九十百千万億兆"
_COUNTER: Final = (
    "年|月|日|時|分|秒|人|名|件|個|回|円|度|階|台|本|枚|社|割|%|パーセント|ヶ|か月|カ月|箇|週|倍|つ|点"
    "|冊|箱|歳|才|泊|通|種|段|号|条|項|章|位|割|キロ|メートル|グラム|トン|リットル|ドル|営業日|項目|段階"
    "|世代|拠点|部署|都市|か国|カ国|文字|行|桁|ページ"
)
# 十分 is "enough", 一部 "a part", 一時 "for a while", 一日 "one day" or "the first".
_NO_NUMBERS: Final = re.compile(
    r"(?<![二三四五六七八九\d])十分(?!間|前|後|以内|ごと|おき)|一部|一方|一般|一度|一時(?!間)|一定|一切|一人|"
    r"一つ|一通り|一点|一番|一本化|一件|一回|一名|一個|一枚|一台|一段|一種|一社|千葉|万一|三角|四角|四季|七夕|"
    r"八百屋|百科|二次|三次|一次|一月あたり|一日(?=一|中)"
)
_RUN: Final = re.compile(rf"(?:{_ARABIC}|[{_KANJI}])+")
_PIECE: Final = re.compile(rf"{_ARABIC}|[{_KANJI}]")
_COUNTED: Final = re.compile(_COUNTER)

_UNITS_EN: Final = {
    word: value
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
        " fifteen sixteen seventeen eighteen nineteen".split()
    )
}
_TENS_EN: Final = {
    word: (place + 2) * 10
    for place, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split())
}
_SCALES_EN: Final = {
    "hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12,
}  # fmt: skip
_WORD: Final = "|".join(sorted({*_UNITS_EN, *_TENS_EN, *_SCALES_EN}, key=len, reverse=True))
_WORDS_EN: Final = re.compile(
    rf"(?<![\w.-])(?:(?:a|an)\s+(?=hundred|thousand|million|billion)|(?P<figure>{_ARABIC})[\s-]*"
    rf"(?=(?:hundred|thousand|million|billion|trillion)\b))?"
    rf"(?P<words>(?:{_WORD})(?:(?:[\s-]+|\s+and\s+)(?:{_WORD}))*)(?![\w])",
    re.IGNORECASE,
)
_ONE_COUNTS: Final = re.compile(
    r"[\s-]+(?:second|minute|hour|day|week|month|year|percent|business|working|calendar|dollar|yen)"
)


def in_digits(text: str) -> str:
    """Return a text with its numbers in ASCII digits, without thousands separators.

    Check: 1億2,000万円 -> 120000000円; "twenty-five days" -> "25 days".
    """
    plain = unicodedata.normalize("NFKC", text)
    plain = _WORDS_EN.sub(_english, plain)
    kept = [(match.start(), match.end()) for match in _NO_NUMBERS.finditer(plain)]

    def japanese(match: re.Match[str]) -> str:
        if any(start < match.end() and match.start() < end for start, end in kept):
            return match.group()
        return _japanese(match, following=plain[match.end() : match.end() + 5])

    return _RUN.sub(japanese, plain)


def _english(match: re.Match[str]) -> str:
    words = re.split(r"[\s-]+", match["words"].lower())
    if words == ["one"] and not _ONE_COUNTS.match(match.string, match.end()):
        return match.group()
    total, part = Decimal(0), Decimal(match["figure"].replace(",", "")) if match["figure"] else None
    for word in words:
        if word in _SCALES_EN:
            scale = _SCALES_EN[word]
            part = (Decimal(1) if part is None else part) * scale
            if scale >= 1_000:
                total, part = total + part, None
        elif word != "and":
            part = (part or Decimal(0)) + _UNITS_EN.get(word, _TENS_EN.get(word, 0))
    return _plain(total + (part or 0))


def _japanese(match: re.Match[str], *, following: str) -> str:
    run = match.group()
    pieces = _PIECE.findall(run)
    has_figures = any(piece[0].isdigit() and piece[0].isascii() for piece in pieces)
    if not has_figures and not _COUNTED.match(following):
        return run
    if has_figures and len(pieces) == 1:
        return run.replace(",", "")
    if has_figures and pieces[0][0] in _MYRIADS:
        return run
    return _plain(_value(pieces))


def _value(pieces: list[str]) -> Decimal:
    """Return what 二千五百万, 3万5千 or 二〇二四 is."""
    total, section, digits = Decimal(0), Decimal(0), Decimal(0)
    has_digits = False
    for piece in pieces:
        if piece in _MYRIADS:
            section += digits if has_digits else 0
            total += (section or Decimal(1)) * _MYRIADS[piece]
            section, digits, has_digits = Decimal(0), Decimal(0), False
        elif piece in _TENS:
            section += (digits if has_digits else Decimal(1)) * _TENS[piece]
            digits, has_digits = Decimal(0), False
        elif piece in _DIGITS:
            digits, has_digits = digits * 10 + _DIGITS[piece], True
        else:
            digits, has_digits = Decimal(piece.replace(",", "")), True
    return total + section + digits


def _plain(value: Decimal) -> str:
    return format(value.normalize(), "f")

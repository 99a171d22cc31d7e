"""Units of measure in their spellings.

Answers: which unit stands beside a number, and how many of the base unit is it?
Not here: reading the number (`numerals`, `quantities`).

Two amounts are equal if they are exactly equal in the base unit: 60 minutes and 1 hour are,
3.1 and 3 are not. Business days are no days. Counters that count things of any kind (個, 件)
are no unit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: what it measures, named by its base, and how many of the base it is."""

    base: str
    factor: Decimal = Decimal(1)


NO_UNIT: Final = Unit("")

_TABLE: Final = """
s 1: s sec secs second seconds 秒 秒間
s 0.001: ms msec millisecond milliseconds ミリ秒
s 60: min mins minute minutes 分 分間
s 3600: h hr hrs hour hours 時間
day 1: day days 日 日間 calendar_day calendar_days 暦日
day 7: week weeks 週 週間
business_day 1: business_day business_days working_day working_days 営業日 平日 就業日
month 1: month months か月 ヶ月 ヵ月 カ月 ケ月 箇月 か月間 ヶ月間 カ月間
month 12: year years yr yrs 年 年間 か年 ヶ年 カ年
percent 1: % percent per_cent pct パーセント ﾊﾟｰｾﾝﾄ
percent 10: 割
m 1: m meter meters metre metres メートル
m 1000: km kilometer kilometers kilometre kilometres キロメートル
m 0.01: cm centimeter centimeters centimetre centimetres センチ センチメートル
m 0.001: mm millimeter millimeters millimetre millimetres ミリ ミリメートル
inch 1: inch inches インチ
g 1: g gram grams グラム
g 1000: kg kgs kilogram kilograms キログラム
g 0.001: mg milligram milligrams ミリグラム
g 1000000: ton tons tonne tonnes トン
l 1: l liter liters litre litres リットル
l 0.001: ml milliliter milliliters millilitre ミリリットル
byte 1: byte bytes バイト
byte 1000: kb kilobyte kilobytes キロバイト
byte 1000000: mb megabyte megabytes メガバイト
byte 1000000000: gb gigabyte gigabytes ギガバイト
byte 1000000000000: tb terabyte terabytes テラバイト
byte 1024: kib kibibyte
byte 1048576: mib mebibyte
byte 1073741824: gib gibibyte
bit 1: bit bits ビット
celsius 1: °c 度 degrees_celsius degree_celsius 摂氏
volt 1: v volt volts ボルト
ampere 1: ampere amperes amps アンペア
watt 1: w watt watts ワット
watt 1000: kw kilowatt kilowatts キロワット
hertz 1: hz hertz ヘルツ
hertz 1000000: mhz メガヘルツ
hertz 1000000000: ghz ギガヘルツ
yen 1: 円 yen jpy
dollar 1: dollar dollars usd ドル 米ドル
euro 1: euro euros eur ユーロ
person 1: person persons people 人 名
times 1: times 回
fold 1: fold x 倍
page 1: page pages ページ 頁
line 1: line lines 行
character 1: character characters 文字
floor 1: 階
years_old 1: 歳 才 years_old
night 1: night nights 泊
"""
_UNITS: Final = {
    name.replace("_", " "): Unit(base, Decimal(factor))
    for row in _TABLE.strip().splitlines()
    for head, _, names in [row.partition(": ")]
    for base, factor in [head.split()]
    for name in names.split()
}
_SIGNS: Final = {"¥": _UNITS["円"], "$": _UNITS["dollar"], "€": _UNITS["euro"], "\\": NO_UNIT}


def _expression(*, is_ascii: bool) -> str:
    names = [name for name in _UNITS if name.isascii() == is_ascii]
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True)).replace(
        r"\ ", r"[\s-]"
    )


_BEHIND: Final = re.compile(
    rf"[\s-]?(?:(?P<ascii>{_expression(is_ascii=True)})(?![a-z0-9])"
    rf"|(?P<other>{_expression(is_ascii=False)}))",
    re.IGNORECASE,
)


def unit_behind(text: str, *, position: int) -> tuple[Unit, int]:
    """Return the unit that follows a number, and where it ends."""
    found = _BEHIND.match(text, position)
    if found is None:
        return NO_UNIT, position
    name = re.sub(r"[\s-]", " ", (found["ascii"] or found["other"]).lower())
    return _UNITS[name], found.end()


def unit_before(text: str, *, position: int) -> Unit:
    """Return the currency whose sign precedes a number."""
    return _SIGNS.get(text[position - 1 : position].strip(), NO_UNIT) if position else NO_UNIT


def is_amount(token: str) -> bool:
    """Return whether a token such as `30km` or `5-day` is a number with a unit."""
    figures = re.match(r"\d+(?:\.\d+)?", token)
    if figures is None:
        return False
    unit, end = unit_behind(token, position=figures.end())
    return unit is not NO_UNIT and end == len(token)

"""Dates, weekdays and times of day, as people write them.

Answers: which dates does a text name, and is one date the other, or a part of it?
Not here: lengths of time (`units`).

Read are 2026-05-03, 2026年5月3日, 令和8年5月3日, R8.5.3, May 3, 2026, 3 May, 5月, Monday, 月曜,
15:30, 午後3時半 and 3 p.m. A date with fewer parts is carried by one with more.
Source of the eras' first years: the calendar of the Japanese government.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_ERAS: Final = {"令和": 2018, "平成": 1988, "昭和": 1925, "大正": 1911, "明治": 1867}
_ERA_LETTERS: Final = {"r": 2018, "h": 1988, "s": 1925, "t": 1911, "m": 1867}
_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        "jan january|feb february|mar march|apr april|may|jun june|jul july|aug august|"
        "sep sept september|oct october|nov november|dec december".split("|"),
        start=1,
    )
    for name in names.split()
}
_MONTH: Final = "(?=(?-i:[A-Z]))(?:" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + ")"
_WEEKDAYS_EN: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEKDAYS_JA: Final = "月火水木金土日"
_LEADING: Final = (
    r"(?<=\bin )|(?<=\bby )|(?<=\bof )|(?<=\bsince )|(?<=\buntil )|(?<=\bevery )|(?<=\bfrom )"
    r"|(?<=\bto )|(?<=\bearly )|(?<=\blate )|(?<=\beach )|(?<=\band )"
)
_DATES: Final = re.compile(
    r"(?P<era>令和|平成|昭和|大正|明治)(?P<era_year>\d{1,2}|元)年度?(?:(?P<era_month>\d{1,2})月(?:"
    r"(?P<era_day>\d{1,2})日)?)?"
    r"|(?P<ja_year>\d{4})年度?(?:(?P<ja_month>\d{1,2})月(?:(?P<ja_day>\d{1,2})日)?)?"
    r"|(?P<md_month>\d{1,2})月(?:(?P<md_day>\d{1,2})日)?(?!間|額|給|例)"
    r"|\b(?P<iso_year>\d{4})[-/.](?P<iso_month>\d{1,2})[-/.](?P<iso_day>\d{1,2})(?![\d.])"
    r"|(?<![\w.])(?P<letter>[RHSTM])(?P<letter_year>\d{1,2})\.(?P<letter_month>\d{1,2})\."
    r"(?P<letter_day>\d{1,2})(?![\d.])"
    r"|(?<![\d/])(?P<one>\d{1,2})/(?P<two>\d{1,2})/(?P<slash_year>\d{4})(?!\d)"
    rf"|\b(?P<en_month>{_MONTH})\.?[ ](?P<en_day>\d{{1,2}})(?:st|nd|rd|th)?(?!\d|:)"
    r"(?:,?[ ](?P<en_year>\d{4})(?!\d))?"
    rf"|(?<![\d.])(?P<eu_day>\d{{1,2}})(?:st|nd|rd|th)?[ ](?:of[ ])?(?P<eu_month>{_MONTH})\b\.?"
    r"(?:,?[ ](?P<eu_year>\d{4})(?!\d))?"
    rf"|\b(?P<my_month>{_MONTH})\.?,?[ ](?:of[ ])?(?P<my_year>\d{{4}})(?!\d)"
    rf"|(?:{_LEADING})(?P<alone>(?-i:[A-Z])[a-z]{{2,8}})\b",
    re.IGNORECASE,
)
_WEEKDAY: Final = re.compile(
    rf"\b(?P<en>{'|'.join(_WEEKDAYS_EN)})s?\b|(?P<ja>[{_WEEKDAYS_JA}])曜", re.IGNORECASE
)
_TIMES: Final = re.compile(
    r"(?P<half>午前|午後)?(?P<ja_hour>\d{1,2})時(?!間|点|期|代)(?:(?P<ja_minute>\d{1,2})分|(?P<thirty>半))?"
    r"|(?<![\d:])(?P<hour>\d{1,2}):(?P<minute>\d{2})(?!\d)(?:\s*(?P<meridian>[ap])\.?m\b\.?)?"
    r"|(?<![\d:.])(?P<en_hour>\d{1,2})\s*(?P<en_meridian>[ap])\.?m\b\.?"
    r"|\b(?P<noon>noon)\b|(?P<ja_noon>正午)|\b(?P<midnight>midnight)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Moment:
    """A date, weekday or time; what the text does not say is `None`.

    Attributes:
        year: In the Gregorian calendar.
        month: 1 to 12.
        day: 1 to 31.
        weekday: 0 is Monday.
        minutes: Since midnight.
        is_half_known: Whether the time says which half of the day it means.
    """

    year: int | None = None
    month: int | None = None
    day: int | None = None
    weekday: int | None = None
    minutes: int | None = None
    is_half_known: bool = True

    def is_carried_by(self, other: Moment) -> bool:
        """Return whether the other moment says all that this one says."""
        if self.minutes is not None:
            return other.minutes is not None and self._is_same_time(other)
        pairs = (
            (self.year, other.year),
            (self.month, other.month),
            (self.day, other.day),
            (self.weekday, other.weekday),
        )
        return all(mine is None or mine == theirs for mine, theirs in pairs)

    def _is_same_time(self, other: Moment) -> bool:
        if self.is_half_known and other.is_half_known:
            return self.minutes == other.minutes
        return (self.minutes or 0) % 720 == (other.minutes or 0) % 720


@dataclass(frozen=True, slots=True)
class Found:
    """A moment and where it stands; a date such as 3/5/2026 may mean two."""

    moments: tuple[Moment, ...]
    start: int
    end: int


def moments(text: str) -> Iterator[Found]:
    """Yield the dates, weekdays and times of a text in digits (`numerals.in_digits`)."""
    for match in _DATES.finditer(text):
        if found := _date(match):
            yield Found(found, match.start(), match.end())
    for match in _WEEKDAY.finditer(text):
        number = (
            _WEEKDAYS_JA.index(match["ja"])
            if match["ja"]
            else _WEEKDAYS_EN.index(match["en"].lower())
        )
        yield Found((Moment(weekday=number),), match.start(), match.end())
    for match in _TIMES.finditer(text):
        yield Found((_time(match),), match.start(), match.end())


def _date(match: re.Match[str]) -> tuple[Moment, ...]:
    def number(name: str) -> int | None:
        return int(match[name]) if match[name] else None

    if match["era"]:
        count = 1 if match["era_year"] == "元" else int(match["era_year"])
        return (Moment(_ERAS[match["era"]] + count, number("era_month"), number("era_day")),)
    if match["letter"]:
        since = _ERA_LETTERS[match["letter"].lower()] + int(match["letter_year"])
        return (Moment(since, number("letter_month"), number("letter_day")),)
    if match["slash_year"]:
        one, two = int(match["one"]), int(match["two"])
        both = sorted({(one, two), (two, one)})
        in_year = int(match["slash_year"])
        return tuple(Moment(in_year, first, second) for first, second in both if first <= 12)
    for prefix in ("en", "eu", "my"):
        if match[f"{prefix}_month"]:
            month = _MONTHS[match[f"{prefix}_month"].lower()]
            day = None if prefix == "my" else number(f"{prefix}_day")
            return (Moment(number(f"{prefix}_year"), month, day),)
    if match["alone"]:
        month_alone = _MONTHS.get(match["alone"].lower())
        return () if month_alone is None else (Moment(month=month_alone),)
    for prefix in ("ja", "iso"):
        if match[f"{prefix}_year"]:
            return (
                Moment(
                    year=number(f"{prefix}_year"),
                    month=number(f"{prefix}_month"),
                    day=number(f"{prefix}_day"),
                ),
            )
    return (Moment(month=number("md_month"), day=number("md_day")),)


def _time(match: re.Match[str]) -> Moment:
    if match["noon"] or match["ja_noon"]:
        return Moment(minutes=720)
    if match["midnight"]:
        return Moment(minutes=0)
    hour = int(match["ja_hour"] or match["hour"] or match["en_hour"])
    minute = int(match["ja_minute"] or match["minute"] or (30 if match["thirty"] else 0))
    half = (match["half"] or match["meridian"] or match["en_meridian"] or "").lower()
    if half in {"午後", "p"} and hour < 12:
        hour += 12
    elif half in {"午前", "a"} and hour == 12:
        hour = 0
    return Moment(minutes=(hour * 60 + minute) % 1440, is_half_known=bool(half) or hour > 12)

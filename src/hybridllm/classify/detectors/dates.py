"""Dates of birth, in the common calendar and in Japanese eras.

Answers: which dates does a text give as somebody's birthday?
Not here: other dates, which are no findings.

Only a cue makes a date a birth date. Sources: Era Name Act of Japan (Meiji from 1868,
Taisho 1912, Showa 1926, Heisei 1989, Reiwa 2019); ISO 8601-1:2019.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hybridllm.classify.detector import Match

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hybridllm.classify.detectors.scanning import Scan

CUES = {
    "birth": (
        "生年月日", "誕生日", "生まれ", "出生", "dob", "d.o.b", "date of birth", "birth date",
        "birthdate", "birthday", "born", "born on", "バースデー", "日生", "生)", "お誕生日",
        "geburtsdatum", "fecha de nacimiento",
    ),
    "founded": (
        "設立", "創立", "創業", "founded", "established", "建国", "会社の誕生日", "初号機",
        "release*", "干支", "星座", "何曜日", "うるう",
    ),
}  # fmt: skip

_MONTH = (
    "(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
    "|Sept?(?:ember)?|Oct(?:ober)?"
    "|Nov(?:ember)?|Dec(?:ember)?)"
)
_N = "(?:[0-9]{1,2}|[一二三四五六七八九十]{1,3})"
_DATE = re.compile(
    f"(?:(?:明治|大正|昭和|平成|令和|[MTSHR](?=[0-9]))[ ]?(?:元"
    f"|{_N})[年./-][ ]?{_N}[月./-][ ]?{_N}日?"
    f"|(?:19|20)[0-9]{{2}}[年./-][ ]?{_N}[月./-][ ]?{_N}日?"
    f"|(?:19|20)[0-9]{{2}}(?:0[1-9]|1[0-2])(?:[0-2][0-9]|3[01])(?![0-9])"
    f"|[0-3]?[0-9][./-][0-3]?[0-9][./-](?:19|20)?[0-9]{{2}}(?![0-9])"
    f"|{_MONTH}\\.?[ ][0-3]?[0-9](?:st|nd|rd|th)?,?[ ](?:19|20)[0-9]{{2}}"
    f"|[0-3]?[0-9](?:st|nd|rd|th)?[ ](?:of[ ])?{_MONTH}\\.?,?[ ](?:19|20)[0-9]{{2}}"
    f"|{_N}月{_N}日)"
)
_DAY_ONLY = re.compile(f"{_N}月{_N}日")
_WINDOW = 28


def find(scan: Scan) -> Iterator[Match]:
    """Yield the birth dates in a text."""
    text = scan.text
    taken = -1
    for start, end in scan.hits.get("birth", ()):
        if start < taken:
            continue
        stop = min(len(text), end + _WINDOW + 24)
        found = _DATE.search(text, end, stop)
        if found is None or found.start() > end + _WINDOW:
            found = None
            for before in _DATE.finditer(text, max(0, start - 32), start):
                found = before
            if found is None or start - found.end() > 4:
                continue
        if _is_public_date(scan, start, found):
            continue
        taken = max(end, found.end())
        yield Match("personal.birth_date", *found.span(), 0.9)


def _is_public_date(scan: Scan, start: int, found: re.Match[str]) -> bool:
    if scan.near("founded", start=start, end=found.end(), before=16, after=10):
        return True
    year = re.search("(?:1[0-9]|20)[0-9]{2}", found.group())
    has_year = _DAY_ONLY.fullmatch(found.group()) is None
    if not has_year and not scan.near(
        "honorific", start=found.start(), end=found.end(), before=24, after=24
    ):
        return True
    if scan.near("public_person", start=start, end=found.end(), before=60, after=40):
        return True
    if scan.near("public_person_ja", start=start, end=found.end(), before=30, after=30):
        return True
    return year is not None and int(year.group()) < 1905

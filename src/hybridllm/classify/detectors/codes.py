"""Codes of letters and digits that identify a person or an account.

Answers: which IBANs, passports, residence cards, insurance and national id codes
stand in a text?
Not here: codes of digits alone (`numbers`), formulas (`checks`).

Each is looked for around a group of digits that has the right length, so a text
without digits costs nothing. Sources: ISO 13616 (IBAN); ICAO Doc 9303 part 3 and the
Passport Act of Japan (two letters, seven digits); Immigration Control Act of Japan,
article 19-4 (residence card: two letters, eight digits, two letters); HMRC NIM39110
(National Insurance number).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hybridllm.classify.detector import Match
from hybridllm.classify.detectors import checks, id_checks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hybridllm.classify.detectors.scanning import Scan

CUES = {
    "passport": ("passport", "passport no", "passport number", "旅券", "パスポート"),
    "residence": ("在留", "residence card", "zairyu", "特別永住"),
    "insurance": (
        "被保険者", "保険証", "保険者番号", "健康保険", "health insurance", "member id",
        "policy number", "insurance number", "資格確認書", "後期高齢", "介護保険", "記号番号",
        "member number", "medicare", "insurance id", "group number", "雇用保険", "労災",
    ),
    "licence_code": (
        "driver's license", "drivers license", "driver license", "driving licence",
        "driving license", "dl number", "dvla", "license number", "licence number",
    ),
    "nino": ("national insurance", "nino", "ni number"),
    "id_code": (
        "national id*", "id number", "identity card", "dni", "nie", "codice fiscale", "nric", "fin",
        "hkid", "passport", "ine", "curp", "身分証", "cpf", "nir", "numéro de sécurité sociale",
        "bsn", "personnummer", "rrn", "주민등록번호", "身份证", "pan card", "pan number",
        "identity number",
    ),
    "bank": (
        "口座", "普通預金", "当座預金", "普通", "当座", "貯蓄", "振込先", "ゆうちょ",
        "account number", "account no", "acct", "bank account", "a/c", "routing", "sort code",
        "iban", "bsb", "swift", "checking account", "savings account", "aba",
    ),
}  # fmt: skip

_FEWEST_INSURANCE_DIGITS = 4
_IBAN_TAIL = re.compile(r"(?:[ -]?[A-Za-z0-9]){11,32}")
_NINO = re.compile(r"[0-9]{2}[ -]?[0-9]{2}[ -]?[0-9]{2}[ -]?[A-Da-d](?![A-Za-z0-9])")
_AFTER_CUE = re.compile(
    r"[^0-9A-Za-z\n]{0,10}+(?:number|no|num|id|code)?[^0-9A-Za-z\n]{0,6}+(?:is(?![a-z]))?\s{0,2}"
    r"((?:[A-Z]{1,5}[- ]?)?[0-9][0-9A-Z]{0,20}(?:[- ][0-9]{2}[0-9A-Z]{0,10}){0,5})(?![0-9A-Za-z])",
    re.IGNORECASE,
)
_INSURANCE_JA = re.compile(
    "(?:[^0-9\n]{0,16}?)(?:記号|番号)[^0-9\n]{0,6}[0-9]{1,8}(?:[^0-9\n]{1,8}[0-9]{1,8})?"
    "|[^0-9\n]{0,12}[0-9]{4,8}(?:[^0-9\n]{1,8}[0-9]{1,8})?"
)


def find(scan: Scan) -> Iterator[Match]:
    """Yield the identifying codes in a text."""
    if not scan.groups:
        return
    text = scan.text
    for start, end in scan.groups:
        first = _letters_before(text, start)
        if first is not None and end - start >= 2:
            match = _iban(text, first, start) or _two_letter_code(scan, first, start, end)
            if match is not None:
                yield match
        match = id_checks.shaped(scan, start=start, end=end)
        if match is not None:
            yield match
    yield from _by_cue(scan)


def _letters_before(text: str, start: int) -> int | None:
    """Return where two letters of their own start before `start`, a space allowed."""
    last = start - 1 if text[start - 1 : start] in {" ", "-"} else start
    letters = text[max(0, last - 2) : last]
    if (
        len(letters) != 2
        or not _are_letters(letters)
        or _is_latin(text[max(0, last - 3) : last - 2])
    ):
        return None
    return last - 2


def _iban(text: str, start: int, digits: int) -> Match | None:
    country = text[start : start + 2].upper()
    length = checks.iban_length(country)
    tail = _IBAN_TAIL.match(text, digits + 2) if length else None
    if tail is None:
        return None
    code, stop = country + text[digits : digits + 2], digits + 2
    for stop in range(digits + 2, tail.end()):
        if text[stop] not in " -":
            code += text[stop].upper()
            if len(code) == length:
                break
    if not code.isascii() or not code.isalnum() or not checks.is_iban(code):
        return None
    following = text[stop + 1 : stop + 2]
    if following.isascii() and following.isalnum():
        return None
    return Match("financial.iban", start, stop + 1, 0.98)


def _two_letter_code(scan: Scan, first: int, start: int, end: int) -> Match | None:
    text = scan.text
    digits = end - start
    after = text[end : end + 3]
    if digits == 8 and len(after) >= 2 and _are_letters(after[:2]) and not _is_latin(after[2:3]):
        cued = scan.near("residence", start=start, end=end)
        if cued or text[first : first + 2].isupper():
            return Match("personal.residence_card", first, end + 2, 0.9)
    if (
        digits == 7
        and not _is_latin(after[:1])
        and scan.near("passport", start=start, end=end, before=30, after=12)
    ):
        return Match("personal.passport", first, end, 0.95)
    if text[first].upper() in "DFIQUV":
        return None
    found = _NINO.match(text, start)
    if found and (scan.near("nino", start=start, end=end) or text[first : first + 2].isupper()):
        return Match("personal.national_id", first, found.end(), 0.9)
    return None


def _by_cue(scan: Scan) -> Iterator[Match]:
    text = scan.text
    plain = (
        ("passport", "personal.passport", 6),
        ("residence", "personal.residence_card", 10),
        ("licence_code", "personal.driving_licence", 6),
        ("id_code", "personal.national_id", 7),
        ("bank", "financial.bank_account", 6),
    )
    for group, kind, shortest in plain:
        for _, end in scan.hits.get(group, ()):
            found = _AFTER_CUE.match(text, end)
            if found is None:
                continue
            value = found[1].strip()
            if sum(c.isdigit() for c in value) >= shortest - 1 and not _is_a_year_or_money(
                text, found.end(1)
            ):
                yield Match(kind, found.start(1), found.start(1) + len(value), 0.85)
    for _, end in scan.hits.get("insurance", ()):
        found = _INSURANCE_JA.match(text, end) or _AFTER_CUE.match(text, end)
        if found is None or _is_a_year_or_money(text, found.end()):
            continue
        if sum(char.isdigit() for char in text[end : found.end()]) < _FEWEST_INSURANCE_DIGITS:
            continue
        first = next(i for i in range(end, found.end()) if text[i].isascii() and text[i].isdigit())
        while first > end and _is_latin(text[first - 1]):
            first -= 1
        yield Match("personal.health_insurance", first, found.end(), 0.85)


def _is_a_year_or_money(text: str, end: int) -> bool:
    return text[end : end + 2].lstrip()[:1] in {
        "年",
        "円",
        "%",
        "万",
        "億",
        "件",
        "人",
        "割",
        "月",
        "社",
        "店",
    }


def _are_letters(text: str) -> bool:
    return text.isascii() and text.isalpha()


def _is_latin(text: str) -> bool:
    return text.isascii() and text.isalnum()

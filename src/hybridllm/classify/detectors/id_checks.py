"""National identifiers that are known by their shape and check digits.

Answers: is this group of digits the middle of a Chinese, Korean, Brazilian, Spanish,
Italian, Singaporean, Taiwanese or Indian identifier?
Not here: identifiers that only a cue reveals (`codes`, `numbers`).

Sources: GB 11643-1999 (China, ISO 7064 mod 11-2); Resident Registration Act of Korea;
Receita Federal, CPF; Spain, Real Decreto 1553/2005 (DNI letter, modulus 23); Italy,
DM 23/12/1976 (codice fiscale); ICA Singapore (NRIC).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hybridllm.classify.detector import Match

if TYPE_CHECKING:
    from hybridllm.classify.detectors.scanning import Scan

_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_CODICE_FISCALE = re.compile(
    r"[A-Z]{6}[0-9]{2}[A-EHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z](?![A-Za-z0-9])"
)
_CPF = re.compile(r"([0-9]{3})\.([0-9]{3})\.([0-9]{3})-([0-9]{2})(?![0-9])")
_KOREAN = re.compile(r"[0-9]{6}-[1-4][0-9]{6}(?![0-9])")
_SIZES = frozenset({2, 3, 6, 7, 8, 9, 17, 18})


def shaped(scan: Scan, *, start: int, end: int) -> Match | None:
    """Return the identifier around the digits `text[start:end]`, if one is there."""
    size = end - start
    if size not in _SIZES:
        return None
    text = scan.text
    kind = "personal.national_id"
    if size in {17, 18}:
        return Match(kind, *span, 0.95) if (span := _chinese(text, start, end)) else None
    if size == 3 and text[end : end + 1] == ".":
        found = _CPF.match(text, start)
        if found and _is_cpf("".join(found.groups())):
            return Match(kind, *found.span(), 0.95)
    if size == 6 and text[end : end + 1] == "-":
        found = _KOREAN.match(text, start)
        if found and _is_date(text[start + 2 : start + 6]):
            return Match(kind, *found.span(), 0.85)
    if size == 2 and start >= 6:
        found = _CODICE_FISCALE.match(text, start - 6)
        if found:
            return Match(kind, *found.span(), 0.95)
    if size in {7, 8, 9}:
        return _lettered(text, start, end, kind)
    return None


def _lettered(text: str, start: int, end: int, kind: str) -> Match | None:
    size = end - start
    before, after = text[start - 1 : start], text[end : end + 1]
    free = not (start > 1 and _word(text[start - 2]))
    closed = not _word(text[end + 1 : end + 2])
    digits = text[start:end]
    is_dni = size == 8 and closed and not before.isalnum() and _is_capital(after)
    if is_dni and _DNI_LETTERS[int(digits) % 23] == after:
        return Match(kind, start, end + 1, 0.85)
    is_nric = size == 7 and free and closed and before in set("STFGM")
    if is_nric and _is_capital(after):
        return Match(kind, start - 1, end + 1, 0.9)
    is_taiwanese = size == 9 and free and _is_capital(before) and digits[0] in "12"
    if is_taiwanese and not _word(after) and _is_taiwanese(before, digits):
        return Match(kind, start - 1, end, 0.9)
    return None


def _is_capital(char: str) -> bool:
    return char.isascii() and char.isupper()


def _word(char: str) -> bool:
    return char.isascii() and char.isalnum()


def _chinese(text: str, start: int, end: int) -> tuple[int, int] | None:
    code = text[start:end]
    if len(code) == 17:
        if text[end : end + 1] not in {"X", "x"}:
            return None
        code, end = code + "X", end + 1
    if not _is_date(code[10:14]) or code[6:8] not in {"19", "20"}:
        return None
    total = sum(int(char) * (2 ** (17 - i) % 11) for i, char in enumerate(code[:17]))
    return (start, end) if code[17].upper() == "10X98765432"[total % 11] else None


def _is_date(month_day: str) -> bool:
    return 1 <= int(month_day[:2]) <= 12 and 1 <= int(month_day[2:]) <= 31


def _is_cpf(digits: str) -> bool:
    if len(set(digits)) == 1:
        return False
    for size in (9, 10):
        total = sum(int(c) * (size + 1 - i) for i, c in enumerate(digits[:size]))
        if total * 10 % 11 % 10 != int(digits[size]):
            return False
    return True


_TAIWAN = dict(zip("ABCDEFGHJKLMNPQRSTUVXYWZIO", range(10, 36), strict=True))


def _is_taiwanese(letter: str, digits: str) -> bool:
    code = _TAIWAN[letter]
    total = code // 10 + code % 10 * 9
    total += sum(int(c) * (8 - i if i < 8 else 1) for i, c in enumerate(digits))
    return total % 10 == 0

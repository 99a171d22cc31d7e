"""Telephone numbers by the number plans of Japan, North America, Britain and the ITU.

Answers: is this group of digits a subscriber's number, and how sure is that?
Not here: finding groups of digits (`numbers`).

Public service numbers (free, shared-cost, premium) belong to an organisation that
wants to be called, so they are no findings.
Sources: MIC Japan, Telecommunications Number Plan (2019); NANPA numbering plan;
Ofcom National Telephone Numbering Plan; ITU-T E.164 with the list of country codes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hybridllm.classify.detectors.scanning import Scan

CUES = {
    "phone": (
        "tel", "phone*", "telephone", "mobile", "cell", "cellphone", "fax", "call", "text me",
        "dial", "reach me", "whatsapp", "contact number", "電話", "携帯", "ケータイ", "スマホ",
        "でんわ", "連絡先", "緊急連絡先", "固定", "ファックス", "ファクス", "番号は",
    ),
    "public_line": (
        "代表電話", "代表番号", "(代表)", "相談窓口", "相談ダイヤル", "コールセンター",
        "お客様センター", "カスタマーセンター", "お客様相談", "フリーダイヤル", "ナビダイヤル",
        "helpline", "hotline", "switchboard", "crisis line", "lifeline", "toll-free", "toll free",
        "customer service line",
    ),
}  # fmt: skip

_JP_SERVICE = ("0120", "0570", "0990", "0180", "0170", "00")
_JP_ELEVEN = ("070", "080", "090", "050", "060", "020")
_NANP_SERVICE = frozenset("800 888 877 866 855 844 833 822 900 700 500".split())
_GB_SERVICE = ("03", "08", "09")
# ITU-T E.164 assigned country codes: one digit, two digits; all others have three.
_ONE_DIGIT = "17"
_TWO_DIGITS = frozenset(
    "20 27 28 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 "
    "64 65 66 81 82 84 86 90 91 92 93 94 95 98".split()
)
_THREE_DIGIT_STARTS = frozenset(
    "21 22 23 24 25 26 29 35 37 38 42 50 59 67 68 69 85 88 96 97 99".split()
)


def phone_confidence(
    scan: Scan, *, digits: str, shape: tuple[int, ...], start: int, end: int
) -> float:
    """Return how sure it is that the digits are a subscriber's number; 0.0 for not."""
    plus = scan.text[max(0, start - 2) : start].rstrip(" (").endswith("+")
    if plus:
        return _international(digits)
    if digits.startswith("00") and len(digits) >= 10 and scan.near("phone", start=start, end=end):
        return _international(digits[2:])
    found = max(
        _japanese(scan, digits, shape, start, end),
        _north_american(scan, digits, shape, start, end),
        _british(scan, digits, shape, start, end),
    )
    if found and scan.near("public_line", start=start, end=end, before=24, after=12):
        return 0.0
    if found or _is_service(digits, shape):
        return found
    cue = scan.preceding("phone", start=start, within=12)
    has_shape = len(shape) > 1 or digits[0] == "0"
    return 0.7 if cue and has_shape and 7 <= len(digits) <= 15 and max(shape) >= 3 else 0.0


def _is_service(digits: str, shape: tuple[int, ...]) -> bool:
    if _is_japanese_service(digits, shape):
        return True
    national = digits[1:] if len(digits) == 11 and digits[0] == "1" else digits
    if len(national) == 10 and (national[:3] in _NANP_SERVICE or national[3:] == "5551212"):
        return True
    return len(digits) == 11 and digits.startswith(_GB_SERVICE)


def _is_japanese_service(digits: str, shape: tuple[int, ...]) -> bool:
    if digits.startswith(_JP_SERVICE) and len(digits) in {10, 11}:
        return True
    # 0800-123-4567 is free of charge, 080-0123-4567 is somebody's mobile.
    return digits.startswith("0800") and shape[0] == 4


def _japanese(scan: Scan, digits: str, shape: tuple[int, ...], start: int, end: int) -> float:
    if digits[0] != "0" or _is_japanese_service(digits, shape):
        return 0.0
    if len(digits) == 11 and digits.startswith(_JP_ELEVEN):
        return 0.95 if shape in {(3, 4, 4), (11,), (3, 8), (7, 4)} or _spelled(shape) else 0.0
    if len(digits) != 10 or digits[1] == "0":
        return 0.0
    if len(shape) == 3 and shape[2] == 4 and 2 <= shape[0] <= 5 and sum(shape[:2]) == 6:
        return 0.9 if shape[0] > 2 or digits[1] in "346" else 0.0
    cued = scan.near("phone", start=start, end=end, before=20, after=8)
    return 0.8 if cued and (len(shape) <= 2 or _spelled(shape)) else 0.0


def _north_american(scan: Scan, digits: str, shape: tuple[int, ...], start: int, end: int) -> float:
    if len(digits) == 11 and digits[0] == "1":
        digits, shape = digits[1:], shape[1:] if shape[0] == 1 else shape
    if len(digits) != 10 or digits[0] in "01" or digits[3] in "01" or digits[1] == "9":
        return 0.0
    if _is_service(digits, shape):
        return 0.0
    if shape == (3, 3, 4):
        return 0.9
    cued = scan.near("phone", start=start, end=end, before=20, after=8)
    return 0.8 if cued and (len(shape) <= 2 or _spelled(shape)) else 0.0


def _british(scan: Scan, digits: str, shape: tuple[int, ...], start: int, end: int) -> float:
    if len(digits) != 11 or digits[0] != "0" or digits.startswith(_GB_SERVICE):
        return 0.0
    if digits[1] == "7" and digits[2] != "0":
        return 0.9 if shape in {(5, 6), (5, 3, 3), (11,), (4, 3, 4)} or _spelled(shape) else 0.0
    if digits[1] not in "12":
        return 0.0
    if shape in {(3, 4, 4), (5, 6), (4, 3, 4), (5, 3, 3)}:
        return 0.85
    return (
        0.8
        if shape == (11,) and scan.near("phone", start=start, end=end, before=20, after=8)
        else 0.0
    )


def _international(digits: str) -> float:
    if not 8 <= len(digits) <= 15:
        return 0.0
    size = 1 if digits[0] in _ONE_DIGIT else 2 if digits[:2] in _TWO_DIGITS else 3
    if size == 3 and digits[:2] not in _THREE_DIGIT_STARTS:
        return 0.0
    country, national = digits[:size], digits[size:]
    if country == "1" and (len(national) != 10 or _is_service(national, (10,))):
        return 0.0
    if country in {"81", "44"}:
        national = "0" + national.removeprefix("0")
        service = _JP_SERVICE if country == "81" else _GB_SERVICE
        if national.startswith(service) or not 10 <= len(national) <= 11:
            return 0.0
    return 0.95


def _spelled(shape: tuple[int, ...]) -> bool:
    """Return whether the digits stand one by one, as in a disguise."""
    return len(shape) > 5 and max(shape) <= 2

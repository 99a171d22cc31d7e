"""Numbers that identify a person or an account by their digits alone.

Answers: which digit groups are a card, a My Number, a phone, a social security
number, a licence, a pension or an account number?
Not here: codes with letters (`codes`), the formulas (`checks`), dates (`dates`).

A candidate is one to five neighbouring groups of digits, or a whole run of single
digits. What has a check digit is found by it; what has none needs a cue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hybridllm.classify.detector import Match
from hybridllm.classify.detectors import checks
from hybridllm.classify.detectors.phones import CUES as PHONE_CUES
from hybridllm.classify.detectors.phones import phone_confidence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hybridllm.classify.detectors.scanning import Run, Scan

CUES = PHONE_CUES | {
    "my_number": (
        "マイナンバー", "個人番号", "my number", "mynumber", "individual number", "マイナ番号",
    ),
    "corporate": ("法人番号", "登録番号", "corporate number", "インボイス番号", "適格請求書"),
    "licence": (
        "免許", "driving licence*", "driver's license*", "drivers license*", "driver license*",
        "driving license*", "driver's licence*", "licence number", "license number", "licence no",
    ),
    "pension": ("年金", "pension"),
    "ssn": ("ssn", "social security", "itin", "taxpayer id*", "tax id", "ソーシャルセキュリティ"),
    "sin": ("sin", "social insurance"),
    "aadhaar": ("aadhaar", "aadhar"),
    "nhs": ("nhs",),
    "tax_number": (
        "tfn", "tax file", "steuer-id*", "steueridentifikation*", "bsn", "pesel", "national id*",
        "medicare", "burgerservicenummer", "sozialversicherung*",
    ),
    "order": (
        "order", "invoice", "ticket", "tracking", "shipment", "serial", "isbn", "issn", "jan",
        "sku", "ean", "part number", "po", "受注番号", "注文番号", "伝票番号", "問い合わせ番号",
        "追跡番号", "請求書番号", "製造番号", "シリアル", "型番", "品番", "商品コード", "管理番号",
        "整理番号", "チケット番号", "jan", "バーコード", "build", "timestamp", "版", "epoch",
        "tracking no*", "case", "案件番号",
    ),
    "card": (
        "card", "visa", "mastercard", "amex", "american express", "jcb", "credit", "debit",
        "カード", "クレカ", "pan", "ccn",
    ),
    "example": (
        "example", "examples", "sample", "test", "dummy", "documentation", "docs", "placeholder",
        "sandbox", "サンプル", "テスト", "ダミー", "ドキュメント", "例:", "見本", "例示",
    ),
}  # fmt: skip

_MAX_GROUPS = 5
_SHORTEST, _LONGEST = 7, 19
# More groups than this are a table of figures, where only numbers with a group of
# three or more digits can be an identifier.
_TABLE = 24
# Numbers that payment networks and processors print in their own manuals.
_MANUAL_CARDS = frozenset(
    "4111111111111111 4242424242424242 5555555555554444 378282246310005 4012888888881881 "
    "5105105105105100 3530111333300000 6011111111111117 30569309025904 4000000000000002".split()
)


class Candidate(NamedTuple):
    """Digits that stand together, without their separators."""

    digits: str
    shape: tuple[int, ...]
    start: int
    end: int


def find(scan: Scan) -> Iterator[Match]:
    """Yield the numbers of persons and accounts in a text."""
    for run in scan.runs():
        taken = -1
        for candidate in _candidates(scan.text, run):
            if candidate.start < taken:
                continue
            match = _judge(scan, candidate)
            if match is not None:
                taken = match.end
                yield match


def _candidates(text: str, run: Run) -> Iterator[Candidate]:
    groups = run.groups
    if sum(end - start for start, end in groups) < _SHORTEST:
        return
    if len(groups) > _MAX_GROUPS:
        whole = _candidate(text, run, 0, len(groups)) if len(groups) <= _LONGEST else None
        if whole is not None and max(whole.shape) <= 4:
            yield whole
    sizes = [end - start for start, end in groups]
    is_table = len(groups) > _TABLE
    for first in range(len(groups)):
        for last in range(min(len(groups), first + _MAX_GROUPS), first, -1):
            if not _SHORTEST <= sum(sizes[first:last]) <= _LONGEST:
                continue
            if is_table and max(sizes[first:last]) < 3:
                continue
            candidate = _candidate(text, run, first, last)
            if candidate is not None and not _attached(text, candidate):
                yield candidate


def _candidate(text: str, run: Run, first: int, last: int) -> Candidate | None:
    groups = run.groups[first:last]
    shape = tuple(end - start for start, end in groups)
    if not _SHORTEST <= sum(shape) <= _LONGEST:
        return None
    digits = "".join(text[start:end] for start, end in groups)
    return Candidate(digits, shape, groups[0][0], groups[-1][1])


def _attached(text: str, candidate: Candidate) -> bool:
    """Return whether the digits are part of a longer code, such as `A7-090-1234`."""
    start, end = candidate.start, candidate.end
    if start and text[start - 1].isascii():
        before = text[start - 1]
        if before.isalpha() or (before in "-_.$#" and start > 1 and _is_code(text[start - 2])):
            return True
    if end < len(text) and text[end].isascii():
        after = text[end]
        if after.isalpha() or after == "%":
            return True
        if after in "-_./" and end + 1 < len(text) and text[end + 1].isdigit():
            return True
    return False


def _is_code(char: str) -> bool:
    return char.isascii() and char.isalnum()


def _judge(scan: Scan, candidate: Candidate) -> Match | None:
    digits, shape, start, end = candidate
    kind, confidence = "", 0.0
    size = len(digits)
    if size == 12:
        kind, confidence = _twelve(scan, candidate)
    elif size >= 13:
        kind, confidence = _card(scan, candidate)
    elif size == 9:
        kind, confidence = _nine(scan, candidate)
    elif (
        size == 10
        and shape in {(4, 6), (10,)}
        and scan.near("pension", start=start, end=end, after=8)
    ):
        kind, confidence = "personal.pension", 0.95
    elif size == 10 and scan.near("nhs", start=start, end=end, before=24, after=8):
        kind, confidence = "personal.national_id", 0.9
    if not kind and size >= 9 and scan.near("tax_number", start=start, end=end, before=24, after=8):
        kind, confidence = "personal.national_id", 0.85
    if not kind and size <= 15:
        confidence = phone_confidence(scan, digits=digits, shape=shape, start=start, end=end)
        if confidence and shape == (size,) and scan.preceding("order", start=start, within=12):
            confidence = 0.0
        kind = "personal.phone" if confidence else ""
        if kind:
            start = _with_opening(scan.text, start)
    return Match(kind, start, end, confidence) if kind else None


def _with_opening(text: str, start: int) -> int:
    """Return where a number starts, its `+` and bracket included."""
    while start and text[start - 1] in "+(":
        start -= 1
    return start


def _card(scan: Scan, candidate: Candidate) -> tuple[str, float]:
    digits, shape, start, end = candidate
    if checks.is_isbn(digits):
        return "", 0.0
    if len(digits) == 13 and checks.is_corporate_number(digits):
        return "", 0.0
    if digits in _MANUAL_CARDS and scan.near("example", start=start, end=end):
        return "", 0.0
    cued = scan.near("card", start=start, end=end)
    if not checks.is_card(digits):
        # A mistyped card is still a card where the text says so.
        looks = len(digits) == 16 and (shape == (4, 4, 4, 4)) and digits[0] in "23456"
        return ("financial.card", 0.7) if looks and cued else ("", 0.0)
    if cued or shape in {(4, 4, 4, 4), (4, 6, 5), (4, 6, 4)}:
        return "financial.card", 0.98
    if scan.preceding("order", start=start, within=16):
        return "", 0.0
    return "financial.card", 0.9


def _twelve(scan: Scan, candidate: Candidate) -> tuple[str, float]:
    digits, shape, start, end = candidate
    if scan.near("my_number", start=start, end=end, before=30, after=10):
        return "personal.my_number", 0.98 if checks.is_my_number(digits) else 0.8
    if scan.near(
        "licence", start=start, end=end, before=30, after=10
    ) and checks.is_driving_licence(digits):
        return "personal.driving_licence", 0.95
    if scan.near("aadhaar", start=start, end=end, before=30, after=10):
        return "personal.national_id", 0.95
    if not checks.is_my_number(digits) or scan.near("corporate", start=start, end=end):
        return "", 0.0
    if scan.near("order", start=start, end=end, before=24, after=8) or digits[0] == "0":
        return "", 0.0
    listed = "," in scan.text[start:end]  # years, or other figures in a row
    in_address = scan.text[start - 1 : start] in {"=", "&"}  # a parameter of a URL
    plain = shape in {(4, 4, 4), (12,)} and not listed and not in_address
    return ("personal.my_number", 0.8) if plain else ("", 0.0)


def _nine(scan: Scan, candidate: Candidate) -> tuple[str, float]:
    digits, shape, start, end = candidate
    cued = scan.near("ssn", start=start, end=end, before=30, after=12)
    if cued or (shape == (3, 2, 4) and "-" in scan.text[start:end]):
        if checks.is_ssn(digits):
            return "personal.ssn", 0.95
        if digits[0] == "9" and cued:
            return "personal.national_id", 0.9
    if scan.near("sin", start=start, end=end, before=24, after=8) and checks.passes_luhn(digits):
        return "personal.national_id", 0.95
    return "", 0.0

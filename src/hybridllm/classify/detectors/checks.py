"""Check digits and number plans that a validator needs.

Answers: can this digit string be a card, a My Number, an IBAN ...?
Not here: finding candidates (`numbers`, `codes`), telephone numbers (`phones`).

Every function takes plain ASCII digits (or letters and digits) without separators.
"""

from __future__ import annotations

_LUHN_DOUBLE = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def passes_luhn(digits: str) -> bool:
    """Return whether the last digit is right by Luhn's formula (ISO/IEC 7812-1, annex B).

    Check: 4539 1488 0343 6467 passes, 8273 1232 7352 0569 does not.
    """
    total = 0
    for index, char in enumerate(reversed(digits)):
        digit = ord(char) - 48
        total += _LUHN_DOUBLE[digit] if index % 2 else digit
    return total % 10 == 0


def is_card(digits: str) -> bool:
    """Return whether the digits lie in an issuer's range and pass Luhn.

    Ranges: ISO/IEC 7812-1 issuer identification numbers as the networks publish them.
    """
    if len(set(digits)) == 1:
        return False
    return _issuer_allows(digits) and passes_luhn(digits)


def _issuer_allows(digits: str) -> bool:
    size = len(digits)
    two, three, four = int(digits[:2]), int(digits[:3]), int(digits[:4])
    if digits[0] == "4":
        return size in {13, 16, 19}
    if 51 <= two <= 55 or 2221 <= four <= 2720:
        return size == 16
    if two in {34, 37}:
        return size == 15
    if 3528 <= four <= 3589:
        return 16 <= size <= 19
    if four == 6011 or two == 65 or 644 <= three <= 649:
        return 16 <= size <= 19
    if 300 <= three <= 305 or two in {36, 38, 39}:
        return size in {14, 16}
    if two == 62 or two in {81, 82}:
        return 16 <= size <= 19
    return False


def is_my_number(digits: str) -> bool:
    """Return whether 12 digits are an Individual Number (My Number) of Japan.

    With P(n) the n-th of the first eleven digits, counted from the right, and
    Q(n) = n + 1 for n <= 6, else n - 5, the last digit is

        11 - (sum P(n) * Q(n) mod 11), and 0 where that remainder is 0 or 1.

    Source: Ministry of Internal Affairs and Communications Ordinance No. 85 of
    2014, article 5.
    Check: 123456789018 passes.
    """
    if len(digits) != 12 or len(set(digits)) == 1:
        return False
    total = 0
    for n, char in enumerate(reversed(digits[:11]), start=1):
        total += int(char) * (n + 1 if n <= 6 else n - 5)
    rest = total % 11
    return int(digits[11]) == (0 if rest <= 1 else 11 - rest)


def is_corporate_number(digits: str) -> bool:
    """Return whether 13 digits are a Corporate Number of Japan, which is public.

    The *first* digit is 9 - (sum P(n) * Q(n) mod 9) over the other twelve, counted
    from the right, with Q(n) = 1 for odd n and 2 for even n.
    Source: Ministry of Finance Ordinance No. 70 of 2014, article 2.
    Check: 7000012050002 (the National Tax Agency) passes.
    """
    if len(digits) != 13:
        return False
    total = sum(
        int(char) * (1 if n % 2 else 2) for n, char in enumerate(reversed(digits[1:]), start=1)
    )
    return int(digits[0]) == 9 - total % 9


def is_driving_licence(digits: str) -> bool:
    """Return whether 12 digits may be a Japanese driving licence.

    Digits 1-2 name one of the public safety commissions (10 to 97). Digit 11 is a
    check digit whose formula is not published in law: police practice is modulus 11
    with weights 5,4,3,2,7,6,5,4,3,2, but cards in use deviate, so only the
    commission is tested and a cue word is required as well.
    """
    return len(digits) == 12 and 10 <= int(digits[:2]) <= 97


# Registered lengths: SWIFT, IBAN Registry, release 99.
_IBAN_LENGTHS = {
    code: int(length)
    for length, codes in (
        ("15", "NO"), ("16", "BE"), ("18", "DK FI FO GL NL SD FK"), ("19", "MK SI"),
        ("20", "AT BA EE KZ LT LU XK MN"), ("21", "CH HR LI LV"),
        ("22", "BG BH CR DE GB GE IE ME RS VA"),
        ("23", "AE GI IL IQ TL SO OM"), ("24", "AD CZ ES MD PK RO SA SE SK TN VG LY"),
        ("25", "PT ST"), ("26", "IS TR"), ("27", "BI DJ FR GR IT MC MR SM"),
        ("28", "AL AZ BY CY DO GT HU LB PL SV NI"), ("29", "BR EG PS QA UA"), ("30", "JO KW MU YE"),
        ("31", "MT SC"), ("32", "LC"), ("33", "RU"),
    )
    for code in codes.split()
}  # fmt: skip


def iban_length(country: str) -> int:
    """Return how many characters an IBAN of this country has; 0 for no IBAN country."""
    return _IBAN_LENGTHS.get(country, 0)


def is_iban(code: str) -> bool:
    """Return whether the code is an IBAN (ISO 13616, check by ISO 7064 mod 97-10).

    Check: GB82WEST12345698765432 passes.
    """
    if len(code) != iban_length(code[:2]) or not code[2:4].isdigit():
        return False
    moved = code[4:] + code[:4]
    return int("".join(str(int(char, 36)) for char in moved)) % 97 == 1


def is_ssn(digits: str) -> bool:
    """Return whether nine digits can be a US Social Security number.

    Source: Social Security Administration, POMS RM 10201.035 (no area 000, 666 or
    9xx, no group 00, no serial 0000).
    """
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    if area in {"000", "666"} or area[0] == "9" or group == "00" or serial == "0000":
        return False
    return digits not in {"078051120", "219099999"}  # printed in advertisements, never valid


def is_isbn(digits: str) -> bool:
    """Return whether 13 digits are an ISBN or ISSN bar code (ISO 2108: 978, 979; ISSN 977)."""
    return len(digits) == 13 and digits[:3] in {"977", "978", "979"} and is_ean(digits)


def is_ean(digits: str) -> bool:
    """Return whether the last digit is right by the GS1 formula (EAN-13)."""
    total = sum(int(c) * (3 if n % 2 else 1) for n, c in enumerate(digits[:-1]))
    return (10 - total % 10) % 10 == int(digits[-1])

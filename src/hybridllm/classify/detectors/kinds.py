"""The kinds that the built-in detectors report.

Answers: what does a kind mean, what does one look like, where does its rule come from?
Not here: finding any.

All examples are fabricated; keys are put together from pieces, so that no scanner
takes this file for a leak.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of finding.

    Attributes:
        name: `category.kind`, as findings and policies write it.
        description: One line for people.
        example: A fabricated text that has one.
        source: Where the rule comes from.
    """

    name: str
    description: str
    example: str
    source: str


_NOISE = base64.b64encode(b"".join(hashlib.sha256(bytes([i])).digest() for i in range(4))).decode()
_KEY = "gh" + "p_" + "n0tAr3alK3y" * 3 + "abc"
_JWT = "eyJ" + "hbGciOiJub25lIn0" + ".eyJ" + "zdWIiOiJkZW1vIn0" + ".c2lnbmF0dXJl"

KINDS: tuple[Kind, ...] = (
    Kind(
        "personal.email",
        "Mail address of a person",
        "Write to hanako.mori@example.co.jp",
        "RFC 5321, 5322",
    ),
    Kind(
        "personal.phone",
        "Telephone number of a subscriber",
        "携帯は090-0000-1234です",
        "MIC number plan, NANPA, Ofcom, E.164",
    ),
    Kind(
        "personal.name",
        "Name of a private person",
        "氏名：森本 花子",
        "Cues and frequent names; SudachiPy tags",
    ),
    Kind(
        "personal.address",
        "Postal address",
        "東京都架空区見本町1-2-3",
        "Japan Post and USPS address forms",
    ),
    Kind(
        "personal.birth_date",
        "Date of birth",
        "生年月日：昭和60年5月3日",
        "Era Name Act of Japan; ISO 8601",
    ),
    Kind(
        "personal.my_number",
        "Individual Number of Japan",
        "マイナンバーは1234 5678 9018",
        "MIC Ordinance 85 of 2014, art. 5",
    ),
    Kind(
        "personal.driving_licence",
        "Driving licence number",
        "免許証番号 305012345670",
        "Road Traffic Act of Japan; DVLA",
    ),
    Kind("personal.passport", "Passport number", "パスポート番号は TK0000012", "ICAO Doc 9303"),
    Kind(
        "personal.residence_card",
        "Residence card number of Japan",
        "在留カード番号 AB12345678CD",
        "Immigration Control Act, art. 19-4",
    ),
    Kind(
        "personal.health_insurance",
        "Health insurance number",
        "保険証の記号12345678 番号123",
        "Health Insurance Act of Japan",
    ),
    Kind(
        "personal.pension",
        "Basic pension number",
        "基礎年金番号 1234-567890",
        "National Pension Act of Japan",
    ),
    Kind("personal.ssn", "US Social Security number", "SSN 536-90-4399", "SSA POMS RM 10201.035"),
    Kind(
        "personal.national_id",
        "National identifier of another country",
        "NI number QQ 12 34 56 C".replace("QQ", "AB"),
        "The issuing authority; see the code",
    ),
    Kind(
        "personal.reference",
        "Number of an employee, customer or patient",
        "社員番号：E10442",
        "Own rules",
    ),
    Kind(
        "personal.health",
        "Health fact about a person",
        "田中さんはうつ病と診断され休職中",
        "APPI art. 2(3); GDPR art. 9",
    ),
    Kind(
        "personal.finance", "Financial fact about a person", "佐藤さんの年収は820万円", "Own rules"
    ),
    Kind(
        "personal.employment", "Personnel fact about a person", "鈴木さんの人事評価はC", "Own rules"
    ),
    Kind("financial.card", "Payment card number", "card 4539 1488 0343 6467", "ISO/IEC 7812-1"),
    Kind(
        "financial.iban",
        "International bank account number",
        "IBAN GB82 WEST 1234 5698 7654 32",
        "ISO 13616",
    ),
    Kind(
        "financial.bank_account",
        "Bank account number",
        "架空銀行 本店 普通 1234567",
        "Zengin and Japan Post Bank forms; ABA",
    ),
    Kind(
        "credentials.provider_key",
        "Key or token of a service",
        f"token {_KEY}",
        "The providers' token formats",
    ),
    Kind("credentials.jwt", "JSON Web Token", _JWT, "RFC 7519"),
    Kind("credentials.private_key", "Private key", "-----BEGIN " + "PRIVATE KEY-----", "RFC 7468"),
    Kind(
        "credentials.connection_string",
        "URL with a password in it",
        "postgres://" + "app:" + "tr0ub4dor@db1/app",
        "RFC 3986, 3.2.1",
    ),
    Kind(
        "credentials.password",
        "Password or PIN in a sentence",
        "the password is " + "Plum7-Kettle",
        "Own rules",
    ),
    Kind(
        "credentials.internal_host",
        "Name or address of an inner host",
        "ssh build01.corp.local",
        "RFC 1918, RFC 6762",
    ),
    Kind(
        "business.customer",
        "A company named as customer or partner",
        "取引先の株式会社ミホンはご契約を更新",
        "Own rules",
    ),
    Kind(
        "business.unreleased",
        "A plan or figure that is not public yet",
        "We plan 120 layoffs and announce them next quarter",
        "Own rules",
    ),
    Kind("marking.internal", "Marked for internal use", "【社内限り】", "ISO/IEC 27002:2022, 5.13"),
    Kind(
        "marking.confidential",
        "Marked confidential",
        "社外秘",
        "ISO/IEC 27002:2022, 5.13; METI handbook",
    ),
    Kind("marking.secret", "Marked secret", "極秘", "ISO/IEC 27002:2022, 5.13; TLP 2.0"),
    Kind("obfuscation.encoded", "Encoded data that could not be read", _NOISE, "RFC 4648"),
    Kind(
        "obfuscation.encrypted",
        "Encrypted or signed block",
        "-----BEGIN PGP " + "MESSAGE-----",
        "RFC 9580",
    ),
)

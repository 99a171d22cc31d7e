"""Fabricated values for the development set: nobody's name, number or key.

Answers: what fills a slot of a template?
Not here: the templates, the scoring.

Phones come from ranges kept for fiction where a country has one (555-01xx in North
America, 01632/07700 900 in Britain); card, My Number and IBAN digits are drawn and
given a right check digit; keys are drawn at run time, so that no file holds one.
Names mix frequent and rare ones on purpose, since a list of names must not decide
the score.
"""

from __future__ import annotations

import base64
import calendar
import json
import random
import string
from collections.abc import Callable

from tests.classify.devset.words import (
    CODES,
    COMPANY_CORE,
    CUSTOMERS,
    EN_FAMILY,
    EN_GIVEN,
    EN_STREETS,
    EN_TOWNS,
    EN_TYPES,
    JA_FAMILY,
    JA_GIVEN,
    JA_KANA,
    JA_TOWNS,
    WORDS,
)


def luhn(body: str) -> str:
    total = sum(
        sum(divmod(int(c) * (2 if i % 2 == 0 else 1), 10)) for i, c in enumerate(reversed(body))
    )
    return body + str(-total % 10)


def my_number(body: str) -> str:
    total = sum(int(c) * (n + 1 if n <= 6 else n - 5) for n, c in enumerate(reversed(body), 1))
    return body + str(0 if total % 11 <= 1 else 11 - total % 11)


def iban(country: str, body: str) -> str:
    digits = "".join(str(int(c, 36)) for c in body + country + "00")
    return f"{country}{98 - int(digits) % 97:02d}{body}"


def digits(rng: random.Random, size: int) -> str:
    return "".join(rng.choice("0123456789") for _ in range(size))


def letters(
    rng: random.Random, size: int, alphabet: str = string.ascii_letters + string.digits
) -> str:
    return "".join(rng.choice(alphabet) for _ in range(size))


def _card(rng: random.Random) -> str:
    number = luhn(rng.choice(["4539", "4716", "5312", "2221", "3540"]) + digits(rng, 11))
    sep = rng.choice([" ", "-", ""])
    return sep.join(number[i : i + 4] for i in range(0, 16, 4))


def _phone(rng: random.Random, lang: str) -> str:
    if lang == "en":
        area, last = rng.choice(["212", "415", "646", "312"]), f"01{rng.randrange(100):02d}"
        form = rng.choice(
            ["({a}) 555-{l}", "{a}-555-{l}", "{a}.555.{l}", "+1 {a} 555 {l}", "+1-{a}-555-{l}"]
        )
        return form.format(a=area, l=last)
    body = digits(rng, 4)
    form = rng.choice(
        [
            "090-{b}-0000",
            "080-0000-{b}",
            "070{b}0000",
            "03-0000-{b}",
            "045-000-{b}",
            "+81 90-0000-{b}",
            "(06)0000-{b}",
        ]
    )
    return form.format(b=body)


def _my_number(rng: random.Random) -> str:
    number = my_number(rng.choice("123456789") + digits(rng, 10))
    return rng.choice(
        [
            number,
            f"{number[:4]} {number[4:8]} {number[8:]}",
            f"{number[:4]}-{number[4:8]}-{number[8:]}",
        ]
    )


def _iban(rng: random.Random) -> str:
    code = rng.choice(
        [
            iban("DE", digits(rng, 18)),
            iban("GB", "ABCD" + digits(rng, 14)),
            iban("FR", digits(rng, 23)),
        ]
    )
    return rng.choice([code, " ".join(code[i : i + 4] for i in range(0, len(code), 4))])


def _birth(rng: random.Random, lang: str) -> str:
    year, month, day = rng.randrange(1950, 2004), rng.randrange(1, 13), rng.randrange(1, 29)
    if lang == "en":
        name = calendar.month_name[month]
        return rng.choice(
            [
                f"{year}-{month:02d}-{day:02d}",
                f"{name} {day}, {year}",
                f"{day} {name} {year}",
                f"{month:02d}/{day:02d}/{year}",
            ]
        )
    era = f"昭和{year - 1925}年" if year < 1989 else f"平成{year - 1988}年"
    return rng.choice(
        [f"{year}年{month}月{day}日", f"{era}{month}月{day}日", f"{year}/{month:02d}/{day:02d}"]
    )


def _address(rng: random.Random, lang: str) -> str:
    if lang == "en":
        street = f"{rng.randrange(3, 2000)} {rng.choice(EN_STREETS)} {rng.choice(EN_TYPES)}"
        return rng.choice(
            [
                f"{street}, {rng.choice(EN_TOWNS)}",
                street,
                f"{street}, Apt {rng.randrange(1, 40)}B, {rng.choice(EN_TOWNS)}",
            ]
        )
    a, b, c = (rng.randrange(1, 20) for _ in range(3))
    town = rng.choice(JA_TOWNS)
    return rng.choice(
        [
            f"{town}{a}-{b}-{c}",
            f"{town}{a}丁目{b}番{c}号",
            f"{town}{a}丁目{b}-{c} 見本ハイツ{rng.randrange(101, 909)}",
            f"{town}{a}丁目{b}番地",
        ]
    )


def _password(rng: random.Random) -> str:
    a, b = rng.sample(WORDS, 2)
    n = rng.randrange(10, 9999)
    return rng.choice(
        [
            f"{a}{n}!",
            f"{a}-{b}-{n}",
            f"{a.lower()}{n}{b.lower()}",
            f"{a[:3]}@{n}#{b[:3]}",
            letters(rng, 12),
            f"{a}_{b}{n}$",
        ]
    )


def _name(rng: random.Random, lang: str) -> str:
    if lang == "en":
        return f"{rng.choice(EN_GIVEN)} {rng.choice(EN_FAMILY)}"
    return rng.choice(JA_FAMILY) + rng.choice(["", "", " "]) + rng.choice(JA_GIVEN)


def _key(rng: random.Random) -> str:
    shapes = (
        ("sk-" + "proj-", 48), ("gh" + "p_", 36), ("gl" + "pat-", 20), ("AI" + "za", 35),
        ("h" + "f_", 34), ("sk" + "_live_", 24), ("sk-" + "ant-", 60), ("np" + "m_", 36),
        ("xo" + "xb-" + digits(rng, 12) + "-", 24),
    )  # fmt: skip
    prefix, size = rng.choice(shapes)
    return prefix + letters(rng, size)


def _jwt(rng: random.Random) -> str:
    def part(value: dict[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return ".".join(
        [
            part({"alg": "none", "typ": "JWT"}),
            part({"sub": digits(rng, 8), "iat": 1}),
            letters(rng, 43),
        ]
    )


def _pem(rng: random.Random) -> str:
    head = rng.choice(["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY"])
    return f"-----BEGIN {head}-----\n{letters(rng, 64)}\n{letters(rng, 40)}==\n-----END {head}-----"


def _conn(rng: random.Random) -> str:
    scheme = rng.choice(["postgres", "mysql", "mongodb+srv", "redis", "amqp"])
    user = f"app_{letters(rng, 3, string.ascii_lowercase)}"
    password = _password(rng).replace("@", "").replace("#", "")
    return f"{scheme}://{user}:{password}@db{rng.randrange(9)}.example.net:5432/main"


def _email(rng: random.Random, lang: str) -> str:
    user = f"{rng.choice(EN_GIVEN).lower()}.{rng.choice(EN_FAMILY).lower()}"
    hosts = {
        "en": ["example.com", "example.org", "mail.example.net"],
        "ja": ["example.co.jp", "example.jp", "example.com"],
    }
    return f"{user}@{rng.choice(hosts[lang])}"


def _host(rng: random.Random) -> str:
    zone = rng.choice(["corp.local", "prod.internal", "intra.example.lan"])
    return f"{rng.choice(['build', 'app', 'jump', 'db'])}{rng.randrange(10, 99)}.{zone}"


Maker = Callable[[random.Random, str], str]

SLOTS: dict[str, tuple[str, Maker]] = {
    "name": ("personal.name", _name),
    "family": ("personal.name", lambda r, lang: r.choice(EN_FAMILY if lang == "en" else JA_FAMILY)),
    "given": ("", lambda r, lang: r.choice(EN_GIVEN if lang == "en" else JA_GIVEN)),
    "kana": ("personal.name", lambda r, _: r.choice(JA_KANA)),
    "phone": ("personal.phone", _phone),
    "gbphone": ("personal.phone", lambda r, _: f"07700 900{digits(r, 3)}"),
    "email": ("personal.email", _email),
    "address": ("personal.address", _address),
    "birth": ("personal.birth_date", _birth),
    "card": ("financial.card", lambda r, _: _card(r)),
    "iban": ("financial.iban", lambda r, _: _iban(r)),
    "account": ("financial.bank_account", lambda r, lang: digits(r, 7 if lang == "ja" else 10)),
    "ssn": (
        "personal.ssn",
        lambda r, _: f"{r.randrange(100, 660)}-{r.randrange(10, 99)}-{r.randrange(1000, 9999)}",
    ),
    "nino": ("personal.national_id", lambda r, _: f"AB{digits(r, 6)}{r.choice('ABCD')}"),
    "mynumber": ("personal.my_number", lambda r, _: _my_number(r)),
    "licence": ("personal.driving_licence", lambda r, _: "30" + digits(r, 10)),
    "passport": ("personal.passport", lambda r, _: letters(r, 2, "TKMZ") + digits(r, 7)),
    "residence": (
        "personal.residence_card",
        lambda r, _: (
            letters(r, 2, string.ascii_uppercase)
            + digits(r, 8)
            + letters(r, 2, string.ascii_uppercase)
        ),
    ),
    "insurance": (
        "personal.health_insurance",
        lambda r, lang: (
            f"{digits(r, 8)} 番号{digits(r, 3)}" if lang == "ja" else "W" + digits(r, 9)
        ),
    ),
    "pension": ("personal.pension", lambda r, _: f"{digits(r, 4)}-{digits(r, 6)}"),
    "key": ("credentials.provider_key", lambda r, _: _key(r)),
    "awskey": (
        "credentials.provider_key",
        lambda r, _: "AK" + "IA" + letters(r, 16, string.ascii_uppercase + string.digits),
    ),
    "jwt": ("credentials.jwt", lambda r, _: _jwt(r)),
    "pem": ("credentials.private_key", lambda r, _: _pem(r)),
    "conn": ("credentials.connection_string", lambda r, _: _conn(r)),
    "password": ("credentials.password", lambda r, _: _password(r)),
    "pin": ("credentials.password", lambda r, _: digits(r, 4)),
    "host": ("credentials.internal_host", lambda r, _: _host(r)),
    "customer": (
        "lexicon.customer",
        lambda r, lang: r.choice([c for c in CUSTOMERS if c.isascii() == (lang == "en")]),
    ),
    "code": (
        "lexicon.code_name",
        lambda r, lang: r.choice([c for c in CODES if c.isascii() == (lang == "en")]),
    ),
    "company": ("", lambda r, _: r.choice(COMPANY_CORE)),
}

"""The development set: labelled prompts in English and Japanese, drawn from templates.

Answers: which prompts, with which sensitive spans, belong to which half?
Not here: scoring (`scoring`). The `test` half is for judging only; rules are tuned on
the `tune` half. Drawing is deterministic, and each sensitive template is drawn twice.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from pathlib import Path

from tests.classify.devset.disguises import DISGUISES
from tests.classify.devset.values import SLOTS, luhn, my_number
from tests.classify.devset.words import CODES, CUSTOMERS

_HERE = Path(__file__).parent
_PART = re.compile(r"\{([a-z]+)\}|\[\[([a-z_.]+):([^\]]+)\]\]")


@dataclass(frozen=True, slots=True)
class Span:
    """Where something sensitive stands."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Prompt:
    """One labelled prompt."""

    text: str
    language: str
    half: str
    is_sensitive: bool
    spans: tuple[Span, ...] = ()
    disguise: str = ""


def prompts() -> list[Prompt]:
    """Return the development set without disguises."""
    drawn = []
    for language in ("en", "ja"):
        lines = (_HERE / f"templates_{language}.txt").read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines):
            if line and not line.startswith("#"):
                half, sign, template = line.split(" ", 2)
                for draw in range(2 if sign == "+" else 1):
                    rng = random.Random(f"{language}{number}{draw}")
                    text, spans = _fill(template.replace("\\n", "\n"), language, rng)
                    drawn.append(Prompt(text, language, half, sign == "+", spans))
    return drawn


def disguised() -> list[Prompt]:
    """Return a value in each disguise, inside a sentence, in both languages."""
    drawn = []
    for name, (fits, hide) in DISGUISES.items():
        for draw in range(8):
            rng = random.Random(f"{name}{draw}")
            language = "ja" if draw % 2 else "en"
            which = rng.choice({"d": "pcm", "e": "e", "a": "epcm"}[fits])
            kind, value, cue = _plain_value(rng, which, language)
            hidden = hide(value)
            before = f"{cue}: " if language == "en" else f"{cue}は "
            after = (
                " - please add it to the form."
                if language == "en"
                else " です。書式に入れてください。"
            )
            span = Span(kind, len(before), len(before) + len(hidden))
            half = "tune" if draw < 4 else "test"
            drawn.append(Prompt(before + hidden + after, language, half, True, (span,), name))
    return drawn


def lexicon_terms() -> list[tuple[str, str]]:
    """Return the terms of the lexicon that belongs to the set, with their groups."""
    return [(term, "customer") for term in CUSTOMERS] + [(term, "code_name") for term in CODES]


def _plain_value(rng: random.Random, which: str, language: str) -> tuple[str, str, str]:
    if which == "e":
        family = rng.choice(["aldous", "marsh", "okafor"])
        host = rng.choice(["example.com", "example.org", "example.net"])
        return "personal.email", f"rika.{family}@{host}", "contact"
    if which == "p":
        number = f"090-{rng.randrange(1000, 9999)}-{rng.randrange(1000, 9999)}"
        return "personal.phone", number, "phone" if language == "en" else "電話"
    if which == "c":
        number = luhn("4539" + "".join(rng.choice("0123456789") for _ in range(11)))
        return (
            "financial.card",
            "-".join(number[i : i + 4] for i in range(0, 16, 4)),
            "card" if language == "en" else "カード",
        )
    number = my_number(
        rng.choice("123456789") + "".join(rng.choice("0123456789") for _ in range(10))
    )
    return (
        "personal.my_number",
        f"{number[:4]}-{number[4:8]}-{number[8:]}",
        "my number" if language == "en" else "マイナンバー",
    )


def _fill(template: str, language: str, rng: random.Random) -> tuple[str, tuple[Span, ...]]:
    pieces: list[str] = []
    spans: list[Span] = []
    length = position = 0
    for part in _PART.finditer(template):
        plain = template[position : part.start()]
        if part[1]:
            kind, make = SLOTS[part[1]]
            value = make(rng, language)
        else:
            kind = part[2]
            value, _ = _fill(part[3], language, rng)
        start = length + len(plain)
        length = start + len(value)
        pieces += [plain, value]
        if kind:
            spans.append(Span(kind, start, length))
        position = part.end()
    pieces.append(template[position:])
    return "".join(pieces), tuple(spans)

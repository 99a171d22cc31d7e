"""Ways to hide a value from a scanner that a reader or a model still understands.

Answers: how does a value look in each disguise?
Not here: undoing them (the code under test).
"""

from __future__ import annotations

import base64
import codecs
import gzip
from collections.abc import Callable

_EN = "zero one two three four five six seven eight nine".split()
_JA = "ゼロ いち に さん よん ご ろく なな はち きゅう".split()


def _each(function: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: "".join(map(function, text))


def _shift_digits(base: int) -> Callable[[str], str]:
    return _each(lambda c: chr(base + int(c)) if c.isdigit() else c)


def _swap(pairs: str) -> Callable[[str], str]:
    table = str.maketrans({pair[0]: pair[1:] for pair in pairs.split()})
    return lambda text: text.translate(table)


def _spoken(mail: str) -> str:
    user, _, host = mail.partition("@")
    return f"{user} at {host.replace('.', ' dot ')}"


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


DISGUISES: dict[str, tuple[str, Callable[[str], str]]] = {
    # name: (values it fits: d digits, e mail, a any; function)
    "zero width space": ("a", "\u200b".join),
    "word joiner": ("a", "\u2060".join),
    "soft hyphen": ("a", "\u00ad".join),
    "bidi override": ("a", lambda t: "\u202d" + t[:4] + "\u202c" + t[4:]),
    "variation selectors": ("a", "\ufe0f".join),
    "combining strokes": ("a", "\u0336".join),
    "full width": ("a", _each(lambda c: chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c)),
    "mathematical bold digits": ("d", _shift_digits(0x1D7CE)),
    "arabic-indic digits": ("d", _shift_digits(0x660)),
    "devanagari digits": ("d", _shift_digits(0x966)),
    "circled digits": ("d", _each(lambda c: "⓪①②③④⑤⑥⑦⑧⑨"[int(c)] if c.isdigit() else c)),
    "keycap digits": ("d", _each(lambda c: c + "\ufe0f\u20e3" if c.isdigit() else c)),
    "kanji digits": ("d", _each(lambda c: "〇一二三四五六七八九"[int(c)] if c.isdigit() else c)),
    "cyrillic letters": ("e", _swap("aа eе oо pр cс")),
    "greek letters": ("e", _swap("oο vν aα")),
    "mathematical letters": (
        "e",
        _each(lambda c: chr(0x1D5BA + ord(c) - 97) if "a" <= c <= "z" else c),
    ),
    "dash variants": ("d", lambda t: t.replace("-", "\u2013").replace(" ", "\u2010")),
    "spaces between": ("a", lambda t: " ".join(t.replace(" ", ""))),
    "dots between digits": ("d", lambda t: ".".join(c for c in t if c.isdigit())),
    "underscores between": ("d", lambda t: "_".join(c for c in t if c.isdigit())),
    "middle dots": ("d", lambda t: t.replace("-", "・").replace(" ", "・")),
    "odd separators": ("d", lambda t: t.replace("-", "★").replace(" ", "★")),
    "the word dash": ("d", lambda t: t.replace("-", " dash ")),
    "number words": ("d", lambda t: " ".join(_EN[int(c)] for c in t if c.isdigit())),
    "japanese number words": ("d", lambda t: "、".join(_JA[int(c)] for c in t if c.isdigit())),
    "letters for digits": ("d", _swap("0O 1l")),
    "at and dot in words": ("e", _spoken),
    "at and dot in brackets": ("e", lambda t: t.replace("@", " [at] ").replace(".", "(dot)")),
    "at in japanese": ("e", lambda t: t.replace("@", "アットマーク").replace(".", "ドット")),
    "star for at": ("e", lambda t: t.replace("@", "★")),
    "line break": ("a", lambda t: t[: len(t) // 2] + "\n" + t[len(t) // 2 :]),
    "one character a line": ("a", lambda t: "\n".join(t.replace(" ", ""))),
    "html tags": ("a", lambda t: f"{t[:4]}<b>{t[4:]}</b>"),
    "markdown": ("a", lambda t: f"**{t[:4]}**{t[4:]}"),
    "string pieces": ("a", lambda t: f'"{t[:5]}" + "{t[5:]}"'),
    "base64": ("a", _b64),
    "base64 twice": ("a", lambda t: _b64(_b64(t))),
    "base64 url-safe": ("a", lambda t: base64.urlsafe_b64encode(t.encode()).decode().rstrip("=")),
    "gzip in base64": (
        "a",
        lambda t: base64.b64encode(gzip.compress(t.encode(), mtime=0)).decode(),
    ),
    "base32": ("a", lambda t: base64.b32encode(t.encode()).decode()),
    "hexadecimal": ("a", lambda t: t.encode().hex()),
    "spaced hexadecimal": ("a", lambda t: t.encode().hex(" ")),
    "binary": ("a", lambda t: " ".join(f"{b:08b}" for b in t.encode())),
    "decimal codes": ("a", lambda t: " ".join(str(b) for b in t.encode())),
    "percent": ("a", lambda t: "".join(f"%{b:02X}" for b in t.encode())),
    "quoted printable": ("a", lambda t: "".join(f"={b:02X}" for b in t.encode())),
    "html entities": ("a", _each(lambda c: f"&#{ord(c)};")),
    "html hex entities": ("a", _each(lambda c: f"&#x{ord(c):x};")),
    "json escapes": ("a", _each(lambda c: f"\\u{ord(c):04x}")),
    "byte escapes": ("a", _each(lambda c: f"\\x{ord(c):02x}")),
    "code points": ("a", lambda t: " ".join(f"U+{ord(c):04X}" for c in t)),
    "percent in base64": ("a", lambda t: _b64("".join(f"%{b:02X}" for b in t.encode()))),
    "reversed": ("a", lambda t: "(written backwards) " + t[::-1]),
    "rot13": ("e", lambda t: "rot13: " + codecs.encode(t, "rot13")),
    "tag characters": ("a", lambda t: "hi" + "".join(chr(0xE0000 + ord(c)) for c in t)),
    "leading zeros wrapped in brackets": (
        "d",
        lambda t: "".join(f"({g})" for g in t.replace(" ", "-").split("-")),
    ),
}

"""Passwords, PINs and secrets that people write in a sentence.

Answers: which words in a text are a password, judged by a cue and their shape?
Not here: keys with a published form (`keys`).

A cue such as `password` or `パスワード` opens a window of 80 characters; a connector
in it (`is`, `:`, `は`) is followed by a value. A strange token counts at once; a plain
word only directly after a strong connector and when it is not what people say
*about* passwords ("is required"). Source: own rules; no published form exists.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hybridllm.classify.detector import Match
from hybridllm.classify.detectors.keys import is_placeholder
from hybridllm.classify.detectors.password_words import CUES, PLAIN_WORDS

__all__ = ["CUES", "find"]

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hybridllm.classify.detectors.scanning import Scan

_ADJECTIVES = ("ed", "ing", "able", "ible", "ful", "ive", "ous", "al", "ly", "ent", "ant", "ory")
_WINDOW = 80
_CONNECTOR = re.compile(
    r":=|=>|[ ]/(?=[ ])|[ ]-p(?=[ ])|->|[:=→]|(?<![A-Za-z])(?:is|was|be|to|as)(?![A-Za-z])"
    r"|[はがをに]|[「『](?=[!-~])|[ \t]"
)
_VALUE = re.compile(
    r"[\s]{0,3}(?:(?P<open>[\"'`「『“‘])(?P<quoted>[^\"'`」』”’\n]{4,64})[\"'`」』”’]"
    r"|(?P<bare>[!-~]{4,128}))"
)
_PIN = re.compile(
    r"(?:\s?(?:number|code|コード|番号)?\s?(?:(?:for|to) [a-z ]{1,30})?(?:is|was|:|=|は|が|を"
    r"|→)?\s?[\"「]?)([0-9]{3,8})(?![0-9A-Za-z年月日桁文件円%/-]|\.[0-9])"
)
_CODE = re.compile(
    r"^(?://|\$|\{|<|%|os\.|process\.|env|self\.|get|input|hash|bcrypt|None|null|true|false|func"
    r"|lambda|new |https?:|str\b|f\"|r\")|[(][^)]{0,40}[)]|[A-Za-z_.]{2,40}\("
    r"|[a-z_]{1,30}\.[a-z_]{1,40}\){0,4}$|\[[A-Za-z\"'-]|^[A-Za-z_]\w{0,40}=[\"'\w\[]"
    r"|^\.{0,2}/\w|^#doctest|[\[\]]",
    re.IGNORECASE,
)


def find(scan: Scan) -> Iterator[Match]:
    """Yield the passwords, secrets and PINs in a text."""
    for group, kind in (
        ("password", "credentials.password"),
        ("secret", "credentials.provider_key"),
    ):
        spans = scan.hits.get(group, ())
        taken = -1
        for index, (start, end) in enumerate(spans):
            if start < taken or (
                scan.lower[start:end] in {"pass", "パス"} and _is_verb(scan.text, end)
            ):
                continue
            # What follows the next cue is that cue's business.
            limit = spans[index + 1][0] if index + 1 < len(spans) else len(scan.text)
            match = _after(scan, kind, end, limit=limit, loose=group == "password")
            match = match or _before(scan, kind, start)
            if match is not None:
                taken = match.end
                yield match
    for _, end in scan.hits.get("pin", ()):
        if found := _PIN.match(scan.text, end):
            yield Match("credentials.password", *found.span(1), 0.8)


def _is_verb(text: str, end: int) -> bool:
    """Return whether `pass` is the verb: "pass it on" and not "pass: it", "the pass is it"."""
    following = text[end : end + 12].lstrip()
    if following.startswith(("し", "す", "さ", "せ")):
        return True
    if following.startswith((":", "=", "は", "が", "を", "→", "->", "/")):
        return False
    if following.startswith(("is ", "was ", "for ")):
        return False
    token = text[end : end + 40].strip().split(" ")[0]
    return not (_has_three_classes(token) and any(map(str.isdigit, token)) and token[:1].isalnum())


def _after(scan: Scan, kind: str, cue_end: int, *, limit: int, loose: bool) -> Match | None:
    text = scan.text
    stop = _sentence_end(text, cue_end, min(limit, cue_end + _WINDOW))
    for connector in _CONNECTOR.finditer(text, cue_end, stop):
        found = _VALUE.match(text, connector.end())
        if found is None:
            continue
        sign = connector.group()
        quoted = found["quoted"]
        value = quoted or _trimmed(found["bare"])
        start = found.start("quoted" if quoted else "bare")
        direct = connector.start() - cue_end <= 14
        if not loose and not _could_be_a_key(value):
            continue
        confidence = _confidence(value, quoted=bool(quoted), direct=direct, sign=sign)
        if not confidence and connector.start() == cue_end and _is_made_up(value):
            confidence = 0.75
        if (
            sign == "is"
            and value.isalpha()
            and value.islower()
            and text[start + len(value) : start + len(value) + 2].strip("\"'.,;!").strip()
        ):
            continue  # "password is somewhere else": a sentence goes on
        if confidence and (loose or confidence >= 0.8):
            return Match(kind, start, start + len(value), confidence)
    return None


def _sentence_end(text: str, start: int, stop: int) -> int:
    for mark in ("\n\n", ". ", "。", "? ", "！", "？"):
        at = text.find(mark, start, stop)
        if at >= 0:
            stop = at
    newline = text.find("\n", start, stop)
    # A label may stand alone on its line, with the value on the next one.
    return newline if newline > start + 2 else stop


def _trimmed(value: str) -> str:
    value = (
        value.rstrip(".,;:!?)]}>\"'`")
        if not _is_strange(value[:-1])
        else value.rstrip(".,;:?)]}>\"'`")
    )
    return value.lstrip("([{<\"'`")


def _confidence(value: str, *, quoted: bool, direct: bool, sign: str) -> float:
    if (
        len(value) < 4
        or _CODE.search(value)
        or "://" in value
        or (is_placeholder(value.lower()) and len(value) > 5)
    ):
        return 0.0
    if value.lower() in PLAIN_WORDS or value.lower().strip("*x_-.") == "":
        return 0.0
    strange = _is_strange(value)
    if sign.strip() == "":
        clear = _has_three_classes(value) or (len(value) >= 20 and value.isalnum())
        return 0.85 if strange and direct and clear and value[0] not in "#`*-" else 0.0
    if strange and " " not in value:
        return 0.9
    if quoted and direct:
        return 0.8 if value.isascii() and value.count(" ") <= 5 else 0.0
    strong = sign in {":", "=", "is", ":=", "は", "was", "->", "→"}
    is_word = value.isalpha() and value.islower()
    if direct and strong and value.isdigit() and len(value) >= 4:
        return 0.8
    plain = is_word and len(value) >= 6 and not value.endswith(_ADJECTIVES)
    return 0.7 if direct and plain and sign in {":", "=", "is"} else 0.0


_PIECES = re.compile("[A-Z]?[a-z]{1,40}|[A-Z]{1,40}")


def _is_strange(value: str) -> bool:
    """Return whether no ordinary word looks like this: letters with digits or signs."""
    if len(value) < 6 or not any(map(str.isalpha, value)):
        return False
    if any(map(str.isdigit, value)):
        return not _looks_like_a_version(value)
    if value.isalpha():
        pieces = _PIECES.findall(value)
        return len(value) >= 8 and len(pieces) * 3 >= len(value) and not value.isupper()
    signs = any(c in "!@#$%^&?~" for c in value)
    return signs and not value.startswith("@")


def _is_made_up(value: str) -> bool:
    """Return whether a word right after a cue is one that nobody would write in prose."""
    if len(value) < 8 or not value.isalnum() or not value.isascii() or _CODE.search(value):
        return False
    return _is_strange(value) and (value.isalpha() or sum(map(str.isdigit, value)) >= 2)


def _could_be_a_key(value: str) -> bool:
    """Return whether a machine may have made the value: long, and with digits."""
    return len(value) >= 10 and " " not in value and sum(map(str.isdigit, value)) >= 2


def _has_three_classes(value: str) -> bool:
    """Return whether a value mixes three of lower case, upper case, digits and signs."""
    classes = (str.islower, str.isupper, str.isdigit, lambda char: not char.isalnum())
    return sum(any(map(test, value)) for test in classes) >= 3


def _looks_like_a_version(value: str) -> bool:
    lower = value.lower()
    return lower.startswith(
        (
            "v1",
            "v2",
            "v3",
            "sha",
            "md5",
            "aes",
            "oauth2",
            "utf-8",
            "ipv",
            "base64",
            "rfc",
            "tls1",
            "http/",
            "wpa2",
            "sso",
            "2fa",
            "pbkdf2",
            "argon2",
            "scrypt",
            "8-",
            "12-",
            "16-",
            "10-",
        )
    )


def _before(scan: Scan, kind: str, cue_start: int) -> Match | None:
    """Return the value in `X is the password` and `Xがパスワード`, if one stands there."""
    text = scan.text
    first = max(0, cue_start - _WINDOW)
    end = _value_end_en(text, first, cue_start) or _value_end_ja(text, first, cue_start)
    if not end:
        return None
    start = end
    while start > first and text[start - 1] in _PRINTABLE:
        start -= 1
    raw = text[start:end]
    value = raw.strip("\"'`“”‘’「」『』(),;:")
    if not _is_strange(value) or _CODE.search(value) or "://" in value or _MAIL.match(value):
        return None
    start += raw.index(value)
    return Match(kind, start, start + len(value), 0.8)


def _value_end_en(text: str, first: int, cue_start: int) -> int:
    """Return where the word before `is the`, `as my` ... ends; 0 for none."""
    words = text[max(first, cue_start - 40) : cue_start].split(" ")
    for back in range(2, min(6, len(words))):
        if words[-back] in _DETERMINERS and words[-back - 1] in _LINKS:
            return cue_start - len(" ".join(words[-back - 1 :])) - 1
    return 0


def _value_end_ja(text: str, first: int, cue_start: int) -> int:
    """Return where the word before `が`, `を` or `という` ends; 0 for none."""
    near = max(first, cue_start - 12)
    at = max(text.rfind(mark, near, cue_start) for mark in ("が", "を", "という", "って"))
    if at < 0 or "。" in text[at:cue_start]:
        return 0
    return at - (text[at - 1 : at] in {"」", "』", '"', " "})


_DETERMINERS = frozenset("the my our your his her a".split())
_LINKS = frozenset("is as for".split())
_PRINTABLE = frozenset(map(chr, range(0x21, 0x7F)))
_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}\.")

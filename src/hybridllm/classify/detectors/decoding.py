"""Undoing encodings: base64, base32, hexadecimal, binary, percent, HTML and JSON escapes.

Answers: what does a text say once its encoded parts are decoded, one level deep?
Not here: how many levels are undone (`engine`), spacing and spelling (`squeezing`).

Each encoded part is replaced in place, so that cues around it still count, and the
shadow remembers where it stood. Output is bounded by input: nothing is inflated
beyond 64 KiB. Sources: RFC 4648, RFC 3986 2.1, RFC 2045 6.7, RFC 8259 7, HTML 13.5.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
import zlib
from typing import TYPE_CHECKING

from hybridllm.classify.normalise import without_overlaps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hybridllm.classify.normalise import Edit, Shadow

_TOKEN = re.compile(r"[A-Za-z0-9+/_-]{12,100000}={0,2}")
_MIXED = re.compile(r"[0-9+/_=]|[a-z][A-Z]")
_HEX_BYTES = re.compile(
    r"(?<![0-9A-Za-z])(?:0x)?[0-9A-Fa-f]{2}(?:[ :,]{1,2}(?:0x)?[0-9A-Fa-f]{2}){5,4000}"
    r"(?![0-9A-Za-z])"
)
_HEX_RUN = re.compile(r"(?:0x)?((?:[0-9A-Fa-f]{2}){6,20000})")
_BINARY = re.compile(r"[01]{8}(?:[ ,]{0,2}[01]{8}){4,2000}")
_DECIMAL = re.compile(
    r"(?<![0-9])(?:[3-9][0-9]|1[01][0-9]|12[0-6])(?:[ ,]{1,2}(?:3[2-9]|[4-9][0-9]|1[01][0-9]"
    r"|12[0-6])){7,2000}(?![0-9])"
)
_BINARY_GATE = re.compile("[01][01][01][01][01]")
_HEX_GATE = re.compile(
    r"[ :,](?:0x)?[0-9A-Fa-f]{2}[ :,]{1,2}(?:0x)?[0-9A-Fa-f]{2}[ :,]{1,2}(?:0x)?[0-9A-Fa-f]{2}[ :,]"
)
_DECIMAL_GATE = re.compile(r"[0-9]{2}[ ,]{1,2}[0-9]{2,3}[ ,]{1,2}[0-9]{2,3}[ ,]")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}(?:%[0-9A-Fa-f]{2}){0,4000}")
_QUOTED = re.compile(r"=[0-9A-F]{2}(?:=[0-9A-F]{2}){0,4000}")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,16});")
_ESCAPE = re.compile(
    r"(?:\\(?:u[0-9A-Fa-f]{4}|u\{[0-9A-Fa-f]{1,6}\}|x[0-9A-Fa-f]{2}|U[0-9A-Fa-f]{8})){1,4000}"
)
_ESCAPE_ONE = re.compile(r"\\(?:u\{([0-9A-Fa-f]{1,6})\}|[uUx]([0-9A-Fa-f]{2,8}))")
_U_PLUS = re.compile(r"U\+[0-9A-F]{4,6}(?:[ ,]{1,2}U\+[0-9A-F]{4,6}){3,2000}")
_PUNYCODE = re.compile(r"xn--[a-z0-9-]{2,59}")
_INFLATED = 65_536


def decoded(shadow: Shadow) -> Shadow:
    """Return the shadow with every readable encoded part replaced, or itself."""
    text = shadow.text
    edits: list[Edit] = []
    for is_possible, find in _FINDERS:
        if is_possible(text):
            edits.extend(find(text))
    return shadow.edited(without_overlaps(edits))


def readable(token: str) -> str | None:
    """Return what an encoded token says; `None` where it holds no text."""
    return _hexadecimal(token) or _base32(token) or _from_base64(token)


def _base64(text: str) -> Iterator[Edit]:
    for found in _TOKEN.finditer(text):
        token = found.group()
        if len(token) > 100_000 or not _MIXED.search(token):
            continue
        plain = readable(token)
        if plain is not None:
            yield (*found.span(), plain)


def _from_base64(token: str) -> str | None:
    body = token.rstrip("=").replace("-", "+").replace("_", "/")
    if len(body) % 4 == 1:
        return None
    try:
        data = base64.b64decode(body + "=" * (-len(body) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    if data[:2] == b"\x1f\x8b" or data[:1] == b"\x78":
        data = _inflated(data)
    return _readable(data)


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=47).decompress(data, _INFLATED)
    except zlib.error:
        return b""


def _base32(token: str) -> str | None:
    body = token.rstrip("=")
    if (
        len(body) < 16
        or not body.isupper()
        or not set(body) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    ):
        return None
    try:
        return _readable(base64.b32decode(body + "=" * (-len(body) % 8)))
    except (binascii.Error, ValueError):
        return None


def _hexadecimal(token: str) -> str | None:
    found = _HEX_RUN.fullmatch(token)
    return _readable(bytes.fromhex(found[1])) if found else None


def _readable(data: bytes) -> str | None:
    """Return the text that the bytes are; `None` where they are no text."""
    if len(data) < 4:
        return None
    for encoding in ("utf-8", "utf-16-le", "cp932"):
        if encoding == "utf-16-le" and (len(data) % 2 or b"\x00" not in data):
            continue
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if all(char.isprintable() or char in "\t\r\n" for char in text):
            # Chance makes short runs of rare letters; prose is ASCII or Japanese.
            plain = sum(
                char.isascii() or "\u3000" <= char <= "\u9fff" or char > "\uff00" for char in text
            )
            if (encoding != "cp932" and plain >= 0.8 * len(text)) or (
                plain == len(text) and len(text) > 8
            ):
                return text
    return None


def _hex_bytes(text: str) -> Iterator[Edit]:
    for found in _HEX_BYTES.finditer(text):
        plain = _readable(bytes.fromhex(re.sub("0x|[^0-9A-Fa-f]", "", found.group())))
        if plain is not None:
            yield (*found.span(), plain)


def _binary(text: str) -> Iterator[Edit]:
    for found in _BINARY.finditer(text):
        bits = re.sub("[^01]", "", found.group())
        plain = _readable(int(bits, 2).to_bytes(len(bits) // 8, "big"))
        if plain is not None:
            yield (*found.span(), plain)


def _decimal(text: str) -> Iterator[Edit]:
    for found in _DECIMAL.finditer(text):
        plain = "".join(chr(int(code)) for code in re.findall("[0-9]+", found.group()))
        letters = sum(char.isalnum() or char in "@.-_ " for char in plain)
        if letters >= 0.9 * len(plain):
            yield (*found.span(), plain)


def _percent(text: str) -> Iterator[Edit]:
    yield from _byte_runs(_PERCENT, text)


def _quoted(text: str) -> Iterator[Edit]:
    yield from _byte_runs(_QUOTED, text)


def _byte_runs(pattern: re.Pattern[str], text: str) -> Iterator[Edit]:
    for found in pattern.finditer(text):
        data = bytes.fromhex(re.sub("[%=]", "", found.group()))
        try:
            plain = data.decode("utf-8")
        except UnicodeDecodeError:
            continue
        if plain.isprintable() or plain in "\r\n\t":
            yield (*found.span(), plain)


def _entities(text: str) -> Iterator[Edit]:
    for found in _ENTITY.finditer(text):
        plain = html.unescape(found.group())
        if plain != found.group():
            yield (*found.span(), plain)


def _escapes(text: str) -> Iterator[Edit]:
    for found in _ESCAPE.finditer(text):
        codes = [int(one[1] or one[2], 16) for one in _ESCAPE_ONE.finditer(found.group())]
        yield (*found.span(), _from_codes(codes))


def _u_plus(text: str) -> Iterator[Edit]:
    for found in _U_PLUS.finditer(text):
        yield (
            *found.span(),
            _from_codes([int(c, 16) for c in re.findall("[0-9A-F]{4,6}", found.group())]),
        )


def _from_codes(codes: list[int]) -> str:
    """Return the characters, with surrogate pairs joined and impossible codes dropped."""
    units = "".join(chr(code) for code in codes if code < 0x110000)
    return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")


def _punycode(text: str) -> Iterator[Edit]:
    for found in _PUNYCODE.finditer(text):
        try:
            plain = found.group()[4:].encode("ascii").decode("punycode")
        except (UnicodeDecodeError, ValueError, OverflowError):
            continue
        yield (*found.span(), plain)


_FINDERS: tuple[tuple[Callable[[str], bool], Callable[[str], Iterator[Edit]]], ...] = (
    (bool, _base64),
    (lambda text: _HEX_GATE.search(text) is not None, _hex_bytes),
    (lambda text: _BINARY_GATE.search(text) is not None, _binary),
    (lambda text: _DECIMAL_GATE.search(text) is not None, _decimal),
    (lambda text: "%" in text, _percent),
    (lambda text: "=" in text, _quoted),
    (lambda text: "&" in text and ";" in text, _entities),
    (lambda text: "\\" in text, _escapes),
    (lambda text: "U+" in text, _u_plus),
    (lambda text: "xn--" in text, _punycode),
)

"""Searching what the cloud received for confidential text.

Answers: how many bytes of the recording hold confidential text?
Not here: which text is confidential (`story`).

A fragment counts in each of these forms: UTF-8, UTF-16, Shift_JIS (cp932), EUC-JP,
ISO-2022-JP, JSON escapes, percent escapes, hexadecimal, Base64 in its three alignments,
gzip, zlib, cut by chunked transfer, and written with other widths, cases or separators.
Encrypted text and Brotli or Zstandard are not searched; the recording is plain HTTP and
the client sends neither.

Units: bytes.
"""

from __future__ import annotations

import base64
import json
import re
import unicodedata
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

_CODECS = ("utf-8", "utf-16-le", "utf-16-be", "cp932", "euc_jp", "iso2022_jp")
_ISO_2022_ESCAPE = re.compile(rb"\x1b[($][@BIJ]")
_CHUNK_FRAME = re.compile(rb"\r\n[0-9A-Fa-f]{1,8}\r\n")
_JSON_ESCAPE = re.compile(r"\\+u([0-9A-Fa-f]{4})")
_SEPARATORS = re.compile(r"[\W_]+")
_COMPRESSED = (b"\x1f\x8b\x08", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_EITHER_HEADER = zlib.MAX_WBITS | 32  # zlib finds out itself whether it is gzip
_MOST_INFLATED_BYTES = 1 << 24

SHORTEST_FRAGMENT = 6
"""Characters that a fragment needs: a shorter one is found by chance."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A fragment that was found.

    Attributes:
        fragment: Its position among the fragments.
        connection: Number of the connection, from 0.
        form: How it was written, such as `utf-8`.
    """

    fragment: int
    connection: int
    form: str


@dataclass(frozen=True, slots=True)
class Leak:
    """What the search found.

    Attributes:
        confidential_bytes: Bytes of the recording that hold confidential text; a byte
            counts once. Text found only after unpacking counts with its UTF-8 length.
        hits: Each fragment with the first form it was found in, by connection.
    """

    confidential_bytes: int
    hits: tuple[Hit, ...] = ()


def find_leak(connections: Iterable[bytes], *, fragments: Iterable[str]) -> Leak:
    """Search what was received for every fragment in every form.

    Raises:
        ValueError: A fragment is too short to be searched for.
    """
    wanted = tuple(fragments)
    for text in wanted:
        if len(text) < SHORTEST_FRAGMENT or len(_plain(text)) < SHORTEST_FRAGMENT:
            raise ValueError(f"a fragment has fewer than {SHORTEST_FRAGMENT} characters")
    total = 0
    hits: list[Hit] = []
    for number, data in enumerate(connections):
        covered, found = _search(data, fragments=wanted, connection=number)
        total += covered
        hits += found
    return Leak(confidential_bytes=total, hits=tuple(hits))


def forms(fragment: str) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of each way to write a fragment."""
    for codec in _CODECS:
        try:
            written = fragment.encode(codec)
        except UnicodeEncodeError:  # not a character of that code
            continue
        yield codec, _ISO_2022_ESCAPE.sub(b"", written)
    utf8 = fragment.encode()
    escaped = json.dumps(fragment)[1:-1]
    yield "json", escaped.encode()
    yield "json", re.sub(r"\\u\w{4}", lambda m: "\\u" + m[0][2:].upper(), escaped).encode()
    yield "json", json.dumps(fragment, ensure_ascii=False)[1:-1].encode()
    percent = quote(fragment, safe="")
    yield "percent", percent.encode()
    yield "percent", percent.lower().encode()
    yield "percent", percent.replace("%20", "+").encode()
    yield "hex", utf8.hex().encode()
    yield "hex", utf8.hex().upper().encode()
    for offset in range(3):
        yield from (("base64", form) for form in _base64_inside(utf8, offset=offset))


def _base64_inside(data: bytes, *, offset: int) -> tuple[bytes, bytes]:
    """Return the characters that `data` gives in a longer text, `offset` bytes into a group."""
    first = -(-offset * 8 // 6)  # characters that the bytes before it also shape
    whole = (offset + len(data)) * 8 // 6  # characters that are full without the bytes after it
    padded = bytes(offset) + data
    return (
        base64.b64encode(padded)[first:whole],
        base64.urlsafe_b64encode(padded)[first:whole],
    )


def _search(data: bytes, *, fragments: tuple[str, ...], connection: int) -> tuple[int, list[Hit]]:
    marks = bytearray(len(data))
    views = [_read_plainly(view) for view in (data, *_unpacked(data))]
    unpacked_bytes = 0
    hits = []
    for number, fragment in enumerate(fragments):
        found = [form for form, written in forms(fragment) if _mark(data, written, marks=marks)]
        if not found and any(_plain(fragment) in view for view in views):
            found = ["unpacked"]
            unpacked_bytes += len(fragment.encode())
        hits += [Hit(number, connection, form) for form in found[:1]]
    return sum(marks) + unpacked_bytes, hits


def _mark(data: bytes, written: bytes, *, marks: bytearray) -> bool:
    start = data.find(written)
    found = start >= 0
    while start >= 0:
        marks[start : start + len(written)] = b"\x01" * len(written)
        start = data.find(written, start + 1)
    return found


def _unpacked(data: bytes) -> Iterator[bytes]:
    joined = _CHUNK_FRAME.sub(b"", data)
    yield joined
    for source in (data, joined):
        for magic in _COMPRESSED:
            start = source.find(magic)
            while start >= 0:
                yield _inflate(source[start:])
                start = source.find(magic, start + 1)


def _inflate(data: bytes) -> bytes:
    try:
        return zlib.decompressobj(_EITHER_HEADER).decompress(data, _MOST_INFLATED_BYTES)
    except zlib.error:  # it only looked compressed
        return b""


def _read_plainly(data: bytes) -> str:
    text = data.decode("utf-8", errors="replace")
    # Pairs of surrogates become one character on the way through UTF-16.
    text = _JSON_ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    text = text.encode("utf-16", errors="surrogatepass").decode("utf-16", errors="replace")
    return _plain(text)


def _plain(text: str) -> str:
    """Return text without what does not change its meaning: width, case, separators."""
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", text).casefold())

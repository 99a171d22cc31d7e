"""Ways to read the same bytes: unescaped, decoded, unpacked.

Answers: what do these bytes say once one layer of encoding is taken off?
Not here: searching (`search`). A view that does not apply returns the bytes as they are.

Units: bytes.
"""

from __future__ import annotations

import base64
import html
import quopri
import re
import zlib
from collections.abc import Callable, Iterator
from urllib.parse import unquote_to_bytes

_LARGEST_BYTES = 1 << 26
_UNICODE_ESCAPES = re.compile(r"(?:\\+u[0-9a-fA-F]{4})+")
_PLAIN_ESCAPES = re.compile(r'\\(["\\/bfnrt])')
_PLAIN = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_BYTE_ESCAPES = re.compile(rb"(?:\\+x[0-9a-fA-F]{2})+")
_BASE64_RUN = re.compile(rb"[A-Za-z0-9+/_-]{8,}")
_BASE64_FOLD = re.compile(rb"(?<=[A-Za-z0-9+/])\r?\n(?=[A-Za-z0-9+/])")  # RFC 2045 line ends
_LONG_RUN = 24  # characters; ordinary words are shorter
_PRINTABLE = bytes(range(0x20, 0x7F)) + b"\r\n\t"
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_CHUNKED_HEAD = re.compile(
    rb"transfer-encoding:[^\n]*chunked.*?\r?\n\r?\n", re.IGNORECASE | re.DOTALL
)


def unescape_json(data: bytes) -> bytes:
    r"""Undo `\u3042` (either case, doubled backslashes too), `\n`, `\"` and `\xe3`."""
    data = _BYTE_ESCAPES.sub(lambda run: bytes.fromhex(re.sub(r"\\+x", "", run[0].decode())), data)
    text = data.decode("utf-8", "surrogateescape")
    text = _UNICODE_ESCAPES.sub(
        lambda run: bytes.fromhex(re.sub(r"\\+u", "", run[0])).decode("utf-16-be", "replace"), text
    )
    text = _PLAIN_ESCAPES.sub(lambda one: _PLAIN.get(one[1], one[1]), text)
    return text.encode("utf-8", "surrogateescape")


def unescape_percent(data: bytes) -> bytes:
    return unquote_to_bytes(data)


def unescape_form(data: bytes) -> bytes:
    """Undo percent escapes and the plus signs of a form body."""
    return unquote_to_bytes(data.replace(b"+", b" "))


def unescape_html(data: bytes) -> bytes:
    text = html.unescape(data.decode("utf-8", "surrogateescape"))
    return text.encode("utf-8", "surrogateescape")


def unquote_printable(data: bytes) -> bytes:
    return quopri.decodestring(data) if b"=" in data else data


def decode_base64(data: bytes) -> bytes:
    """Decode every run of the alphabet at each of its four alignments; empty when there is none.

    The needles of `search` find a plain secret in base64; this view finds a packed or escaped
    one. Ordinary words are runs too: what they decode to is dropped unless it looks like text.
    """
    decoded: list[bytes] = []
    for run in _BASE64_RUN.findall(_BASE64_FOLD.sub(b"", data)):
        standard = run.translate(bytes.maketrans(b"-_", b"+/"))
        for start in range(4):
            usable = standard[start:]
            if len(usable) % 4 == 1:  # no whole byte in a lone last character
                usable = usable[:-1]
            plain = base64.b64decode(usable + b"=" * (-len(usable) % 4))
            if _looks_like_text(plain) or (start == 0 and len(run) >= _LONG_RUN):
                decoded.append(plain)
    return b"\n\n".join(decoded)


def _looks_like_text(data: bytes) -> bool:
    printable = len(data) - len(data.translate(None, _PRINTABLE))
    return printable * 4 >= len(data) * 3


def dechunk(data: bytes) -> bytes:
    """Join the chunks of every body that its head declares as chunked; empty if there is none."""
    bodies: list[bytes] = []
    for head in _CHUNKED_HEAD.finditer(data):
        body, position = b"", head.end()
        while size_line := re.compile(rb"([0-9a-fA-F]+)[^\r\n]*\r?\n").match(data, position):
            size = int(size_line[1], 16)
            body += data[size_line.end() : size_line.end() + size]
            position = size_line.end() + size
            while data[position : position + 1] in (b"\r", b"\n"):
                position += 1
            if not size:
                break
        bodies.append(body)
    return b"\r\n\r\n".join(bodies)


def gunzip(data: bytes) -> bytes:
    return _inflate(data, starts=_positions(rb"\x1f\x8b\x08", data), window_bits=31)


def unzlib(data: bytes) -> bytes:
    starts = (at for at in _positions(rb"[\x08-\x78][\x00-\xff]", data) if _is_zlib(data, at))
    return _inflate(data, starts=starts, window_bits=15)


def inflate(data: bytes) -> bytes:
    """Unpack raw deflate, which has no mark: tried at the start and after each blank line."""
    starts = (0, *(blank.end() for blank in _HEAD_END.finditer(data)))
    return _inflate(data, starts=iter(starts), window_bits=-15)


def _inflate(data: bytes, *, starts: Iterator[int], window_bits: int) -> bytes:
    """Unpack at each start as far as it goes; a stream that was cut still gives its beginning."""
    unpacked: list[bytes] = []
    for start in starts:
        unpacker = zlib.decompressobj(window_bits)
        parts: list[bytes] = []
        try:
            for at in range(start, len(data), 512):
                parts.append(unpacker.decompress(data[at : at + 512], _LARGEST_BYTES))
                if unpacker.eof:
                    break
        except zlib.error:
            pass  # what came before the damage counts
        unpacked.append(b"".join(parts))
    return b"\n".join(filter(None, unpacked))


def _positions(pattern: bytes, data: bytes) -> Iterator[int]:
    return (match.start() for match in re.finditer(b"(?=" + pattern + b")", data, re.DOTALL))


def _is_zlib(data: bytes, at: int) -> bool:
    """Tell whether a zlib header (RFC 1950, section 2.2) stands here."""
    method, flags = data[at], data[at + 1]
    return method & 0x0F == 8 and method >> 4 <= 7 and (method * 256 + flags) % 31 == 0


VIEWS: dict[str, Callable[[bytes], bytes]] = {
    "chunked": dechunk,
    "gzip": gunzip,
    "zlib": unzlib,
    "deflate": inflate,
    "json": unescape_json,
    "percent": unescape_percent,
    "form": unescape_form,
    "html": unescape_html,
    "quoted-printable": unquote_printable,
    "base64": decode_base64,
}

"""Does the search find a secret in every disguise that it claims to see through?"""

from __future__ import annotations

import base64
import gzip
import json
import quopri
import zlib
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from tests.support.search import contains

SECRETS = ["Merger of Kestrel & Owl <Q3>", "東和精機の見積り３５０万円", "naïve\nrésumé / Ünïcödé"]
HEAD = b"POST /v1/x HTTP/1.1\r\nHost: 127.0.0.1\r\n"


def _escaped(secret: str) -> bytes:
    return json.dumps(secret).encode("ascii")


def _all_escaped(secret: str) -> bytes:
    units = secret.encode("utf-16-be").hex()
    return "".join(f"\\u{units[i : i + 4].upper()}" for i in range(0, len(units), 4)).encode()


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def _chunked(data: bytes) -> bytes:
    chunks = [data[i : i + 5] for i in range(0, len(data), 5)]
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"


def _entities(secret: str) -> bytes:
    return "".join(
        f"&#x{ord(c):X};" if i % 2 else f"&#{ord(c)};" for i, c in enumerate(secret)
    ).encode()


ENCODERS: dict[str, Callable[[str], bytes]] = {
    "utf-8": lambda s: s.encode(),
    "utf-16-le": lambda s: s.encode("utf-16-le"),
    "utf-16-be": lambda s: s.encode("utf-16-be"),
    "json": _escaped,
    "json upper case, all characters": _all_escaped,
    "json in json": lambda s: json.dumps({"arguments": json.dumps({"q": s})}).encode(),
    "percent": lambda s: quote(s, safe="").encode(),
    "form": lambda s: quote_plus(s).encode(),
    "percent twice": lambda s: quote(quote(s)).encode(),
    "html": _entities,
    "base64 at 0": lambda s: base64.b64encode(s.encode()),
    "base64 at 1": lambda s: base64.b64encode(b"\xf1" + s.encode() + b"\xfe"),
    "base64 at 2": lambda s: base64.b64encode(b"\xf1\xf2" + s.encode() + b"\xfe\xfd"),
    "base64 for urls": lambda s: base64.urlsafe_b64encode(b"?" + s.encode()),
    "base64 with line ends": lambda s: base64.encodebytes(b"v" * 50 + s.encode()),
    "base64 of json": lambda s: base64.b64encode(_escaped(s)),
    "base64 of utf-16": lambda s: base64.b64encode(s.encode("utf-16")),
    "hexadecimal": lambda s: s.encode().hex().upper().encode(),
    "hexadecimal with colons": lambda s: s.encode().hex(":").encode(),
    "repr of bytes": lambda s: ascii(s.encode()).encode(),
    "quoted-printable": lambda s: quopri.encodestring(s.encode()),
    "case": lambda s: s.swapcase().encode(),
    "white space": lambda s: " \u200b".join(s).encode(),
    "gzip": lambda s: HEAD + b"\r\n" + gzip.compress(s.encode()),
    "zlib": lambda s: HEAD + b"\r\n" + zlib.compress(s.encode()),
    "deflate": lambda s: HEAD + b"\r\n" + _raw_deflate(s.encode()),
    "gzip, cut": lambda s: gzip.compress(s.encode() + b"tail" * 9)[:-9],
    "chunked": lambda s: _chunked(s.encode()),
    "chunked gzip of json": lambda s: _chunked(gzip.compress(_escaped(s))),
    "base64 of gzip": lambda s: base64.b64encode(gzip.compress(s.encode())),
}


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("encoder", ENCODERS.values(), ids=ENCODERS)
def test_a_secret_is_found_in_each_encoding(encoder: Callable[[str], bytes], secret: str) -> None:
    """No usual encoding hides a text from the search, whatever stands around it."""
    received = HEAD + b'X-Other: "words"\r\n\r\n' + encoder(secret) + b" end"

    found = contains(encoder(secret), secret)

    assert found
    if not encoder(secret).startswith(HEAD):
        assert contains(received, secret)


@pytest.mark.parametrize("encoder", ENCODERS.values(), ids=ENCODERS)
def test_another_text_is_not_found(encoder: Callable[[str], bytes]) -> None:
    """A search that always answers yes would prove nothing."""
    received = encoder("an innocent question about the weather in Kobe, 神戸の天気は？")

    assert [] == [name for secret in SECRETS for name in contains(received, secret)]


@pytest.mark.parametrize(
    ("name", "received"),
    [
        ("utf-8", "東和精機 120".encode()),
        ("cp932", "東和精機 120".encode("cp932")),
        ("euc_jp", "東和精機 120".encode("euc_jp")),
        ("nfkc", "東和精機 １２０".encode()),
        ("letters-and-digits", "【東和】精機-1/2/0".encode()),
        ("whitespace-stripped", "東 和\n精 機 12\u200b0".encode()),
        ("hex-utf-8", "東和精機 120".encode().hex().encode()),
        ("base64+0-utf-8", base64.b64encode("東和精機 120".encode())),
        ("base64+1-utf-8", base64.b64encode(b"." + "東和精機 120".encode())),
        ("base64+2-utf-8", base64.b64encode(b".." + "東和精機 120".encode())),
        ("json/utf-8", json.dumps("東和精機 120").encode()),
        ("percent/utf-8", quote("東和精機 120").encode()),
        ("gzip/utf-8", gzip.compress("東和精機 120".encode())),
        ("chunked/gzip/json/utf-8", _chunked(gzip.compress(_escaped("東和精機 120")))),
    ],
)
def test_the_name_tells_how_the_secret_was_hidden(name: str, received: bytes) -> None:
    """A failing wire test says at once which layer carried the text."""
    assert name in contains(received, "東和精機 120")


def test_iso_2022_jp_is_searched_too() -> None:
    """Japanese mail text is found although its encoding switches modes."""
    received = "件名: 東和精機の件".encode("iso2022_jp")

    assert ["iso2022_jp"] == contains(received, "東和精機")


def test_case_folding_has_a_name_of_its_own() -> None:
    """A text in other letter case is reported as such."""
    assert "case-folded" in contains(b"the KESTREL merger", "Kestrel Merger")


def test_a_secret_too_short_to_search_for_is_refused() -> None:
    """Five bytes are found by chance; a test that relies on them is told so."""
    with pytest.raises(ValueError, match="fewer than 6 bytes"):
        contains(b"anything", "ab12!")

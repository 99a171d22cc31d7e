"""The leak counter finds what it should find: its zero means something."""

import base64
import gzip
import json
import zlib
from urllib.parse import quote

import pytest

from hybridllm.demo.leak import find_leak

SECRETS = ("hanako@example.com", "カワセミ計画の契約書")

ENCODERS = {
    "utf-8": str.encode,
    "utf-16-le": lambda text: text.encode("utf-16-le"),
    "utf-16-be": lambda text: text.encode("utf-16-be"),
    "cp932": lambda text: text.encode("cp932"),
    "euc-jp": lambda text: text.encode("euc_jp"),
    "iso-2022-jp": lambda text: text.encode("iso2022_jp"),
    "json": lambda text: json.dumps(text).encode(),
    "json in json": lambda text: json.dumps(json.dumps({"a": text})).encode(),
    "json, upper case": lambda text: json.dumps(text).upper().replace("\\U", "\\u").encode(),
    "percent": lambda text: quote(text).encode(),
    "hexadecimal": lambda text: text.encode().hex().encode(),
    "base64": lambda text: base64.b64encode(text.encode()),
    "base64, one byte in": lambda text: base64.b64encode(b"x" + text.encode() + b"yz"),
    "base64, two bytes in": lambda text: base64.urlsafe_b64encode(b"xy" + text.encode() + b"z"),
    "gzip": lambda text: gzip.compress(text.encode()),
    "zlib": lambda text: zlib.compress(text.encode()),
    "chunked": lambda text: text.encode()[:6] + b"\r\n1a\r\n" + text.encode()[6:],
    "spaced": lambda text: " ".join(text).encode(),
    "upper case": lambda text: text.upper().encode(),
}


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("name", ENCODERS)
def test_a_planted_leak_is_found_in_every_form(name, secret):
    """Positive control: whichever way a secret is written, the counter is not zero."""
    recording = b"POST / HTTP/1.1\r\n\r\n" + ENCODERS[name](secret) + b"\r\n"

    leak = find_leak([b"GET / HTTP/1.1\r\n\r\n", recording], fragments=["nothing here", secret])

    assert 0 < leak.confidential_bytes
    assert {(1, 1)} == {(hit.fragment, hit.connection) for hit in leak.hits}


def test_a_clean_recording_counts_zero():
    """Negative control: ordinary text, and a half of a secret, are no leak."""
    recording = b'{"content": "Write to hanako, please. \\u30ab\\u30ef\\u30bb\\u30df"}'

    assert 0 == find_leak([recording], fragments=SECRETS).confidential_bytes


def test_each_byte_counts_once():
    """Fragments that overlap, or stand twice, give the number of bytes and no more."""
    recording = b"abcdefghij--abcdefgh"

    leak = find_leak([recording], fragments=["abcdefgh", "cdefghij"])

    assert len("abcdefghij") + len("abcdefgh") == leak.confidential_bytes


def test_full_width_digits_are_the_same_number():
    """A card number that was sent in another width is found."""
    recording = "カードは４１１１ １１１１ １１１１ １１１１です".encode()

    leak = find_leak([recording], fragments=["4111-1111-1111-1111"])

    assert len("4111-1111-1111-1111") == leak.confidential_bytes


def test_a_fragment_that_chance_would_find_is_refused():
    """Too short a fragment would make the count meaningless."""
    with pytest.raises(ValueError, match="fewer than"):
        find_leak([b""], fragments=["a b c d e"])

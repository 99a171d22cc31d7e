"""Content that cannot be read: encrypted blocks and encoded data that hold no text.

Answers: is there something in a text that no detector could look into?
Not here: encodings that can be undone (`decoding`).

What cannot be read counts as a finding, since doubt stays inside. Hashes, public keys
and certificates are unreadable by nature and give nothing away, so they are none.
Sources: RFC 9580 (OpenPGP), RFC 7468 (PEM), RFC 2397 (data URLs).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hybridllm.classify.detector import Match
from hybridllm.classify.detectors.decoding import readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hybridllm.classify.detectors.scanning import Scan

CUES = {
    "encrypted": (
        "-----begin pgp message", "-----begin encrypted", "u2fsdgvkx1*", "age-encryption.org*",
        "$ansible_vault;*", "-----begin cms", "-----begin pkcs7",
    ),
    "data_url": (";base64,*",),
    "public_block": (
        "ssh-rsa", "ssh-ed25519", "ssh-dss", "-----begin certificate", "-----begin public key",
        "sha512-*", "sha384-*", "ecdsa-sha2-nistp256", "begin pgp public", "begin pgp signature",
        "begin rsa public",
    ),
}  # fmt: skip

_SHORTEST = 120
_LONG_TOKEN = re.compile(rf"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{{{_SHORTEST},60000}}={{0,2}}")
_HALF = re.compile(rf"[A-Za-z0-9+/_-]{{{_SHORTEST // 2}}}")
_DATA = re.compile(r"[A-Za-z0-9+/_=-]{40,60000}")


def find(scan: Scan) -> Iterator[Match]:
    """Yield what cannot be read in a text."""
    for start, end in scan.hits.get("encrypted", ()):
        yield Match("obfuscation.encrypted", start, end, 0.9)
    for start, end in scan.hits.get("data_url", ()):
        if found := _DATA.match(scan.text, end):
            yield Match("obfuscation.encoded", start, found.end(), 0.8)
    if len(scan.text) < _SHORTEST:
        return
    if not _has_long_token(scan.text):
        return
    for found in _LONG_TOKEN.finditer(scan.text):
        if not _is_dense(found.group()[:4000]) or readable(found.group()) is not None:
            continue
        if not scan.near(
            "public_block", start=found.start(), end=found.start(), before=120, after=0
        ):
            yield Match("obfuscation.encoded", *found.span(), 0.7)


def _has_long_token(text: str) -> bool:
    """Return whether a token may be long enough, looking at every sixtieth place only."""
    half = _SHORTEST // 2
    return any(_HALF.match(text, place) for place in range(0, len(text), half))


def _is_dense(token: str) -> bool:
    """Return whether the token looks like encoded bytes and not like a path or a word."""
    size = len(token)
    upper = sum(char.isupper() for char in token)
    lower = sum(char.islower() for char in token)
    digits = sum(char.isdigit() for char in token)
    slashes = sum(char in "/-_" for char in token)
    return min(upper, lower) > size * 0.15 and digits > size * 0.04 and slashes < size * 0.08

"""Provider keys, JSON web tokens and private keys.

Answers: which machine credentials stand in a text in their published form?
Not here: passwords that people choose (`passwords`), URLs (`connections`).

Sources: the providers' token formats (`key_rules`); RFC 7519 (JWT); RFC 7468 (PEM).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from hybridllm.classify.detector import Match
from hybridllm.classify.detectors.key_rules import KEY_RULES, KeyRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hybridllm.classify.detectors.scanning import Scan

CUES = {
    "key_prefix": tuple(f"{rule.prefix}*" for rule in KEY_RULES),
    "jwt": ("eyJ*",),
    "pem": ("-----begin*",),
    "webhook_token": ("bearer", "basic"),
}

_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{4,4000}(?:\.[A-Za-z0-9_-]{0,2000})?")
_PEM = re.compile(r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_BEARER = re.compile(r"[ \t]{1,4}([A-Za-z0-9._~+/-]{20,2000}={0,2})")
_PLACEHOLDERS = re.compile(
    r"example|your|xxxx|placeholder|redacted|changeme|dummy|sample|\.\.\.|\*\*\*|1234567890abcdef"
    r"|0{12}|abcdefghij",
    re.IGNORECASE,
)


def find(scan: Scan) -> Iterator[Match]:
    """Yield the provider keys, tokens and private keys in a text."""
    text = scan.text
    for start, end in scan.hits.get("key_prefix", ()):
        prefix = text[start:end]
        body = _bodies().get(prefix)
        found = body.match(text, end) if body else None
        if found and not is_placeholder(found.group()):
            yield Match("credentials.provider_key", start, found.end(), 0.95)
    for start, _ in scan.hits.get("jwt", ()):
        if found := _JWT.match(text, start):
            yield Match("credentials.jwt", start, found.end(), 0.95)
    for start, _ in scan.hits.get("pem", ()):
        if found := _PEM.match(text, start):
            yield Match("credentials.private_key", start, _pem_end(text, found.end()), 0.99)
    for start, end in scan.hits.get("webhook_token", ()):
        found = _BEARER.match(text, end)
        if found and any(c.isdigit() for c in found[1]) and not is_placeholder(found[1]):
            yield Match("credentials.provider_key", start, found.end(), 0.85)


def is_placeholder(value: str) -> bool:
    """Return whether a value only shows where a secret would stand."""
    return (
        len(set(value)) <= (3 if len(value) < 12 else 5)
        or _PLACEHOLDERS.search(value[:300]) is not None
    )


def _pem_end(text: str, start: int) -> int:
    closing = text.find("-----END", start, start + 20_000)
    if closing < 0:
        return min(len(text), start + 4_000)
    line = text.find("\n", closing)
    return len(text) if line < 0 else line


@lru_cache(maxsize=1)
def _bodies() -> dict[str, re.Pattern[str]]:
    rules: tuple[KeyRule, ...] = KEY_RULES
    return {rule.prefix: re.compile(rule.body) for rule in rules}

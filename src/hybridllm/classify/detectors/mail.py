"""Mail addresses of people.

Answers: which mail addresses stand in a text?
Not here: undoing `[at]` and the like (`normalise`).

The local part has at most 64 characters and a label 63 (RFC 5321, 4.5.3.1), so every
look around an `@` is bounded. Hosts that RFC 2606 and RFC 6761 reserve for examples
and mailboxes that RFC 2142 gives to roles are public by design and no findings.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hybridllm.classify.detector import Match

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hybridllm.classify.detectors.scanning import Scan

CUES: dict[str, tuple[str, ...]] = {}

_LOCAL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._%+'-"
_HOST = re.compile(r"(?:[A-Za-z0-9-]{1,63}\.){1,6}[A-Za-z]{2,24}(?![A-Za-z0-9])")
_ROLES = frozenset(
    "info support sales contact help noreply no-reply donotreply webmaster postmaster hostmaster "
    "abuse "
    "security privacy press admin marketing billing jobs careers hello office feedback git".split()
)
_EXAMPLE_MAILBOXES = frozenset(
    "user you me name username someone email your.name foo bar test".split()
)


def find(scan: Scan) -> Iterator[Match]:
    """Yield the mail addresses in a text."""
    text = scan.text
    at = text.find("@")
    while at >= 0:
        head = text[max(0, at - 64) : at]
        local = head[len(head.rstrip(_LOCAL)) :].lstrip(".'%+-")
        host = _HOST.match(text, at + 1)
        if local and host is not None and not _is_public(local, host.group()):
            yield Match("personal.email", at - len(local), host.end(), 0.95)
        at = text.find("@", at + 1)


def _is_public(local: str, host: str) -> bool:
    host, local = host.lower(), local.lower()
    if local in _ROLES:
        return True
    labels = host.split(".")
    # `example.com` itself is reserved; people also use its subdomains for examples.
    reserved = "example" in labels[-3:-1] or labels[-1] in {"example", "test", "invalid"}
    return reserved and local in _EXAMPLE_MAILBOXES

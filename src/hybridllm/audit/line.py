"""One line of the audit log.

Answers: how is a record written as a line, chained, signed and taken apart again?
Not here: files (`audit.segment`, `audit.reading`).

A line is a JSON object whose last members are, where the line is a checkpoint, `sig`, and
always `mac`: the keyed hash of everything before it and of the line before.
"""

from __future__ import annotations

import hmac
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hybridllm.audit.signing import PublicKey, SigningKey

MAC_FIELD: Final = ',"mac":"'
"""What stands between the body of a line and its keyed hash."""

MAX_LINE_BYTES: Final = 16 * 1024 * 1024
_SIGNATURE_FIELD: Final = ',"sig":"'
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_SIGNED_AS: Final = b"hybridllm audit line 1\n"
"""Stands before what is signed, so that no other signature of the key fits here."""


def chain(key: bytes, *, previous: str, body: str) -> str:
    """Return the keyed hash of a line: over itself and the hash of the line before."""
    return hmac.digest(key, f"{previous}\n{body}".encode(), "sha256").hex()


def as_body(record: Mapping[str, object]) -> str:
    """Return a record as compact JSON."""
    return _ENCODER.encode(record)


def signed(body: str, *, signer: SigningKey) -> str:
    """Return a body with its signature as the last member."""
    return f'{body[:-1]}{_SIGNATURE_FIELD}{signer.sign(_SIGNED_AS + body.encode())}"}}'


def as_line(body: str, *, mac: str) -> bytes:
    """Return the bytes of a line."""
    return f'{body[:-1]}{MAC_FIELD}{mac}"}}\n'.encode()


@dataclass(frozen=True, slots=True)
class Line:
    """A line, taken apart; nothing in it is trusted yet.

    Attributes:
        body: All but the keyed hash.
        mac: The keyed hash.
        record: The body as an object.
    """

    body: str
    mac: str
    record: dict[str, Any]

    def has_mac(self, key: bytes, *, previous: str) -> bool:
        """Return whether a writer with this key put the line behind the one before."""
        return hmac.compare_digest(chain(key, previous=previous, body=self.body), self.mac)

    def is_signed_by(self, key: PublicKey) -> bool:
        """Return whether the body has a right signature of this key."""
        text, found, _ = self.body.rpartition(_SIGNATURE_FIELD)
        message = _SIGNED_AS + f"{text}}}".encode()
        return bool(found) and key.verifies(message, signature=self.record.get("sig"))


def parse(raw: bytes) -> Line | None:
    """Return a line's parts; nothing if the bytes are no line of a log."""
    with suppress(ValueError, RecursionError):  # no UTF-8, no JSON, or nested without end
        text, found, rest = raw.decode().rpartition(MAC_FIELD)
        mac = rest.removesuffix('"}\n')
        if found and len(mac) + 3 == len(rest) and mac.isascii():
            body = f"{text}}}"
            record = json.loads(body)
            if isinstance(record, dict):
                return Line(body, mac, record)
    return None

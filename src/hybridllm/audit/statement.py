"""A signed statement about the log, which a stranger checks.

Answers: did this installation sign exactly this, and does a log still hold what it names?
Not here: what a statement says (`audit.report`).

A statement is a JSON object. Its signature is over its canonical form: members sorted by
name, no blanks, UTF-8, without the member `signature` itself.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from hybridllm.audit.line import MAX_LINE_BYTES
from hybridllm.audit.links import digest_of
from hybridllm.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hybridllm.audit.signing import PublicKeys, SigningKey

Statement = dict[str, Any]

KIND: Final = "hybridllm audit statement"
_SIGNED_AS: Final = b"hybridllm audit statement 1\n"


def signed_statement(statement: Mapping[str, Any], *, signer: SigningKey | None) -> Statement:
    """Return a statement with its signature; without a signer that is empty."""
    named = {**statement, "signer": signer.public.id if signer else None}
    return {**named, "signature": signer.sign(_message(named)) if signer else ""}


def is_signed(statement: Mapping[str, Any], *, keys: PublicKeys) -> bool:
    """Return whether one of these keys signed exactly this statement."""
    message = _message(statement)
    return any(key.verifies(message, signature=statement.get("signature")) for key in keys)


def read_statement(path: Path) -> Statement:
    """Return the statement in a file, which nobody has checked yet.

    Raises:
        ConfigurationError: The file cannot be read or holds none.
    """
    try:
        with path.open("rb") as file:
            document = json.loads(file.read(MAX_LINE_BYTES).decode())
    except OSError as error:
        raise ConfigurationError(f"cannot be read ({error.strerror})", file=str(path)) from None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or document.get("statement") != KIND:
        raise ConfigurationError("holds no statement of an audit log", file=str(path))
    return document


def missing_segments(statement: Mapping[str, Any], *, directory: Path) -> list[str]:
    """Return the segments of a statement that a log does not hold as they were.

    Only call it for a statement whose signature is right.

    Raises:
        OSError: A file cannot be read.
    """
    missing = []
    for item in statement["segments"]:
        path = directory / item["segment"]
        there = path.is_file() and digest_of(path, size=item["size"])
        if there != (item["size"], item["digest"]):
            missing.append(str(item["segment"]))
    return missing


def _message(statement: Mapping[str, Any]) -> bytes:
    unsigned = {name: value for name, value in statement.items() if name != "signature"}
    text = json.dumps(unsigned, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return _SIGNED_AS + text.encode("utf-8", "surrogatepass")

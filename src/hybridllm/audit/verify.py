"""Checking the audit log, offline.

Answers: is every line of a segment whole and in its place?
Not here: writing it (`audit.segment`).

Whoever lacks the key can neither change, drop, swap nor insert a line unseen. A
segment that was closed ends in a `stop` line: one without it was cut, or its
process was killed.
"""

from __future__ import annotations

import hmac
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hybridllm.audit.segment import MAC_FIELD, chain

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Verification:
    """What checking one segment showed.

    Attributes:
        file: Name of the segment.
        lines: How many lines are whole and in their place.
        fault: What is wrong with the first bad line; empty if nothing is.
        closed: Whether the segment ends in its `stop` line.
    """

    file: str
    lines: int
    fault: str
    closed: bool

    @property
    def valid(self) -> bool:
        """Whether every line is whole and in its place."""
        return not self.fault


def verify_segment(path: Path, *, key: bytes) -> Verification:
    """Check the chain of one segment, offline.

    Raises:
        OSError: The file cannot be read.
    """
    mac = ""
    lines = 0
    event: object = None
    with path.open("rb") as file:
        for raw in file:
            text, _, rest = _decoded(raw).rpartition(MAC_FIELD)
            body = f"{text}}}"
            mac = chain(key, previous=mac, body=body)
            if not text or not hmac.compare_digest(f'{mac}"}}\n'.encode(), rest.encode()):
                return Verification(path.name, lines, f"line {lines + 1} was changed", closed=False)
            record = json.loads(body)
            if record.get("seq") != lines:
                return Verification(path.name, lines, f"line {lines + 1} is missing", closed=False)
            event = record.get("event")
            lines += 1
    if lines == 0:
        return Verification(path.name, 0, "the segment is empty", closed=False)
    return Verification(path.name, lines, "", closed=event == "stop")


def _decoded(raw: bytes) -> str:
    """Return the text of a line; nothing if it is not UTF-8, as no line of ours is."""
    with suppress(UnicodeDecodeError):
        return raw.decode()
    return ""

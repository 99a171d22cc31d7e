"""Writing and reading audit logs in tests.

Answers: what stands in the segments of a directory, and are they whole?
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hybridllm.audit.inspect import Inspection, inspect_log
from hybridllm.audit.log import FileAuditLog, Rhythm
from hybridllm.audit.reading import Keys
from hybridllm.audit.signing import PublicKey, load_signing_key
from hybridllm.audit.verify import Verification, verify_segment

KEY = bytes(range(32))
LEVELS = ("public", "internal", "confidential")
NEVER = Rhythm(checkpoint_lines=10**9, checkpoint_s=1e9)


def segments(folder: Path) -> list[Path]:
    """Return the segments of a directory."""
    return sorted(folder.glob("*.jsonl"))


def records(folder: Path) -> list[dict]:
    """Return every whole record of all segments."""
    found: list[dict] = []
    for path in segments(folder):
        lines = path.read_bytes().splitlines(keepends=True)
        found += [json.loads(line) for line in lines if line.endswith(b"}\n")]
    return found


def verified(folder: Path, *, key: bytes = KEY) -> list[Verification]:
    """Return what checking each segment shows."""
    return [verify_segment(path, key=key) for path in segments(folder)]


def ticking(start: str = "2026-01-02T00:00:00+00:00", *, step_s: float = 1.0) -> Iterator[datetime]:
    """Yield moments that follow each other."""
    moment = datetime.fromisoformat(start).astimezone(UTC)
    while True:
        yield moment
        moment += timedelta(seconds=step_s)


def log_in(
    folder: Path,
    *,
    rhythm: Rhythm = NEVER,
    clock: Iterator[datetime] | None = None,
    signs: bool = True,
    levels: tuple[str, ...] = LEVELS,
) -> FileAuditLog:
    """Return a log whose clock goes on one second with every look at it."""
    moments = clock or ticking()
    return FileAuditLog(
        folder,
        key=KEY,
        clock=lambda: next(moments),
        rhythm=rhythm,
        levels=levels,
        signing_key=folder.parent / "signing.pem" if signs else None,
    )


def public_key(folder: Path) -> PublicKey:
    """Return the public key of the logs that `log_in` makes."""
    return load_signing_key(folder.parent / "signing.pem").public


def inspected(folder: Path, *, stranger: bool = False, first: int = 1) -> Inspection:
    """Check a log with both keys, or as a stranger with the public one alone."""
    keys = Keys(None if stranger else KEY, (public_key(folder),))
    return inspect_log(folder, keys=keys, first=first)


def faults(folder: Path, *, stranger: bool = False) -> list[str]:
    """Return what is wrong with a log."""
    return [fault.text for fault in inspected(folder, stranger=stranger).faults]


def intent(number: int, *, level: str = "internal", place: str = "cloud", **more: object) -> dict:
    """Return the record of an attempt."""
    return {
        "event": "intent",
        "call": f"c{number}",
        "attempt": 1,
        "department": "法務",
        "effect": "permit",
        "label": {"level": level, "compartments": []},
        "kinds": {"personal.email": 2},
        "policy": "ab" * 32,
        "backend": place,
        "place": place,
        **more,
    }

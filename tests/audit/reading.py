"""Reading audit logs in tests.

Answers: what stands in the segments of a directory, and are they whole?
"""

from __future__ import annotations

import json
from pathlib import Path

from hybridllm.audit.verify import Verification, verify_segment

KEY = bytes(range(32))


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

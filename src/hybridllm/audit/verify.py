"""Checking one segment of the audit log, offline.

Answers: is every line of it whole and in its place?
Not here: writing it (`audit.segment`), a whole log (`audit.inspect`).

Whoever lacks the key can neither change, drop, swap nor insert a line unseen. A
segment that was closed ends in a `stop` line: one without it was cut, or its
process was killed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hybridllm.audit.reading import Keys, SegmentReader, Verification

if TYPE_CHECKING:
    from pathlib import Path

    from hybridllm.audit.signing import PublicKeys

__all__ = ["Verification", "verify_segment"]


def verify_segment(
    path: Path, *, key: bytes | None = None, public_keys: PublicKeys = ()
) -> Verification:
    """Check one segment, offline.

    Args:
        path: The file.
        key: The installation's key for the log; checks every line.
        public_keys: Check the checkpoints, and all lines before the last one.

    Raises:
        OSError: The file cannot be read.
        ValueError: There is no key at all, so nothing would be checked.
    """
    if key is None and not public_keys:
        raise ValueError("nothing can be checked without a key")
    reader = SegmentReader(path, keys=Keys(key, public_keys))
    for _ in reader:
        pass
    return reader.result

"""The verdict cache: what was found in a text that was read before.

Answers: have these detectors read this very text already, and what did they find?
Not here: reading it (`classify.classifier`).

A long conversation is sent whole on every turn; with this cache it pays for the new
turn alone. The key is a keyed hash of the text, and a verdict holds kinds and
spans, so nothing of a text is kept. Only sound verdicts are kept: where a detector
failed, it is asked again. The cache lives and dies with the detectors that filled it.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hybridllm.classify.detector import Match

Verdict = tuple[tuple[str, "Match"], ...]
"""For each thing found, the detector's name and the match."""


class VerdictCache:
    """A bounded cache of verdicts, shared by threads.

    Args:
        max_entries: Beyond this, what was used longest ago is dropped.
    """

    def __init__(self, *, max_entries: int = 20_000) -> None:
        self._max_entries = max_entries
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._verdicts: OrderedDict[bytes, Verdict] = OrderedDict()

    def key(self, text: str, *, is_joint: bool = False) -> bytes:
        """Return the keyed hash under which a text is known. 16 bytes.

        The joint of two texts is read by fewer detectors, so it has a key of its own.
        """
        person = b"joint" if is_joint else b"text"
        data = text.encode("utf-8", "surrogatepass")
        return blake2b(data, key=self._key, person=person, digest_size=16).digest()

    def get(self, key: bytes) -> Verdict | None:
        """Return the verdict, if there is one."""
        with self._lock:
            verdict = self._verdicts.get(key)
            if verdict is not None:
                self._verdicts.move_to_end(key)
            return verdict

    def put(self, key: bytes, *, verdict: Verdict) -> None:
        """Keep a verdict."""
        with self._lock:
            self._verdicts[key] = verdict
            self._verdicts.move_to_end(key)
            while len(self._verdicts) > self._max_entries:
                self._verdicts.popitem(last=False)

    def __repr__(self) -> str:
        return f"VerdictCache(entries={len(self._verdicts)})"

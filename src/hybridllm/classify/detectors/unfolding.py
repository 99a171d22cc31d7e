"""All readings of a text: as it is, and with more and more of its disguise undone.

Answers: which texts must detectors read, so that nothing hides behind an encoding or
a spelling?
Not here: undoing each of them (`normalise`, `decoding`, `squeezing`), reading (`engine`).

Detectors that read the same string after one another share the work: each thread keeps
the readings of the string that it was given last, and no other.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from hybridllm.classify.detectors.decoding import decoded
from hybridllm.classify.detectors.squeezing import squeezed
from hybridllm.classify.normalise import normalise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hybridllm.classify.normalise import Shadow

_LONGEST_KEPT = 1_000_000
"""Characters; a longer text is read anew by each detector rather than kept."""

_LAST = threading.local()


def readings(text: str) -> tuple[Shadow, ...]:
    """Return the text as it is read first, then each form in which more was undone."""
    if getattr(_LAST, "text", None) is text:
        kept: tuple[Shadow, ...] = _LAST.readings
        return kept
    found = tuple(_readings(text))
    if len(text) <= _LONGEST_KEPT:
        _LAST.text, _LAST.readings = text, found
    return found


def _readings(text: str) -> Iterator[Shadow]:
    shadow = normalise(text)
    yield shadow
    # Two levels of encoding, then spacing, then what an encoding in broken lines hid.
    for unfold in (decoded, decoded):
        changed = unfold(shadow)
        if changed is shadow:
            break
        shadow = changed.then(normalise(changed.text))
        yield shadow
    changed = squeezed(shadow)
    if changed is shadow:
        return
    shadow = changed.then(normalise(changed.text))
    yield shadow
    changed = decoded(shadow)
    if changed is not shadow:
        yield changed.then(normalise(changed.text))

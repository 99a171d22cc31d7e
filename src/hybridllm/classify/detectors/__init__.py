"""Built-in detectors for English and Japanese text.

Answers: which detectors come with the package, and which kinds do they report?
Not here: the classifier that calls them.

Importing this package compiles nothing; the first `detect` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hybridllm.classify.detectors.engine import BuiltinDetector, is_available
from hybridllm.classify.detectors.kinds import KINDS, Kind

if TYPE_CHECKING:
    from hybridllm.classify.detector import Detector

__all__ = ["KINDS", "BuiltinDetector", "Kind", "builtin_detectors", "is_available"]


def builtin_detectors(*, japanese_names: bool | None = None) -> tuple[Detector, ...]:
    """Return the detectors that need no file of yours.

    Args:
        japanese_names: Whether to tag Japanese names with SudachiPy (extra `ja`);
            `None` for whenever it is installed. Without it names are found by
            honorifics, labels and frequent names only.
    """
    wanted = is_available() if japanese_names is None else japanese_names
    return (BuiltinDetector(japanese_names=wanted),)

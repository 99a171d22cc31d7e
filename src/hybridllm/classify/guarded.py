"""A plugged-in detector on a short lead.

Answers: what if a detector of somebody else hangs?
Not here: what if it raises or returns nonsense (`classify.classifier`).

Python cannot stop a thread, so a hanging call is left behind: its caller goes on
with an error, which is a doubt, and the detector is not asked again until it has
come back. Until then every request is in doubt, and stays inside.
"""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hybridllm.classify.detector import Detector, Match


class DetectorHungError(Exception):
    """A detector did not answer in time, or has not come back from an earlier call."""


class GuardedDetector:
    """Asks a detector in a thread of its own, and waits only so long.

    Args:
        detector: Somebody else's.
        timeout_s: Longest time for one text.
    """

    def __init__(self, detector: Detector, *, timeout_s: float) -> None:
        self._detector = detector
        self._timeout_s = timeout_s
        self._hung = threading.Event()

    @property
    def name(self) -> str:
        """Name of the detector."""
        return self._detector.name

    @property
    def kinds(self) -> frozenset[str]:
        """Kinds of the detector."""
        return self._detector.kinds

    def detect(self, text: str) -> list[Match]:
        """Return what the detector finds.

        Raises:
            DetectorHungError: It does not answer in time.
            Exception: Whatever the detector raises.
        """
        if self._hung.is_set():
            raise DetectorHungError
        answers: SimpleQueue[list[Match] | Exception] = SimpleQueue()
        thread = threading.Thread(target=self._ask, args=(text, answers), daemon=True)
        thread.start()
        try:
            answer = answers.get(timeout=self._timeout_s)
        except Empty:
            self._hung.set()
            if not thread.is_alive():  # it came back in between
                self._hung.clear()
            raise DetectorHungError from None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _ask(self, text: str, answers: SimpleQueue[list[Match] | Exception]) -> None:
        try:
            answers.put(list(self._detector.detect(text)))
        except Exception as error:  # handed to the waiting caller, who raises it
            answers.put(error)
        finally:
            self._hung.clear()

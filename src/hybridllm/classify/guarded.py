"""A plugged-in detector on a short lead.

Answers: what if a detector of somebody else hangs?
Not here: what if it raises or returns nonsense (`classify.classifier`).

Python cannot stop a thread, so a hanging call is left behind: its caller goes on
with an error, which is a doubt, and the detector is not asked again until it has
come back. Until then every request is in doubt, and stays inside.
"""

from __future__ import annotations

import threading
from itertools import islice
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from hybridllm.classify.detector import most_matches

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
        self._lock = threading.Lock()
        self._late: list[threading.Thread] = []

    @property
    def name(self) -> str:
        """Name of the detector."""
        return self._detector.name

    @property
    def kinds(self) -> frozenset[str]:
        """Kinds of the detector."""
        return self._detector.kinds

    @property
    def reads_joints(self) -> bool:
        """Whether the detector wants to read the joints of texts."""
        return bool(getattr(self._detector, "reads_joints", True))

    def detect(self, text: str) -> list[Match]:
        """Return what the detector finds.

        Raises:
            DetectorHungError: It does not answer in time.
            Exception: Whatever the detector raises.
        """
        with self._lock:
            self._late = [thread for thread in self._late if thread.is_alive()]
            if self._late:
                raise DetectorHungError
        answers: SimpleQueue[list[Match] | BaseException] = SimpleQueue()
        thread = threading.Thread(target=self._ask, args=(text, answers), daemon=True)
        thread.start()
        try:
            answer = answers.get(timeout=self._timeout_s)
        except Empty:
            with self._lock:
                self._late.append(thread)
            raise DetectorHungError from None
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, BaseException):
            raise DetectorHungError from None
        return answer

    def _ask(self, text: str, answers: SimpleQueue[list[Match] | BaseException]) -> None:
        try:
            answers.put(list(islice(self._detector.detect(text), most_matches(text) + 1)))
        except BaseException as error:  # a boundary: handed to the waiting caller, who raises it
            answers.put(error)

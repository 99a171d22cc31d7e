"""What became of the demo's requests.

Answers: where did each request go, why, and did the promise hold?
Not here: playing them (`run`), showing them (`screen`).

Units: seconds, bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hybridllm.demo.story import StoryRequest
from hybridllm.types import Place


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one request.

    Attributes:
        request: The request.
        label: What it was found to be, in words.
        level: The level of the label.
        why: What gave it that label, in a few words.
        place: Where it was answered; `None` if nowhere.
        backend: Name of the backend that answered.
        error: Class of the error, if it failed.
        detail: The error's message; it holds no text of the request.
        text: The answer.
        seconds: From the call to the end of the answer.
        engine_is_down: Whether the local engine had been taken down.
        cloud_bytes: What the stand-in received meanwhile; `None` without one.
    """

    request: StoryRequest
    label: str
    level: str
    why: str
    place: Place | None = None
    backend: str = ""
    error: str = ""
    detail: str = ""
    text: str = ""
    seconds: float = 0.0
    engine_is_down: bool = False
    cloud_bytes: int | None = None

    @property
    def is_as_promised(self) -> bool:
        """Whether a confidential request stayed inside and an ordinary one was answered."""
        if self.request.is_confidential:
            inside = self.place in {Place.IN_PROCESS, Place.ON_PREMISES}
            answered = bool(self.error) if self.engine_is_down else inside
            return answered and not self.cloud_bytes
        return self.place is Place.CLOUD

    def to_json(self) -> dict[str, object]:
        """Return what a program wants to know of it."""
        return {
            "request": self.request.title,
            "department": self.request.department,
            "language": self.request.language,
            "label": self.label,
            "why": self.why,
            "place": self.place.value if self.place else None,
            "backend": self.backend or None,
            "error": self.error or None,
            "seconds": round(self.seconds, 3),
            "engine_is_down": self.engine_is_down,
            "cloud_bytes": self.cloud_bytes,
            "is_as_promised": self.is_as_promised,
        }


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the recording of the cloud shows. Without a recording all figures are `None`.

    Attributes:
        connections: What the cloud received, by connection.
        confidential_bytes: How many of these bytes hold confidential text.
        fragments: How many confidential texts were searched for.
        control_bytes: How many bytes the same search finds in the requests that had to
            stay inside. Zero would mean that the search is broken.
        file: Where the recording was saved.
    """

    connections: tuple[bytes, ...] = ()
    confidential_bytes: int | None = None
    fragments: int | None = None
    control_bytes: int | None = None
    file: Path | None = None

    @property
    def received_bytes(self) -> int:
        """How much the cloud received altogether."""
        return sum(len(data) for data in self.connections)

    @property
    def is_clean(self) -> bool:
        """Whether nothing confidential was found by a search that can find it."""
        return self.confidential_bytes == 0 and bool(self.control_bytes)

    def to_json(self) -> dict[str, object]:
        """Return what a program wants to know of it."""
        return {
            "received_bytes": None if self.file is None else self.received_bytes,
            "confidential_bytes": self.confidential_bytes,
            "fragments": self.fragments,
            "control_bytes": self.control_bytes,
            "recording": None if self.file is None else str(self.file),
        }


def is_kept(outcomes: Iterable[Outcome], *, evidence: Evidence) -> bool:
    """Say whether the demo showed what it promises.

    Without a recording only the outcomes count.
    """
    recorded = evidence.confidential_bytes is None or evidence.is_clean
    return recorded and all(outcome.is_as_promised for outcome in outcomes)

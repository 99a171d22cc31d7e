"""How much a single file may cost.

Answers: when is a file given up, by size, pages, text or time?
Not here: what happens then (`sync` reports it and goes on with the next file).

Units: bytes, characters, seconds and plain counts. The values are our own choice: a law
text of 1,000 pages passes with a large margin, a bomb does not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from hybridllm.rag.ingest.failures import DocumentReadError, Reason


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Limits for each file.

    Attributes:
        file_bytes: Size on disk.
        inflated_bytes: All parts of an office file together, unpacked.
        expansion_ratio: Unpacked over packed size, of an office file that is larger than
            1 MiB unpacked. Ordinary ones stay below 100.
        entries: Parts of an office file.
        elements: XML elements of one part that are held at once.
        pages: Pages, sheets or slides.
        text_chars: Characters of the text that comes out.
        seconds: Looked at between pages, rows and parts; a library's call that hangs is
            not interrupted.
    """

    file_bytes: int = 64 * 2**20
    inflated_bytes: int = 256 * 2**20
    expansion_ratio: int = 200
    entries: int = 10_000
    elements: int = 2_000_000
    pages: int = 5_000
    text_chars: int = 20_000_000
    seconds: float = 120.0


@dataclass(slots=True)
class Budget:
    """What is left of the limits for one file that is being read."""

    limits: ReadLimits
    clock: Callable[[], float] = time.monotonic
    _ends_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._ends_s = self.clock() + self.limits.seconds

    def check_time(self) -> None:
        """Raise if the file has taken too long."""
        if self.clock() > self._ends_s:
            raise DocumentReadError(Reason.TOO_SLOW)

    def check_pages(self, pages: int) -> None:
        """Raise if the file has too many pages."""
        if pages > self.limits.pages:
            raise DocumentReadError(Reason.TOO_MANY_PAGES)

    def check_text(self, chars: int) -> None:
        """Raise if too much text has come out."""
        if chars > self.limits.text_chars:
            raise DocumentReadError(Reason.TOO_MUCH_TEXT)

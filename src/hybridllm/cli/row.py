"""One row of what `doctor` shows.

Answers: what was looked at, and how is it?
Not here: looking (`cli.checkup`), showing (`cli.doctor`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a thing is."""

    OK = "ok"
    ABSENT = "absent"
    """An option that is not installed; nothing needs it."""
    UNASKED = "not asked"
    NOTE = "note"
    """Works as it was meant, and should not be forgotten."""
    MISSING = "missing"
    FAULT = "fault"

    @property
    def is_bad(self) -> bool:
        """Whether something does not work because of it."""
        return self in (State.MISSING, State.FAULT)


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was looked at.

    Attributes:
        area: Of which kind it is.
        subject: Which one.
        state: How it is.
        detail: One phrase.
        remedy: The command or step that brings it, if it is missing.
    """

    area: str
    subject: str
    state: State
    detail: str
    remedy: str = ""

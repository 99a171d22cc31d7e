"""Why an adapter is refused.

Answers: what is wrong, said to machines by a code and to people by a sentence?
Not here: looking for what is wrong (`adapters.verifier`, `adapters.contents`).

A reason names files, tensors, modules and counts. What a stranger's file says is quoted
escaped and cut, so that it cannot command a terminal.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

MOST_OF_A_CODE: Final = 5
"""Reasons of one code that are told one by one; the rest is counted."""

_MOST_CHARACTERS: Final = 120


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that is wrong with an adapter.

    Attributes:
        code: Stable word for machines, such as `tensor_missing`.
        message: One sentence for people.
        place: The file, tensor or module that it is about; empty for the adapter as a whole.
    """

    code: str
    message: str
    place: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


@dataclass(slots=True)
class Reasons:
    """Gathers reasons; a file with a million faults gives a short list."""

    _told: list[Reason] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter)

    def add(self, code: str, *, message: str, place: str = "") -> None:
        """Add one."""
        self._counts[code] += 1
        if self._counts[code] <= MOST_OF_A_CODE:
            self._told.append(Reason(code, message, place))

    def take(self, reasons: tuple[Reason, ...]) -> None:
        """Add several."""
        for reason in reasons:
            self.add(reason.code, message=reason.message, place=reason.place)

    def all(self) -> tuple[Reason, ...]:
        """Return what was gathered, in order, with one line for what was only counted."""
        more = [
            Reason(code, f"and {count - MOST_OF_A_CODE} more of this kind")
            for code, count in self._counts.items()
            if count > MOST_OF_A_CODE
        ]
        return (*self._told, *more)


def quoted(found: object) -> str:
    r"""Return what a stranger's file says, escaped and cut.

    Check: "a\x1b" -> "'a\x1b'".
    """
    text = ascii(found) if not isinstance(found, str) else _escaped(found)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}..."


def _escaped(text: str) -> str:
    return repr(text[: _MOST_CHARACTERS + 1])

"""One named amount of memory with its reason.

Answers: how is a breakdown written down?
Units: bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Term:
    """A part of the memory, and why it is there."""

    name: str
    size_bytes: int
    why: str = ""


def terms_total(terms: Iterable[Term]) -> int:
    """Return the sum of the parts."""
    return sum(one.size_bytes for one in terms)

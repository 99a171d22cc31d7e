"""What a client knows of its backends while it runs: how each one does, and its gate.

Answers: where do all calls of one client find the state of a backend?
Not here: the state itself (`health`, `gate`).

It holds times and counts, and nothing of any request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hybridllm.gate import Gate
from hybridllm.health import Health

QUEUE_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Member:
    """The running state of one backend.

    Attributes:
        gate: Who may ask it, and who waits.
        health: How it has been doing.
        queue_timeout_s: Longest time in its queue.
    """

    gate: Gate = field(default_factory=Gate)
    health: Health = field(default_factory=Health)
    queue_timeout_s: float = QUEUE_TIMEOUT_S


class Fleet:
    """The backends of one client, by name.

    Args:
        members: Those with settings of their own; any other gets the defaults.
    """

    def __init__(self, members: Mapping[str, Member] | None = None) -> None:
        self._members = dict(members or {})

    def of(self, backend: str) -> Member:
        """Return the state of one backend."""
        found = self._members.get(backend)
        # setdefault: of two threads that come first, both get the same one.
        return found or self._members.setdefault(backend, Member())

    def joined_by(self, other: Fleet) -> Fleet:
        """Take in the members that are new, and return itself; the others keep their state."""
        for name, member in other._members.items():
            self._members.setdefault(name, member)
        return self

    def __repr__(self) -> str:
        return f"Fleet({sorted(self._members)})"

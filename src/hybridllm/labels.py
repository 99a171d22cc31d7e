"""How sensitive data is, and where it may go.

Answers: what is a label, what is the label of two things together, may a label
be shown to a clearance?
Not here: finding out the label of a text (`classify`), rules about labels (`policy`).

A label is an ordered level plus a set of compartments, the lattice of Denning
1976 ("A lattice model of secure information flow", CACM 19(5)). A clearance is
a label too: the highest one that a backend may receive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hybridllm.errors import ConfigurationError, expected_one_of

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Level:
    """One step of an organisation's sensitivity scale.

    Attributes:
        rank: Position on the scale; 0 is the least sensitive.
        name: What the organisation calls it, such as `confidential`.
    """

    rank: int
    name: str

    def __le__(self, other: Level) -> bool:
        return self.rank <= other.rank

    def __lt__(self, other: Level) -> bool:
        return self.rank < other.rank

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Label:
    """How sensitive a piece of data is, and which groups may see it."""

    level: Level
    compartments: frozenset[str] = frozenset()

    def join(self, other: Label) -> Label:
        """Return the least label that both labels flow to."""
        # By rank: a subclass could say anything of how it compares.
        level = self.level if self.level.rank >= other.level.rank else other.level
        return Label(level, self.compartments | other.compartments)

    def flows_to(self, clearance: Label) -> bool:
        """Return whether data with this label may be shown to `clearance`.

        Only the exact types count: an object that merely looks like a label, or
        a subclass with its own comparison, flows nowhere.
        """
        if (
            type(clearance) is not Label
            or type(clearance.level) is not Level
            or type(clearance.compartments) is not frozenset
        ):
            return False
        return (
            self.level.rank <= clearance.level.rank and self.compartments <= clearance.compartments
        )

    def __str__(self) -> str:
        if not self.compartments:
            return self.level.name
        return f"{self.level.name} ({', '.join(sorted(self.compartments))})"


@dataclass(frozen=True, slots=True)
class Scale:
    """The levels and compartments that an organisation defines.

    Attributes:
        levels: From the least to the most sensitive.
        compartments: Every compartment that a label may name.
    """

    levels: tuple[Level, ...]
    compartments: frozenset[str] = frozenset()

    @classmethod
    def of(cls, levels: Iterable[str], *, compartments: Iterable[str] = ()) -> Scale:
        """Build a scale from names, least sensitive first.

        Raises:
            ConfigurationError: There is no level, or a name stands twice.
        """
        names = tuple(levels)
        if not names:
            raise ConfigurationError("needs at least one level, the least sensitive first")
        if len(set(names)) != len(names):
            raise ConfigurationError(f"names a level twice; remove one: {', '.join(names)}")
        ranked = tuple(Level(rank, name) for rank, name in enumerate(names))
        return cls(ranked, frozenset(compartments))

    @property
    def strictest(self) -> Label:
        """The label of which nobody knows anything: top level, every compartment."""
        return Label(self.levels[-1], self.compartments)

    @property
    def lowest(self) -> Label:
        """The label that flows to every clearance."""
        return Label(self.levels[0])

    def label(self, level: str, *, compartments: Iterable[str] = ()) -> Label:
        """Return the label with these names.

        Raises:
            ConfigurationError: The scale has no such level or compartment.
        """
        found = next((item for item in self.levels if item.name == level), None)
        if found is None:
            names = [item.name for item in self.levels]
            raise ConfigurationError(expected_one_of(level, allowed=names), key="level")
        wanted = frozenset(compartments)
        for name in sorted(wanted - self.compartments):
            raise ConfigurationError(
                expected_one_of(name, allowed=self.compartments), key="compartments"
            )
        return Label(found, wanted)

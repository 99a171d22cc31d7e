"""Fleets: the cards that there are, declared or found.

Answers: which cards can be used, how much of each is free, and which of them are alike?
Not here: what a card is (`sizing.gpus`), asking the driver (`sizing.live`).

Units: bytes. `free_bytes` is what a new process can get: all of `gpu.usable_bytes` on an idle card.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hybridllm.sizing.errors import FleetError
from hybridllm.sizing.gpus import Gpu, find_gpu
from hybridllm.sizing.units import show_gib

_ITEM: Final = re.compile(r"^\s*(?:(\d+)\s*[xX*]\s*)?([A-Za-z][\w .-]*?)\s*$")


@dataclass(frozen=True, slots=True)
class Card:
    """One card in a fleet."""

    gpu: Gpu
    free_bytes: int
    index: int = 0
    mig: str = ""

    @property
    def name(self) -> str:
        """Name for people: index, kind, and what is free if the card is in use."""
        used = (
            ""
            if self.free_bytes >= self.gpu.usable_bytes
            else f", {show_gib(self.free_bytes)} free"
        )
        return f"GPU {self.index}: {self.gpu.name}{self.mig and ' ' + self.mig}{used}"


@dataclass(frozen=True, slots=True)
class Fleet:
    """Cards that one model may use together."""

    cards: tuple[Card, ...]
    cards_per_node: int = 8

    def __post_init__(self) -> None:
        if not self.cards:
            raise FleetError(
                "the fleet has no GPU; declare at least one, such as '1xL4-24GB', or 'CPU'."
            )

    @property
    def label(self) -> str:
        """The fleet as it would be declared, for example `2xL4-24GB,1xA100-80GB`."""
        counts: dict[str, int] = {}
        for card in self.cards:
            counts[card.gpu.name] = counts.get(card.gpu.name, 0) + 1
        return ",".join(f"{count}x{name}" for name, count in counts.items())


def parse_fleet(text: str) -> Fleet:
    """Return a fleet from `8xH100-80GB`, a list `2xL40S-48GB, 1xA100-40GB`, or a `.toml` path.

    Raises:
        FleetError: A count is zero, a card is unknown, or the file cannot be read.
    """
    if text.strip().endswith(".toml"):
        return read_fleet(Path(text.strip()))
    cards: list[Card] = []
    for item in text.split(","):
        match = _ITEM.match(item)
        if match is None:
            raise FleetError(
                f"fleet '{text}' has '{item.strip()}'; write items such as 2xL40S-48GB, "
                "with commas between them."
            )
        count = int(match.group(1) or 1)
        if count == 0:
            raise FleetError(f"fleet '{text}' has zero {match.group(2)}; a count starts at 1.")
        gpu = find_gpu(match.group(2))
        cards += [Card(gpu, gpu.usable_bytes) for _ in range(count)]
    return fleet_of(cards)


def fleet_of(cards: Iterable[Card], *, cards_per_node: int = 8) -> Fleet:
    """Return a fleet with its cards numbered in order."""
    numbered = (
        Card(card.gpu, card.free_bytes, index, card.mig) for index, card in enumerate(cards)
    )
    return Fleet(tuple(numbered), cards_per_node)


def uniform_fleet(name: str, *, count: int = 1) -> Fleet:
    """Return `count` idle cards of one kind.

    Raises:
        FleetError: The card is unknown or `count` is not positive.
    """
    if count < 1:
        raise FleetError(f"the fleet has {count} GPUs; a count starts at 1.")
    gpu = find_gpu(name)
    return fleet_of([Card(gpu, gpu.usable_bytes)] * count)


def read_fleet(path: Path) -> Fleet:
    """Return the fleet of a TOML file: `[[gpu]]` tables with `name` and `count`.

    Raises:
        FleetError: The file is missing, is no TOML, or has a key or value that is not allowed.
    """
    from hybridllm.sizing.fleet_file import read_fleet_file

    return read_fleet_file(path)

"""A fleet in a TOML file.

Answers: which keys may the file have, and which cards does it declare?
Not here: fleets in one line (`sizing.fleet`).

    cards_per_node = 8

    [[gpu]]
    name = "L40S-48GB"
    count = 2
    free_gib = 30.5        # what other processes leave; all of it otherwise

A card that is not in the catalogue states `memory_gib`, and its speed for bounds.
Units: GiB, GB/s, TFLOP/s.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hybridllm.sizing.errors import FleetError
from hybridllm.sizing.fleet import Card, Fleet, fleet_of
from hybridllm.sizing.gpus import Gpu, find_gpu
from hybridllm.sizing.units import GIB


class _FleetEntry(BaseModel):
    """One `[[gpu]]` of a fleet file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    count: int = Field(default=1, ge=1)
    memory_gib: float | None = Field(default=None, gt=0)
    free_gib: float | None = Field(default=None, ge=0)
    bandwidth_gb_s: float = Field(default=0, ge=0)
    bf16_tflops: float = Field(default=0, ge=0)


class _FleetFile(BaseModel):
    """A fleet file: `[[gpu]]` tables and the number of cards in one node."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cards_per_node: int = Field(default=8, ge=1)
    gpu: list[_FleetEntry]


def read_fleet_file(path: Path) -> Fleet:
    """Return the fleet of a TOML file.

    Raises:
        FleetError: The file is missing, is no TOML, or has a key or value that is not allowed.
    """
    try:
        parsed = _FleetFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise FleetError(f"fleet file '{path.name}' does not exist.") from None
    except tomllib.TOMLDecodeError as error:
        raise FleetError(f"fleet file '{path.name}' is not TOML: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise FleetError(f"fleet file '{path.name}': {where}: {first['msg']}.") from None
    cards = [card for entry in parsed.gpu for card in _cards(entry)]
    return fleet_of(cards, cards_per_node=parsed.cards_per_node)


def _cards(entry: _FleetEntry) -> list[Card]:
    if entry.memory_gib is None:
        gpu = find_gpu(entry.name)
    else:
        size = round(entry.memory_gib * GIB)
        gpu = Gpu(
            entry.name, "nvidia", size, size, entry.bandwidth_gb_s * 1e9, entry.bf16_tflops * 1e12
        )
    free = gpu.usable_bytes if entry.free_gib is None else round(entry.free_gib * GIB)
    return [Card(gpu, min(free, gpu.usable_bytes))] * entry.count

"""Catalogue of GPUs: how much memory each has, and how fast it is.

Answers: what does this card offer, by name?
Not here: cards in a fleet (`sizing.fleet`), cards in this machine (`sizing.live`).

Units: bytes, bytes per second, floating-point operations per second (dense, without sparsity).
`memory_bytes` is what the driver lists; `usable_bytes` is what a process sees once a context exists
(PyTorch's total), which is what engines take their share of. Sources stand beside each value in
`data/gpus.csv`, which tells figures read in a log from those written from memory.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Literal

from hybridllm.sizing.errors import FleetError, nearest
from hybridllm.sizing.units import MIB

Vendor = Literal["nvidia", "amd", "cpu"]


@dataclass(frozen=True, slots=True)
class Gpu:
    """One kind of card, or a CPU that stands in for one."""

    name: str
    vendor: Vendor
    memory_bytes: int
    usable_bytes: int
    bandwidth_bytes_s: float
    flops_bf16: float = 0.0
    flops_fp8: float = 0.0
    link_bytes_s: float = 0.0
    memory_source: str = "declared"
    speed_source: str = "declared"
    written: str = ""


@lru_cache(maxsize=1)
def catalogue() -> dict[str, Gpu]:
    """Return every known card by name."""
    text = resources.files("hybridllm.sizing").joinpath("data/gpus.csv").read_text(encoding="utf-8")
    return {row["name"]: _gpu(row) for row in csv.DictReader(text.splitlines())}


def find_gpu(name: str) -> Gpu:
    """Return a card by its name or one of its aliases; case, spaces and underscores do not matter.

    Raises:
        FleetError: No such card, with the nearest names.
    """
    wanted = _plain(name)
    known = _names()
    if wanted in known:
        return catalogue()[known[wanted]]
    raise FleetError(
        f"GPU '{name}' is not in the catalogue; known are {', '.join(catalogue())}."
        f"{nearest(wanted, allowed=known)} A card that is missing can be declared in a fleet file."
    )


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    text = resources.files("hybridllm.sizing").joinpath("data/gpus.csv").read_text(encoding="utf-8")
    found: dict[str, str] = {}
    for row in csv.DictReader(text.splitlines()):
        for alias in (row["name"], *row["aliases"].split("|")):
            found[_plain(alias)] = row["name"]
    return found


def _plain(name: str) -> str:
    """`NVIDIA H100 80GB HBM3`, `H100-80GB` and `h100_80gb` are one name."""
    words = name.lower().replace("_", " ").replace("-", " ").split()
    return "-".join(
        word for word in words if word not in ("nvidia", "amd", "geforce", "tesla", "instinct")
    )


def _gpu(row: dict[str, str]) -> Gpu:
    vendor: Vendor = (
        "nvidia" if row["vendor"] == "nvidia" else "amd" if row["vendor"] == "amd" else "cpu"
    )
    return Gpu(
        row["name"],
        vendor,
        int(row["memory_mib"]) * MIB,
        int(row["usable_mib"]) * MIB,
        float(row["bandwidth_gb_s"]) * 1e9,
        float(row["bf16_tflops"] or 0) * 1e12,
        float(row["fp8_tflops"] or 0) * 1e12,
        float(row["link_gb_s"] or 0) * 1e9,
        row["memory_source"],
        row["speed_source"],
        row["written"],
    )

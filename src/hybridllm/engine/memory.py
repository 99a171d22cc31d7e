"""Memory of the device.

Answers: how much may the keys and values take, and is this error a lack of memory?
Not here: what is done about it (`engine.scheduler`).

Units: bytes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

# The rest is for activations, and for the program around the engine.
_SHARE_OF_GPU = 0.8
_SHARE_OF_HOST = 0.25
_UNKNOWN_HOST_BYTES = 4 * 2**30


@dataclass(frozen=True, slots=True)
class KvBudget:
    """What the keys and values of all rows may take; every row is as wide as the longest."""

    total_bytes: int
    bytes_per_token: int

    def exceeded(self, rows: int, *, tokens: int) -> bool:
        """Say whether so many rows of so many tokens take too much."""
        return rows * tokens * self.bytes_per_token > self.total_bytes

    def has_room(self, rows: int, *, tokens: int) -> bool:
        """Say whether rows may be let in.

        A tenth stays free, so that a row that was just let in is not sent away at once.
        """
        return rows * tokens * self.bytes_per_token <= 0.9 * self.total_bytes


def kv_budget_bytes(device: torch.device) -> int:
    """Return how many bytes the keys and values may take. The weights are loaded already."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free * _SHARE_OF_GPU)
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # not on Windows, nor everywhere on macOS
        free = _UNKNOWN_HOST_BYTES
    return int(free * _SHARE_OF_HOST)


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether an error means that memory ran out."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    # The allocator of the CPU raises a plain RuntimeError.
    return isinstance(error, RuntimeError) and "allocate memory" in str(error)

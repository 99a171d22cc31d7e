"""Units of size, and how to say them.

Everything inside `hybridllm.sizing` is bytes; people read GiB (2**30), as GPU drivers do.
A figure in GB (10**9) is 6.9 % smaller than the same number of GiB: never mix them.
"""

from __future__ import annotations

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30


def gib(size_bytes: float) -> float:
    """Return bytes as GiB."""
    return size_bytes / GIB


def show_gib(size_bytes: float) -> str:
    """Return bytes as people read them, for example `14.96 GiB`."""
    return f"{size_bytes / GIB:,.2f} GiB"


def ceil_div(value: int, *, by: int) -> int:
    """Return `value / by`, rounded up."""
    return -(-value // by)

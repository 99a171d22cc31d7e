"""What goes wrong when a size is asked for.

    HybridLLMError
    └── SizingError             also a ValueError: the question cannot be answered
        ├── UnknownKindError    an attention, cache, dtype or format that is not modelled
        ├── FactsError          a model's facts are missing, truncated or contradict each other
        └── FleetError          a fleet or GPU that cannot be read

Messages name what was found, what is allowed and the nearest match. They hold names and numbers
only.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from hybridllm.errors import HybridLLMError


class SizingError(HybridLLMError, ValueError):
    """A sizing question that cannot be answered as it was asked."""


class UnknownKindError(SizingError):
    """An attention, cache, dtype or quantisation format that is not modelled, refused by name."""


class FactsError(SizingError):
    """The facts of a model are missing, truncated or contradict each other."""


class FleetError(SizingError):
    """A fleet or a GPU that cannot be understood."""


def nearest(found: str, *, allowed: Iterable[str]) -> str:
    """Return ` Did you mean 'x'?` for the allowed name closest to `found`, or an empty string."""
    lowered = {name.lower(): name for name in allowed}
    close = difflib.get_close_matches(found.lower(), lowered, n=1, cutoff=0.5)
    return f" Did you mean '{lowered[close[0]]}'?" if close else ""


def require_count(value: int, *, name: str, least: int = 0) -> int:
    """Return `value` when it is a whole number of at least `least`; refuse it by name otherwise."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise SizingError(f"{name} is {value!r}; expected a whole number of at least {least}.")
    if value < least:
        raise SizingError(f"{name} is {value}; expected a whole number of at least {least}.")
    return value

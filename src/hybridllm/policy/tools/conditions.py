"""How the conditions of two rules lie to each other.

Answers: does one hold wherever the other does, can both hold, of which cases does one
consist?
Not here: what rules do (`policy.tools.idle_rules`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any, Final

from hybridllm.policy.model import patterns_of

if TYPE_CHECKING:
    from hybridllm.labels import Level
    from hybridllm.policy.model import Condition

_SINGLE: Final = ("departments", "principals", "purposes", "applications", "models", "endpoints")
"""A request has one of each, so two sets without a common name exclude each other."""

_SETS: Final = ("kinds", "compartments", *_SINGLE)
_MOST_CASES: Final = 5_000


def is_wider(other: Condition, *, than: Condition, floor: Level) -> bool:
    """Return whether a condition holds wherever another one does.

    Args:
        other: The condition that may be wider.
        than: The condition that may be narrower.
        floor: The level that every request has at least.
    """
    asked = -1 if than.level_at_least is None else than.level_at_least
    if other.level_at_least is not None and other.level_at_least > max(asked, floor.rank):
        return False
    if other.kinds and not (
        than.kinds and all(not other.kinds.isdisjoint(patterns_of(kind)) for kind in than.kinds)
    ):
        return False
    return all(
        not wide or (bool(narrow) and narrow <= wide)
        for wide, narrow in (
            (getattr(other, name), getattr(than, name)) for name in ("compartments", *_SINGLE)
        )
    )


def can_meet(one: Condition, *, other: Condition) -> bool:
    """Return whether both conditions can hold for the same request."""
    pairs = ((getattr(one, name), getattr(other, name)) for name in _SINGLE)
    return not any(a and b and a.isdisjoint(b) for a, b in pairs)


def cases(when: Condition, *, kinds: Iterable[str]) -> Iterator[Condition]:
    """Yield the single cases in which a condition holds: one of each of its names.

    A category stands for its known kinds. A condition of very many cases is one case.
    """
    found = {name: sorted(getattr(when, name)) for name in _SETS}
    if when.kinds:
        known = [kind for kind in sorted(kinds) if when.kinds & patterns_of(kind)]
        found["kinds"] = known or sorted(when.kinds)
    named = [name for name in _SETS if found[name]]
    count = 1
    for name in named:
        count *= len(found[name])
    if count > _MOST_CASES:
        yield when
        return
    for values in product(*(found[name] for name in named)):
        single: dict[str, Any] = {
            name: frozenset({value}) for name, value in zip(named, values, strict=True)
        }
        yield replace(when, **single)

"""Model aliases: which backends may answer for a name, and in which order.

Answers: do the backends of an alias exist, and which of them are equals?
Not here: the other parts of the policy (`policy.load`), choosing between equals (`balance`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hybridllm.errors import ConfigurationError
from hybridllm.policy.load import require
from hybridllm.policy.model import Destination, Target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hybridllm.policy.schema import AliasConfig, TargetConfig


def build_aliases(
    table: Mapping[str, AliasConfig], *, destinations: Mapping[str, Destination], file: str
) -> dict[str, tuple[Target, ...]]:
    """Return the targets of each model alias; neighbours with weights are equals of one group.

    Raises:
        ConfigurationError: A backend does not exist, a target stands twice, or neighbours
            with weights are not equal in place and clearance.
    """
    return {
        name: _targets(
            alias.candidates,
            destinations=destinations,
            file=file,
            key=f"models.{name}.candidates",
        )
        for name, alias in table.items()
    }


def _targets(
    candidates: Sequence[TargetConfig],
    *,
    destinations: Mapping[str, Destination],
    file: str,
    key: str,
) -> tuple[Target, ...]:
    targets: list[Target] = []
    group, before = 0, None
    for position, candidate in enumerate(candidates):
        here = f"{key}[{position}]"
        require(candidate.backend, allowed=destinations, file=file, key=f"{here}.backend")
        if any((candidate.backend, candidate.model) == (t.backend, t.model) for t in targets):
            raise ConfigurationError("repeats an earlier candidate; remove it", file=file, key=here)
        if candidate.weight is None:
            before = None
            targets.append(Target(candidate.backend, candidate.model))
            continue
        destination = destinations[candidate.backend]
        if before is None:
            group += 1
        elif not _are_equals(before, destination):
            raise ConfigurationError(
                f"shares calls with {before.name!r}, which has another place or clearance; "
                "only equals share. Remove the weights, and the order counts",
                file=file,
                key=f"{here}.weight",
            )
        before = destination
        targets.append(Target(candidate.backend, candidate.model, candidate.weight, group))
    return tuple(targets)


def _are_equals(one: Destination, other: Destination) -> bool:
    return (one.place, one.clearance) == (other.place, other.clearance)

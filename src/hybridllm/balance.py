"""The choice among equals: which of several backends of one rank is asked.

Answers: in which groups do candidates stand, and which one of a group is next?
Not here: who is a candidate at all (`policy.decide`), asking it (`attempts`).

The choice is only ever between candidates that are handed in, so it can add none.
Two are drawn by weight, and the one with less to do is asked: as good as asking for
the least busy of all, without everybody running to the same one. Of two that have
equally much to do the first drawn is asked, so that an idle group follows its weights.
One that answers more than half as slowly again as the other counts as that much busier.

Source: Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from hybridllm.fleet import Fleet
    from hybridllm.policy.model import Target
    from hybridllm.types import Candidate

SAME_SPEED: Final = 1.5
"""Below this ratio, latencies count as equal. Own choice: their noise must not beat weights."""


@dataclass(frozen=True, slots=True)
class Share:
    """A candidate with its share of the calls that its rank answers."""

    candidate: Candidate
    weight: int = 1


def ranks(candidates: Sequence[Candidate], *, targets: Sequence[Target]) -> list[tuple[Share, ...]]:
    """Return the candidates in order of preference, equals together.

    Args:
        candidates: Of the decision.
        targets: Of the alias, with weights and groups.
    """
    if not any(target.group for target in targets):
        return [(Share(candidate),) for candidate in candidates]
    known = {(target.backend, target.model): target for target in targets}
    wanted = [(one, known[one.backend, one.model]) for one in candidates]
    found: list[tuple[Share, ...]] = []
    for group, run in groupby(wanted, key=lambda pair: pair[1].group):
        members = tuple(Share(candidate, target.weight) for candidate, target in run)
        # Group 0 holds those that nobody weighted: each is a rank of its own.
        found += [members] if group else [(member,) for member in members]
    return found


def choose(shares: Sequence[Share], *, fleet: Fleet, random: Random, now: float) -> Share:
    """Return who is asked next. Those that are down and not due for a probe come last."""
    if len(shares) == 1:
        return shares[0]
    up = [one for one in shares if not _is_resting(one, fleet=fleet, now=now)] or shares
    first = _draw(up, random=random)
    others = [one for one in up if one is not first]
    if not others:
        return first
    second = _draw(others, random=random)
    ours, theirs = (_latency_s(one, fleet=fleet, now=now) for one in (first, second))
    mine = _load(first, fleet=fleet) * _slowness(ours, than=theirs)
    other = _load(second, fleet=fleet) * _slowness(theirs, than=ours)
    return second if other < mine else first


def _draw(shares: Sequence[Share], *, random: Random) -> Share:
    mark = random.uniform(0, sum(one.weight for one in shares))
    for share in shares:
        mark -= share.weight
        if mark < 0:
            return share
    return shares[-1]


def _is_resting(share: Share, *, fleet: Fleet, now: float) -> bool:
    return fleet.of(share.candidate.backend).health.is_resting(now=now)


def _load(share: Share, *, fleet: Fleet) -> float:
    return 1 + fleet.of(share.candidate.backend).gate.running / share.weight


def _latency_s(share: Share, *, fleet: Fleet, now: float) -> float | None:
    return fleet.of(share.candidate.backend).health.latency_s(now=now)


def _slowness(latency_s: float | None, *, than: float | None) -> float:
    if not latency_s or not than or latency_s < SAME_SPEED * than:
        return 1.0
    return latency_s / than

"""The choice among equals: by weight, by load, by speed, and only among what is handed in."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybridllm.balance import Share, choose, ranks
from hybridllm.fleet import Fleet
from hybridllm.policy.model import Target
from hybridllm.types import Candidate, Place
from tests.model.fakes import broken

NOW = 1000.0


def one(name: str, *, weight: int = 1) -> Share:
    """Return a share of an engine on the premises."""
    return Share(Candidate(name, "small", Place.ON_PREMISES), weight)


def ranked(*groups: tuple[str, int], without: str = "") -> list[list[str]]:
    """Return the ranks of an alias by name; all targets but one are candidates."""
    targets = [Target(name, "small", 1, group) for name, group in groups]
    candidates = [one(name).candidate for name, _ in groups if name != without]
    return [
        [share.candidate.backend for share in rank] for rank in ranks(candidates, targets=targets)
    ]


def chosen(*shares: Share, fleet: Fleet | None = None, times: int = 4_000) -> Counter[str]:
    """Return how often each is chosen."""
    dice, fleet = Random(7), fleet or Fleet()
    return Counter(
        choose(shares, fleet=fleet, random=dice, now=NOW).candidate.backend for _ in range(times)
    )


def test_candidates_without_weights_are_each_a_rank_of_their_own():
    """The order of the file counts, as it always did."""
    assert [["a"], ["b"]] == ranked(("a", 0), ("b", 0))


def test_neighbours_of_one_group_are_one_rank():
    """Two groups stay two, also when what stood between them is not allowed."""
    groups = (("a", 1), ("b", 1), ("c", 0), ("d", 2), ("e", 2), ("f", 0), ("g", 0))

    assert [["a", "b"], ["c"], ["d", "e"], ["f"], ["g"]] == ranked(*groups)
    assert [["a", "b"], ["d", "e"], ["f"], ["g"]] == ranked(*groups, without="c")


def test_an_idle_group_follows_its_weights():
    """Three times the weight, three times the calls: 75 % +- 2 % of 4,000."""
    counts = chosen(one("big", weight=3), one("small", weight=1))

    assert 3_000 == pytest.approx(counts["big"], abs=80)


def test_weights_hold_among_three():
    """Half, a third, a sixth."""
    counts = chosen(one("a", weight=3), one("b", weight=2), one("c", weight=1))

    assert [2_000, 1_333, 667] == [pytest.approx(counts[name], abs=120) for name in "abc"]


def test_the_busier_one_of_two_is_left_alone():
    """A long reply here sends the next call there."""
    fleet = Fleet()
    fleet.of("a").gate.enter()

    assert {"b": 4_000} == chosen(one("a"), one("b"), fleet=fleet)


def test_load_counts_in_proportion_to_weight():
    """Three calls at a backend of weight three are one call at a backend of weight one."""
    fleet = Fleet()
    for _ in range(2):
        fleet.of("big").gate.enter()
    fleet.of("small").gate.enter()

    assert {"big": 4_000} == chosen(one("big", weight=3), one("small", weight=1), fleet=fleet)


def test_a_slow_one_is_spared_and_a_little_slower_one_is_not():
    """Twice as slow matters; ten per cent is noise and must not beat the weights."""
    fleet = Fleet()
    for name, latency_s in (("fast", 1.0), ("near", 1.1), ("slow", 2.0)):
        fleet.of(name).health.answered(now=NOW, latency_s=latency_s)

    assert {"fast": 4_000} == chosen(one("fast"), one("slow"), fleet=fleet)
    assert 2_000 == pytest.approx(chosen(one("fast"), one("near"), fleet=fleet)["near"], abs=120)


def test_one_that_is_down_comes_last_until_a_probe_is_due():
    """As long as an equal is up, nobody asks the one that is not, but for a probe."""
    fleet = Fleet()
    for _ in range(10):
        fleet.of("a").health.ended(broken(), now=NOW, lasted_s=1.0, had_begun=False)

    assert {"b": 4_000} == chosen(one("a"), one("b"), fleet=fleet)
    assert {"a": 10} == chosen(one("a"), fleet=fleet, times=10)
    later = choose([one("a"), one("b")], fleet=fleet, random=Random(1), now=NOW + 1)
    assert "a" == later.candidate.backend


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 9)), min_size=1, max_size=6),
    st.lists(st.sampled_from("abcdefghij"), max_size=40),
    st.integers(),
)
def test_nothing_but_what_was_handed_in_is_ever_chosen(members, busy, seed):
    """Balance cannot add a backend, however the fleet looks."""
    shares = [one(name, weight=weight) for name, weight in members]
    fleet = Fleet()
    for name in busy:
        fleet.of(name).gate.enter()
        fleet.of(name).health.ended(broken(), now=NOW, lasted_s=1.0, had_begun=False)

    assert choose(shares, fleet=fleet, random=Random(seed), now=NOW) in shares

"""Budgets: they close the clouds when they are used up, and never what is inside."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from hybridllm.budgets import Amount, Budget, Budgets, FileCounter, MemoryCounter, Price, Window
from hybridllm.errors import PolicyDeniedError, StoreError
from hybridllm.flow import complete, explain
from tests.model.driving import drive
from tests.model.fakes import REPLY, SECRET, World, chunk, status

KEY = b"k" * 32
NOON = datetime(2026, 11, 25, 12, 30, tzinfo=UTC)
PRICES = {"cloud": Price(per_million_input=2.0, per_million_output=8.0)}


class Wall:
    """A wall clock that stands still."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def world_with(*budgets: Budget, counter: object = None, wall: Wall | None = None) -> World:
    """Return a world whose cloud is bounded."""
    world = World()
    counted = Budgets(
        budgets, prices=PRICES, counter=counter or MemoryCounter(), now=wall or Wall()
    )
    world.runtime = replace(world.runtime, budgets=counted)
    return world


def ask(world: World, content: str = "hello", **changes: object) -> str:
    """Make a call; return who answered."""
    return drive(
        complete(world.call(content, **changes), world.runtime), world
    ).result.decision.backend


def test_a_used_up_budget_closes_the_cloud_and_the_engine_inside_answers():
    """Work goes on when the money is spent, on the company's own machines."""
    world = world_with(Budget("requests", Window.DAY, max_requests=2))

    assert ["cloud", "cloud", "local", "local"] == [ask(world) for _ in range(4)]
    assert 2 == len(world.cloud.received)


def test_what_stays_inside_costs_nothing():
    """Calls that never left are not counted, and are never refused."""
    world = world_with(Budget("requests", Window.DAY, max_requests=1))

    assert ["local"] * 5 == [ask(world, SECRET) for _ in range(5)]
    world.memory.labels.clear()
    assert "cloud" == ask(world)


def test_a_model_that_is_only_in_a_cloud_is_denied_with_the_reason():
    """The caller hears that it is the budget, and the log keeps it."""
    world = world_with(Budget("requests", Window.DAY, max_requests=0))

    with pytest.raises(PolicyDeniedError, match="budget") as caught:
        ask(world, model="cloudy")

    (rejection,) = caught.value.policy_decision.rejected
    assert ["budget"] == [reason.code for reason in rejection.reasons]
    assert ["requests"] == world.log.of("denied")[0]["budgets"]
    assert {"cloud": ["budget"]} == world.log.of("denied")[0]["rejected"]
    assert world.sent_nothing()


def test_explaining_counts_nothing_and_says_the_same():
    """`explain` is `create` without sending."""
    world = world_with(Budget("requests", Window.DAY, max_requests=1))

    first = [explain(world.call(), world.runtime).decision.candidates[0].backend for _ in range(3)]
    ask(world)
    after = explain(world.call(), world.runtime).decision.candidates[0].backend

    assert (["cloud"] * 3, "local") == (first, after)


def test_every_attempt_counts_as_a_request():
    """What a provider may bill is counted, whether it answered or not."""
    world = world_with(Budget("requests", Window.DAY, max_requests=3))
    world.cloud.script = [status(503)]

    ask(world)

    assert 3 == len(world.cloud.received)
    assert "local" == ask(world)
    assert 3 == len(world.cloud.received)


@pytest.mark.parametrize("stream", [False, True])
def test_tokens_count_as_the_backend_states_them(stream):
    """Ten tokens are spent by two replies of five."""
    usage = {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}
    world = world_with(Budget("tokens", Window.DAY, max_tokens=10))
    last = b'{"choices": [], "usage": {"prompt_tokens": 2, "completion_tokens": 3}}'
    world.cloud.script = [[chunk("は"), last]] if stream else [REPLY | {"usage": usage}]
    backends = []

    for _ in range(3):
        done = drive(complete(world.call(stream=stream), world.runtime), world)
        emitted = done.emitted[-1] if stream else None
        backends.append((emitted or done.result).decision.backend)
        world.cloud.script = [[chunk("は"), last]] if stream else [REPLY | {"usage": usage}]
        world.local.script = [[chunk("は")]] if stream else [REPLY]

    assert ["cloud", "cloud", "local"] == backends


@pytest.mark.parametrize("stream", [False, True])
def test_without_a_stated_count_tokens_are_estimated(stream):
    """A caller who has the counts left out of a stream spends all the same."""
    world = world_with(Budget("tokens", Window.DAY, max_tokens=1_000))
    text = "は" * 1_000
    reply = {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]}
    world.cloud.script = [[chunk(text)]] if stream else [reply]

    drive(complete(world.call(stream=stream), world.runtime), world)

    assert {"tokens"} == world.runtime.budgets.used_up("legal")


def test_money_counts_by_the_price_of_the_backend():
    """A million tokens in at 2.0 and half a million out at 8.0 make 6.0."""
    counter = MemoryCounter()
    budgets = Budgets(
        [Budget("money", Window.MONTH, max_micros=6_000_000)],
        prices=PRICES,
        counter=counter,
        now=Wall(),
    )
    usage = {"prompt_tokens": 1_000_000, "completion_tokens": 500_000}

    budgets.count_reply("legal", backend="cloud", usage=usage, sent=0, received=0)

    assert [Amount(0, 1_500_000, 6_000_000)] == counter.spent([("money", "2026-11")])
    assert {"money"} == budgets.used_up("legal")


@pytest.mark.parametrize("name", ["prompt_tokens", "completion_tokens"])
@pytest.mark.parametrize("count", [-(10**30), 10**30])
def test_a_count_that_cannot_be_true_does_no_harm(count, name, tmp_path):
    """A backend that states nonsense neither refills a budget nor breaks the counter."""
    counter = FileCounter(tmp_path / "budgets.sqlite", key_check=KEY)
    budgets = Budgets(
        [Budget("tokens", Window.DAY, max_tokens=10)], prices=PRICES, counter=counter, now=Wall()
    )
    stated = {"prompt_tokens": 9, "completion_tokens": 0}
    budgets.count_reply("legal", backend="cloud", usage=stated, sent=1, received=1)

    for _ in range(3):
        budgets.count_reply("legal", backend="cloud", usage={name: count}, sent=1, received=1)

    assert (count > 0) == bool(budgets.used_up("legal"))
    stated["prompt_tokens"] = 1
    budgets.count_reply("legal", backend="cloud", usage=stated, sent=1, received=1)
    assert {"tokens"} == budgets.used_up("legal")
    budgets.close()


def test_a_budget_of_some_departments_leaves_the_others_alone():
    """Legal has spent its own; sales has not."""
    budgets = Budgets(
        [
            Budget("legal", Window.DAY, frozenset({"legal"}), max_requests=1),
            Budget("all", Window.DAY, max_requests=3),
        ],
        prices={},
        counter=MemoryCounter(),
        now=Wall(),
    )
    budgets.count_request("legal")
    assert (frozenset({"legal"}), frozenset()) == (
        budgets.used_up("legal"),
        budgets.used_up("sales"),
    )

    budgets.count_request("sales")
    budgets.count_request("sales")
    assert {"all"} == budgets.used_up("sales")
    assert {"all", "legal"} == budgets.used_up("legal")


@pytest.mark.parametrize("in_file", [False, True])
@pytest.mark.parametrize(
    ("window", "still", "anew"),
    [
        (Window.HOUR, timedelta(minutes=29), timedelta(minutes=30)),
        (Window.DAY, timedelta(hours=11), timedelta(hours=12)),
        (Window.MONTH, timedelta(days=5), timedelta(days=6)),
    ],
)
def test_a_window_ends_at_the_full_hour_day_or_month(window, still, anew, in_file, tmp_path):
    """Budgets start anew, in UTC wherever the machine stands."""
    wall = Wall()
    counter = (
        FileCounter(tmp_path / "budgets.sqlite", key_check=KEY) if in_file else MemoryCounter()
    )
    budgets = Budgets([Budget("one", window, max_requests=1)], prices={}, counter=counter, now=wall)
    budgets.count_request("legal")

    wall.now = (NOON + still).astimezone(timezone(timedelta(hours=9)))
    assert {"one"} == budgets.used_up("legal")
    wall.now = NOON + anew
    assert frozenset() == budgets.used_up("legal")
    budgets.count_request("legal")
    assert {"one"} == budgets.used_up("legal")
    budgets.close()


def test_two_processes_that_share_the_file_count_together(tmp_path: Path):
    """Four workers on one machine spend one budget, not four; no count is lost on the way."""
    path = tmp_path / "budgets.sqlite"
    counters = [FileCounter(path, key_check=KEY) for _ in range(2)]
    keys = [("one", "2026-11-25")]

    def spend(number: int) -> None:
        counters[number % 2].add(keys, amount=Amount(1, 10, 100))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(spend, range(200)))

    assert [Amount(200, 2_000, 20_000)] == counters[0].spent(keys) == counters[1].spent(keys)
    for counter in counters:
        counter.close()


def test_threads_of_one_process_count_together():
    """Two hundred calls at once are two hundred."""
    counter, keys = MemoryCounter(), [("one", "2026-11-25")]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: counter.add(keys, amount=Amount(1, 1, 1)), range(200)))

    assert [Amount(200, 200, 200)] == counter.spent(keys)


def test_a_counter_that_cannot_be_read_closes_the_cloud():
    """Nobody spends what nobody counts; the engines inside go on."""

    class Broken(MemoryCounter):
        def spent(self, keys: object) -> list[Amount]:
            raise StoreError("the file is gone")

        def add(self, keys: object, *, amount: Amount) -> None:
            raise StoreError("the file is gone")

    world = world_with(Budget("requests", Window.DAY, max_requests=9), counter=Broken())

    assert "local" == ask(world)
    world.runtime.budgets.count_request("legal")
    assert [] == world.cloud.received


def test_a_budget_shows_its_name_alone():
    """What is printed by accident says nothing of anybody's spending."""
    budgets = Budgets([Budget("one", Window.DAY)], prices={}, counter=MemoryCounter())

    assert "Budgets(['one'])" == repr(budgets)
    assert frozenset() == budgets.used_up("legal")
    budgets.close()

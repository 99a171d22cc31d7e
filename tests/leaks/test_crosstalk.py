"""Many callers at once: everybody gets their own answer, label, memory and decision."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.leaks.crowd import DEPARTMENTS, Plan, client_of, last_text, params, plans, wrong
from tests.leaks.operations import acall, call
from tests.leaks.setting import open_async_client, open_client, unfinished, write_config
from tests.support.server import RecordingServer

_AT_ONCE = 64
_FEW, _MANY = 500, 10_000


def _write(folder: Path, *, cloud: RecordingServer, inner: RecordingServer) -> Path:
    departments = folder / "departments"
    departments.mkdir(parents=True)
    for name in DEPARTMENTS:
        (departments / f"{name}.toml").write_text("version = 1\n", encoding="utf-8")
    for server in (cloud, inner):
        server.say(last_text)
    return write_config(folder, cloud=cloud, on_premises=inner)


async def _run_async(file: Path, crowd: list[Plan]) -> list[str]:
    gate = asyncio.Semaphore(_AT_ONCE)
    async with open_async_client(file) as client:

        async def one(plan: Plan) -> list[str | None]:
            async with gate:
                found = []
                for again in (False, True)[: 1 + plan.goes_on]:
                    mine = client_of(client, plan, again=again)
                    answered = await acall(mine, plan.operation, params=params(plan, again=again))
                    found.append(wrong(plan, answered, again=again))
                return found

        found = await asyncio.gather(*map(one, crowd))
        return [what for several in found for what in several if what]


def _in_a_loop(file: Path, count: int) -> tuple[list[Plan], list[str]]:
    crowd = plans(count, seed=7781, is_async=True)
    return crowd, asyncio.run(_run_async(file, crowd))


def _in_threads(file: Path, count: int) -> tuple[list[Plan], list[str]]:
    crowd = plans(count, seed=7782, is_async=False)
    with open_client(file) as client, ThreadPoolExecutor(_AT_ONCE) as pool:

        def one(plan: Plan) -> list[str | None]:
            found = []
            for again in (False, True)[: 1 + plan.goes_on]:
                mine = client_of(client, plan, again=again)
                answered = call(mine, plan.operation, params=params(plan, again=again))
                found.append(wrong(plan, answered, again=again))
            return found

        return crowd, [what for several in pool.map(one, crowd) for what in several if what]


@pytest.mark.parametrize(
    ("run", "count"),
    [
        pytest.param(_in_a_loop, _FEW, id="event loop"),
        pytest.param(_in_threads, _FEW, id="threads"),
        pytest.param(_in_a_loop, _MANY, id="event loop, many", marks=pytest.mark.slow),
        pytest.param(_in_threads, _MANY, id="threads, many", marks=pytest.mark.slow),
    ],
)
def test_nobody_gets_what_belongs_to_another(
    run: Callable[[Path, int], tuple[list[Plan], list[str]]],
    count: int,
    tmp_path: Path,
    cloud: RecordingServer,
    on_premises: RecordingServer,
) -> None:
    """Sixty-four at once from five departments: no reply, label, memory or verdict crosses."""
    file = _write(tmp_path, cloud=cloud, inner=on_premises)

    crowd, crossed = run(file, count)

    assert [] == crossed
    asked = count + sum(plan.goes_on for plan in crowd)
    assert asked == len(cloud.requests) + len(on_premises.requests)
    assert b"Kestrel-inside" not in cloud.received
    assert b"Kestrel-open" not in on_premises.received
    assert [] == unfinished(file)

"""Queues at the wire: never more calls at once than allowed, and no place is ever lost.

A server holds its answers until the test lets it go; nothing waits for a clock.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai
import pytest

from hybridllm import AsyncHybridLLM, BackendBusyError, HybridLLM
from tests.leaks.outage_company import PATIENCE_S, SECRET, Company, Held, ask
from tests.leaks.setting import unfinished
from tests.support.server import RecordingServer


@pytest.fixture
def company(tmp_path: Path, cloud: RecordingServer, on_premises: RecordingServer) -> Company:
    return Company(tmp_path, cloud=cloud, first=on_premises)


@pytest.mark.parametrize("is_async", [False, True])
def test_a_full_or_slow_queue_is_an_error_with_a_remedy(company: Company, is_async: bool) -> None:
    """A busy engine refuses within the time that it was given; the call never arrives."""
    held = Held()
    company.first.behave(held)
    company.backend = "max_concurrency = 1\nmax_queue = 1\nqueue_timeout_s = 0.05"

    errors = (_crowd_in_a_loop if is_async else _crowd_in_threads)(company, held)

    assert ["queue_full", "queue_timeout"] == sorted(str(error.code) for error in errors)
    assert all(isinstance(error, openai.RateLimitError) for error in errors)
    assert all("max_queue" in str(error) for error in errors)
    assert 1 == len(company.first.requests)
    assert b"" == company.cloud.received


def _crowd_in_threads(company: Company, held: Held) -> list[BackendBusyError]:
    """Let one call be answered slowly, one wait and one find the queue full."""
    errors: list[BackendBusyError] = []

    def call(client: HybridLLM) -> None:
        try:
            client.chat.completions.create(**ask())
        except BackendBusyError as error:
            errors.append(error)

    with company.client() as client, ThreadPoolExecutor(3) as pool:
        pool.submit(call, client)
        held.arrived.acquire(timeout=PATIENCE_S)
        gate = client._wiring.runtime.fleet.of("first").gate
        pool.submit(call, client)
        while not gate.waiting and not errors:
            threading.Event().wait(0.001)
        call(client)
        while len(errors) < 2:
            threading.Event().wait(0.001)
        held.go.set()
    return errors


def _crowd_in_a_loop(company: Company, held: Held) -> list[BackendBusyError]:
    async def main() -> list[BackendBusyError]:
        errors: list[BackendBusyError] = []

        async def call(client: AsyncHybridLLM) -> None:
            try:
                await client.chat.completions.create(**ask())
            except BackendBusyError as error:
                errors.append(error)

        async with company.aclient() as whole:
            client = whole.with_options(label="confidential", timeout=PATIENCE_S)
            async with asyncio.TaskGroup() as group:
                group.create_task(call(client))
                await asyncio.to_thread(held.arrived.acquire, timeout=PATIENCE_S)
                waiting = group.create_task(call(client))
                gate = client._wiring.runtime.fleet.of("first").gate
                while not gate.waiting and not errors:  # noqa: ASYNC110 - a gate has no event
                    await asyncio.sleep(0)
                await call(client)
                await waiting
                held.go.set()
        return errors

    return asyncio.run(main())


@pytest.mark.parametrize("is_async", [False, True])
def test_an_engine_never_gets_more_calls_at_once_than_it_is_given(
    company: Company, is_async: bool
) -> None:
    """Thirty calls at an engine for three: all are answered, and never more than three at once."""
    held = Held()
    held.go.set()
    company.first.behave(held)
    company.backend = "max_concurrency = 3"

    if is_async:
        asyncio.run(_thirty(company))
    else:
        with company.client() as client, ThreadPoolExecutor(30) as pool:
            list(pool.map(lambda _: client.chat.completions.create(**ask()), range(30)))

    assert 30 == len(company.first.requests)
    assert held.most <= 3


async def _thirty(company: Company) -> None:
    async with company.aclient() as whole:
        client = whole.with_options(label="confidential", timeout=PATIENCE_S)
        await asyncio.gather(*(client.chat.completions.create(**ask()) for _ in range(30)))


def test_tasks_that_are_cancelled_in_the_queue_or_at_the_engine_leave_no_place_behind(
    company: Company,
) -> None:
    """After twenty callers gave up, the engine answers the next one; their words never arrived."""
    held = Held()
    company.first.behave(held)
    company.backend = "max_concurrency = 1"

    async def main() -> int:
        async with company.aclient() as whole:
            client = whole.with_options(label="confidential", timeout=PATIENCE_S)
            gate = client._wiring.runtime.fleet.of("first").gate
            tasks = [
                asyncio.create_task(client.chat.completions.create(**ask(f"{SECRET} {number}")))
                for number in range(21)
            ]
            await asyncio.to_thread(held.arrived.acquire, timeout=PATIENCE_S)
            while gate.waiting < 20:  # noqa: ASYNC110 - a gate has no event
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            held.go.set()
            await client.chat.completions.create(**ask())
            return gate.running + gate.waiting

    assert 0 == asyncio.run(main())
    assert 2 == len(company.first.requests)
    assert [] == unfinished(company.file)


@pytest.mark.parametrize("how", ["read", "closed", "dropped"])
def test_a_stream_holds_its_place_until_it_ends(company: Company, how: str) -> None:
    """A place is free when the reply was read, closed or forgotten, and not before."""
    company.backend = "max_concurrency = 1"

    with company.client() as client:
        gate = client._wiring.runtime.fleet.of("first").gate
        stream = client.chat.completions.create(**ask(stream=True))
        assert 1 == gate.running
        if how == "read":
            list(stream)
        elif how == "closed":
            stream.close()
        else:
            del stream

        assert 0 == gate.running

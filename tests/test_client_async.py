"""The async client: streams, cancelling and many callers at once."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator

import openai
import pytest

from hybridllm import AsyncHybridLLM, PolicyDeniedError
from tests.audit.reading import records
from tests.model.clients import SECRET, ask, configure
from tests.support.behaviours import Hang


@pytest.fixture
def file(tmp_path, cloud, on_premises):
    """Return the configuration for both servers."""
    return configure(tmp_path, cloud=cloud, local=on_premises)


@pytest.fixture
async def client(file) -> AsyncIterator[AsyncHybridLLM]:
    """Return a client for the sales department."""
    async with AsyncHybridLLM(config=file) as opened:
        yield opened.with_options(department="sales")


def every_record(file) -> list[dict]:
    """Return the audit log's records."""
    return records(file.parent / ".hybridllm" / "audit")


def outcomes(file) -> list[str]:
    """Return how the attempts ended, in order."""
    return [item["result"] for item in every_record(file) if item["event"] == "outcome"]


def intents(file) -> list[dict]:
    """Return what was recorded before sending."""
    return [item for item in every_record(file) if item["event"] == "intent"]


async def test_a_stream_is_read_with_async_for(client):
    """Streaming code written for the SDK runs unchanged."""
    stream = await client.chat.completions.create(**ask(stream=True))

    assert isinstance(stream, openai.AsyncStream)
    text = [chunk.choices[0].delta.content or "" async for chunk in stream]
    assert "ok from cloud" == "".join(text)


async def test_a_denial_is_raised_by_the_await(client, cloud):
    """No half-open stream is handed out for a request that goes nowhere."""
    with pytest.raises(PolicyDeniedError):
        await client.chat.completions.create(**ask(SECRET, model="cloudy", stream=True))

    assert b"" == cloud.received


@pytest.mark.parametrize("streamed", [False, True])
async def test_cancelling_a_call_that_hangs_leaves_an_outcome(client, cloud, file, streamed):
    """A task that was cancelled while it waited for the backend ends in the log."""
    cloud.behave(Hang())
    call = client.chat.completions.create(**ask(model="cloudy", stream=streamed))
    task = asyncio.create_task(call)
    await asyncio.to_thread(cloud.wait_for_requests, 1)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert ["cancelled"] == outcomes(file)
    await asyncio.to_thread(cloud.wait_until_idle)


@pytest.mark.parametrize("turns", range(0, 40, 3))
async def test_cancelling_at_any_moment_leaves_an_outcome_for_every_intent(client, file, turns):
    """Wherever the cancellation hits, the log is complete and the next call works."""
    task = asyncio.create_task(client.chat.completions.create(**ask()))
    for _ in range(turns):
        await asyncio.sleep(0)

    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    reply = await client.chat.completions.create(**ask("second"))

    assert "ok from cloud" == reply.choices[0].message.content
    ended = {item["call"] for item in every_record(file) if item["event"] == "outcome"}
    assert {item["call"] for item in intents(file)} <= ended


@pytest.mark.parametrize("pieces", [0, 1, 2])
async def test_cancelling_a_reader_closes_its_stream(client, cloud, file, pieces):
    """A reader that is cancelled between two pieces leaves nothing running."""
    stream = await client.chat.completions.create(**ask(stream=True))
    for _ in range(pieces):
        await anext(stream)

    await stream.close()
    await stream.close()

    assert ["cancelled"] == outcomes(file)
    assert [] == [chunk async for chunk in stream]
    await asyncio.to_thread(cloud.wait_until_idle)


async def test_a_stream_that_its_reader_forgets_ends_in_the_log(client, file):
    """Dropping a stream is leaving it."""
    stream = await client.chat.completions.create(**ask(stream=True))
    await anext(stream)

    del stream
    gc.collect()
    await asyncio.sleep(0.01)

    assert ["cancelled"] == outcomes(file)


async def test_a_timeout_around_a_call_is_a_cancellation_like_any_other(client, cloud, file):
    """`asyncio.timeout` works as everywhere."""
    cloud.behave(Hang())

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await client.chat.completions.create(**ask(model="cloudy"))

    assert ["cancelled"] == outcomes(file)


async def test_many_callers_get_their_own_answers(client, cloud, on_premises, file):
    """Two hundred calls, sixty-four at once: no reply, label or backend crosses."""
    echo = {"reply": lambda request: request.json()["messages"][0]["content"].split()[-1]}
    cloud.say(echo["reply"])
    on_premises.say(echo["reply"])
    gate = asyncio.Semaphore(64)

    async def one(number: int) -> tuple[int, bool, str, str]:
        secret = number % 3 == 0
        text = f"{SECRET if secret else 'hello'} number-{number}"
        async with gate:
            reply = await client.chat.completions.create(**ask(text))
        return number, secret, reply.choices[0].message.content, reply.policy_decision.backend

    done = await asyncio.gather(*(one(number) for number in range(200)))

    assert [] == [
        item for item in done
        if item[2] != f"number-{item[0]}" or item[3] != ("local" if item[1] else "cloud")
    ]  # fmt: skip
    assert b"Kestrel" not in cloud.received
    assert 200 == len(outcomes(file))
    assert 64 >= len(cloud.connections)


async def test_calls_share_a_connection(client, cloud):
    """One call after the other, whole or streamed, needs one connection."""
    for streamed in (False, True, False):
        reply = await client.chat.completions.create(**ask(stream=streamed))
        if streamed:
            assert [chunk async for chunk in reply]

    assert 1 == len(cloud.connections)


async def test_a_closed_client_leaves_no_task(file, cloud):
    """Nothing of the client goes on after it was closed, and no connection stays open."""
    before = asyncio.all_tasks()
    async with AsyncHybridLLM(config=file) as opened:
        await opened.with_options(department="sales").chat.completions.create(**ask())

    assert before == asyncio.all_tasks()
    await asyncio.to_thread(cloud.wait_until_idle)

"""Giving up at any point: the connection goes, the log says so, the next call is untouched.

Lesson behind it: in March 2023 a cancelled request left its reply in a pooled connection, and
the next user was shown it.
"""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpcore2
import openai
import pytest

from hybridllm import HybridLLM
from tests.leaks.marked import LONG_S, answers, answers_its_own, ask, echo
from tests.leaks.setting import (
    audit_records,
    open_async_client,
    open_client,
    outcomes,
    unfinished,
    write_config,
)
from tests.support.behaviours import Behaviour, Hang, Ok, Slow
from tests.support.exchange import Exchange
from tests.support.server import RecordingServer


@dataclass(frozen=True, slots=True)
class StopsTalking(Behaviour):
    """A stream that falls silent after some events, and stays open."""

    after_events: int = 2

    def answer(self, exchange: Exchange) -> bool:
        exchange.start_stream()
        exchange.send_events(exchange.answer().events[: self.after_events])
        exchange.connection.hold()
        return False


@pytest.fixture
def file(tmp_path: Path, cloud: RecordingServer, on_premises: RecordingServer) -> Path:
    return write_config(tmp_path, cloud=cloud, on_premises=echo(on_premises))


@pytest.fixture
def client(file: Path) -> Iterator[HybridLLM]:
    with open_client(file) as client:
        yield client.with_options(label="confidential")


@pytest.fixture
def threads() -> Iterator[None]:
    """Fail when a test leaves a thread of this package, or of anyio's loop, running."""
    before = set(threading.enumerate())
    yield
    left = {thread for thread in threading.enumerate() if thread.is_alive()} - before
    servers = {"cloud", "on_premises"}
    assert [] == [t.name for t in left if t.name.rpartition("-")[0] not in servers]


@pytest.mark.usefixtures("threads")
def test_a_stream_closed_early_leaves_no_connection(
    client: HybridLLM, file: Path, on_premises: RecordingServer
) -> None:
    """Closing after the first piece ends the connection and leaves `cancelled` in the log."""
    on_premises.behave(StopsTalking())
    stream = client.chat.completions.create(**ask("a"), stream=True)
    next(stream)

    stream.close()

    on_premises.wait_until_idle()
    assert ["cancelled"] == outcomes(file)
    assert [] == list(stream)
    on_premises.behave(Ok())
    answers(client, "b")


@pytest.mark.parametrize("way", ["with", "forgotten"])
def test_a_stream_that_is_left_is_closed(
    way: str, client: HybridLLM, file: Path, on_premises: RecordingServer
) -> None:
    """Leaving the `with` block, or dropping the last reference, stops the engine."""
    on_premises.behave(StopsTalking())

    if way == "with":
        with client.chat.completions.create(**ask("a"), stream=True) as stream:
            next(stream)
    else:
        forgotten = client.chat.completions.create(**ask("a"), stream=True)
        next(forgotten)
        del forgotten
        gc.collect()

    on_premises.wait_until_idle()
    assert ["cancelled"] == outcomes(file)


def test_the_stop_button_wakes_a_reader_in_another_thread(
    client: HybridLLM, file: Path, on_premises: RecordingServer
) -> None:
    """Closing from another thread ends a read that waits, long before the deadline."""
    on_premises.behave(StopsTalking())
    stream = client.chat.completions.create(**ask("a"), stream=True)
    next(stream)
    next(stream)
    ended = threading.Event()

    def read_on() -> None:
        try:
            list(stream)
        except openai.APIError:
            pass  # it may say that the connection broke off
        finally:
            ended.set()

    reader = threading.Thread(target=read_on)
    reader.start()
    assert not ended.wait(0.1)  # it waits for the third piece

    stream.close()

    assert ended.wait(LONG_S / 4)
    reader.join()
    on_premises.wait_until_idle()
    assert ["cancelled"] == outcomes(file)


@pytest.mark.parametrize("before", ["accept", "headers", "body"])
def test_ctrl_c_while_waiting_leaves_nothing_open(
    before: Any,
    client: HybridLLM,
    file: Path,
    on_premises: RecordingServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An interrupt in the middle of a read passes through, and the log has an outcome."""
    on_premises.behave(Hang(before))
    read = httpcore2.SyncBackend.connect_tcp

    def interrupted(self: Any, *args: Any, **kwargs: Any) -> Any:
        stream = read(self, *args, **kwargs)
        monkeypatch.setattr(stream, "read", _interrupt)
        return stream

    monkeypatch.setattr(httpcore2.SyncBackend, "connect_tcp", interrupted)

    with pytest.raises(KeyboardInterrupt):
        client.chat.completions.create(**ask("a"))

    on_premises.wait_until_idle()
    assert ["cancelled"] == outcomes(file)
    monkeypatch.undo()
    on_premises.behave(Ok())
    answers(client, "b")


def _interrupt(*_: object, **__: object) -> bytes:
    raise KeyboardInterrupt


def test_ctrl_c_while_the_intent_is_written_leaves_an_outcome(
    client: HybridLLM, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An intent without an outcome would look like a crash, so there is none."""
    audit = client._caller.runtime.audit
    write = audit.write

    def interrupted(record: Any) -> None:
        write(record)
        raise KeyboardInterrupt

    monkeypatch.setattr(audit, "write", interrupted)

    with pytest.raises(KeyboardInterrupt):
        client.chat.completions.create(**ask("a"))

    assert ["intent", "outcome"] == [record["event"] for record in audit_records(file)]
    assert ["cancelled"] == outcomes(file)


async def _cancelled_after(steps: int, start: Callable[[], Any]) -> bool:
    """Cancel a task after so many turns of the event loop; tell whether it was still running."""
    task = asyncio.ensure_future(start())
    for _ in range(steps):
        await asyncio.sleep(0)
    was_running = not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return was_running and task.cancelled()


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
async def test_cancelling_at_every_turn_of_the_loop_leaves_no_trace(
    streams: bool, file: Path, on_premises: RecordingServer
) -> None:
    """Wherever a task is cancelled, the next call gets its own answer and nothing stays open."""
    on_premises.behave(Slow(pause_s=0.0, drip_bytes=300))
    cancelled = 0
    async with open_async_client(file) as plain:
        client = plain.with_options(label="confidential")

        async def one(mark: str) -> None:
            reply: Any = await client.chat.completions.create(**ask(mark), stream=streams)
            if streams:
                async with reply:
                    async for _ in reply:
                        pass

        for steps in (*range(40), *range(40, 400, 12)):
            mark = f"cancelled {steps}"
            cancelled += await _cancelled_after(steps, lambda mark=mark: one(mark))
            if steps % 10 == 0:
                await answers_its_own(client, f"own {steps}")

    assert 10 <= cancelled
    on_premises.wait_until_idle()
    assert [] == unfinished(file)
    assert {"cancelled", "ok"} >= set(outcomes(file))


@pytest.mark.parametrize("before", ["accept", "headers", "body"])
@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
async def test_cancelling_while_the_engine_hangs_closes_the_connection(
    before: Any, streams: bool, file: Path, on_premises: RecordingServer
) -> None:
    """The outcome is `cancelled`, not an error, and the connection is gone."""
    on_premises.behave(Hang(before))
    async with open_async_client(file) as plain:
        client = plain.with_options(label="confidential")
        with anyio.move_on_after(0.3) as scope:
            await client.chat.completions.create(**ask("a"), stream=streams)

        assert scope.cancelled_caught
        on_premises.wait_until_idle()
        assert ["cancelled"] == outcomes(file)
        on_premises.behave(Ok())
        await answers_its_own(client, "b")


@pytest.mark.parametrize("way", ["close", "with", "break", "cancel"])
async def test_an_async_stream_that_is_left_is_closed(
    way: str, file: Path, on_premises: RecordingServer
) -> None:
    """Also when a loop is left by `break` and nobody closes the stream by hand."""
    on_premises.behave(StopsTalking())
    async with open_async_client(file) as plain:
        client = plain.with_options(label="confidential")
        stream = await client.chat.completions.create(**ask("a"), stream=True)
        if way == "with":
            async with stream:
                await anext(stream)
        elif way == "cancel":
            with anyio.move_on_after(0.3):
                async for _ in stream:
                    pass
        else:
            async for _ in stream:
                break
            if way == "close":
                await stream.close()
        del stream
        gc.collect()
        await asyncio.sleep(0.05)  # a turn for what the collector has scheduled
        on_premises.wait_until_idle()

    assert ["cancelled"] == outcomes(file)


async def test_cancelling_during_a_pause_between_attempts_is_quick(
    file: Path, on_premises: RecordingServer
) -> None:
    """A pause before another attempt is no reason to go on; one attempt, one outcome."""
    from tests.support.behaviours import rate_limited

    on_premises.behave(rate_limited(retry_after_s=15))
    async with open_async_client(file) as plain:
        client = plain.with_options(label="confidential", max_retries=3)
        with anyio.move_on_after(0.5) as scope:
            await client.chat.completions.create(**ask("a"))

    assert scope.cancelled_caught
    assert 1 == len(on_premises.requests)
    assert ["status"] == outcomes(file)

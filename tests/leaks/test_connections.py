"""Connections are used again, by the right loop, and what is left in one is nobody's answer."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from hybridllm import HybridLLM
from tests.leaks.marked import answers, answers_its_own, ask, echo
from tests.leaks.setting import open_async_client, open_client, write_config
from tests.support.behaviours import Behaviour, Ok
from tests.support.exchange import Exchange
from tests.support.server import RecordingServer


@dataclass(frozen=True, slots=True)
class SaysTwice(Behaviour):
    """An honest reply, and in the same breath another one that nobody asked for."""

    chunked: bool = False

    def answer(self, exchange: Exchange) -> bool:
        answer = exchange.answer()
        body = b"".join(answer.events) if answer.is_stream else answer.body
        stale = body.replace(b"Kest", b"Else").replace(b"plan", b"what")
        exchange.send(self._whole(body) + self._whole(stale))
        return True

    def _whole(self, body: bytes) -> bytes:
        if self.chunked:
            chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
            return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


@pytest.fixture
def file(tmp_path: Path, cloud: RecordingServer, on_premises: RecordingServer) -> Path:
    return write_config(tmp_path, cloud=cloud, on_premises=echo(on_premises))


@pytest.fixture
def client(file: Path) -> Iterator[HybridLLM]:
    with open_client(file) as client:
        yield client.with_options(label="confidential")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_one_client_serves_one_event_loop_after_the_other(
    file: Path, on_premises: RecordingServer
) -> None:
    """A script that calls `asyncio.run` several times gets its own answer each time."""
    client = open_async_client(file).with_options(label="confidential")

    for number in range(4):
        asyncio.run(answers_its_own(client, f"loop {number}"))
        gc.collect()  # sockets of a loop that has ended complain here, and not in another test

    asyncio.run(client.close())
    gc.collect()
    assert 4 == len(on_premises.requests)


async def test_a_connection_is_used_again(file: Path, on_premises: RecordingServer) -> None:
    """Twenty calls one after the other need one connection, not twenty."""
    async with open_async_client(file) as plain:
        client = plain.with_options(label="confidential")
        for number in range(20):
            await answers_its_own(client, f"again {number}")

    assert 1 == len(on_premises.connections)


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_bytes_after_a_reply_are_nobodys_answer(
    chunked: bool, streams: bool, client: HybridLLM, on_premises: RecordingServer
) -> None:
    """A server that says too much does not hand one caller's reply to the next one."""
    for number in range(3):
        on_premises.behave(SaysTwice(chunked=chunked))
        if streams:
            list(client.chat.completions.create(**ask(f"a {number}"), stream=True))
        else:
            answers(client, f"a {number}")
        on_premises.behave(Ok())
        answers(client, f"b {number}")
        answers(client, f"c {number}")


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
async def test_bytes_after_a_reply_are_nobodys_answer_in_a_loop(
    chunked: bool, streams: bool, file: Path, on_premises: RecordingServer
) -> None:
    """The same for event loops."""
    async with open_async_client(file) as plain:
        client = plain.with_options(label="confidential")
        for number in range(3):
            on_premises.behave(SaysTwice(chunked=chunked))
            if streams:
                reply = await client.chat.completions.create(**ask(f"a {number}"), stream=True)
                assert [piece async for piece in reply]
            else:
                await answers_its_own(client, f"a {number}")
            on_premises.behave(Ok())
            await answers_its_own(client, f"b {number}")
            await answers_its_own(client, f"c {number}")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_one_client_serves_several_event_loops_at_once(
    file: Path, on_premises: RecordingServer
) -> None:
    """Threads with a loop each share a client; every question gets its own answer."""
    client = open_async_client(file).with_options(label="confidential")

    async def several(thread: int) -> None:
        for number in range(20):
            await answers_its_own(client, f"thread {thread} call {number}")

    with ThreadPoolExecutor(6) as pool:
        failed = [
            one.exception()
            for one in [pool.submit(lambda n=n: asyncio.run(several(n))) for n in range(6)]
        ]

    asyncio.run(client.close())
    gc.collect()  # sockets of loops that have ended complain here, and not in another test
    assert [None] * 6 == failed
    assert 120 == len(on_premises.requests)

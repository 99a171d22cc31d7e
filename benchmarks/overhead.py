"""What the guard costs: CPU per request against the plain `openai` client.

Run: `python benchmarks/overhead.py [--rounds 9] [--requests 100]`. Takes about a minute.

Both clients ask the same loopback server, which runs in a process of its own, so that
only the client's CPU counts. They take turns in every round; the table shows medians
over the rounds, in microseconds of CPU per request, and the ratio of the two.
Detection, decision, permit and the synced audit log are all on, as in production.
A new prompt has never been seen; one that comes again finds its verdict in the cache, as
a history that is sent with each turn does. Both have 1 KB: 1,000 characters of English,
or 340 of Japanese (1,020 bytes of UTF-8).
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import openai

from hybridllm import AsyncHybridLLM, HybridLLM

TARGET = 1.25
CHUNKS = 20
PROMPTS = {
    "English": ("Please compare these three ways to plan the harvest of next autumn. " * 15)[:1000],
    "Japanese": ("来年の秋の収穫の予定を、三つの方法で比べてください。" * 15)[:340],
}
CONFIG = """\
version = 1
[labels]
levels = ["public", "internal", "confidential"]
default = "internal"
[findings]
"*" = "confidential"
[backends.cloud]
place = "cloud"
base_url = "{url}"
clearance = "confidential"
[models.assistant]
candidates = [{{ backend = "cloud", model = "m" }}]
"""

NUMBERS = itertools.count()
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: "


async def serve() -> None:
    """Answer every request with the same reply, and say the port on standard output."""
    message = {"role": "assistant", "content": "はい、わかりました。" * 20}
    usage = {"prompt_tokens": 250, "completion_tokens": 100, "total_tokens": 350}
    base = {"id": "chatcmpl-1", "created": 1_700_000_000, "model": "m"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    whole = json.dumps(
        {**base, "object": "chat.completion", "choices": [choice], "usage": usage}
    ).encode()
    delta = {"index": 0, "delta": {"content": "はい、わ"}, "finish_reason": None}
    chunk = json.dumps({**base, "object": "chat.completion.chunk", "choices": [delta]}).encode()
    piece = b"data: " + chunk + b"\n\n"
    done = b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"
    events = b"%x\r\n%s\r\n" % (len(piece), piece) * CHUNKS + done
    reply = HEAD + b"application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(whole), whole)
    start = HEAD + b"text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                size = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
                body = await reader.readexactly(size)
                if json.loads(body).get("stream"):
                    writer.write(start + events)
                else:
                    writer.write(reply)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@dataclass
class Case:
    """One way to ask, for both clients; `cpu_us` collects one number a round and client."""

    name: str
    prompt: str
    is_async: bool
    streams: bool
    is_new: bool
    cpu_us: dict[str, list[float]] = field(default_factory=lambda: {"plain": [], "ours": []})

    @property
    def arguments(self) -> dict[str, object]:
        """What both clients are asked; a new prompt has another number in front each time."""
        number = next(NUMBERS) if self.is_new else 0
        prompt = f"{number:06} {self.prompt}"
        messages = [{"role": "user", "content": prompt}]
        return {"model": "assistant", "messages": messages, "stream": self.streams}


def ask(client: openai.OpenAI | HybridLLM, case: Case) -> None:
    """Make one call and read all of its reply."""
    reply = client.chat.completions.create(**case.arguments)
    if case.streams:
        assert CHUNKS == sum(1 for _ in reply)


async def aask(client: openai.AsyncOpenAI | AsyncHybridLLM, case: Case) -> None:
    """Make one call and read all of its reply."""
    reply = await client.chat.completions.create(**case.arguments)
    if case.streams:
        assert CHUNKS == len([chunk async for chunk in reply])


def measure(call: Callable[[], None], *, requests: int) -> float:
    """Return microseconds of this process's CPU per call."""
    start = time.process_time()
    for _ in range(requests):
        call()
    return (time.process_time() - start) / requests * 1e6


async def ameasure(call: Callable[[], Awaitable[None]], *, requests: int) -> float:
    """Return microseconds of this process's CPU per call."""
    start = time.process_time()
    for _ in range(requests):
        await call()
    return (time.process_time() - start) / requests * 1e6


def run_threads(cases: list[Case], *, url: str, config: Path, rounds: int, requests: int) -> None:
    """Measure the cases for threads."""
    with (
        openai.OpenAI(base_url=url, api_key="none") as plain,
        HybridLLM(config=config) as ours,
    ):
        clients = {"plain": plain, "ours": ours}
        for number in range(rounds + 1):
            for case in cases:
                for name in sorted(clients, reverse=number % 2 == 1):
                    client = clients[name]
                    spent = measure(lambda c=client, k=case: ask(c, k), requests=requests)
                    if number:  # the first round warms up
                        case.cpu_us[name].append(spent)


async def run_loop(
    cases: list[Case], *, url: str, config: Path, rounds: int, requests: int
) -> None:
    """Measure the cases for event loops."""
    async with (
        openai.AsyncOpenAI(base_url=url, api_key="none") as plain,
        AsyncHybridLLM(config=config) as ours,
    ):
        clients = {"plain": plain, "ours": ours}
        for number in range(rounds + 1):
            for case in cases:
                for name in sorted(clients, reverse=number % 2 == 1):
                    client = clients[name]
                    spent = await ameasure(lambda c=client, k=case: aask(c, k), requests=requests)
                    if number:
                        case.cpu_us[name].append(spent)


def show(cases: list[Case]) -> None:
    """Print the table."""
    print(f"{'CPU per request':<32}{'openai µs':>12}{'hybridllm µs':>14}{'ratio':>8}")
    for case in cases:
        plain, ours = (statistics.median(case.cpu_us[name]) for name in ("plain", "ours"))
        verdict = "" if ours / plain <= TARGET else f"  above {TARGET}"
        print(f"{case.name:<32}{plain:>12.0f}{ours:>14.0f}{ours / plain:>8.2f}{verdict}")


def main() -> None:
    """Start the server, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        asyncio.run(serve())
        return
    cases = [
        Case(
            f"{way}, {kind}, {age}, {language}",
            prompt,
            is_async=way == "async",
            streams=kind == "stream",
            is_new=age == "new",
        )
        for way in ("sync", "async")
        for kind in ("whole", "stream")
        for age in ("new", "again")
        for language, prompt in PROMPTS.items()
    ]
    command = [sys.executable, __file__, "--serve"]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server,  # noqa: S603
        tempfile.TemporaryDirectory() as folder,
    ):
        try:
            assert server.stdout is not None
            url = f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
            config = Path(folder) / "hybridllm.toml"
            config.write_text(CONFIG.format(url=url), encoding="utf-8")
            options = {"url": url, "config": config} | {
                "rounds": chosen.rounds,
                "requests": chosen.requests,
            }
            run_threads([case for case in cases if not case.is_async], **options)
            asyncio.run(run_loop([case for case in cases if case.is_async], **options))
        finally:
            server.kill()
    show(cases)


if __name__ == "__main__":
    main()

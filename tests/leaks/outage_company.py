"""A company with a cloud and two engines, and calls that must stay inside.

Answers: how do the tests of outages and queues get clients, and how do they make calls?
Not here: what must happen (`test_outages`, `test_queues`).

Units: seconds.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import openai

from hybridllm import AsyncHybridLLM, HybridLLM
from tests.support.behaviours import Behaviour, Ok
from tests.support.exchange import Exchange
from tests.support.loopback import dead_port
from tests.support.server import RecordingServer

SECRET = "Kestrel revenue plan 東和"
PATIENCE_S = 30.0

_TOML = """
version = 1
[labels]
levels = ["public", "internal", "confidential"]
default = "internal"
[backends.cloud]
place = "cloud"
base_url = "http://127.0.0.1:{cloud}/v1"
clearance = "internal"
[backends.first]
place = "on_premises"
base_url = "http://127.0.0.1:{first}/v1"
networks = ["127.0.0.0/8"]
clearance = "confidential"
{backend}
[backends.second]
place = "on_premises"
base_url = "http://127.0.0.1:{second}/v1"
networks = ["127.0.0.0/8"]
clearance = "confidential"
[models.assistant]
candidates = [
  {{ backend = "cloud", model = "large" }},
  {{ backend = "first", model = "small" }},
]
[models.pair]
candidates = [
  {{ backend = "first", model = "small", weight = 3 }},
  {{ backend = "second", model = "small", weight = 1 }},
  {{ backend = "cloud", model = "large" }},
]
"""


@dataclass
class Held(Behaviour):
    """Answers when the test lets it; counts how many wait for that."""

    go: threading.Event = field(default_factory=threading.Event)
    arrived: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    at_once: int = 0
    most: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, exchange: Exchange) -> bool:
        with self._lock:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        self.arrived.release()
        self.go.wait(PATIENCE_S)
        with self._lock:
            self.at_once -= 1
        return Ok().answer(exchange)


class Company:
    """Servers, a configuration for them, and clients on it."""

    def __init__(self, folder: Path, *, cloud: RecordingServer, first: RecordingServer) -> None:
        self.folder, self.cloud, self.first = folder, cloud, first
        self.second: RecordingServer | int = dead_port()
        self.backend = ""

    @property
    def file(self) -> Path:
        file = self.folder / "hybridllm.toml"
        second = self.second if isinstance(self.second, int) else self.second.port
        text = _TOML.format(
            cloud=self.cloud.port, first=self.first.port, second=second, backend=self.backend
        )
        file.write_text(text, encoding="utf-8")
        return file

    @contextmanager
    def client(self, **runtime: Any) -> Iterator[HybridLLM]:
        """Lend a client for threads whose calls are confidential."""
        client = HybridLLM(config=self.file)
        _rewire(client, runtime)
        with client:
            yield client.with_options(label="confidential", timeout=PATIENCE_S)

    def aclient(self, **runtime: Any) -> AsyncHybridLLM:
        """Return a client for event loops."""
        client = AsyncHybridLLM(config=self.file)
        _rewire(client, runtime)
        return client


def _rewire(client: HybridLLM | AsyncHybridLLM, runtime: dict[str, Any]) -> None:
    changed = replace(client._wiring.runtime, **runtime)
    client._wiring = replace(client._wiring, runtime=changed)


def ask(text: str = SECRET, **changes: Any) -> dict[str, Any]:
    """Return the arguments of a call."""
    return {"model": "assistant", "messages": [{"role": "user", "content": text}], **changes}


Told = str
Way = Callable[..., list[Told]]


def in_threads(company: Company, asks: list[dict[str, Any]], **runtime: Any) -> list[Told]:
    """Make calls one after the other; return who answered, or with which error each ended."""
    told = []
    with company.client(**runtime) as client:
        for one in asks:
            try:
                told.append(str(client.chat.completions.create(**one).policy_decision.backend))
            except openai.APIError as error:
                told.append(f"{type(error).__name__} {error.message}")
    return told


def in_a_loop(company: Company, asks: list[dict[str, Any]], **runtime: Any) -> list[Told]:
    """Do the same in an event loop."""

    async def main() -> list[Told]:
        told = []
        async with company.aclient(**runtime) as whole:
            client = whole.with_options(label="confidential", timeout=PATIENCE_S)
            for one in asks:
                try:
                    reply = await client.chat.completions.create(**one)
                    told.append(str(reply.policy_decision.backend))
                except openai.APIError as error:
                    told.append(f"{type(error).__name__} {error.message}")
        return told

    return asyncio.run(main())

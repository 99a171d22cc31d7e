"""Small fakes of a running client's parts: backends, streams, log, clock.

Answers: how does a flow behave when a backend does exactly this?
Not here: anything about HTTP (`tests.support`).
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from hybridllm.audit.record import Record
from hybridllm.classify.classifier import Classifier
from hybridllm.classify.detector import Match
from hybridllm.labels import Label, Scale
from hybridllm.params import CHAT_COMPLETIONS, Endpoint
from hybridllm.permit import Permit
from hybridllm.policy.model import Department, Destination, FindingLabel, Policy, Rule, Target
from hybridllm.runtime import Call, Limits, Runtime
from hybridllm.types import Identity, Place
from hybridllm.wire import BackendError, FailureKind, WireReply, WireRequest

SCALE = Scale.of(["public", "internal", "confidential"], compartments=["personal"])
SECRET = "社外秘"
KIND = "marking.secret"
REPLY = {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "はい"}}],
    "usage": {"total_tokens": 3},
}


def chunk(text: str) -> bytes:
    """Return one event of a streamed chat completion."""
    return json.dumps({"choices": [{"index": 0, "delta": {"content": text}}]}).encode()


@dataclass
class Clock:
    """A clock that stands still unless somebody waits."""

    now: float = 1000.0
    waits: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


@dataclass
class FakeLog:
    """An audit log in memory; `journal` is shared with the backends to see what came first."""

    journal: list[str] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    refuse: Callable[[Record], Exception | None] = lambda record: None

    def write(self, record: Record) -> None:
        self.note(record)
        self.journal.append(f"durable {record['event']}")

    def note(self, record: Record) -> None:
        error = self.refuse(record)
        if error is not None:
            raise error
        self.records.append(record)
        if record["event"] == "outcome":
            self.journal.append(f"outcome {record['result']}")

    def close(self) -> None:
        self.journal.append("log closed")

    def of(self, event: str) -> list[Record]:
        """Return the records of one kind."""
        return [record for record in self.records if record["event"] == event]


class FakeStream:
    """A stream that does what its script says: bytes are events, errors are raised."""

    def __init__(self, script: Iterable[bytes | Exception], journal: list[str]) -> None:
        self._script = deque(script)
        self._journal = journal
        self.closed = 0

    def read(self) -> bytes | None:
        if not self._script:
            return None
        item = self._script.popleft()
        if isinstance(item, Exception):
            raise item
        return item

    async def aread(self) -> bytes | None:
        return self.read()

    def close(self) -> None:
        self.closed += 1
        self._journal.append("stream closed")

    async def aclose(self) -> None:
        self.close()


class FakeBackend:
    """A backend that redeems its permit and then does what its script says.

    Script items: an exception is raised, a list becomes a stream, a dict is the reply.
    The last item stays.
    """

    def __init__(
        self, name: str, place: Place, *, clock: Callable[[], float], journal: list[str]
    ) -> None:
        self.name, self.place = name, place
        self._clock, self._journal = clock, journal
        self.script: list[Any] = [REPLY]
        self.received: list[WireRequest] = []
        self.streams: list[FakeStream] = []

    def send(self, request: WireRequest, *, permit: Permit) -> WireReply:
        permit.redeem(backend=self.name, body=request.body, now=self._clock())
        self._journal.append(f"sent to {self.name}")
        self.received.append(request)
        item = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(item, BaseException):
            raise item
        if isinstance(item, list):
            self.streams.append(FakeStream(item, self._journal))
            return WireReply(events=self.streams[-1])
        return WireReply(body=item if isinstance(item, bytes) else json.dumps(item).encode())

    async def asend(self, request: WireRequest, *, permit: Permit) -> WireReply:
        return self.send(request, permit=permit)

    def close(self) -> None:
        self._journal.append(f"{self.name} closed")

    async def aclose(self) -> None:
        self.close()

    @property
    def bodies(self) -> list[dict]:
        """Return what was received, as JSON."""
        return [json.loads(request.body) for request in self.received]


class MarkingDetector:
    """Finds the word that marks a text."""

    name = "marking"
    kinds = frozenset({KIND})

    def detect(self, text: str) -> Iterable[Match]:
        start = text.find(SECRET)
        return [Match(KIND, start, start + len(SECRET))] if start >= 0 else []


@dataclass
class FakeMemory:
    """A memory that keeps whole texts."""

    labels: dict[str, Label] = field(default_factory=dict)
    fails: bool = False

    def recall(self, texts: Iterable[str]) -> Label | None:
        known = [self.labels[text] for text in texts if text in self.labels]
        return known[0] if known else None

    def remember(self, texts: Iterable[str], *, label: Label) -> None:
        if self.fails:
            raise OSError("the disk is gone")
        self.labels.update(dict.fromkeys(texts, label))


class World:
    """A cloud for public text and two engines inside, with everything observable."""

    def __init__(self, *, rules: tuple[Rule, ...] = (), retries: int = 2) -> None:
        self.clock, self.journal = Clock(), []
        self.log = FakeLog(self.journal)
        self.memory = FakeMemory()
        places = {
            "cloud": Place.CLOUD,
            "local": Place.ON_PREMISES,
            "spare": Place.IN_PROCESS,
        }
        self.backends = {
            name: FakeBackend(name, place, clock=self.clock, journal=self.journal)
            for name, place in places.items()
        }
        top = SCALE.strictest
        served = frozenset({"chat.completions", "embeddings", "responses"})
        policy = Policy(
            scale=SCALE,
            default=SCALE.lowest,
            finding_labels=(FindingLabel(KIND, SCALE.label("confidential")),),
            destinations={
                name: Destination(name, place, SCALE.lowest if name == "cloud" else top, served)
                for name, place in places.items()
            },
            aliases={
                "assistant": tuple(Target(name, f"{name}-model") for name in places),
                "cloudy": (Target("cloud", "cloud-model"),),
            },
            rules=rules,
            departments={"legal": Department("legal", SCALE.lowest)},
            digest="d" * 64,
        )
        self.runtime = Runtime(
            policy=policy,
            classifier=Classifier([MarkingDetector()], memory=self.memory),
            backends=self.backends,
            defaults={"cloud": {"chat.completions": {"store": False}}},
            audit=self.log,
            key=bytes(range(32)),
            limits=Limits(max_request_bytes=100_000, timeout_s=60.0, max_retries=retries),
            default_department="legal",
            clock=self.clock,
            random=Random(7),
        )

    @property
    def cloud(self) -> FakeBackend:
        return self.backends["cloud"]

    @property
    def local(self) -> FakeBackend:
        return self.backends["local"]

    @property
    def spare(self) -> FakeBackend:
        return self.backends["spare"]

    def call(
        self, content: str = "hello", *, endpoint: Endpoint = CHAT_COMPLETIONS, **changes: Any
    ) -> Call:
        """Return a call; arguments that `Call` has go there, others to the request."""
        own = {key: changes.pop(key) for key in _CALL_FIELDS if key in changes}
        params: Mapping[str, Any] = {
            "model": "assistant",
            "messages": [{"role": "user", "content": content}],
            **changes,
        }
        return Call(endpoint, params, **{"identity": Identity("")} | own)

    def sent_nothing(self) -> bool:
        """Return whether no backend has received anything."""
        return not any(backend.received for backend in self.backends.values())


_CALL_FIELDS = ("identity", "label", "timeout_s", "max_retries")


def status(number: int, **fields: Any) -> BackendError:
    """Return the failure of a backend that answered with a status."""
    return BackendError("cloud", kind=FailureKind.STATUS, status=number, **fields)


def broken(kind: FailureKind = FailureKind.CONNECTION, **fields: Any) -> BackendError:
    """Return another failure of a backend."""
    return BackendError("cloud", kind=kind, **fields)

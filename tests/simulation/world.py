"""The fakes of one simulated world: clock, log, memory, detector, backends.

Answers: what do a flow's effects meet, and what was seen there?
Not here: what is planned (`plan`), in which order it happens (`running`).

Texts carry marks: `k12q` stands in the question of call 12 and `k12r` in its reply. So a
fake can tell whose text it got, whatever path the text took.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from hybridllm.audit.record import Record
from hybridllm.classify.detector import Match
from hybridllm.dispatch import body_mac
from hybridllm.errors import AddressRefusedError, AuditError, PermitError
from hybridllm.labels import Label
from hybridllm.permit import Permit
from hybridllm.types import Place
from hybridllm.wire import BackendError, FailureKind, WireReply, WireRequest
from tests.model import cases
from tests.simulation.plan import Faults

SEEN_LATELY = 8
MARK = re.compile(r"k\d+[qr]")
KEY = bytes(range(32))
_KIND = re.compile(r"<([a-z]+\.[a-z]+)>")


class BrokenPromiseError(AssertionError):
    """A simulated world in which a promise was broken."""


@dataclass
class Clock:
    """A clock that only the simulation moves."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Log:
    """An audit log in memory that sometimes refuses.

    Attributes:
        refused: Attempts, by call and number, whose outcome could not be kept.
    """

    chance: float
    random: Random
    records: list[Record] = field(default_factory=list)
    intents: dict[tuple[str, int], Record] = field(default_factory=dict)
    outcomes: list[tuple[str, int, str]] = field(default_factory=list)
    denials: list[Record] = field(default_factory=list)
    refused: set[tuple[str, int]] = field(default_factory=set)

    def write(self, record: Record) -> None:
        if self.chance and self.random.random() < self.chance:
            raise AuditError("the simulated disk is full")
        self._keep(record)

    def note(self, record: Record) -> None:
        if self.chance and self.random.random() < self.chance:
            self.refused.add((record["call"], record.get("attempt", 0)))
            raise AuditError("the simulated disk is full")
        self._keep(record)

    def _keep(self, record: Record) -> None:
        self.records.append(record)
        if record["event"] == "intent":
            self.intents[record["call"], record["attempt"]] = record
        elif record["event"] == "outcome":
            self.outcomes.append((record["call"], record["attempt"], record["result"]))
        else:
            self.denials.append(record)

    def close(self) -> None:
        """Do nothing."""


@dataclass
class Memory:
    """A memory that knows every mark it was told of, and sometimes fails.

    Attributes:
        has_failed: Whether the last look-up failed.
    """

    chance: float
    random: Random
    labels: dict[str, Label] = field(default_factory=dict)
    has_failed: bool = False

    def recall(self, texts: Iterable[str]) -> Label | None:
        self.has_failed = bool(self.chance) and self.random.random() < self.chance
        if self.has_failed:
            raise OSError("the simulated store is gone")
        found: Label | None = None
        for text in texts:
            for mark in MARK.findall(text):
                label = self.labels.get(mark)
                if label is not None:
                    found = label if found is None else found.join(label)
        return found

    def remember(self, texts: Iterable[str], *, label: Label) -> None:
        if self.chance and self.random.random() < self.chance:
            raise OSError("the simulated store is gone")
        for text in texts:
            for mark in MARK.findall(text):
                known = self.labels.get(mark)
                self.labels[mark] = label if known is None else known.join(label)


class Detector:
    """Finds kinds that a text names in angle brackets."""

    name = "simulated"
    kinds = frozenset(cases.KINDS)

    def detect(self, text: str) -> Iterator[Match]:
        if "<" in text:
            for found in _KIND.finditer(text):
                yield Match(found[1], found.start(), found.end())


@dataclass(frozen=True, slots=True)
class Sent:
    """One body that a backend received."""

    backend: str
    body: bytes
    at: float
    permit: Permit
    key: tuple[str, int]


class Backend:
    """A backend that redeems permits, echoes whose question it got, and fails by chance."""

    def __init__(
        self, name: str, *, place: Place, log: Log, clock: Clock, faults: Faults, random: Random
    ) -> None:
        self.name, self.place = name, place
        self.received: list[Sent] = []
        self.streams: list[Stream] = []
        self._log, self._clock, self._faults, self._random = log, clock, faults, random
        self._used: set[tuple[str, int]] = set()

    def send(self, request: WireRequest, *, permit: Permit) -> WireReply:
        fails = self._faults.send and self._random.random() < self._faults.send
        if fails and self._random.random() < 0.4:
            raise self._random.choice(_EARLY)(self.name)
        self._take(request, permit)
        if fails and self._random.random() < 0.8:
            raise self._late()
        if fails:
            return WireReply(body=self._random.choice((b"", b"{}", b"[1]", b'{"choices": 7}')))
        return self._answer(request)

    def _take(self, request: WireRequest, permit: Permit) -> None:
        """Receive the bytes, and look at the leave to send them."""
        if any(sent.permit is permit for sent in self.received[-SEEN_LATELY:]):
            raise BrokenPromiseError("a permit came twice")
        try:
            permit.redeem(backend=self.name, body=request.body, now=self._clock())
        except PermitError as error:
            if self._clock() > permit.deadline:
                raise
            raise BrokenPromiseError(f"a permit that does not fit: {error}") from None
        if _works(permit, backend=self.name, request=request):
            raise BrokenPromiseError("a permit can be used twice")
        key = self._intent(request)
        self.received.append(Sent(self.name, request.body, self._clock(), permit, key))

    def _intent(self, request: WireRequest) -> tuple[str, int]:
        """Return the durable intent for exactly these bytes, which no other attempt has used."""
        mac = body_mac(KEY, body=request.body)
        for key in reversed(self._log.intents):
            intent = self._log.intents[key]
            if intent["body"] == mac and intent["backend"] == self.name and key not in self._used:
                self._used.add(key)
                return key
        raise BrokenPromiseError(f"{self.name} received bytes of which the log knows nothing")

    def _late(self) -> Exception:
        """Return a failure after the bytes have arrived."""
        random = self._random
        kind = random.choice((FailureKind.TIMEOUT, FailureKind.CONNECTION, FailureKind.STATUS))
        if kind is not FailureKind.STATUS:
            return BackendError(self.name, kind=kind)
        status = random.choice((307, 400, 401, 403, 404, 408, 413, 422, 429, 500, 502, 503, 529))
        return BackendError(
            self.name,
            kind=kind,
            status=status,
            code="context_length_exceeded" if status == 400 and random.random() < 0.5 else "",
            retry_after_s=random.choice((None, 0.0, 3.0, 90.0)) if status in {429, 503} else None,
        )

    def _answer(self, request: WireRequest) -> WireReply:
        asked = [mark for mark in MARK.findall(request.body.decode()) if mark.endswith("q")]
        mark = f"{asked[-1][:-1]}r"
        if not request.stream:
            return WireReply(body=_WHOLE[request.path](mark))
        events = _EVENTS[request.path](mark)
        stream = Stream(self.name, events, chance=self._faults.read, random=self._random)
        self.streams.append(stream)
        return WireReply(events=stream)

    async def asend(self, request: WireRequest, *, permit: Permit) -> WireReply:
        raise NotImplementedError

    def close(self) -> None:
        """Do nothing."""

    async def aclose(self) -> None:
        """Do nothing."""


class Stream:
    """A streamed reply that breaks by chance."""

    def __init__(self, backend: str, events: list[bytes], *, chance: float, random: Random) -> None:
        self._backend, self._events = backend, iter(events)
        self._chance, self._random = chance, random
        self.is_closed = False

    def read(self) -> bytes | None:
        if self.is_closed:
            raise BrokenPromiseError("a stream was read after it had been closed")
        if self._chance and self._random.random() < self._chance:
            what = self._random.randrange(4)
            if what == 0:
                return b"\xff{"
            if what == 1:
                return None
            kind = FailureKind.CONNECTION if what == 2 else FailureKind.TIMEOUT
            raise BackendError(self._backend, kind=kind)
        return next(self._events, None)

    async def aread(self) -> bytes | None:
        raise NotImplementedError

    def close(self) -> None:
        self.is_closed = True

    async def aclose(self) -> None:
        raise NotImplementedError


_EARLY: tuple[Callable[[str], Exception], ...] = (
    lambda name: BackendError(name, kind=FailureKind.CONNECTION),
    lambda name: BackendError(name, kind=FailureKind.TIMEOUT),
    lambda name: AddressRefusedError(f"backend {name!r} is elsewhere"),
    lambda name: PermitError("the simulated backend refuses"),
    lambda name: RuntimeError("the simulated backend has a bug"),
)


def _works(permit: Permit, *, backend: str, request: WireRequest) -> bool:
    """Return whether a permit that was used still opens the door."""
    try:
        permit.redeem(backend=backend, body=request.body, now=permit.deadline)
    except PermitError:
        return False
    return True


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


_WHOLE: dict[str, Callable[[str], bytes]] = {
    "chat/completions": lambda mark: _json({"choices": [{"message": {"content": mark}}]}),
    "responses": lambda mark: _json({"output": [{"content": [{"text": mark}]}]}),
    "embeddings": lambda mark: _json({"data": [{"embedding": [1.0]}], "model": mark}),
}
_EVENTS: dict[str, Callable[[str], list[bytes]]] = {
    "chat/completions": lambda mark: [
        _json({"choices": [{"index": 0, "delta": {"content": text}}]}) for text in (mark, " はい")
    ],
    "responses": lambda mark: [
        _json({"type": "response.output_text.delta", "item_id": "m", "delta": mark}),
        _json({"type": "response.completed", "response": {}}),
    ],
}

"""A guard that breaks means no: detectors, memory and log that fail keep the request inside."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hybridllm import HybridLLM
from hybridllm.classify.detector import Match
from hybridllm.errors import AuditError
from tests.leaks.operations import OPERATIONS, Answered, Operation, acall, call, params_of
from tests.leaks.residue import collected
from tests.leaks.setting import open_async_client, open_client, write_config
from tests.support.server import RecordingServer

_TEXT = "Kestrel plum 7781 harmless"
_SYNC = [one for one in OPERATIONS if not one.is_async]
_ids: Callable[[Operation], str] = lambda one: one.title  # noqa: E731


class Broken:
    """A detector that misbehaves in a given way."""

    name = "broken"
    kinds = frozenset({"personal.email"})

    def __init__(self, misbehave: Callable[[str], Any]) -> None:
        self._misbehave = misbehave

    def detect(self, text: str) -> Any:
        return self._misbehave(text)


def _raise(error: BaseException) -> Callable[[str], Any]:
    def misbehave(text: str) -> Any:
        error.args = (text,)
        raise error

    return misbehave


def _raise_midway(text: str) -> Iterator[Match]:
    yield Match("personal.email", 0, 1)
    raise RuntimeError(text)


class Liar(Match):
    """Looks like a match and is none."""


BREAKS: dict[str, Callable[[str], Any]] = {
    "raises": _raise(RuntimeError()),
    "raises a key error": _raise(KeyError()),
    "runs out of memory": _raise(MemoryError()),
    "recurses": _raise(RecursionError()),
    "asserts": _raise(AssertionError()),
    "stops": _raise(StopIteration()),
    "raises midway": _raise_midway,
    "returns nothing": lambda _: None,
    "returns a number": lambda _: 7,
    "returns text": lambda _: "nothing found",
    "returns tuples": lambda _: [("personal.email", 0, 1)],
    "unknown kind": lambda _: [Match("harmless", 0, 1)],
    "empty span": lambda _: [Match("personal.email", 1, 1)],
    "span beyond the text": lambda text: [Match("personal.email", 0, len(text) + 1)],
    "negative span": lambda _: [Match("personal.email", -1, 1)],
    "no confidence": lambda _: [Match("personal.email", 0, 1, float("nan"))],
    "a subclass": lambda _: [Liar("personal.email", 0, 1)],
    "odd types": lambda _: [Match("personal.email", "0", "1")],  # type: ignore[arg-type]
}


def _with(client: Any, **changed: Any) -> Any:
    """Put other parts into a client's runtime."""
    runtime = replace(client._wiring.runtime, **changed)
    client._wiring = replace(client._wiring, runtime=runtime)
    return client


def _params(operation: Operation) -> dict[str, Any]:
    return params_of(operation.endpoint, _TEXT)


@pytest.fixture
def file(tmp_path: Path, cloud: RecordingServer, on_premises: RecordingServer) -> Path:
    return write_config(tmp_path, cloud=cloud, on_premises=on_premises)


@pytest.mark.parametrize("how", BREAKS)
async def test_a_detector_that_breaks_keeps_every_operation_inside(
    how: str, file: Path, cloud: RecordingServer
) -> None:
    """Whatever a plugged-in detector does, its failure is a doubt, and doubt stays inside."""
    async with open_async_client(file) as client:
        classifier = client._wiring.runtime.classifier
        broken = replace(classifier, detectors=(*classifier.detectors, Broken(BREAKS[how])))
        mine = _with(client, classifier=broken)
        with collected() as residue:
            answered: list[Answered] = [
                await acall(mine, operation, params=_params(operation))
                for operation in OPERATIONS
                if operation.is_async
            ]

    assert {"on_premises"} == {one.backend for one in answered}
    assert b"" == cloud.received
    assert [] == residue.holds(_TEXT)


@pytest.mark.parametrize("operation", _SYNC, ids=_ids)
def test_detection_that_takes_too_long_keeps_the_request_inside(
    operation: Operation, file: Path, cloud: RecordingServer
) -> None:
    """What was not read in time counts as unread."""
    ticks = iter(range(0, 10**6, 3))
    with open_client(file) as client:
        slow = replace(client._wiring.runtime.classifier, clock=lambda: float(next(ticks)))

        answered = call(_with(client, classifier=slow), operation, params=_params(operation))

    assert ("on_premises", b"") == (answered.backend, cloud.received)


class BrokenMemory:
    """A memory whose file has gone."""

    def __init__(self, *, recalls: bool) -> None:
        self._recalls = recalls

    def recall(self, texts: Any) -> None:
        if not self._recalls:
            raise OSError(errno.EIO, "gone")
        list(texts)

    def remember(self, texts: Any, *, label: Any) -> None:
        raise OSError(errno.EIO, "gone")

    def close(self) -> None:
        pass


@pytest.mark.parametrize("operation", _SYNC, ids=_ids)
def test_a_memory_that_cannot_be_read_keeps_the_request_inside(
    operation: Operation, file: Path, cloud: RecordingServer
) -> None:
    """Nobody knows whether the text is confidential, so it is treated as if it were."""
    with open_client(file) as client:
        forgetful = replace(client._wiring.runtime.classifier, memory=BrokenMemory(recalls=False))
        mine = _with(client, classifier=forgetful)
        with pytest.raises(OSError, match="gone"):  # the label could not be kept either
            call(mine, operation, params=_params(operation))

    assert b"" == cloud.received


def test_a_label_that_cannot_be_kept_stops_the_request(
    file: Path, cloud: RecordingServer, on_premises: RecordingServer
) -> None:
    """A confidential call whose label would be forgotten is not made."""
    with open_client(file) as client:
        forgetful = replace(client._wiring.runtime.classifier, memory=BrokenMemory(recalls=True))
        mine = _with(client, classifier=forgetful).with_options(label="confidential")
        with pytest.raises(OSError, match="gone"):
            call(mine, OPERATIONS[0], params=_params(OPERATIONS[0]))

    assert b"" == cloud.received + on_premises.received


@pytest.mark.parametrize("call_name", ["open", "write", "fdatasync"])
@pytest.mark.parametrize("label", [None, "confidential"])
def test_a_log_that_cannot_be_written_stops_every_request(  # noqa: PLR0917 - fixtures
    label: str | None,
    call_name: str,
    file: Path,
    cloud: RecordingServer,
    on_premises: RecordingServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Full disk, missing rights, failed sync: no record, no request, harmless or not."""
    with open_client(file) as client:
        mine: HybridLLM = client.with_options(label=label)
        mine.embeddings.create(model="assistant", input="warm up")
        heard = len(cloud.received + on_premises.received)
        _fail_on(monkeypatch, call_name, folder=file.parent)
        for operation in _SYNC:
            with pytest.raises(AuditError):
                call(mine, operation, params=_params(operation))
        monkeypatch.undo()

    assert heard == len(cloud.received + on_premises.received)


def _fail_on(monkeypatch: pytest.MonkeyPatch, name: str, *, folder: Path) -> None:
    if name == "open":
        audit = folder / ".hybridllm" / "audit"
        _fail_on(monkeypatch, "write", folder=folder)
        real = os.open

        def refuse(path: Any, *args: Any, **more: Any) -> int:
            if str(path).startswith(str(audit)):
                raise OSError(errno.EACCES, "denied")
            return real(path, *args, **more)

        monkeypatch.setattr(os, "open", refuse)
        return

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    if name == "write":
        monkeypatch.setattr(os, "write", full)
        return
    from hybridllm.audit import segment

    monkeypatch.setattr(segment, "_SYNC", full)

"""The two drivers are twins: the same flow gives the same calls, results and endings."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from hybridllm import drivers
from hybridllm.drivers import LOOP_BYTES, AsyncDriver, SyncDriver
from hybridllm.effects import (
    AbandonedError,
    CloseStream,
    Compute,
    Emit,
    ReadEvent,
    RecordDurably,
    Send,
    Wait,
)
from hybridllm.labels import Scale
from hybridllm.types import Effect, PolicyDecision
from hybridllm.wire import BackendError, FailureKind

DECISION = PolicyDecision(Effect.PERMIT, Scale.of(["public"]).lowest)
FAILURE = BackendError("local", kind=FailureKind.CONNECTION)


class Peer:
    """A backend, a stream and a log in one; it writes down what it was asked."""

    def __init__(self, *, failing: str = "", error: BaseException = FAILURE) -> None:
        self.calls: list[str] = []
        self.failing, self.error = failing, error

    def _do(self, what: str) -> str:
        self.calls.append(what)
        if what == self.failing:
            raise self.error
        return f"{what} done"

    def write(self, record: object) -> str:
        return self._do("write")

    def note(self, record: object) -> None:
        self._do("note")

    def send(self, request: object, *, permit: object) -> str:
        return self._do("send")

    async def asend(self, request: object, *, permit: object) -> str:
        return self._do("send")

    def read(self) -> str:
        return self._do("read")

    async def aread(self) -> str:
        return self._do("read")

    def close(self) -> str:
        return self._do("close")

    async def aclose(self) -> str:
        return self._do("close")

    def compute(self) -> str:
        return self._do("compute")


def script(peer: Peer, seen: list[Any]):
    """Ask for one effect of each kind; keep what comes back; clean up when left."""
    try:
        seen.append((yield Compute(peer.compute)))
        seen.append((yield RecordDurably({"event": "intent"})))
        seen.append((yield Send(peer, "request", "permit")))
        seen.append((yield Wait(0.0)))
        seen.append((yield Emit({"a": 1}, DECISION)))
        seen.append((yield ReadEvent(peer)))
        seen.append((yield Compute(peer.compute, size_bytes=LOOP_BYTES + 1)))
        seen.append((yield Compute(peer.compute, touches_disk=True)))
    except BackendError as error:
        seen.append(error)
        yield CloseStream(peer)
    except AbandonedError:
        seen.append("abandoned")
        yield CloseStream(peer)
        raise
    return "result"


class Together:
    """One way to drive: with the threads' driver, or with the event loop's in a loop."""

    def __init__(self, name: str) -> None:
        self.is_async = name == "async"

    def driver(self, flow: Any, peer: Peer) -> Any:
        return (AsyncDriver if self.is_async else SyncDriver)(flow, audit=peer)

    def do(self, driver: Any, *methods: str) -> list[Any]:
        """Call the driver's methods in turn; return their results."""
        if not self.is_async:
            return [getattr(driver, method)() for method in methods]

        async def main() -> list[Any]:
            return [await getattr(driver, method)() for method in methods]

        return anyio.run(main)


@pytest.fixture(params=["sync", "async"])
def way(request) -> Together:
    """Return each of the two ways to drive."""
    return Together(request.param)


def test_every_effect_is_performed_and_its_result_sent_back(way):
    """The flow learns what came of each thing that it asked for."""
    peer, seen = Peer(), []
    driver = way.driver(script(peer, seen), peer)

    (result,) = way.do(driver, "run")

    assert ["compute", "write", "send", "read", "compute", "compute"] == peer.calls
    assert [
        "compute done",
        "write done",
        "send done",
        None,
        None,
        "read done",
        "compute done",
        "compute done",
    ] == seen
    assert "result" == result == driver.result


def test_a_piece_is_handed_to_the_caller_before_anything_else_happens(way):
    """A stream is as fast as its reader: nothing is read ahead."""
    peer, seen = Peer(), []
    driver = way.driver(script(peer, seen), peer)

    emitted, end = way.do(driver, "next_emit", "next_emit")

    assert {"a": 1} == emitted.chunk
    assert end is None
    assert "result" == driver.result


def test_nothing_is_read_ahead(way):
    """After the first piece, the next one has not been asked for."""
    peer = Peer()

    way.do(way.driver(script(peer, []), peer), "next_emit")

    assert ["compute", "write", "send"] == peer.calls


@pytest.mark.parametrize("what", ["compute", "write", "send", "read"])
def test_a_failure_is_given_to_the_flow(way, what):
    """The flow alone decides what a failure means."""
    peer, seen = Peer(failing=what), []
    driver = way.driver(script(peer, seen), peer)

    (result,) = way.do(driver, "run")

    assert FAILURE is seen[-1]
    assert "close" == peer.calls[-1]
    assert "result" == result


@pytest.mark.parametrize("what", ["compute", "write", "send"])
def test_a_failure_that_the_flow_does_not_know_reaches_the_caller(way, what):
    """A bug is not swallowed."""
    peer = Peer(failing=what, error=ZeroDivisionError("bug"))

    with pytest.raises(ZeroDivisionError, match="bug"):
        way.do(way.driver(script(peer, []), peer), "run")


def test_leaving_lets_the_flow_clean_up(way):
    """A closed stream stops its sender."""
    peer, seen = Peer(), []
    driver = way.driver(script(peer, seen), peer)

    way.do(driver, "next_emit", "abandon")

    assert "abandoned" == seen[-1]
    assert ["compute", "write", "send", "close"] == peer.calls


def test_leaving_twice_or_after_the_end_does_nothing(way):
    """Closing is allowed at any time."""
    peer = Peer()
    driver = way.driver(script(peer, []), peer)

    way.do(driver, "next_emit", "abandon", "abandon")
    way.do(way.driver(script(peer, []), peer), "run", "abandon")

    assert 1 == peer.calls.count("close")


def test_a_failure_while_cleaning_up_does_not_stop_the_clean_up(way):
    """When closing a connection fails, the flow is told, and does the rest."""
    peer, seen = Peer(failing="close", error=OSError("gone")), []

    def flow():
        try:
            yield Emit(None, DECISION)
        except AbandonedError:
            try:
                yield CloseStream(peer)
            except OSError as error:
                seen.append(error)
            yield Compute(peer.compute)
            raise

    driver = way.driver(flow(), peer)
    way.do(driver, "next_emit", "abandon")

    assert [peer.error] == seen
    assert ["close", "compute"] == peer.calls


async def test_a_forgotten_flow_is_told_although_nothing_can_be_awaited():
    """An async stream that its reader drops still closes its connection and ends its log."""
    peer, seen = Peer(), []
    driver = AsyncDriver(script(peer, seen), audit=peer)
    await driver.next_emit()

    driver.forget()
    driver.forget()
    await anyio.lowlevel.checkpoint()

    assert "abandoned" == seen[-1]
    assert ["compute", "write", "send", "close"] == peer.calls


def test_a_forgotten_flow_without_an_event_loop_ends_too():
    """A stream that is collected after the loop has gone does not raise."""
    peer, seen = Peer(), []
    driver = AsyncDriver(script(peer, seen), audit=peer)
    anyio.run(driver.next_emit)

    driver.forget()

    assert "abandoned" == seen[-1]


@pytest.mark.parametrize("what", ["compute", "write", "send"])
def test_an_interrupt_lets_the_flow_clean_up_and_goes_on(what):
    """Ctrl-C in the middle of a call: the connection is closed, then the program ends."""
    peer, seen = Peer(failing=what, error=KeyboardInterrupt()), []

    with pytest.raises(KeyboardInterrupt):
        SyncDriver(script(peer, seen), audit=peer).run()

    assert "abandoned" == seen[-1]
    assert "close" == peer.calls[-1]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("where", ["send", "wait", "read"])
def test_a_cancelled_task_lets_the_flow_clean_up(backend, where):
    """A timeout around an await closes the connection, although the task is cancelled."""
    if backend == "trio":
        pytest.importorskip("trio")
    peer, seen = Peer(), []

    async def hang(*arguments: object, **named: object) -> None:
        await anyio.sleep_forever()

    async def slow_close() -> str:
        await anyio.sleep(0.001)  # a checkpoint: an unshielded clean-up would end here
        return peer.close()

    peer.aclose = slow_close
    if where != "wait":
        setattr(peer, {"send": "asend", "read": "aread"}[where], hang)

    def flow():
        try:
            yield Wait(60.0 if where == "wait" else 0.0)
            yield Send(peer, "request", "permit")
            yield ReadEvent(peer)
        except AbandonedError:
            seen.append("abandoned")
            yield CloseStream(peer)
            raise

    async def main() -> bool:
        with anyio.move_on_after(0.02) as scope:
            await AsyncDriver(flow(), audit=peer).run()
        return scope.cancelled_caught

    assert anyio.run(main, backend=backend)
    assert ["abandoned"] == seen
    assert "close" == peer.calls[-1]


async def test_disk_and_long_work_do_not_block_the_event_loop():
    """Syncing a disk or reading a large request happens beside the loop, short work in it."""
    here, threads = threading.get_ident(), []

    def work() -> None:
        threads.append(threading.get_ident() == here)

    class Log:
        def write(self, record: object) -> None:
            work()

    def flow():
        yield Compute(work, size_bytes=LOOP_BYTES)
        yield Compute(work, size_bytes=LOOP_BYTES + 1)
        yield Compute(work, touches_disk=True)
        yield RecordDurably({"event": "intent"})

    await AsyncDriver(flow(), audit=Log()).run()

    assert [True, False, False, False] == threads


def test_the_drivers_have_the_same_methods():
    """What one can do the other can."""

    def methods(kind: type) -> set[str]:
        return {name for name in vars(kind) if not name.startswith("__")}

    assert methods(SyncDriver) == methods(AsyncDriver) - {"forget"}  # a finaliser cannot await


def test_waiting_is_done_by_the_clock(way, monkeypatch):
    """A pause of the flow is a pause of the caller, and not a busy loop."""
    waited: list[float] = []
    monkeypatch.setattr(drivers.time, "sleep", waited.append)

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    if way.is_async:
        monkeypatch.setattr(drivers.anyio, "sleep", sleep)

    def flow():
        yield Wait(0.25)

    peer = Peer()
    way.do(way.driver(flow(), peer), "run")

    assert [0.25] == waited


def run_both(make: Callable[[], tuple[Any, Peer]]) -> list[list[str]]:
    """Drive the same script with both drivers; return both records of calls."""
    calls = []
    for name in ("sync", "async"):
        flow, peer = make()
        way = Together(name)
        try:
            way.do(way.driver(flow, peer), "run")
        except Exception as error:  # the endings are compared as well
            peer.calls.append(type(error).__name__)
        calls.append(peer.calls)
    return calls


@pytest.mark.parametrize("failing", ["", "compute", "write", "send", "read", "close"])
@pytest.mark.parametrize("error", [FAILURE, OSError("gone"), ZeroDivisionError()], ids=repr)
def test_sync_and_async_do_the_same_things_in_the_same_order(failing, error):
    """Whatever fails, both doors agree."""

    def make() -> tuple[Any, Peer]:
        peer = Peer(failing=failing, error=error)
        return script(peer, []), peer

    one, two = run_both(make)

    assert one == two

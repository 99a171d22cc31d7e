"""Attempts at a busy backend: the queue has a deadline, and every place is given back."""

from __future__ import annotations

from contextlib import suppress

import pytest

from hybridllm.effects import Emit
from hybridllm.errors import AddressRefusedError, AuditError
from hybridllm.flow import complete
from hybridllm.gate import Slot
from hybridllm.policy.model import Target
from hybridllm.wire import BackendError, FailureKind
from tests.model.driving import drive, perform
from tests.model.fakes import REPLY, SECRET, World, broken, chunk, status
from tests.model.outages import ask, balanced, fails, limited, probed_world, take_down


@pytest.fixture
def world() -> World:
    """Return a cloud for public text and two engines inside that can be probed."""
    return probed_world()


def test_a_call_waits_for_its_turn_and_then_goes_elsewhere(world):
    """A busy engine is waited for, but not longer than it is allowed to take."""
    limited(world)
    slot = world.runtime.fleet.of("local").gate.enter()

    done = ask(world)

    assert "spare" == done.result.decision.backend
    assert [5.0] == world.clock.waits
    assert isinstance(slot, Slot)


def test_a_full_queue_is_an_error_with_a_remedy(world):
    """Nobody stands in a line that is too long; the caller can act."""
    limited(world, max_queue=0)
    balanced(world, Target("local", "small"))
    world.runtime.fleet.of("local").gate.enter()

    error = fails(world)

    assert (FailureKind.BUSY, "queue_full") == (error.kind, error.code)
    assert "max_queue" in str(error)
    assert world.sent_nothing()
    assert ["busy"] == [record["result"] for record in world.log.of("unanswered")]


@pytest.mark.parametrize("first", ["local", "spare"])
def test_a_full_queue_says_more_than_that_another_backend_is_down(first):
    """The caller is told what it can do something about."""
    world = probed_world()
    second = "spare" if first == "local" else "local"
    balanced(world, Target(first, "small"), Target(second, "small"))
    limited(world, max_queue=0)
    world.runtime.fleet.of("local").gate.enter()
    take_down(world, "spare")

    assert FailureKind.BUSY is fails(world).kind


def test_a_backend_that_goes_down_while_a_call_waits_is_not_asked(world):
    """The place that is free at last belongs to a backend that is not there."""
    limited(world)
    gate = world.runtime.fleet.of("local").gate
    slot = gate.enter()

    def wait(seconds: float) -> None:
        world.clock.now += seconds
        take_down(world, "local")
        slot.release()

    world.clock.wait = wait

    assert "spare" == ask(world).result.decision.backend
    assert [] == world.local.received
    assert 0 == gate.running


ENDINGS = [
    [REPLY], [status(400)], [status(503)], [broken()], [b"junk"], [RuntimeError("a bug")],
    [[chunk("は"), chunk("い")]], [[chunk("は"), broken()]], [[broken()]],
    [AddressRefusedError("elsewhere")],
]  # fmt: skip


@pytest.mark.parametrize("ending", ENDINGS, ids=repr)
@pytest.mark.parametrize("abandon_after", [None, 1, 2, 3, 4, 5, 6, 7, 8])
def test_every_call_gives_its_place_back(ending, abandon_after):
    """However a call ends, and wherever its caller leaves, the engine is free afterwards."""
    world = World(retries=1)
    limited(world)
    balanced(world, Target("local", "small"))
    world.local.script = list(ending)
    call = world.call(SECRET, stream=isinstance(ending[0], list))

    with suppress(BackendError, AddressRefusedError, RuntimeError):
        drive(complete(call, world.runtime), world, abandon_after=abandon_after)

    assert 0 == world.runtime.fleet.of("local").gate.running


def test_a_call_whose_record_fails_gives_its_place_back(world):
    """A full disk stops requests, and does not fill the engine's places with them."""
    limited(world)
    world.log.refuse = lambda record: AuditError("the disk is full")

    with pytest.raises(AuditError, match="full"):
        ask(world)

    assert 0 == world.runtime.fleet.of("local").gate.running


def test_a_flow_that_nobody_drives_to_its_end_gives_its_place_back():
    """A stream that is simply dropped frees its place too."""
    world = World()
    limited(world)
    world.local.script = [[chunk("は"), chunk("い")]]
    flow = complete(world.call(SECRET, stream=True), world.runtime)
    opened = drive_to_emit(flow, world)

    flow.close()

    assert opened
    assert 0 == world.runtime.fleet.of("local").gate.running


def drive_to_emit(flow, world: World) -> bool:
    """Drive until the first piece."""
    effect = next(flow)
    while not isinstance(effect, Emit):
        effect = flow.send(perform(effect, world))
    return True

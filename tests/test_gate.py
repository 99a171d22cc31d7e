"""The gate: never more calls than allowed, first come first served, and no place is lost."""

from __future__ import annotations

import os
import threading
from random import Random

import anyio
import pytest

from hybridllm.gate import Gate, Slot, Ticket


def test_calls_up_to_the_limit_get_a_place_and_then_they_queue():
    """An engine for two gets two calls; the third stands in line, the fourth is told at once."""
    gate = Gate(max_concurrency=2, max_queue=1)

    entries = [gate.enter() for _ in range(4)]

    assert [Slot, Slot, Ticket, type(None)] == [type(entry) for entry in entries]
    assert (2, 1) == (gate.running, gate.waiting)


def test_without_a_limit_everybody_gets_a_place():
    """Counting goes on, since the choice among equals looks at it."""
    gate = Gate()

    assert {Slot} == {type(gate.enter()) for _ in range(500)}
    assert 500 == gate.running


def test_a_place_is_given_back_once():
    """A call that ends in two ways at the same time frees one place, not two."""
    gate = Gate(max_concurrency=2)
    slot, other = gate.enter(), gate.enter()

    slot.release()
    slot.release()

    assert 1 == gate.running
    other.release()
    assert 0 == gate.running


def test_whoever_waits_longest_is_next():
    """Nobody is overtaken, also not by a call that comes at the right moment."""
    gate = Gate(max_concurrency=1)
    slot, first, second = gate.enter(), gate.enter(), gate.enter()

    slot.release()
    late = gate.enter()

    assert isinstance(late, Ticket)
    assert first.wait(timeout_s=0) is not None
    assert second.wait(timeout_s=0) is None


@pytest.mark.parametrize("is_granted", [False, True])
def test_whoever_leaves_the_queue_takes_no_place_along(is_granted):
    """A caller that gives up, before or after its turn came, blocks nobody behind it."""
    gate = Gate(max_concurrency=1)
    slot, leaving, staying = gate.enter(), gate.enter(), gate.enter()

    if is_granted:
        slot.release()
    leaving.leave()
    slot.release()

    place = staying.wait(timeout_s=0)
    assert place is not None
    place.release()
    assert (0, 0) == (gate.running, gate.waiting)


def test_a_place_that_was_claimed_but_never_arrived_is_given_back():
    """An interrupt between getting a place and using it loses nothing."""
    gate = Gate(max_concurrency=1)
    slot, ticket = gate.enter(), gate.enter()
    slot.release()
    ticket.wait(timeout_s=0)

    ticket.leave()

    assert (0, 0) == (gate.running, gate.waiting)


def test_a_thread_that_waits_is_woken():
    """The queue moves as soon as a place is free, in another thread."""
    gate = Gate(max_concurrency=1)
    slot, ticket = gate.enter(), gate.enter()
    got = []
    waiting = threading.Thread(target=lambda: got.append(ticket.wait(timeout_s=30)))
    waiting.start()

    slot.release()
    waiting.join(timeout=30)

    assert isinstance(got[0], Slot)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_task_that_waits_does_not_hold_its_loop_up(backend):
    """While one task stands in line, another one goes on, and frees the place."""
    if backend == "trio":
        pytest.importorskip("trio")
    gate = Gate(max_concurrency=1)

    async def main() -> object:
        slot, ticket = gate.enter(), gate.enter()
        async with anyio.create_task_group() as group:
            group.start_soon(_release_later, slot)
            return await ticket.await_place(timeout_s=30)

    assert isinstance(anyio.run(main, backend=backend), Slot)


async def _release_later(slot: Slot) -> None:
    await anyio.lowlevel.checkpoint()
    slot.release()


async def test_a_thread_can_free_a_place_for_a_task():
    """One client may serve threads and loops at once."""
    gate = Gate(max_concurrency=1)
    slot, ticket = gate.enter(), gate.enter()

    async with anyio.create_task_group() as group:
        group.start_soon(anyio.to_thread.run_sync, slot.release)
        place = await ticket.await_place(timeout_s=30)

    assert isinstance(place, Slot)


@pytest.mark.parametrize("is_async", [False, True])
def test_a_wait_ends_with_its_time(is_async):
    """Without a free place the caller hears so, and stands in line no longer."""
    gate = Gate(max_concurrency=1)
    slot, ticket = gate.enter(), gate.enter()

    async def in_loop() -> object:
        return await ticket.await_place(timeout_s=0.01)

    assert (anyio.run(in_loop) if is_async else ticket.wait(timeout_s=0.01)) is None
    assert 0 == gate.waiting
    slot.release()
    assert 0 == gate.running


def test_a_loop_that_has_ended_is_passed_over():
    """A place is not given to a task that can never wake up."""
    gate = Gate(max_concurrency=1)
    slot, gone, alive = gate.enter(), gate.enter(), gate.enter()

    def ended() -> None:
        raise RuntimeError("the loop is closed")

    gate.listen(gone, wake=ended)
    slot.release()

    assert alive.wait(timeout_s=0) is not None


def test_no_place_is_lost_when_tasks_are_cancelled_at_any_moment():
    """Five hundred calls, a third of them given up somewhere: the gate is empty at the end."""
    gate, dice, most = Gate(max_concurrency=3), Random(7), []

    async def call(cancel_after: float | None) -> None:
        with anyio.move_on_after(cancel_after):
            entry = gate.enter()
            slot = entry if isinstance(entry, Slot) else None
            if isinstance(entry, Ticket):
                try:
                    slot = await entry.await_place(timeout_s=30)
                except BaseException:
                    entry.leave()
                    raise
            most.append(gate.running)
            try:
                await anyio.sleep(dice.uniform(0, 0.0005))
            finally:
                if slot is not None:
                    slot.release()

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(500):
                group.start_soon(call, dice.choice([None, None, dice.uniform(0, 0.05)]))

    anyio.run(main)

    assert (0, 0) == (gate.running, gate.waiting)
    assert 3 == max(most)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_starts_with_an_empty_gate():
    """A server that forks while calls run is not blocked by calls that it does not make."""
    gate = Gate(max_concurrency=1)
    slot = gate.enter()
    gate._process = -1  # as if this were another process

    assert 0 == gate.running
    assert isinstance(gate.enter(), Slot)
    slot._process = -1
    slot.release()
    assert 1 == gate.running

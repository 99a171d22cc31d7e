"""A driver for tests: it performs a flow's effects on a fake world and keeps them.

Answers: which effects did a flow ask for, in which order?
Not here: the drivers of the package, which have tests of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hybridllm.effects import (
    AbandonedError,
    AwaitPlace,
    CloseStream,
    Compute,
    Emit,
    Probe,
    ReadEvent,
    RecordDurably,
    Send,
    Wait,
)
from hybridllm.runtime import Completed
from tests.model.fakes import World


@dataclass
class Driven:
    """What a flow did.

    Attributes:
        effects: Everything that it asked for, in order.
        result: What it returned.
        abandoned: Whether it ended because the caller had left.
    """

    effects: list[Any] = field(default_factory=list)
    result: Completed | None = None
    abandoned: bool = False

    @property
    def emitted(self) -> list[Emit]:
        """Return the pieces that the caller was handed."""
        return [effect for effect in self.effects if isinstance(effect, Emit)]


def names(effects: list[Any]) -> list[type]:
    """Return the kinds of effects."""
    return [type(effect) for effect in effects]


def drive(flow: Any, world: World, *, abandon_after: int | None = None) -> Driven:
    """Drive a flow to its end.

    Args:
        flow: The generator.
        world: Where its effects happen.
        abandon_after: When this many effects were asked for, perform the last one and then
            throw the caller's leaving in, as a driver does when it was interrupted.
    """
    done = Driven()
    step, value = flow.send, None
    while True:
        try:
            effect = step(value)
        except StopIteration as stop:
            done.result = stop.value
            return done
        except AbandonedError:
            done.abandoned = True
            return done
        done.effects.append(effect)
        try:
            step, value = flow.send, perform(effect, world)
        except Exception as error:  # the flow decides what any failure means
            step, value = flow.throw, error
        if abandon_after == len(done.effects):
            _release(value)
            step, value = flow.throw, AbandonedError()


def _release(value: Any) -> None:
    """Close a stream that came back too late, as a backend does when it is interrupted."""
    events = getattr(value, "events", None)
    if events is not None:
        events.close()


def perform(effect: Any, world: World) -> Any:
    """Do what an effect asks for."""
    match effect:
        case Compute(work=work):
            return work()
        case RecordDurably(record=record):
            return world.log.write(record)
        case Send(backend=backend, request=request, permit=permit):
            return backend.send(request, permit=permit)
        case Probe(backend=backend, timeout_s=timeout_s):
            return backend.probe(timeout_s=timeout_s)
        case AwaitPlace(ticket=ticket, timeout_s=timeout_s):
            world.clock.wait(timeout_s)
            return ticket.wait(timeout_s=0.0)
        case ReadEvent(events=events):
            return events.read()
        case CloseStream(events=events):
            return events.close()
        case Wait(seconds=seconds):
            return world.clock.wait(seconds)
        case Emit():
            return None
    raise AssertionError(f"an effect without a meaning: {type(effect).__name__}")

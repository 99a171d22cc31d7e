"""Worlds in which backends go down, fill up or share their calls.

Answers: how does a test take a backend down, limit it, or give it an equal?
Not here: what must happen (`test_attempts_outages`, `test_attempts_queues`).
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from hybridllm.fleet import Fleet, Member
from hybridllm.flow import complete
from hybridllm.gate import Gate
from hybridllm.policy.model import Target
from hybridllm.wire import BackendError
from tests.model.driving import drive
from tests.model.fakes import SECRET, FakeBackend, World, broken


class ProbedBackend(FakeBackend):
    """A fake that can be probed; `probes` says what it answers, the last one for ever."""

    def __init__(self, like: FakeBackend) -> None:
        super().__init__(like.name, like.place, clock=like._clock, journal=like._journal)
        self.probes: list[int | Exception] = [200]
        self.probed = 0

    def probe(self, *, timeout_s: float) -> int:
        self.probed += 1
        found = self.probes.pop(0) if len(self.probes) > 1 else self.probes[0]
        if isinstance(found, Exception):
            raise found
        return found

    async def aprobe(self, *, timeout_s: float) -> int:
        return self.probe(timeout_s=timeout_s)


def probed_world(**settings: object) -> World:
    """Return a cloud for public text and two engines inside that can be probed."""
    world = World(**settings)
    for name, backend in list(world.backends.items()):
        world.backends[name] = ProbedBackend(backend)
    return world


def ask(world: World, content: str = SECRET, **changes: object):
    """Make a call; return what it did."""
    return drive(complete(world.call(content, **changes), world.runtime), world)


def fails(world: World, content: str = SECRET, **changes: object) -> BackendError:
    """Make a call that no backend answers; return the error."""
    with pytest.raises(BackendError) as caught:
        ask(world, content, **changes)
    return caught.value


def take_down(world: World, *names: str) -> None:
    """Let backends fail until their breakers are open."""
    for name in names:
        world.backends[name].script = [broken()]
        health = world.runtime.fleet.of(name).health
        while not health.is_open:
            health.ended(broken(), now=world.clock(), lasted_s=1.0, had_begun=False)


def limited(world: World, **settings: object) -> None:
    """Let the engine inside take one call at a time."""
    member = Member(Gate(max_concurrency=1, **settings), queue_timeout_s=5.0)
    world.runtime = replace(world.runtime, fleet=Fleet({"local": member}))


def balanced(world: World, *targets: Target) -> None:
    """Let the alias have these targets."""
    policy = replace(world.runtime.policy, aliases={"assistant": targets})
    world.runtime = replace(world.runtime, policy=policy)

"""Thousands of small worlds, each from a seed: whatever happens in one, no promise breaks.

HYBRIDLLM_WORLDS=20000 python -m pytest tests/simulation      more worlds
HYBRIDLLM_WORLD=4711 python -m pytest tests/simulation -s     one world, step by step
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from hybridllm import dispatch, flow
from hybridllm.effects import CloseStream, RecordDurably, Send
from hybridllm.types import Candidate
from tests.simulation.plan import plan_of
from tests.simulation.promises import check
from tests.simulation.running import World, run_world
from tests.simulation.world import BrokenPromiseError

ONE = os.environ.get("HYBRIDLLM_WORLD")
FIRST = int(os.environ.get("HYBRIDLLM_TEST_SEED", "20261125")) * 1_000_000
WORLDS = int(os.environ.get("HYBRIDLLM_WORLDS", "2000"))
MANY = 20_000
CHUNK = 500


def say(*lines: str) -> None:
    """Print lines; pytest shows them with a failure, or with `-s`."""
    sys.stdout.write("\n".join((*lines, "")))


def judge(seed: int) -> Counter[str]:
    """Act out one world and check it; a failure names the seed and the last steps."""
    world = World(plan_of(seed))
    try:
        world.run()
        return check(world)
    except BrokenPromiseError as error:
        steps = "\n".join(world.trace[-12:])
        command = f"HYBRIDLLM_WORLD={seed} python -m pytest tests/simulation -s"
        raise BrokenPromiseError(f"{error}\nreplay: {command}\n{steps}") from None


def judge_all(seeds: range) -> Counter[str]:
    """Check one world after another; return how often each thing happened."""
    seen: Counter[str] = Counter()
    for seed in seeds:
        seen += judge(seed)
    return seen


def must_have_happened(seen: Counter[str], *, worlds: int) -> None:
    """Check that the worlds were worth it: everything happened, and often."""
    often = ("answered", "denied", "sent inside", "sent to a cloud", "left", "killed")
    assert [] == [what for what in often if seen[what] < worlds // 4], seen
    failures = ("BackendError", "AuditError", "OSError", "AddressRefusedError", "RuntimeError")
    assert [] == [what for what in failures if seen[what] < worlds // 40], seen


@pytest.mark.skipif(ONE is not None, reason="one world was asked for")
def test_no_promise_is_broken_in_thousands_of_worlds():
    """Twenty callers, faults, reloads and departures in any order: nothing flows down."""
    seeds = range(FIRST, FIRST + WORLDS)
    say(f"worlds {seeds[0]} to {seeds[-1]}")

    seen = judge_all(seeds)

    must_have_happened(seen, worlds=len(seeds))


@pytest.mark.slow
def test_no_promise_is_broken_in_twenty_thousand_worlds():
    """The same, on every core, with other seeds."""
    start = FIRST + 500_000
    chunks = [range(first, first + CHUNK) for first in range(start, start + MANY, CHUNK)]
    say(f"worlds {start} to {start + MANY - 1}")

    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        seen = sum(pool.map(judge_all, chunks), Counter())

    must_have_happened(seen, worlds=MANY)


@pytest.mark.skipif(ONE is None, reason="set HYBRIDLLM_WORLD to a seed to replay it")
def test_one_world_is_replayed():
    """A seed from a failure shows the same failure again, with every step before it."""
    world = World(plan_of(int(str(ONE))))

    try:
        world.run()
        check(world)
    finally:
        say(*world.trace)


def traced(seed: int) -> str:
    """Return what happened in a world, as one hash."""
    return sha256("\n".join(run_world(seed).trace).encode()).hexdigest()


def test_a_seed_stands_for_one_world():
    """The same seed gives the same steps, also in another process with other hashes."""
    seeds = range(FIRST, FIRST + 20)
    here = [traced(seed) for seed in seeds]
    root = Path(__file__).parents[2]
    code = (
        f"import sys; sys.path.insert(0, {str(root)!r})\n"
        "from tests.simulation.test_simulation import traced\n"
        f"print(*[traced(seed) for seed in {seeds!r}])"
    )

    there = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "4711"},
        capture_output=True,
        check=True,
        encoding="utf-8",
    )

    assert here == [traced(seed) for seed in seeds]
    assert here == there.stdout.split()
    assert len(seeds) == len(set(here))


# Each plants one mistake into the product, as a change of tomorrow might.


def _falls_back_to_anyone(patch: pytest.MonkeyPatch) -> None:
    real = flow.attempts

    def leaky(judged: Any, *rest: Any, **named: Any) -> Any:
        decision = judged.decision
        more = [Candidate(item.backend, item.model, item.place) for item in decision.rejected]
        candidates = (*decision.candidates, *more)
        judged = replace(judged, decision=replace(decision, candidates=candidates))
        return (yield from real(judged, *rest, **named))

    patch.setattr(flow, "attempts", leaky)


def _changed(change: Callable[[Any], list[Any]]) -> Callable[[pytest.MonkeyPatch], None]:
    """Return a mistake in which the flow asks for other effects than it should."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        real = flow.complete

        def other(*args: Any) -> Any:
            inner = real(*args)
            step, value = inner.send, None
            while True:
                try:
                    effect = step(value)
                except StopIteration as stop:
                    return stop.value
                step, value = inner.send, None
                for wanted in change(effect):
                    try:
                        value = yield wanted
                    except Exception as error:
                        step, value = inner.throw, error

        patch.setattr(flow, "complete", other)

    return plant


def _other_bytes(effect: Any) -> list[Any]:
    if isinstance(effect, Send):
        body = effect.request.body.replace(b"user", b"usee")
        return [replace(effect, request=replace(effect.request, body=body))]
    return [effect]


def _forgets_outcomes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(flow, "note", lambda *_, **__: None)
    patch.setattr(dispatch, "note", lambda *_, **__: None)


def _mixes_replies_up(patch: pytest.MonkeyPatch) -> None:
    real, last = flow.Completed, []

    def mixed(reply: Any, decision: Any) -> Any:
        last.append(reply)
        return real(last[-2] if len(last) % 50 == 0 else reply, decision)

    patch.setattr(flow, "Completed", mixed)


def _forgets_replies(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(flow, "_remember_reply", lambda *_: None)


def _is_never_in_doubt(patch: pytest.MonkeyPatch) -> None:
    real = flow.decide
    patch.setattr(flow, "decide", lambda policy, facts: real(policy, replace(facts, doubts=())))


def _trusts_the_caller(patch: pytest.MonkeyPatch) -> None:
    real = flow.decide

    def lower(policy: Any, facts: Any) -> Any:
        return real(policy, replace(facts, label=policy.scale.lowest))

    patch.setattr(flow, "decide", lower)


def _ignores_the_deadline(patch: pytest.MonkeyPatch) -> None:
    real = dispatch.Permit
    patch.setattr(dispatch, "_must_have_time", lambda *_, **__: None)
    patch.setattr(dispatch, "Permit", lambda **named: real(**{**named, "deadline": 1e9}))


PLANTED = {
    "falls back to anyone": _falls_back_to_anyone,
    "sends before it records": _changed(
        lambda effect: [] if isinstance(effect, RecordDurably) else [effect]
    ),
    "sends twice": _changed(lambda effect: [effect] * (2 if isinstance(effect, Send) else 1)),
    "sends other bytes": _changed(_other_bytes),
    "leaves streams open": _changed(
        lambda effect: [] if isinstance(effect, CloseStream) else [effect]
    ),
    "forgets outcomes": _forgets_outcomes,
    "mixes replies up": _mixes_replies_up,
    "forgets replies": _forgets_replies,
    "is never in doubt": _is_never_in_doubt,
    "ignores what was declared": _trusts_the_caller,
    "ignores the deadline": _ignores_the_deadline,
}


@pytest.mark.parametrize("plant", PLANTED.values(), ids=PLANTED.keys())
def test_a_planted_mistake_is_found(plant: Any, monkeypatch: pytest.MonkeyPatch):
    """The simulation can fail: each of these mistakes breaks a promise in some world."""
    plant(monkeypatch)

    with pytest.raises(BrokenPromiseError) as caught:
        judge_all(range(FIRST, FIRST + 600))

    assert "HYBRIDLLM_WORLD=" in str(caught.value)

"""Recorded requests are decided again as the requests themselves would be."""

from __future__ import annotations

import json
from collections import Counter
from random import Random

import pytest

from hybridllm.audit import record
from hybridllm.policy.decide import decide
from hybridllm.policy.tools.replay import Price, Replayer
from hybridllm.types import Effect, Place
from tests.policy_tools.random_policies import pair, policy_of, requests

TIME = "2026-04-01T09:{:02d}:00.000000Z"


def line(made, *, minute=0):
    """Return a record as it stands in the log."""
    return json.dumps({"seq": 0, "time": TIME.format(minute), **made, "mac": "0"}).encode()


def recorded(policy, facts, *, call, tokens=None):
    """Return the lines that a request leaves under a policy."""
    decision = decide(policy, facts)
    if decision.effect is not Effect.PERMIT:
        return [record.denial(call=call, facts=facts, decision=decision, body_mac="")]
    first = decision.candidates[0]
    intent = record.intent(
        call=call, attempt=1, facts=facts, decision=decision, candidate=first,
        body_mac="", body_bytes=10,
    )  # fmt: skip
    usage = None if tokens is None else dict(zip(USAGE, tokens, strict=True))
    outcome = record.outcome(
        call=call, attempt=1, backend=first.backend, result="ok", duration_s=1.0, usage=usage
    )
    return [intent, outcome]


USAGE = ("prompt_tokens", "completion_tokens")


def kind_of(decision):
    if decision.effect is not Effect.PERMIT:
        return "denied"
    return "cloud" if decision.candidates[0].place is Place.CLOUD else "local"


@pytest.mark.parametrize("seed", range(60))
def test_a_replay_says_what_deciding_each_request_says(seed):
    """The counts of a replay are those of asking the new policy about every request."""
    old_tables, new_tables = pair(seed)
    old, new = policy_of(old_tables), policy_of(new_tables)
    asked = requests(Random(seed), tables=old_tables, count=80)
    expected = Counter(
        (facts.identity.department, kind_of(decide(old, facts)), kind_of(decide(new, facts)))
        for facts in asked
    )

    replayer = Replayer(new, decide=decide)
    for number, facts in enumerate(asked):
        replayer.take(line(item) for item in recorded(old, facts, call=str(number)))

    assert expected == replayer.result.moves
    assert len(asked) == replayer.result.requests
    assert 0 == replayer.result.unreadable


def first_that_moves(before, after):
    """Return two policies and a request that goes from one kind of place to another."""
    for seed in range(500):
        old_tables, new_tables = pair(seed)
        old, new = policy_of(old_tables), policy_of(new_tables)
        for facts in requests(Random(seed), tables=old_tables, count=40):
            if (before, after) == (kind_of(decide(old, facts)), kind_of(decide(new, facts))):
                return old, new, facts
    raise AssertionError("no such case")


def test_cost_and_load_follow_the_request():
    """700 tokens in and 200 out at 2 and 10 per million cost 0.0034, and load the premises."""
    old, new, facts = first_that_moves("cloud", "local")
    backend = decide(old, facts).candidates[0].backend
    replayer = Replayer(new, decide=decide, prices={backend: Price(2.0, 10.0)})

    replayer.take(line(item) for item in recorded(old, facts, call="a", tokens=(700, 200)))

    found = replayer.result
    assert pytest.approx(0.0034) == found.cost_before
    assert 0.0 == found.cost_after
    assert (0, 900) == (found.load_before.tokens, found.load_after.tokens)
    assert 900 == found.load_after.peak_per_hour
    assert 1 == found.hours
    assert 1 == found.moved("cloud", after="local")


def test_a_request_of_unknown_size_is_counted_apart():
    """What was denied has no tokens; nothing is invented for it."""
    old, new, facts = first_that_moves("denied", "local")
    replayer = Replayer(new, decide=decide)

    replayer.take(line(item) for item in recorded(old, facts, call="a"))

    assert 1 == replayer.result.without_usage
    assert 0 == replayer.result.load_after.tokens


def test_a_request_that_was_tried_twice_counts_once():
    """A retry or a fallback is the same request; its tokens belong to who answered."""
    old, new, facts = first_that_moves("cloud", "local")
    intent, outcome = recorded(old, facts, call="a", tokens=(700, 200))
    again = {**intent, "attempt": 2, "backend": "other", "place": "on_premises"}
    failed = {**outcome, "result": "timeout", "usage": {}}
    answered = {**outcome, "attempt": 2, "backend": "other"}
    replayer = Replayer(new, decide=decide)

    replayer.take(line(item) for item in (intent, failed, again, answered))

    assert 1 == replayer.result.requests
    assert 900 == replayer.result.load_before.tokens


def test_names_that_the_new_policy_lacks_are_said():
    """A department that is gone cannot be decided for, and is no silent denial."""
    old, new, facts = first_that_moves("local", "local")
    (intent, _) = recorded(old, facts, call="a")
    replayer = Replayer(new, decide=decide)

    replayer.take([line({**intent, "department": "gone"})])
    replayer.take([line({**intent, "declared": {"level": "gone", "compartments": []}})])

    assert {"unknown"} == {after for _, _, after in replayer.result.moves}


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"1", b"{}", b'{"event":"intent"}', b'{"event":"denied","declared":7}',
     b'\xff{"event":"denied"}'],
)  # fmt: skip
def test_a_line_that_is_no_record_is_counted_and_not_believed(text):
    """Damage is said, and does not stop the rest."""
    old, new, facts = first_that_moves("local", "local")
    replayer = Replayer(new, decide=decide)

    replayer.take([text, *(line(item) for item in recorded(old, facts, call="a"))])

    assert 1 == replayer.result.unreadable
    assert 1 == replayer.result.requests

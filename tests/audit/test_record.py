"""What an audit record says, and what it never says."""

from __future__ import annotations

import json

from hybridllm.audit import record
from hybridllm.labels import Scale
from hybridllm.types import (
    Candidate,
    Effect,
    Facts,
    Identity,
    Place,
    PolicyDecision,
    Reason,
    Rejection,
)

SCALE = Scale.of(["public", "secret"], compartments=["customer"])
LOCAL = Candidate("local", "small", Place.ON_PREMISES)
FACTS = Facts(
    "assistant",
    "chat.completions",
    Identity("法務", "p-17", "contract", "crm"),
    SCALE.lowest,
    (("personal.email", 2),),
    frozenset({"unreadable:part"}),
    frozenset({"store"}),
)
DECISION = PolicyDecision(
    Effect.PERMIT,
    SCALE.strictest,
    candidates=(LOCAL,),
    rejected=(
        Rejection(
            "cloud",
            "big",
            Place.CLOUD,
            (Reason("label_above_clearance", "too high"), Reason("doubt", "unread")),
        ),
    ),
    policy_digest="ab" * 32,
)


def intent() -> dict:
    """Return the record of one attempt."""
    return record.intent(
        call="c1",
        attempt=2,
        facts=FACTS,
        decision=DECISION,
        candidate=LOCAL,
        body_mac="00" * 16,
        body_bytes=321,
    )


def test_an_intent_says_who_what_where_and_under_which_policy():
    """A compliance officer can answer every question but "what did it say"."""
    assert {
        "event": "intent",
        "call": "c1",
        "attempt": 2,
        "department": "法務",
        "principal": "p-17",
        "purpose": "contract",
        "application": "crm",
        "endpoint": "chat.completions",
        "alias": "assistant",
        "effect": "permit",
        "label": {"level": "secret", "compartments": ["customer"]},
        "declared": {"level": "public", "compartments": []},
        "kinds": {"personal.email": 2},
        "doubts": ["unreadable:part"],
        "parameters": ["store"],
        "candidates": ["local"],
        "rejected": {"cloud": ["doubt", "label_above_clearance"]},
        "policy": "ab" * 32,
        "backend": "local",
        "model": "small",
        "place": "on_premises",
        "body": "00" * 16,
        "bytes": 321,
    } == intent()


def test_a_denial_names_no_backend_as_used():
    """What went nowhere has no destination."""
    denied = record.denial(call="c1", facts=FACTS, decision=DECISION, body_mac="00" * 16)

    assert "denied" == denied["event"]
    assert set() == {"backend", "model", "place", "attempt"} & denied.keys()


def test_both_targets_of_one_backend_are_on_record():
    """Two models at one backend may be ruled out for different reasons."""
    twice = PolicyDecision(
        Effect.DENY,
        SCALE.strictest,
        rejected=(
            Rejection("cloud", "big", Place.CLOUD, (Reason("rule", "r"),)),
            Rejection("cloud", "small", Place.CLOUD, (Reason("endpoint", "e"),)),
        ),
    )

    denied = record.denial(call="c1", facts=FACTS, decision=twice, body_mac="")

    assert {"rule", "endpoint"} == set(denied["rejected"]["cloud"])


def test_an_outcome_says_what_is_known_and_no_more():
    """Fields without a value are left out."""
    short = record.outcome(call="c1", attempt=1, backend="local", result="ok", duration_s=0.0123456)
    long = record.outcome(
        call="c1",
        attempt=1,
        backend="local",
        result="status",
        duration_s=1.0,
        status=429,
        code="rate_limit_exceeded",
        usage={"total_tokens": 7},
    )

    assert 12.346 == short["duration_ms"]
    assert set() == {"status", "code", "usage"} & short.keys()
    assert (429, "rate_limit_exceeded", {"total_tokens": 7}) == (
        long["status"],
        long["code"],
        long["usage"],
    )


def test_every_record_is_json():
    """The log is read by other tools."""
    assert intent() == json.loads(json.dumps(intent()))

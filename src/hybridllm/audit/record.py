"""What an audit record says.

Answers: which fields does a decision, an attempt or an outcome leave in the log?
Not here: making it durable (`audit.log`).

A record holds ids, labels, counts, codes and keyed hashes: never text of a
request or a reply, so the log itself may be read by people who may not read those.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hybridllm.labels import Label
    from hybridllm.types import Candidate, Facts, PolicyDecision

Record = dict[str, Any]


def denial(*, call: str, facts: Facts, decision: PolicyDecision, body_mac: str) -> Record:
    """Return the record of a request that goes nowhere."""
    return {
        "event": "denied",
        "call": call,
        **_who(facts),
        **_decision(facts, decision),
        "body": body_mac,
    }


def unanswered(*, call: str, facts: Facts, decision: PolicyDecision, result: str) -> Record:
    """Return the record of a permitted request that no backend could take: it went nowhere."""
    return {
        "event": "unanswered",
        "call": call,
        **_who(facts),
        **_decision(facts, decision),
        "result": result,
    }


def intent(
    *,
    call: str,
    attempt: int,
    facts: Facts,
    decision: PolicyDecision,
    candidate: Candidate,
    body_mac: str,
    body_bytes: int,
) -> Record:
    """Return the record that must be durable before the first byte of an attempt leaves."""
    return {
        "event": "intent",
        "call": call,
        "attempt": attempt,
        **_who(facts),
        **_decision(facts, decision),
        "backend": candidate.backend,
        "model": candidate.model,
        "place": candidate.place.value,
        "body": body_mac,
        "bytes": body_bytes,
    }


def outcome(
    *,
    call: str,
    attempt: int,
    backend: str,
    result: str,
    duration_s: float,
    status: int | None = None,
    code: str = "",
    usage: dict[str, int] | None = None,
) -> Record:
    """Return the record of how an attempt ended.

    Args:
        call: Id of the call.
        attempt: Counted from 1 over the whole call.
        backend: Which backend it was.
        result: `ok`, `cancelled`, `refused`, or how the backend failed.
        duration_s: From the intent to now.
        status: HTTP status of a failure.
        code: The provider's error code.
        usage: Token counts, as the backend states them.
    """
    record: Record = {
        "event": "outcome",
        "call": call,
        "attempt": attempt,
        "backend": backend,
        "result": result,
        "duration_ms": round(duration_s * 1000, 3),
    }
    if status is not None:
        record["status"] = status
    if code:
        record["code"] = code
    if usage:
        record["usage"] = usage
    return record


def shadow(
    *, call: str, source: str, facts: Facts, decision: PolicyDecision, would: PolicyDecision
) -> Record:
    """Return the record of a policy on trial that decides otherwise than the one in force.

    Args:
        call: Id of the call.
        source: `report` for rules that are only reported, `shadow` for another set of files.
        facts: What both decided on.
        decision: What is in force.
        would: What the policy on trial says.
    """
    return {
        "event": "shadow",
        "call": call,
        "source": source,
        **_who(facts),
        **_outcome(decision),
        "policy": decision.policy_digest,
        "would": {**_outcome(would), **_rules(would), "policy": would.policy_digest},
    }


def policy_loaded(
    *, digest: str, revision: int, previous: str, previous_revision: int, files: int
) -> Record:
    """Return the record of a policy that is in force from here on.

    Args:
        digest: Of the new policy.
        revision: Of the organisation's file.
        previous: Digest of the policy before.
        previous_revision: The highest revision that was in force before.
        files: How many files it was made from.
    """
    return {
        "event": "policy_loaded",
        "policy": digest,
        "revision": revision,
        "previous": previous,
        "previous_revision": previous_revision,
        "files": files,
    }


def policy_refused(*, file: str, key: str, problem: str, remedy: str, policy: str) -> Record:
    """Return the record of files that did not come into force.

    Args:
        file: Where the mistake is.
        key: Path of the setting; empty if it is the whole file.
        problem: Class of the error. Its message may quote the file, so it is left out.
        remedy: What to do.
        policy: Digest of the policy that stays in force.
    """
    return {
        "event": "policy_refused",
        "file": file,
        "key": key,
        "problem": problem,
        "remedy": remedy,
        "policy": policy,
    }


def _outcome(decision: PolicyDecision) -> Record:
    """Return what came out, for two decisions to be compared."""
    return {
        "effect": decision.effect.value,
        "label": _label(decision.label),
        "candidates": [candidate.backend for candidate in decision.candidates],
    }


def _who(facts: Facts) -> Record:
    identity = facts.identity
    named = {
        "department": identity.department,
        "principal": identity.principal,
        "purpose": identity.purpose,
        "application": identity.application,
    }
    given = {key: value for key, value in named.items() if value}
    return {**given, "endpoint": facts.endpoint, "alias": facts.alias}


def _decision(facts: Facts, decision: PolicyDecision) -> Record:
    return {
        "effect": decision.effect.value,
        "label": _label(decision.label),
        "declared": _label(facts.label),
        "kinds": dict(facts.kinds),
        "doubts": sorted(facts.doubts),
        "parameters": sorted(facts.parameters),
        **({"budgets": sorted(facts.budgets)} if facts.budgets else {}),
        "candidates": [candidate.backend for candidate in decision.candidates],
        "rejected": _rejected(decision),
        **_rules(decision),
        "policy": decision.policy_digest,
    }


def _rejected(decision: PolicyDecision) -> Record:
    """Return for each backend all codes that ruled out one of its models."""
    codes: dict[str, set[str]] = {}
    for rejection in decision.rejected:
        codes.setdefault(rejection.backend, set()).update(
            reason.code for reason in rejection.reasons
        )
    return {backend: sorted(found) for backend, found in codes.items()}


def _rules(decision: PolicyDecision) -> Record:
    """Return the names of all rules that took part; nothing if there was none."""
    reasons = [*decision.reasons, *(r for item in decision.rejected for r in item.reasons)]
    names = sorted({reason.rule for reason in reasons if reason.rule})
    return {"rules": names} if names else {}


def _label(label: Label) -> Record:
    return {"level": label.level.name, "compartments": sorted(label.compartments)}

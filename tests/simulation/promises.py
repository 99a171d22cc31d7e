"""What must hold in every simulated world, whatever happened in it.

Answers: was a promise broken, and which one?
Not here: making things happen (`running`).
"""

from __future__ import annotations

from collections import Counter

from hybridllm.effects import AbandonedError
from hybridllm.errors import AddressRefusedError, AuditError, PermitError, PolicyDeniedError
from hybridllm.wire import BackendError
from tests.model import decision as model
from tests.simulation.plan import Faults
from tests.simulation.running import Asked, World, marks_in
from tests.simulation.world import MARK, BrokenPromiseError, Sent

_MAY_BE_SEEN = (AddressRefusedError, AuditError, BackendError, PermitError, PolicyDeniedError)
"""What a caller may meet, besides what a simulated part raises by itself."""


def check(world: World) -> Counter[str]:
    """Check every promise; return how often each thing happened, so that silence is no proof.

    Raises:
        BrokenPromiseError: A promise was broken; the message says which one.
    """
    seen: Counter[str] = Counter()
    asked = {each.question.number: each for each in world.asked}
    calls: dict[str, int] = {}
    for backend in world.backends.values():
        for sent in backend.received:
            number = _asked_number(sent)
            calls[sent.key[0]] = number
            _must_be_allowed(world, asked[number], sent)
            seen["sent to a cloud" if backend.place == "cloud" else "sent inside"] += 1
        for stream in backend.streams:
            _must(stream.is_closed or world.was_killed, "a stream was left open")
    _must_be_recorded_once(world)
    _must_be_few(world, asked=asked, calls=calls)
    for each in world.asked:
        seen[_ending(world, each)] += 1
    for record in world.log.records:
        _must(not MARK.search(str(record)), "the audit log holds text of a request")
    seen["left"] += sum(each.left for each in world.asked)
    return seen


def _must(holds: object, broken: str) -> None:
    if not holds:
        raise BrokenPromiseError(broken)


def _asked_number(sent: Sent) -> int:
    """Return whose question a body is: its own mark comes last."""
    return int([mark for mark in MARK.findall(sent.body.decode()) if mark[-1] == "q"][-1][1:-1])


def _must_be_allowed(world: World, asked: Asked, sent: Sent) -> None:
    """Check one body that a backend received against the model, and against its intent."""
    expected = asked.expected
    if expected is None:
        raise BrokenPromiseError("a body was sent that nobody had judged")
    plain = world.plan.policies[asked.policy]
    backend = plain["backends"][sent.backend]
    _must(model.flows(expected.label, backend["clearance"]), f"a label flowed to {sent.backend}")
    allowed = {name for name, _ in expected.candidates}
    _must(sent.backend in allowed, f"{sent.backend} is no candidate, and received a body")
    intent = world.log.intents[sent.key]
    scale = world.policies[asked.policy].scale
    rank = next(level.rank for level in scale.levels if level.name == intent["label"]["level"])
    recorded = (rank, set(intent["label"]["compartments"]))
    _must(model.flows(expected.label, recorded), "the log knows a lower label")
    _must(intent["policy"] == sent.permit.policy_digest, "permit and log name two policies")
    _must(intent["policy"] == world.policies[asked.policy].digest, "a decision mixed policies")
    _must(sent.at <= asked.started + asked.question.timeout_s, "a body was sent too late")
    _must(intent["department"] == asked.question.department, "the log names another department")


def _must_be_recorded_once(world: World) -> None:
    """Check that each durable intent has exactly one outcome."""
    ended = Counter((call, attempt) for call, attempt, _ in world.log.outcomes)
    _must(all(count == 1 for count in ended.values()), "an attempt has two outcomes")
    for call, attempt, result in world.log.outcomes:
        known = (call, attempt) in world.log.intents
        _must(known or result == "cancelled", "an outcome without an intent")
    if world.was_killed:
        return
    open_ends = world.log.intents.keys() - ended.keys() - world.log.refused
    _must(not open_ends, "an attempt has no outcome")


def _must_be_few(world: World, *, asked: dict[int, Asked], calls: dict[str, int]) -> None:
    """Check that a call makes no more attempts than it was allowed, and none without a reason."""
    made = Counter(call for call, _ in world.log.intents)
    for call, number in calls.items():
        each = asked[number]
        expected = each.expected
        most = len(expected.candidates if expected else ()) * (1 + each.question.retries)
        _must(made[call] <= most, "a call made too many attempts")


def _ending(world: World, asked: Asked) -> str:
    """Check how one call ended; return the ending's name."""
    number, error = asked.question.number, asked.error
    for mark in marks_in(asked.heard):
        _must(mark == f"k{number}r", "a caller was told what belongs to another")
    if not asked.is_over:
        _must(world.was_killed, "a call never ended")
        return "killed"
    if error is not None:
        _must(not MARK.search(f"{error}{error!r}"), "an error holds text of a request")
    if isinstance(error, AbandonedError):
        _must(asked.left, "a call was given up that nobody had left")
        return "gave up"
    if isinstance(error, PolicyDeniedError):
        return _denied(asked, error)
    if asked.heard and asked.expected is not None and asked.decision is not None:
        label = asked.decision.label
        known = (label.level.rank, label.compartments)
        _must(model.flows(asked.expected.label, known), "a reply carries too low a label")
    if error is None:
        may_be_silent = asked.left or asked.question.streams  # a stream may hold nothing
        _must(asked.heard or may_be_silent, "a call ended without an answer")
        return "answered"
    simulated = "simulated" in str(error)
    _must(simulated or isinstance(error, _MAY_BE_SEEN), f"a strange error: {error!r}")
    _must(world.plan.faults != Faults(), f"nothing was wrong, and yet: {error!r}")
    return type(error).__name__


def _denied(asked: Asked, error: PolicyDeniedError) -> str:
    _must(not asked.heard, "a denied call was answered")
    decision = error.policy_decision
    label = decision.label if decision else None
    known = (label.level.rank, label.compartments) if label else (-1, frozenset())
    expected = asked.expected
    # The product may know more than the model (a label that is on its way); never less.
    is_stricter = expected is not None and known != (expected.label[0], expected.label[1])
    _must(expected and (expected.effect == "deny" or is_stricter), "denied without a reason")
    return "denied"

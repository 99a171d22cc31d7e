"""The flow of one request, from the caller's arguments to the reply, top to bottom.

    freeze -> classify -> decide -> record -> send -> record

Answers: what happens to a request, in which order, and what when something fails?
Not here: waiting (`drivers`), any single stage, the SDK's types (`resources`).

The flow is one generator that yields effects and is sent their results. Drivers
for threads and for event loops perform them, so no logic exists twice. Nothing is
yielded in `finally`: when the caller gives up, the driver throws `AbandonedError`
in, and the flow yields what is left to do.

What the flow guarantees:
- The bytes that are sent are those that were judged (`freeze`, `permit`).
- A denial is recorded too, and so is every attempt (`attempts`).
- What was part of a raised request, and its reply, keeps the label (`classify.memory`).
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Generator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from hybridllm.attempts import attempts, body_mac, note
from hybridllm.audit import record
from hybridllm.classify.classifier import message_texts, reply_texts
from hybridllm.effects import (
    CloseStream,
    Compute,
    Effect,
    Emit,
    ReadEvent,
    RecordDurably,
)
from hybridllm.errors import (
    AddressRefusedError,
    DepartmentNotHeldError,
    PolicyDeniedError,
    PolicyIndeterminateError,
    UnknownDepartmentError,
    UnknownModelError,
    unknown_name,
)
from hybridllm.freeze import FrozenRequest, freeze
from hybridllm.params import guarded_parameters
from hybridllm.policy.decide import decide
from hybridllm.policy.identity import is_withheld, withheld
from hybridllm.policy.trial import divergence
from hybridllm.replies import StreamReader, UnreadableReplyError, usage
from hybridllm.runtime import Completed, Judged
from hybridllm.types import Effect as PolicyEffect
from hybridllm.types import Explanation, Facts, Identity, PolicyDecision
from hybridllm.wire import BackendError, FailureKind

if TYPE_CHECKING:
    from hybridllm.attempts import Answer
    from hybridllm.runtime import Call, Runtime

Flow = Generator[Effect, Any, Completed | None]

_LOGGER = logging.getLogger("hybridllm.policy")


def explain(call: Call, runtime: Runtime) -> Explanation:
    """Return what would happen to a call, and why. Nothing is sent, recorded or remembered."""
    judged = _judge(call, runtime, frozen=_freeze(call, runtime))
    return Explanation(
        decision=judged.decision,
        findings=judged.classification.findings,
        doubts=tuple(sorted(judged.facts.doubts)),
        request_bytes=judged.frozen.size_bytes,
    )


def complete(call: Call, runtime: Runtime) -> Flow:
    """Judge a call like `explain`, then act on the decision.

    Yields:
        Effects for the driver; for a streamed call also `Emit`.

    Returns:
        The whole reply; `None` for a streamed one.

    Raises:
        RequestError: The request cannot be read; nothing was sent.
        PolicyDeniedError: No backend may see the request; nothing was sent.
        AuditError: The decision could not be recorded; nothing was sent.
        BackendError: No candidate answered.
    """
    deadline = runtime.clock() + (call.timeout_s or runtime.limits.timeout_s)
    frozen = _freeze(call, runtime)
    judge = partial(_judge, call, runtime, frozen=frozen)
    asks = runtime.holds is not None  # somebody else's directory may take its time
    judged: Judged = yield Compute(judge, size_bytes=frozen.size_bytes, touches_disk=asks)
    _observe(judged, runtime)
    if _is_raised(judged, runtime):
        yield Compute(partial(_remember_request, judged, runtime), touches_disk=True)
    if judged.decision.effect is not PolicyEffect.PERMIT:
        yield RecordDurably(_denial(judged, runtime))
        raise _denied(judged.decision)
    try:
        answer = yield from attempts(judged, call, runtime, deadline=deadline)
    except (BackendError, AddressRefusedError) as error:
        error.policy_decision = judged.decision
        raise
    decision = judged.decision.answered_by(answer.attempt.candidate)
    judged = replace(judged, decision=decision)
    if answer.reply.events is None:
        return (yield from _whole(judged, answer, runtime))
    yield from _stream(judged, answer, runtime)
    return None


def _freeze(call: Call, runtime: Runtime) -> FrozenRequest:
    frozen = freeze(call.endpoint, params=call.params, max_bytes=runtime.limits.max_request_bytes)
    if frozen.alias not in runtime.policy.aliases:
        text = unknown_name(frozen.alias, allowed=runtime.policy.aliases)
        raise UnknownModelError(f"the model {text}")
    return frozen


def _judge(call: Call, runtime: Runtime, *, frozen: FrozenRequest) -> Judged:
    policy = runtime.policy
    classification = runtime.classifier.classify(frozen.fields)
    label = call.label or policy.scale.lowest
    if classification.inherited is not None:
        label = label.join(classification.inherited)
    facts = Facts(
        alias=frozen.alias,
        endpoint=call.endpoint.name,
        identity=_identity(call, runtime),
        label=label,
        kinds=classification.kinds,
        doubts=classification.doubts,
        parameters=guarded_parameters(call.endpoint, request=frozen.fields) | frozen.engine_fields,
    )
    call_id = secrets.token_hex(12)
    decision = replace(decide(policy, facts), audit_id=call_id)
    if runtime.holds is not None and not runtime.holds(facts.identity):
        decision = withheld(decision)
    return Judged(call_id, frozen, facts, classification, decision)


def _observe(judged: Judged, runtime: Runtime) -> None:
    """Record where other policies would have decided otherwise. The request never feels it."""
    if is_withheld(judged.decision):
        return
    for trial in runtime.trials:
        try:
            would = divergence(trial, facts=judged.facts, decision=judged.decision, decide=decide)
            if would is not None:
                runtime.audit.note(
                    record.shadow(
                        call=judged.id,
                        source=trial.source,
                        facts=judged.facts,
                        decision=judged.decision,
                        would=would,
                    )
                )
        except Exception as error:  # a boundary: a policy on trial must not touch the request
            _LOGGER.warning(
                "the policy on trial (%s) failed: %s", trial.source, type(error).__name__
            )


def _identity(call: Call, runtime: Runtime) -> Identity:
    department = call.identity.department or runtime.default_department
    known = runtime.policy.departments
    if not department:
        raise UnknownDepartmentError(
            f"no department was named; expected one of {', '.join(sorted(known))}. "
            "Use client.with_options(department=...)"
        )
    if department not in known:
        raise UnknownDepartmentError(f"the department {unknown_name(department, allowed=known)}")
    return replace(call.identity, department=department)


def _whole(judged: Judged, answer: Answer, runtime: Runtime) -> Generator[Effect, Any, Completed]:
    note(judged, answer.attempt, runtime, tokens=usage(answer.content))
    if _is_raised(judged, runtime):
        texts = reply_texts(answer.content)
        yield Compute(partial(_remember_reply, texts, judged, runtime), touches_disk=True)
    return Completed(answer.content, judged.decision)


def _stream(judged: Judged, answer: Answer, runtime: Runtime) -> Generator[Effect, Any, None]:
    """Hand a streamed reply on, piece by piece. From here on nothing is sent again."""
    events = answer.reply.events
    assert events is not None  # noqa: S101 - the caller has looked
    reader = StreamReader(judged.frozen.endpoint)
    event = answer.first
    failure: Exception | None = None
    try:
        yield Emit(None, judged.decision)
        while event is not None:
            yield Emit(_take(reader, event, judged), judged.decision)
            event = yield ReadEvent(events)
        _must_be_whole(reader, judged)
    except Exception as error:  # a boundary: however it ends, the outcome and the label stay
        failure = error
        if isinstance(error, BackendError):
            error.policy_decision = judged.decision
    note(judged, answer.attempt, runtime, error=failure, tokens=reader.usage)
    yield CloseStream(events)
    if _is_raised(judged, runtime):
        yield Compute(partial(_remember_reply, reader.texts, judged, runtime), touches_disk=True)
    if failure is not None:
        raise failure


def _take(reader: StreamReader, event: bytes, judged: Judged) -> dict[str, Any]:
    with suppress(UnreadableReplyError):
        return reader.take(event)
    raise _reply_failure(judged, FailureKind.REPLY)


def _must_be_whole(reader: StreamReader, judged: Judged) -> None:
    if not reader.may_end:
        raise _reply_failure(judged, FailureKind.CONNECTION, code="stream_cut")


def _reply_failure(judged: Judged, kind: FailureKind, *, code: str = "") -> BackendError:
    return BackendError(judged.decision.backend or "", kind=kind, code=code)


def _is_raised(judged: Judged, runtime: Runtime) -> bool:
    """Return whether the request is more than ordinary, so that its texts are remembered."""
    return not judged.decision.label.flows_to(runtime.policy.default)


def _remember_request(judged: Judged, runtime: Runtime) -> None:
    """Remember the request's texts under the label that holds for all of them.

    That is the label without the findings: a finding belongs to the text it stands
    in, and the detectors will see it there again.
    """
    facts = replace(judged.facts, kinds=(), doubts=frozenset())
    label = decide(runtime.policy, facts).label
    if not label.flows_to(runtime.policy.default):
        texts = message_texts(judged.frozen.fields)
        runtime.classifier.remember(texts, label=label)


def _remember_reply(texts: list[str], judged: Judged, runtime: Runtime) -> None:
    """Remember a reply under the label of everything that the model saw."""
    runtime.classifier.remember(texts, label=judged.decision.label)


def _denial(judged: Judged, runtime: Runtime) -> record.Record:
    body = judged.frozen.body(model=judged.frozen.alias, defaults={})
    return record.denial(
        call=judged.id,
        facts=judged.facts,
        decision=judged.decision,
        body_mac=body_mac(runtime.key, body=body),
    )


def _denied(decision: PolicyDecision) -> PolicyDeniedError:
    why = "; ".join(
        f"{rejection.backend}: {', '.join(sorted({reason.code for reason in rejection.reasons}))}"
        for rejection in decision.rejected
    )
    detail = f" ({why})" if why else ""
    if decision.effect is PolicyEffect.INDETERMINATE:
        return PolicyIndeterminateError(
            f"the policy could not be decided, so nothing was sent; audit id {decision.audit_id}",
            policy_decision=decision,
        )
    if is_withheld(decision):
        return DepartmentNotHeldError(
            "the caller does not hold the department that it named, so nothing was sent; "
            f"audit id {decision.audit_id}",
            policy_decision=decision,
        )
    return PolicyDeniedError(
        f"no backend may receive this request, which is {decision.label}{detail}; "
        f"nothing was sent; audit id {decision.audit_id}",
        policy_decision=decision,
    )

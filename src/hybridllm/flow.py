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
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from hybridllm.attempts import attempts
from hybridllm.audit import record
from hybridllm.augment import augment, search_one
from hybridllm.classify.classifier import message_texts, reply_texts
from hybridllm.denials import denied
from hybridllm.dispatch import body_mac, count_reply, note
from hybridllm.effects import (
    CloseStream,
    Compute,
    Effect,
    Emit,
    ReadEvent,
    RecordDurably,
    surely,
)
from hybridllm.errors import (
    AddressRefusedError,
    DepartmentNotHeldError,
    PermitError,
    RequestError,
    UnknownDepartmentError,
    UnknownModelError,
    unknown_name,
)
from hybridllm.freeze import FrozenRequest, freeze
from hybridllm.params import RESPONSES, guarded_parameters
from hybridllm.policy.decide import decide
from hybridllm.policy.identity import is_withheld, nothing_for, withheld
from hybridllm.policy.trial import divergence
from hybridllm.prompting import without_frame
from hybridllm.replies import StreamReader, UnreadableReplyError, usage
from hybridllm.runtime import Completed, Judged
from hybridllm.types import Effect as PolicyEffect
from hybridllm.types import Explanation, Facts, Identity, Place
from hybridllm.verify.actions import Mode, strictest
from hybridllm.wire import BackendError, FailureKind

if TYPE_CHECKING:
    from hybridllm.augment import Complete, Sources
    from hybridllm.dispatch import Answer
    from hybridllm.grounding import Grounder
    from hybridllm.rag.model import Retrieved
    from hybridllm.runtime import Call, Runtime

Flow = Generator[Effect, Any, Completed | None]
T = TypeVar("T")

_LOGGER = logging.getLogger("hybridllm.policy")


def explain(call: Call, runtime: Runtime) -> Explanation:
    """Return what would happen to a call, and why. Nothing is sent, recorded or remembered."""
    call, frozen, _ = _run_here(_prepared(call, runtime, complete=None))
    judged = _judge(call, runtime, frozen=frozen)
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
    inner = partial(complete, runtime=runtime)
    call, frozen, sources = yield from _prepared(call, runtime, complete=inner)
    judge = partial(_judge, call, runtime, frozen=frozen)
    waits = (
        runtime.classifier.may_wait
        or runtime.budgets is not None
        or runtime.holds is not None  # somebody else's directory may take its time
    )
    judged: Judged = yield Compute(judge, size_bytes=frozen.size_bytes, touches_disk=waits)
    _observe(judged, runtime)
    if _is_raised(judged, runtime):
        remember = partial(_remember_request, judged, runtime, frame=call.frame, parts=call.parts)
        yield Compute(remember, touches_disk=True)
    if judged.decision.effect is not PolicyEffect.PERMIT:
        yield RecordDurably(_denial(judged, runtime))
        raise denied(judged.decision)
    try:
        answer = yield from attempts(judged, call, runtime, deadline=deadline)
    except (BackendError, AddressRefusedError) as error:
        error.policy_decision = judged.decision
        raise
    decision = judged.decision.answered_by(answer.attempt.candidate)
    judged = replace(judged, decision=decision)
    grounder = None if sources is None else _grounder(call, runtime, sources=sources)
    try:
        if answer.reply.events is not None:
            yield from _stream(judged, answer, runtime, grounder=grounder)
            return None
        completed = yield from _whole(judged, answer, runtime)
    finally:
        answer.attempt.slot.release()  # also where nobody drives the flow to its end
    if grounder is None:
        return completed
    from hybridllm.grounding import grounded

    return (yield from grounded(completed, call=call, grounder=grounder, complete=inner))


def _grounder(call: Call, runtime: Runtime, *, sources: Sources) -> Grounder:
    from hybridllm.grounding import Grounder

    return Grounder(sources, mode=_mode(call, runtime))


def _mode(call: Call, runtime: Runtime) -> Mode:
    return strictest(runtime.libraries[name].answers for name in call.vector_stores)


def search(
    call: Call, *, runtime: Runtime, store: str, query: str
) -> Generator[Effect, Any, Retrieved]:
    """Search one vector store for a caller who shows the result to whom he likes.

    What is found keeps its label: it is remembered, so that it stays inside when it comes
    back as the result of a tool, in another conversation or after a restart.
    """
    identity = _identity(call, runtime)
    if not (yield Compute(partial(_may_act, identity, runtime), touches_disk=True)):
        label, digest = call.label or runtime.policy.default, runtime.policy.digest
        raise DepartmentNotHeldError(
            "the caller does not hold the department that it named; nothing was searched",
            policy_decision=nothing_for(label, policy_digest=digest),
        )
    found: Retrieved = yield from search_one(
        call,
        runtime=runtime,
        store=store,
        question=query,
        department=identity.department,
        complete=partial(complete, runtime=runtime),
    )
    if call.label is not None and not call.label.flows_to(runtime.policy.default):
        remember = partial(runtime.classifier.remember, [query], label=call.label)
        yield Compute(remember, touches_disk=True)
    for hit in found.hits:
        if not hit.label.flows_to(runtime.policy.default):
            texts = [hit.passage.text, hit.title, *hit.passage.span.headings]
            remember = partial(runtime.classifier.remember, texts, label=hit.label)
            yield Compute(remember, touches_disk=True)
    return found


def _prepared(
    call: Call, runtime: Runtime, *, complete: Complete | None
) -> Generator[Effect, Any, tuple[Call, FrozenRequest, Sources | None]]:
    """Freeze a call, with the passages that it asks for."""
    frozen = _freeze(call, runtime)
    if not call.vector_stores:
        return call, frozen, None
    judge = partial(_judge, call, runtime, frozen=frozen)
    before: Judged = yield Compute(judge, size_bytes=frozen.size_bytes, touches_disk=True)
    if is_withheld(before.decision):
        return call, frozen, None  # nothing is searched, and the decision will be a denial
    stays = not any(item.place is Place.CLOUD for item in before.decision.candidates)
    if stays and before.decision.label.flows_to(runtime.policy.default):
        complete = None  # no label says why it stays inside, so the search goes by words alone
    call, sources = yield from augment(
        call,
        runtime=runtime,
        frozen=frozen,
        department=before.facts.identity.department,
        complete=complete,
        known=before.decision.label,
    )
    if frozen.stream and frozen.endpoint is RESPONSES and _mode(call, runtime) is not Mode.ANNOTATE:
        raise RequestError(
            "a streamed response cannot be held back sentence by sentence; use "
            "chat.completions, or a vector store with answers = 'annotate'"
        )
    return call, _freeze(call, runtime), sources


def _run_here(steps: Generator[Effect, Any, T]) -> T:
    """Run steps that only compute, and return their result."""
    try:
        effect = next(steps)
        while isinstance(effect, Compute):
            effect = steps.send(effect.work())
    except StopIteration as done:
        result: T = done.value
        return result
    raise PermitError("an explanation would have sent something")


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
    identity = _identity(call, runtime)
    facts = Facts(
        alias=frozen.alias,
        endpoint=call.endpoint.name,
        identity=identity,
        label=label,
        kinds=classification.kinds,
        doubts=classification.doubts,
        parameters=guarded_parameters(call.endpoint, request=frozen.fields) | frozen.engine_fields,
        budgets=runtime.budgets.used_up(identity.department) if runtime.budgets else frozenset(),
    )
    call_id = secrets.token_hex(12)
    decision = replace(decide(policy, facts), audit_id=call_id)
    if not _may_act(identity, runtime):
        decision = withheld(decision)
    return Judged(call_id, frozen, facts, classification, decision)


def _may_act(identity: Identity, runtime: Runtime) -> bool:
    """Return whether a caller may act for the department that it named."""
    return runtime.holds is None or runtime.holds(identity)


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
    tokens = usage(answer.content)
    note(judged, answer.attempt, runtime, tokens=tokens)
    if _is_raised(judged, runtime):
        texts = reply_texts(answer.content)
        yield Compute(partial(_remember_reply, texts, judged, runtime), touches_disk=True)
    received = len(answer.reply.body)
    yield from count_reply(judged, answer.attempt, runtime, usage=tokens, received=received)
    return Completed(answer.content, judged.decision)


def _stream(
    judged: Judged, answer: Answer, runtime: Runtime, *, grounder: Grounder | None
) -> Generator[Effect, Any, None]:
    """Hand a streamed reply on, piece by piece. From here on nothing is sent again."""
    events = answer.reply.events
    assert events is not None  # noqa: S101 - the caller has looked
    reader = StreamReader(judged.frozen.endpoint)
    event = answer.first
    failure: Exception | None = None
    try:
        yield Emit(None, judged.decision)
        while event is not None:
            chunk = _take(reader, event, judged)
            yield Emit(grounder.take(chunk) if grounder else chunk, judged.decision)
            event = yield ReadEvent(events)
        _must_be_whole(reader, judged)
    except Exception as error:  # a boundary: however it ends, the outcome and the label stay
        failure = error
        if isinstance(error, BackendError):
            error.policy_decision = judged.decision
    note(judged, answer.attempt, runtime, error=failure, tokens=reader.usage, had_begun=True)
    last: list[Effect] = [CloseStream(events)]
    if _is_raised(judged, runtime):
        shown = grounder.shown if grounder else ()
        remember = partial(_remember_reply, [*reader.texts, *shown], judged, runtime)
        last.append(Compute(remember, touches_disk=True))
    for effect in last:
        failure = (yield from surely(effect)) or failure
    received = sum(len(text.encode("utf-8", "replace")) for text in reader.texts)
    yield from count_reply(judged, answer.attempt, runtime, usage=reader.usage, received=received)
    if failure is not None:
        raise failure
    if grounder is not None:
        yield Emit(None, judged.decision, grounder.streamed(reader.texts))


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


def _remember_request(
    judged: Judged, runtime: Runtime, *, frame: Sequence[str], parts: Sequence[str] = ()
) -> None:
    """Remember the request's texts under the label that holds for all of them.

    That is the label without the findings: a finding belongs to the text it stands
    in, and the detectors will see it there again.
    """
    facts = replace(judged.facts, kinds=(), doubts=frozenset())
    label = decide(runtime.policy, facts).label
    if not label.flows_to(runtime.policy.default):
        texts = without_frame([*message_texts(judged.frozen.fields), *parts], frame=frame)
        runtime.classifier.remember(texts, label=label)


def _remember_reply(texts: list[str], judged: Judged, runtime: Runtime) -> None:
    """Remember a reply under the label of everything that the model saw."""
    runtime.classifier.remember(without_frame(texts, frame=()), label=judged.decision.label)


def _denial(judged: Judged, runtime: Runtime) -> record.Record:
    body = judged.frozen.body(model=judged.frozen.alias, defaults={})
    return record.denial(
        call=judged.id,
        facts=judged.facts,
        decision=judged.decision,
        body_mac=body_mac(runtime.key, body=body),
    )

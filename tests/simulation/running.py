"""Acts out one simulated world: twenty flows, interleaved effect by effect.

Answers: what happens when these callers, faults, reloads and departures come in this order?
Not here: what is planned (`plan`), what must hold in the end (`promises`).

The flows are the product's own generators; the scheduler takes the place of the drivers.
One seed decides everything: who is next, what fails, who leaves, and the clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from hybridllm import flow
from hybridllm.classify.classifier import Classifier
from hybridllm.effects import AbandonedError, CloseStream, Compute, Effect, Emit, Send, Wait
from hybridllm.labels import Label
from hybridllm.policy.model import Policy
from hybridllm.runtime import Call, Limits, Runtime
from hybridllm.types import Identity, Place
from tests.model import cases, fakes
from tests.model.driving import perform
from tests.simulation.expected import Expected, Taints, expected_of, request_of
from tests.simulation.plan import Plan, Question, plan_of
from tests.simulation.world import (
    KEY,
    MARK,
    Backend,
    BrokenPromiseError,
    Clock,
    Detector,
    Log,
    Memory,
)

MOST_STEPS = 20_000


@dataclass
class Asked:
    """One call: what was asked, what was expected, and how it ended.

    Attributes:
        started: When the caller asked.
        expected: What the model says of it, from when it was judged.
        policy: Position of the policy that was in force when it started.
        decision: As it came back with the reply, or in the error.
        heard: What the caller was told, as JSON, in order.
        error: What the caller saw instead of an end.
        left: Whether the caller went away.
    """

    question: Question
    policy: int
    texts: list[str]
    started: float
    expected: Expected | None = None
    decision: Any = None
    heard: list[Any] = field(default_factory=list)
    error: BaseException | None = None
    left: bool = False
    is_over: bool = False


@dataclass
class Client:
    """One caller: its questions, its conversation, and the call it waits for."""

    questions: list[Question]
    asked: list[Asked] = field(default_factory=list)
    flow: Any = None
    effect: Effect | None = None
    wakes: float = 0.0


class World:
    """A running world."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.random = random = Random(plan.seed ^ 0x5EED)
        self.clock = Clock()
        self.log = Log(plan.faults.audit, random)
        self.memory = Memory(plan.faults.memory, random)
        self.taints = Taints(plan.policies[0])
        self.trace: list[str] = []
        self.was_killed = False
        self.backends = {
            name: Backend(
                name,
                place=Place(backend["place"]),
                log=self.log,
                clock=self.clock,
                faults=plan.faults,
                random=random,
            )
            for name, backend in plan.policies[0]["backends"].items()
        }
        self.in_force = 0
        self.policies = [_policy(plain, number) for number, plain in enumerate(plan.policies)]
        self.runtime = self._runtime()
        self.clients = [Client(list(questions)) for questions in plan.clients]

    @property
    def asked(self) -> list[Asked]:
        """Every call that was made."""
        return [asked for client in self.clients for asked in client.asked]

    def run(self) -> World:
        """Let everything happen, to the end or until the process is killed."""
        faults, random = self.plan.faults, self.random
        active = list(self.clients)
        for step in range(MOST_STEPS):
            if not active:
                return self
            if self.plan.ends_after is not None and step >= self.plan.ends_after:
                self.was_killed = True
                return self
            if faults.reload and random.random() < faults.reload:
                self._reload()
            client = active[random.randrange(len(active))]
            self.clock.now += random.random() * 0.02
            if client.wakes > self.clock.now and not self._someone_is_awake(active):
                client = min(active, key=lambda sleeping: sleeping.wakes)
                self.clock.now = max(self.clock.now, client.wakes)
            if client.wakes <= self.clock.now and not self._step(client):
                active.remove(client)
        raise AssertionError(f"seed {self.plan.seed}: the world does not come to an end")

    def _someone_is_awake(self, active: list[Client]) -> bool:
        return any(client.wakes <= self.clock.now for client in active)

    def _reload(self) -> None:
        """Put the next policy into force; running calls keep the one they started with."""
        self.in_force = (self.in_force + 1) % len(self.policies)
        self.runtime = self._runtime()
        self._note(f"policy {self.in_force} is in force")

    def _runtime(self) -> Runtime:
        return replace(
            fakes.World().runtime,
            policy=self.policies[self.in_force],
            classifier=Classifier([Detector()], memory=self.memory, clock=self.clock),
            backends=self.backends,
            defaults={},
            audit=self.log,
            key=KEY,
            limits=Limits(max_request_bytes=100_000),
            default_department="",
            clock=self.clock,
            random=self.random,
        )

    def _step(self, client: Client) -> bool:
        """Take one client one effect further; return whether it has anything left to do."""
        if client.flow is None:
            if not client.questions:
                return False
            self._start(client)
            return True
        asked, effect = client.asked[-1], client.effect
        leaves = self.plan.faults.cancel and self.random.random() < self.plan.faults.cancel
        if leaves:
            self._leave(client, performs=self.random.random() < 0.5)
            return True
        if isinstance(effect, Wait):
            client.wakes = self.clock.now + effect.seconds
            self._go_on(client, lambda: client.flow.send(None))
            return True
        if isinstance(effect, Send) and self.random.random() < 0.1:
            self.clock.now += self.random.random() * 3.0  # a slow network
        self._perform(client, asked)
        return True

    def _start(self, client: Client) -> None:
        question = client.questions.pop(0)
        texts = self._conversation(client, question)
        asked = Asked(question, self.in_force, texts, self.clock.now)
        client.asked.append(asked)
        client.flow = flow.complete(self._call(question, texts), self.runtime)
        self._note(f"call {question.number} starts")
        self._go_on(client, lambda: client.flow.send(None))

    def _conversation(self, client: Client, question: Question) -> list[str]:
        """Return the texts of a question: what was said before, what is quoted, what is new."""
        texts: list[str] = []
        if question.follows:
            before = client.asked[-1]
            texts += before.texts + [f"it said {mark}" for mark in marks_in(before.heard)]
        known = self.taints.heard
        if question.quotes and known:
            texts.append(f"about {self.random.choice(known)}")
        named = " ".join(f"<{kind}>" for kind in question.kinds)
        return [*texts, f"k{question.number}q {named}"]

    def _call(self, question: Question, texts: list[str]) -> Call:
        identity = Identity(question.department, question.principal, question.purpose)
        levels = self.runtime.policy.scale.levels
        rank, parts = question.declared
        return Call(
            question.endpoint,
            request_of(question, texts),
            identity,
            label=Label(levels[rank], parts) if rank or parts else None,
            timeout_s=question.timeout_s,
            max_retries=question.retries,
        )

    def _perform(self, client: Client, asked: Asked) -> None:
        """Do what the flow asks for, and tell it how that went."""
        effect = client.effect
        assert effect is not None
        try:
            value = perform(effect, self)
        except Exception as error:  # the flow decides what any failure means
            failure = error
            if isinstance(error, AssertionError):
                raise
            what = f"{type(effect).__name__} failed with {type(error).__name__}"
            self._note(f"call {asked.question.number} {what}")
            self._go_on(client, lambda: client.flow.throw(failure))
            return
        self._note(f"call {asked.question.number} {type(effect).__name__}")
        if isinstance(effect, Compute) and asked.expected is None:
            # Here it was judged: what was known of its texts up to now must count.
            asked.expected = expected_of(
                asked.question,
                asked.texts,
                policy=self.plan.policies[asked.policy],
                taints=self.taints,
                memory_failed=self.memory.has_failed,
            )
        if isinstance(effect, Emit) and effect.chunk is not None:
            asked.heard.append(effect.chunk)
            asked.decision = effect.decision
        self._go_on(client, lambda: client.flow.send(value))

    def _leave(self, client: Client, *, performs: bool) -> None:
        """Let the caller go away at this effect, before it was performed or after."""
        asked, effect = client.asked[-1], client.effect
        asked.left = True
        self._note(f"call {asked.question.number} leaves at {type(effect).__name__}, {performs=}")
        if performs and not isinstance(effect, (Wait, Emit)):
            try:
                value = perform(effect, self)
            except AssertionError:
                raise
            except Exception:  # nobody is there to be told
                value = None
            events = getattr(value, "events", None)
            if events is not None:
                events.close()
        self._go_on(client, lambda: client.flow.throw(AbandonedError()))
        # What is left to do is done at once, as the drivers do it.
        while client.flow is not None:
            if not isinstance(client.effect, (CloseStream, Compute)):
                what = type(client.effect).__name__
                raise BrokenPromiseError(f"{what} for somebody who has left")
            self._perform(client, asked)

    def _go_on(self, client: Client, resume: Callable[[], Effect]) -> None:
        """Take the flow to its next effect, or to its end."""
        asked = client.asked[-1]
        try:
            client.effect = resume()
        except StopIteration as stop:
            if stop.value is not None:
                asked.heard.append(stop.value.reply)
                asked.decision = stop.value.decision
            self._end(client, asked)
        except Exception as error:  # judged by `promises`
            if isinstance(error, AssertionError):
                raise
            asked.error = error
            self._end(client, asked)

    def _end(self, client: Client, asked: Asked) -> None:
        client.flow = client.effect = None
        asked.is_over = True
        self._note(f"call {asked.question.number} ends with {type(asked.error).__name__}")
        if asked.expected is not None and asked.heard and not isinstance(asked.error, OSError):
            self.taints.learn(asked.question, marks=marks_in(asked.heard), expected=asked.expected)

    def _note(self, what: str) -> None:
        self.trace.append(what)


def run_world(seed: int) -> World:
    """Act out the world of a seed."""
    return World(plan_of(seed)).run()


def marks_in(heard: list[Any]) -> list[str]:
    """Return the marks in what a caller was told."""
    return MARK.findall(str(heard))


def _policy(plain: cases.Json, number: int) -> Policy:
    return replace(cases.policy_value(plain), digest=f"{number:064d}")

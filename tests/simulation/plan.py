"""What happens in one simulated world, all of it drawn from one seed.

Answers: which policies, callers, questions and faults does this seed stand for?
Not here: acting them out (`running`), the fakes (`world`), judging them (`promises`).

Units: seconds of the simulated clock, chances between 0 and 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from hybridllm.params import ENDPOINTS, Endpoint
from tests.model import cases

CLIENTS = 20
"""Callers of one world; one in four asks twice."""


@dataclass(frozen=True, slots=True)
class Faults:
    """How often each thing goes wrong.

    Attributes:
        send: An attempt fails before or after its bytes were received.
        read: A stream breaks, or says nonsense.
        audit: A record cannot be made durable.
        memory: The memory of labels cannot be read or written.
        cancel: The caller leaves, at any one effect.
        reload: Another policy comes into force, before any one effect.
    """

    send: float = 0.0
    read: float = 0.0
    audit: float = 0.0
    memory: float = 0.0
    cancel: float = 0.0
    reload: float = 0.0


@dataclass(frozen=True, slots=True)
class Question:
    """One call of one client, with everything that a decision may depend on.

    Attributes:
        number: Of the call in its world; its texts carry it.
        follows: Whether the whole conversation so far comes first.
        quotes: Whether it repeats what some other caller was told.
    """

    number: int
    endpoint: Endpoint
    alias: str
    department: str
    principal: str
    purpose: str
    declared: tuple[int, frozenset[str]]
    kinds: tuple[str, ...]
    streams: bool
    stores: bool
    is_unreadable: bool
    follows: bool
    quotes: bool
    retries: int
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Plan:
    """One world.

    Attributes:
        policies: In the words of the model. The first is in force at the start.
        clients: The questions of each, in order.
        faults: How often what goes wrong.
        ends_after: After this many effects the whole process is killed; `None` for never.
    """

    seed: int
    policies: tuple[cases.Json, ...]
    clients: tuple[tuple[Question, ...], ...] = field(repr=False)
    faults: Faults
    ends_after: int | None


def plan_of(seed: int) -> Plan:
    """Return the world that a seed stands for."""
    random = Random(seed)
    first = _lenient(random, cases.random_policy(random))
    faults = Faults() if random.random() < 0.2 else _faults(random)
    is_calm = faults == Faults()
    policies = [first]
    if faults.reload:
        policies += [_another(random, first) for _ in range(random.randint(1, 2))]
    kill = not is_calm and random.random() < 0.1
    return Plan(
        seed=seed,
        policies=tuple(policies),
        clients=tuple(_clients(random, first, is_calm=is_calm)),
        faults=faults,
        ends_after=random.randrange(1, 8 * CLIENTS) if kill else None,
    )


def _lenient(random: Random, policy: cases.Json) -> cases.Json:
    """Make a random policy let more through: what is denied at once tells little.

    Most rules go, most kinds get a meaning, and mostly the last backend is an engine of the
    company's own that may receive everything.
    """
    levels, backends = policy["levels"], policy["backends"]
    policy["rules"] = [rule for rule in policy["rules"] if random.random() < 0.2]
    for department in policy["departments"].values():
        department["rules"] = [rule for rule in department["rules"] if random.random() < 0.2]
    policy["findings"].setdefault("*", cases.random_label(random, levels=levels))
    for backend in backends.values():
        backend["endpoints"] |= cases.some(random, _ENDPOINTS, chance=0.9)
    if random.random() < 0.8:
        name = list(backends)[-1]
        backends[name] = {
            "place": random.choice(("on_premises", "in_process")),
            "clearance": (levels - 1, set(cases.COMPARTMENTS)),
            "endpoints": set(_ENDPOINTS),
            "parameters": set(cases.PARAMETERS),
        }
        for targets in policy["aliases"].values():
            if name not in {backend for backend, _ in targets}:
                targets.append((name, f"{name}-model"))
    return policy


def _faults(random: Random) -> Faults:
    def chance(most: float) -> float:
        return random.random() * most if random.random() < 0.6 else 0.0

    return Faults(
        send=chance(0.6),
        read=chance(0.3),
        audit=chance(0.1),
        memory=chance(0.1),
        cancel=chance(0.08),
        reload=chance(0.05),
    )


def _another(random: Random, policy: cases.Json) -> cases.Json:
    """Return a policy for a reload: other rules and clearances for the same company.

    The scale, the default, the aliases and the departments keep their names and places: a
    running client has its backends, and an organisation does not change its words at noon.
    """
    levels = policy["levels"]
    fresh = cases.random_findings
    return {
        **policy,
        "findings": fresh(random, levels=levels),
        "rules": cases.random_rules(random, levels=levels, own=False),
        "backends": {
            name: {
                **backend,
                "clearance": (random.randrange(levels), cases.some(random, cases.COMPARTMENTS)),
            }
            for name, backend in policy["backends"].items()
        },
        "departments": {
            name: {
                "default": cases.random_label(random, levels=min(levels, 2)),
                "findings": fresh(random, levels=levels),
                "rules": cases.random_rules(random, levels=levels, own=True),
            }
            for name in policy["departments"]
        },
    }


def _clients(
    random: Random, policy: cases.Json, *, is_calm: bool
) -> Iterator[tuple[Question, ...]]:
    """Return what each client asks; where nothing fails, nobody is in a hurry either."""
    aliases, departments = tuple(policy["aliases"]), tuple(policy["departments"])
    number = 0
    for _ in range(CLIENTS):
        # A client stays in its department, and may go on in a conversation.
        department = random.choice(departments)
        principal = random.choice(cases.PEOPLE)
        questions = []
        for turn in range(1 if random.random() < 0.75 else 2):
            number += 1
            endpoint = ENDPOINTS[random.choice(_OPERATIONS)]
            rank, parts = cases.random_label(random, levels=policy["levels"])
            questions.append(
                Question(
                    number=number,
                    endpoint=endpoint,
                    alias=random.choice(aliases),
                    department=department,
                    principal=principal,
                    purpose=random.choice(cases.PURPOSES),
                    declared=(0, frozenset()) if turn else (rank, frozenset(parts)),
                    kinds=tuple(sorted(cases.some(random, cases.KINDS, chance=0.06))),
                    streams=endpoint.streams and random.random() < 0.4,
                    stores=endpoint.name != "embeddings" and random.random() < 0.1,
                    is_unreadable=endpoint.name != "embeddings" and random.random() < 0.03,
                    follows=turn > 0,
                    quotes=random.random() < 0.15,
                    retries=random.choice((0, 0, 1, 2)),
                    timeout_s=600.0 if is_calm else random.choice((2.0, 20.0, 60.0)),
                )
            )
        yield tuple(questions)


_ENDPOINTS = ("chat.completions", "embeddings", "responses")
_OPERATIONS = (*_ENDPOINTS, "chat.completions", "chat.completions")

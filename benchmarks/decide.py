"""What deciding costs, by the number of rules and of backends.

Run: `python benchmarks/decide.py`. Takes a few seconds.

Prints microseconds of CPU per decision, the best of several rounds, since other work on
the machine only adds time. Half of the rules belong to the department that asks, and all
conditions have to be looked at: none of them rules a request out early.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from hybridllm.labels import Scale
from hybridllm.policy.decide import decide
from hybridllm.policy.model import (
    Condition,
    Department,
    Destination,
    FindingLabel,
    Policy,
    Rule,
    Target,
)
from hybridllm.types import Effect, Facts, Identity, Place

RULES = (0, 10, 100, 1000)
BACKENDS = (1, 2, 6, 20)
TARGET_RULES, TARGET_BACKENDS, TARGET_US = 100, 6, 30.0

SCALE = Scale.of(["public", "internal", "confidential"], compartments=["personal"])
FACTS = Facts(
    "assistant",
    "chat.completions",
    Identity("legal", "p-17", "contract", "crm"),
    SCALE.label("internal"),
    (("personal.email", 2), ("marking.confidential", 1)),
)


def rule(number: int) -> Rule:
    """Return one of several kinds of rules, none of which applies to the request."""
    conditions = (
        Condition(kinds=frozenset({"credentials.*"}), purposes=frozenset({"contract"})),
        Condition(purposes=frozenset({"contract"}), principals=frozenset({f"p-{number}x"})),
        Condition(models=frozenset({"assistant"}), endpoints=frozenset({"embeddings"})),
        Condition(level_at_least=1, applications=frozenset({"mail"})),
    )
    return Rule(
        f"rule {number}",
        f"hybridllm.toml: rules[{number}]",
        conditions[number % len(conditions)],
        forbid_places=frozenset({Place.CLOUD}),
    )


def policy(*, rules: int, backends: int) -> Policy:
    """Return a policy of this size."""
    names = [f"backend{number}" for number in range(backends)]
    made = tuple(rule(number) for number in range(rules))
    served = frozenset({"chat.completions"})
    return Policy(
        scale=SCALE,
        default=SCALE.lowest,
        finding_labels=(
            FindingLabel("personal.*", SCALE.label("internal")),
            FindingLabel("marking.*", SCALE.label("internal")),
        ),
        destinations={
            name: Destination(
                name, Place.CLOUD if number % 2 else Place.ON_PREMISES, SCALE.strictest, served
            )
            for number, name in enumerate(names)
        },
        aliases={"assistant": tuple(Target(name, "m") for name in names)},
        rules=made[: rules // 2],
        departments={"legal": Department("legal", SCALE.lowest, rules=made[rules // 2 :])},
        digest="0" * 64,
    )


def best_us(call: Callable[[], object], *, rounds: int = 15) -> float:
    """Return microseconds of CPU that one call takes in the best round."""
    best, calls = float("inf"), 20
    for _ in range(rounds):
        start = time.process_time()
        for _ in range(calls):
            call()
        best = min(best, (time.process_time() - start) / calls * 1e6)
    return best


def main() -> None:
    """Measure every size and print the table."""
    print("CPU per decision in µs, by rules (rows) and backends (columns)")
    print(f"{'':>8}" + "".join(f"{backends:>9}" for backends in BACKENDS))
    for rules in RULES:
        costs = []
        for backends in BACKENDS:
            sized = policy(rules=rules, backends=backends)
            assert Effect.PERMIT is decide(sized, FACTS).effect
            costs.append(best_us(partial(decide, sized, FACTS)))
        print(f"{rules:>8}" + "".join(f"{cost:>9.1f}" for cost in costs))
    sized = policy(rules=TARGET_RULES, backends=TARGET_BACKENDS)
    cost = best_us(partial(decide, sized, FACTS), rounds=40)
    verdict = "met" if cost < TARGET_US else "MISSED"
    print(
        f"{TARGET_RULES} rules and {TARGET_BACKENDS} backends: {cost:.1f} µs; "
        f"target below {TARGET_US:.0f} µs: {verdict}"
    )


if __name__ == "__main__":
    main()

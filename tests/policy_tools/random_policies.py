"""Random policies and requests for the tools, from those that the model is compared on.

Answers: which policies differ in one small thing, and which requests meet them?
"""

from __future__ import annotations

from random import Random

from hybridllm.policy.model import Policy
from hybridllm.types import Facts
from tests.model.cases import (
    KINDS,
    facts_value,
    policy_value,
    random_facts,
    random_findings,
    random_label,
    random_policy,
    random_rule,
    scale_of,
)

__all__ = ["KINDS", "fresh", "pair", "policy_of", "requests"]

Json = dict


def fresh(seed: int) -> tuple[Random, Json]:
    """Return a source of chance and a policy as plain tables."""
    random = Random(seed)
    return random, random_policy(random)


def policy_of(tables: Json) -> Policy:
    """Return the policy, with rules that can be told apart by their title."""
    policy = policy_value(tables)
    for owner, rules in (
        ("organisation", policy.rules),
        *((name, item.rules) for name, item in policy.departments.items()),
    ):
        for rule in rules:
            object.__setattr__(rule, "origin", f"{owner}: {rule.name}")
    return policy


def pair(seed: int) -> tuple[Json, Json]:
    """Return two policies of which one part, or none, differs."""
    random, old = fresh(seed)
    new = dict(old)
    levels = old["levels"]
    name = random.choice(list(old["departments"]))
    part = random.choice(("rules", "findings", "default", "backend", "own", "order", "nothing"))
    if part == "rules":
        new["rules"] = [*old["rules"], random_rule(random, levels=levels, own=False)]
    elif part == "findings":
        new["findings"] = random_findings(random, levels=levels)
    elif part == "default":
        new["default"] = random_label(random, levels=levels)
    elif part == "backend":
        backend = random.choice(list(old["backends"]))
        changed = random_policy(random)["backends"].get(backend, old["backends"][backend])
        clearance = (min(changed["clearance"][0], levels - 1), changed["clearance"][1])
        new["backends"] = {**old["backends"], backend: {**changed, "clearance": clearance}}
    elif part == "own":
        rules = [*old["departments"][name]["rules"], random_rule(random, levels=levels, own=True)]
        department = {**old["departments"][name], "rules": rules}
        new["departments"] = {**old["departments"], name: department}
    elif part == "order":
        new["rules"] = old["rules"][::-1]
    return old, new


def requests(random: Random, *, tables: Json, count: int) -> list[Facts]:
    """Return random requests that a policy knows every name of."""
    found = []
    while len(found) < count:
        facts = random_facts(random, policy=tables)
        if facts["alias"] in tables["aliases"] and facts["department"] in tables["departments"]:
            found.append(facts_value(scale_of(tables), facts))
    return found

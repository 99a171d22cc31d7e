"""Random policies and requests as plain dicts, and the same as values of the package.

Answers: on which inputs are the model and `policy.decide` compared?
Not here: either of them.

Few names on purpose: rules, findings and targets must meet often.
"""

from __future__ import annotations

from random import Random

from hybridllm.labels import Label, Scale
from hybridllm.policy.model import (
    Condition,
    Department,
    Destination,
    FindingLabel,
    Policy,
    Rule,
    Target,
)
from hybridllm.types import Facts, Identity, Place

Json = dict

COMPARTMENTS = ("personal", "customer", "credentials")
ENDPOINTS = ("chat.completions", "embeddings")
PARAMETERS = ("store", "web_search_options", "tools.web_search")
KINDS = ("personal.email", "personal.phone", "financial.card", "marking.secret")
PATTERNS = (*KINDS, "personal.*", "financial.*", "*")
PLACES = ("cloud", "on_premises", "in_process")
BACKENDS = ("cloud", "cloud_jp", "local", "engine")
ALIASES = ("assistant", "draft")
DEPARTMENTS = ("legal", "sales", "人事")
PEOPLE = ("", "p-1", "p-2")
PURPOSES = ("", "support")
BUDGETS = ("hours", "months")
DOUBTS = ("unreadable:part", "detector_failed")


def some(random: Random, items: tuple, *, chance: float = 0.5) -> set:
    """Return a random part of the items."""
    return {item for item in items if random.random() < chance}


def random_label(random: Random, *, levels: int) -> tuple:
    """Return a label; low ones are more frequent, so that requests get through."""
    rank = min(random.randrange(levels), random.randrange(levels))
    return rank, some(random, COMPARTMENTS, chance=0.15)


def random_policy(random: Random) -> Json:
    """Return a policy of up to four backends, eight rules and three departments."""
    levels = random.randint(1, 5)
    backends = {
        name: {
            "place": random.choice(PLACES),
            "clearance": (random.randrange(levels), some(random, COMPARTMENTS, chance=0.8)),
            "endpoints": some(random, ENDPOINTS, chance=0.9),
            "parameters": some(random, PARAMETERS),
        }
        for name in BACKENDS[: random.randint(1, 4)]
    }
    aliases = {}
    for alias in ALIASES[: random.randint(1, 2)]:
        targets = [(name, f"{name}-{alias}") for name in backends]
        random.shuffle(targets)
        aliases[alias] = targets[: random.randint(1, len(targets))]
    return {
        "levels": levels,
        "compartments": set(COMPARTMENTS),
        "default": random_label(random, levels=min(levels, 2)),
        "findings": random_findings(random, levels=levels),
        "backends": backends,
        "aliases": aliases,
        "rules": random_rules(random, levels=levels, own=False),
        "departments": {
            name: {
                "default": random_label(random, levels=min(levels, 2)),
                "findings": random_findings(random, levels=levels),
                "rules": random_rules(random, levels=levels, own=True),
            }
            for name in DEPARTMENTS[: random.randint(1, 3)]
        },
    }


def random_findings(random: Random, *, levels: int) -> Json:
    """Return a table of what kinds mean."""
    names = some(random, PATTERNS, chance=0.35)
    return {name: random_label(random, levels=levels) for name in PATTERNS if name in names}


def random_rules(random: Random, *, levels: int, own: bool) -> list:
    """Return up to four rules."""
    return [random_rule(random, levels=levels, own=own) for _ in range(random.randint(0, 4))]


def random_rule(random: Random, *, levels: int, own: bool) -> Json:
    """Return a rule with one effect and a few conditions."""
    effect = random.choice(("label", "deny", "only", "forbid", "forbid_places"))
    value = {
        "label": random_label(random, levels=levels),
        "deny": True,
        "only": some(random, BACKENDS, chance=0.7),
        "forbid": some(random, BACKENDS, chance=0.3),
        "forbid_places": some(random, PLACES, chance=0.3),
    }[effect]
    choices = {
        "level_at_least": random.randrange(levels),
        "compartments": some(random, COMPARTMENTS),
        "kinds": some(random, PATTERNS, chance=0.3),
        "department": some(random, DEPARTMENTS),
        "principal": some(random, PEOPLE[1:]),
        "purpose": {"support"},
        "application": {"app"},
        "alias": some(random, ALIASES),
        "endpoint": some(random, ENDPOINTS),
    }
    barred = {"level_at_least", "compartments"} if effect == "label" else set()
    barred |= {"department"} if own else set()
    chosen = random.sample(sorted(choices.keys() - barred), random.randint(0, 2))
    return {"when": {part: choices[part] for part in chosen if choices[part] != set()},
            effect: value}  # fmt: skip


def random_facts(random: Random, *, policy: Json) -> Json:
    """Return a request; one in fifty names something that does not exist."""
    strange = random.random() < 0.02
    aliases, departments = list(policy["aliases"]), list(policy["departments"])
    return {
        "alias": "nowhere" if strange and random.random() < 0.5 else random.choice(aliases),
        "endpoint": random.choice(ENDPOINTS),
        "department": "nobody" if strange else random.choice(departments),
        "principal": random.choice(PEOPLE),
        "purpose": random.choice(PURPOSES),
        "application": random.choice(("", "app")),
        "label": random_label(random, levels=policy["levels"]),
        "kinds": {kind: random.randint(1, 3) for kind in some(random, KINDS, chance=0.15)},
        "doubts": some(random, DOUBTS, chance=0.05),
        "budgets": some(random, BUDGETS, chance=0.05),
        "parameters": some(random, PARAMETERS, chance=0.1),
    }


def scale_of(policy: Json) -> Scale:
    """Return the policy's scale."""
    names = [f"level{rank}" for rank in range(policy["levels"])]
    return Scale.of(names, compartments=policy["compartments"])


def label_value(scale: Scale, label: tuple) -> Label:
    """Return a label as the package has it."""
    return Label(scale.levels[label[0]], frozenset(label[1]))


def policy_value(policy: Json) -> Policy:
    """Return the policy as the package has it."""
    scale = scale_of(policy)
    return Policy(
        scale=scale,
        default=label_value(scale, policy["default"]),
        finding_labels=_findings(scale, policy["findings"]),
        destinations={
            name: Destination(
                name,
                place=Place(backend["place"]),
                clearance=label_value(scale, backend["clearance"]),
                endpoints=frozenset(backend["endpoints"]),
                parameters=frozenset(backend["parameters"]),
            )
            for name, backend in policy["backends"].items()
        },
        aliases={
            alias: tuple(Target(*target) for target in targets)
            for alias, targets in policy["aliases"].items()
        },
        rules=_rules(scale, policy["rules"]),
        departments={
            name: Department(
                name,
                default=label_value(scale, department["default"]),
                finding_labels=_findings(scale, department["findings"]),
                rules=_rules(scale, department["rules"]),
            )
            for name, department in policy["departments"].items()
        },
        digest="d" * 64,
    )


def facts_value(scale: Scale, facts: Json) -> Facts:
    """Return the request as the package has it."""
    return Facts(
        alias=facts["alias"],
        endpoint=facts["endpoint"],
        identity=Identity(
            facts["department"], facts["principal"], facts["purpose"], facts["application"]
        ),
        label=label_value(scale, facts["label"]),
        kinds=tuple(sorted(facts["kinds"].items())),
        doubts=frozenset(facts["doubts"]),
        budgets=frozenset(facts["budgets"]),
        parameters=frozenset(facts["parameters"]),
    )


def _findings(scale: Scale, table: Json) -> tuple[FindingLabel, ...]:
    return tuple(FindingLabel(kind, label_value(scale, label)) for kind, label in table.items())


def _rules(scale: Scale, rules: list) -> tuple[Rule, ...]:
    return tuple(
        Rule(
            name=f"rule {position}",
            origin="test",
            when=_condition(rule["when"]),
            label=label_value(scale, rule["label"]) if "label" in rule else None,
            deny=rule.get("deny", False),
            only_backends=None if "only" not in rule else frozenset(rule["only"]),
            forbid_backends=frozenset(rule.get("forbid", ())),
            forbid_places=frozenset(Place(place) for place in rule.get("forbid_places", ())),
        )
        for position, rule in enumerate(rules)
    )


def _condition(when: Json) -> Condition:
    names = {
        "department": "departments",
        "principal": "principals",
        "purpose": "purposes",
        "application": "applications",
        "alias": "models",
        "endpoint": "endpoints",
    }
    return Condition(
        level_at_least=when.get("level_at_least"),
        **{
            names.get(part, part): frozenset(wanted)
            for part, wanted in when.items()
            if part != "level_at_least"
        },
    )

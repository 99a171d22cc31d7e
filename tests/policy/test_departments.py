"""A department's file can only make things stricter: a property of the real loader."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hybridllm.config import open_config
from hybridllm.errors import ConfigurationError
from hybridllm.policy.decide import decide
from hybridllm.policy.model import Policy
from hybridllm.types import Facts, Identity
from tests.config.writing import ENVIRONMENT, LEGAL, SALES, write

LEVELS = ("public", "internal", "confidential", "restricted")
COMPARTMENTS = ("personal", "customer", "credentials")
KINDS = ("personal.email", "financial.card", "marking.secret", "business.customer")
PATTERNS = (*KINDS, "personal.*", "financial.*", "marking.*", "*")
BACKENDS = ("cloud", "local")

levels = st.sampled_from(LEVELS)
parts = st.lists(st.sampled_from(COMPARTMENTS), unique=True, max_size=3)
some_kinds = st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=2, unique=True)


def toml(value: object) -> str:
    """Return a value as TOML; JSON's text and lists are the same."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)


labels = st.one_of(levels, st.fixed_dictionaries({"level": levels, "compartments": parts}))
defaults = labels.map(lambda label: f"default = {toml(label)}\n")
findings = st.builds(
    lambda kind, label: f"findings.{toml(kind)} = {toml(label)}\n",
    st.sampled_from(PATTERNS),
    labels,
)
free_conditions = st.fixed_dictionaries(
    {},
    optional={
        "kinds": some_kinds,
        "principals": st.just(["p-1"]),
        "purposes": st.just(["support"]),
        "models": st.just(["assistant"]),
        "endpoints": st.just(["embeddings"]),
    },
)
conditions = st.builds(
    lambda one, two: one | two,
    free_conditions,
    st.fixed_dictionaries(
        {}, optional={"level_at_least": levels, "compartments": parts.filter(bool)}
    ),
)
backend_lists = st.lists(st.sampled_from(BACKENDS), unique=True, max_size=2)
place_lists = st.lists(st.sampled_from(["cloud", "on_premises", "in_process"]), unique=True)
takings = st.one_of(
    st.just({"deny": True}),
    backend_lists.map(lambda names: {"only_backends": names}),
    backend_lists.map(lambda names: {"forbid_backends": names}),
    place_lists.map(lambda names: {"forbid_places": names}),
)


def rule(when: dict, then: dict) -> str:
    """Return a rule as a block of lines."""
    return f'[[rules]]\nname = "r"\nwhen = {toml(when)}\nthen = {toml(then)}\n'


rules = st.one_of(
    st.builds(rule, conditions, takings),
    st.builds(lambda when, label: rule(when, {"label": label}), free_conditions, labels),
)
entries = st.one_of(defaults, findings, rules)


def file_of(items: list[str]) -> str:
    """Return a department's file: keys first, then findings, then rules."""
    ordered = sorted(items, key=lambda item: item.startswith("[["))
    return "version = 1\n" + "".join(dict.fromkeys(ordered))


def load(items: list[str]) -> Policy:
    """Load the organisation's file with this department through the real loader."""
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), {LEGAL: file_of(items), SALES: "version = 1\n"})
        return open_config(path, environment=ENVIRONMENT).runtime.policy


def every_request(policy: Policy) -> list[Facts]:
    """Return a spread of requests of the department, and of the other one."""
    scale = policy.scale
    declared = [
        scale.label(level, compartments=items)
        for level in LEVELS
        for items in ((), ("personal",), COMPARTMENTS)
    ]
    found = [(), *(((kind, 1),) for kind in KINDS), tuple((kind, 2) for kind in KINDS)]
    return [
        Facts("assistant", endpoint, Identity(department, principal, purpose), label, kinds)
        for department in ("legal", "sales")
        for principal, purpose in (("", ""), ("p-1", "support"))
        for endpoint in ("chat.completions", "embeddings")
        for label in declared
        for kinds in found
    ]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(st.lists(entries, max_size=4), entries)
def test_adding_an_entry_to_a_department_file_never_permits_more(items, added):
    """Whatever a department writes, valid or refused, opens no backend and lowers no label."""
    try:
        before, after = load(items), load([*items, added])
    except ConfigurationError:
        assume(False)

    for facts in every_request(before):
        old, new = decide(before, facts), decide(after, facts)
        assert set(new.candidates) <= set(old.candidates)
        assert old.label.flows_to(new.label)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(st.lists(entries, min_size=1, max_size=4))
def test_a_department_never_permits_more_than_no_department(items):
    """The organisation's file alone is the ceiling, and other departments are not touched."""
    try:
        policy = load(items)
    except ConfigurationError:
        assume(False)
    empty = load([])

    for facts in every_request(policy):
        ceiling, own = decide(empty, facts), decide(policy, facts)
        assert set(own.candidates) <= set(ceiling.candidates)
        if facts.identity.department == "sales":
            assert ceiling.candidates == own.candidates
            assert ceiling.label == own.label


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(st.lists(rules, min_size=2, max_size=4, unique=True), st.randoms(use_true_random=False))
def test_the_order_of_lines_in_a_file_never_matters(items, random):
    """Sorting the rules of a file changes no decision."""
    shuffled = random.sample(items, len(items))
    try:
        before, after = load(items), load(shuffled)
    except ConfigurationError:
        assume(False)

    for facts in every_request(before):
        old, new = decide(before, facts), decide(after, facts)
        assert (old.effect, old.label, old.candidates) == (new.effect, new.label, new.candidates)


@pytest.mark.parametrize("kind", ["financial.card", "financial.*", "*"])
def test_a_department_cannot_talk_an_unmentioned_kind_down(kind):
    """What the organisation does not mention is the strictest, whatever a department says."""
    policy = load([f'findings."{kind}" = "public"\n'])
    facts = Facts(
        "assistant",
        "chat.completions",
        Identity("legal"),
        policy.scale.lowest,
        (("financial.card", 1),),
    )

    assert policy.scale.strictest == decide(policy, facts).label


def test_a_department_cannot_take_back_its_own_category_for_one_kind():
    """A special line beside a general one adds to it."""
    general = 'findings."personal.*" = { level = "restricted", compartments = ["personal"] }\n'
    special = 'findings."personal.email" = "internal"\n'
    policy = load([general, special])
    facts = Facts(
        "assistant",
        "chat.completions",
        Identity("legal"),
        policy.scale.lowest,
        (("personal.email", 1),),
    )

    assert "restricted" == decide(policy, facts).label.level.name


def test_the_digest_follows_every_file():
    """The log says under which text a decision was made: one character makes another policy."""
    plain, other = load([]), load(['description = "a"\n'])

    assert 64 == len(plain.digest)
    assert plain.digest != other.digest
    assert plain.digest == load([]).digest

"""What is odd is found, what is in order is left alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hybridllm.cli.init import write_configuration
from hybridllm.cli.policy_opening import open_policy
from hybridllm.policy.decide import decide
from hybridllm.policy.tools.diff import verdict
from hybridllm.policy.tools.lint import lint
from tests.policy_tools.random_policies import KINDS, fresh, policy_of, requests

INSIDE = 'then = { forbid_places = ["cloud"] }'
PERSONAL = '{ level = "confidential", compartments = ["personal"] }'
LOCAL = 'then = { only_backends = ["local"] }'


def remarks(folder: Path):
    opened = open_policy(str(folder))
    return lint(opened.policy, kinds=opened.kinds, decide=decide)


def rule(name: str, when: str, then: str) -> str:
    return f'\n[[rules]]\nname = "{name}"\nwhen = {{ {when} }}\n{then}\n'


@pytest.fixture
def files(tmp_path):
    """Return a function that adds text to the files which `init` writes."""
    write_configuration(tmp_path, language="en", replace=False)

    def add(*, organisation: str = "", department: str = "", swap: tuple[str, str] = ("", "")):
        file = tmp_path / "hybridllm.toml"
        text = file.read_text(encoding="utf-8")
        assert swap[0] in text
        text = text.replace(*swap, 1) if swap[0] else text
        file.write_text(text + organisation, encoding="utf-8")
        own = tmp_path / "departments" / "general.toml"
        own.write_text(own.read_text(encoding="utf-8") + department, encoding="utf-8")
        return tmp_path

    return add


@pytest.mark.parametrize("language", ["en", "ja", "both"])
def test_the_files_of_init_are_in_order(tmp_path, language):
    """Who starts with the template is not greeted by remarks."""
    write_configuration(tmp_path, language=language, replace=False)

    assert () == remarks(tmp_path)


DEFECTS = {
    "a rule for an operation that no backend of its model serves": (
        "idle_rule",
        {
            "swap": ('clearance = "internal"',
                     'clearance = "internal"\nendpoints = ["chat.completions"]'),
            "organisation": '\n[models.cloudy]\ncandidates = '
            '[{ backend = "cloud", model = "big" }]\n'
            + rule("late", 'endpoints = ["embeddings"], models = ["cloudy"]', INSIDE),
        },
    ),
    "a rule that takes away what its model does not have": (
        "idle_rule",
        {"organisation": rule("idle", 'purposes = ["x"]',
                              'then = { forbid_places = ["in_process"] }')},
    ),
    "a rule that raises to where every request is": (
        "idle_rule",
        {"organisation": rule("low", 'purposes = ["x"]', 'then = { label = "internal" }')},
    ),
    "a rule that repeats a wider one": (
        "shadowed_rule",
        {"organisation": rule("again", 'kinds = ["credentials.password"]', INSIDE)},
    ),
    "a department's rule that repeats the organisation's": (
        "shadowed_rule",
        {"department": rule("again", 'kinds = ["credentials.*"], purposes = ["x"]', INSIDE)},
    ),
    "a rule of which two others say the halves": (
        "shadowed_rule",
        {"department": rule("one", 'purposes = ["a"]', INSIDE)
         + rule("two", 'purposes = ["b"]', INSIDE)
         + rule("both", 'purposes = ["a", "b"], level_at_least = "confidential"', INSIDE)},
    ),
    "two rules that together leave nothing": (
        "contradiction",
        {"organisation": rule("here", 'purposes = ["a"]', LOCAL)
         + rule("there", 'level_at_least = "confidential"',
                'then = { forbid_places = ["on_premises"] }')},
    ),
    "a rule that leaves nothing itself": (
        "contradiction",
        {"organisation": rule(
            "none", 'purposes = ["a"]',
            'then = { only_backends = ["local"], forbid_backends = ["local"] }')},
    ),
    "an entry that says what its category says": (
        "idle_finding",
        {"swap": ("[findings]", f'[findings]\n"personal.email" = {PERSONAL}')},
    ),
    "a department's entry below the organisation's": (
        "idle_finding",
        {"department": '\n[findings]\n"credentials.password" = '
         '{ level = "restricted", compartments = ["credentials"] }\n'},
    ),
    "a level that no backend is cleared for": (
        "unserved_level",
        {"swap": ('clearance = { level = "restricted", compartments = "all" }',
                  'clearance = { level = "confidential", compartments = "all" }')},
    ),
    "a compartment that no backend is cleared for": (
        "unserved_compartment",
        {"swap": ('compartments = "all"', 'compartments = ["personal", "customer"]')},
    ),
    "a model that a department can never use": (
        "closed_model",
        {"department": rule("never", "", "then = { deny = true }")},
    ),
}  # fmt: skip


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_planted_defect_is_found(files, defect):
    """A line that does nothing, or too much, is named with its file and what to do."""
    code, changes = DEFECTS[defect]

    found = remarks(files(**changes))

    assert code in {remark.code for remark in found}
    for remark in found:
        assert ".toml: " in remark.origin
        assert remark.remedy


@pytest.mark.parametrize(
    "added",
    [
        rule("inside", 'purposes = ["a"]', INSIDE),
        rule("raise", 'purposes = ["a"]', 'then = { label = "restricted" }'),
        rule("a", 'purposes = ["a"]', LOCAL)
        + rule("b", 'purposes = ["b"]', 'then = { forbid_backends = ["cloud"] }'),
        rule("no", 'purposes = ["a"]', "then = { deny = true }"),
    ],
)
def test_rules_that_do_something_are_left_alone(files, added):
    """Remarks that are wrong are remarks that nobody reads."""
    assert () == remarks(files(organisation=added))


@pytest.mark.parametrize("seeds", [range(start, start + 40) for start in range(0, 240, 40)])
def test_what_is_called_needless_can_be_deleted(seeds):
    """Whoever deletes all rules that lint calls needless changes no decision."""
    deleted = 0
    for seed in seeds:
        random, tables = fresh(seed)
        policy = policy_of(tables)
        found = lint(policy, kinds=KINDS, decide=decide)
        needless = {
            remark.origin for remark in found if remark.code in {"idle_rule", "shadowed_rule"}
        }
        shorter = without_rules(policy, needless)
        deleted += len(needless)
        for facts in requests(random, tables=tables, count=60):
            before, after = decide(policy, facts), decide(shorter, facts)

            assert verdict(before) == verdict(after), (seed, needless)

    assert deleted > 20


@pytest.mark.parametrize("seed", range(60))
def test_an_entry_that_is_called_idle_can_be_deleted(seed):
    """Without the entry every finding means what it meant."""
    random, tables = fresh(seed)
    policy = policy_of(tables)
    for remark in lint(policy, kinds=KINDS, decide=decide):
        if remark.code == "idle_finding":
            shorter = without_entry(policy, remark.origin)
            for facts in requests(random, tables=tables, count=40):
                assert verdict(decide(policy, facts)) == verdict(decide(shorter, facts))


def without_rules(policy, origins):
    def kept(rules):
        return tuple(rule for rule in rules if rule.origin not in origins)

    departments = {
        name: replace(item, rules=kept(item.rules)) for name, item in policy.departments.items()
    }
    return replace(policy, rules=kept(policy.rules), departments=departments)


def without_entry(policy, origin):
    file, _, key = origin.partition(": ")
    kind = key.removeprefix('findings."').removesuffix('"')

    def kept(entries):
        return tuple(entry for entry in entries if entry.kind != kind)

    if file == "hybridllm.toml":
        return replace(policy, finding_labels=kept(policy.finding_labels))
    name = file.removeprefix("departments/").removesuffix(".toml")
    own = replace(
        policy.departments[name], finding_labels=kept(policy.departments[name].finding_labels)
    )
    return replace(policy, departments={**policy.departments, name: own})

"""`hybridllm policy test` says what the flow says."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from random import Random

import pytest

from hybridllm.cli.policy_opening import open_policy
from hybridllm.cli.policy_testing import call_of, run_test
from hybridllm.config.files import read_file
from hybridllm.errors import ConfigurationError
from hybridllm.flow import explain
from hybridllm.policy.schema import DepartmentConfig
from hybridllm.testing import client_for_tests

PIECES = (
    "Please summarise the meeting.", "会議を要約してください。", "社外秘", "STRICTLY SECRET",
    "Write to taro.mihon@mihon-shoji.jp", "電話は 03-1234-5678 です", "Project Larkspur",
    "ミホン商事株式会社の件", "password: Kestrel-4711-xyz", "Internal use only",
)  # fmt: skip
LEGAL = """\
version = 1
default = "confidential"

[[rules]]
name = "Disputes are refused"
when = { purposes = ["dispute"] }
then = { deny = true }
"""
LEVELS = ("public", "internal", "confidential", "restricted")


def a_test(random: Random, *, department: str) -> dict:
    """Return a test without its expectation."""
    pieces = random.sample(PIECES, random.randint(1, 3))
    made: dict = {"name": "one", "department": department, "text": " ".join(pieces)}
    if random.random() < 0.3:
        made["label"] = random.choice(LEVELS)
    if random.random() < 0.3:
        made["purpose"] = random.choice(("dispute", "support"))
    return made


def as_toml(test: dict, *, expect: str, own: bool) -> str:
    keys = "\n".join(
        f'{key} = "{value}"' for key, value in test.items() if not (own and key == "department")
    )
    return f"\n[[tests]]\n{keys}\nexpect = {{ {expect} }}\n"


@pytest.fixture
def both(company):
    """Return the folder of an organisation with a strict department."""
    (company / "departments" / "legal.toml").write_text(LEGAL, encoding="utf-8")
    return company


def add(company, text, *, file="hybridllm.toml"):
    path = company / file
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def expected(client, test):
    """Return what the real client says of a test's request."""
    asking = client.with_options(
        department=test["department"], label=test.get("label"), purpose=test.get("purpose")
    )
    messages = [{"role": "user", "content": test["text"]}]
    return asking.chat.completions.explain(model="assistant", messages=messages).decision


def test_2000_tests_agree_with_the_flow(both):
    """A green test means that a request of today would be treated like that, and red that not."""
    random = Random(5)
    made = [a_test(random, department=random.choice(("general", "legal"))) for _ in range(2_000)]
    with client_for_tests(both / "hybridllm.toml") as client:
        decisions = [expected(client, test) for test in made]
    texts = []
    for number, (test, decision) in enumerate(zip(made, decisions, strict=True)):
        effect = str(decision.effect)
        if number % 4 == 3:  # every fourth one is wrong on purpose
            effect = {"permit": "deny", "deny": "permit"}[effect]
        first = decision.candidates[0].backend if effect == str(decision.effect) == "permit" else ""
        expect = f'effect = "{effect}"' + (f', backend = "{first}"' if first else "")
        texts.append(as_toml(test, expect=expect, own=False))
    add(both, "".join(texts))

    opened = open_policy(str(both))
    results = [run_test(test, opened=opened) for test in opened.tests]

    assert [number % 4 == 3 for number in range(2_000)] == [bool(item.failures) for item in results]
    assert {"permit", "deny"} == {str(decision.effect) for decision in decisions}


def test_a_test_is_judged_as_a_request_is(both):
    """The call of a test goes through the flow itself."""
    text = as_toml({"name": "x", "text": "極秘"}, expect='reasons = ["finding"]', own=True)
    add(both, text, file="departments/legal.toml")

    opened = open_policy(str(both))
    (test,) = opened.tests
    decision = explain(call_of(test, opened=opened), opened.runtime).decision

    assert "legal" == test.department
    assert () == run_test(test, opened=opened).failures
    assert ["default", "department", "finding"] == [reason.code for reason in decision.reasons]


@pytest.mark.parametrize(
    ("expect", "failure"),
    [
        ('effect = "deny"', "effect: expected deny, is permit"),
        ('backend = "local"', "backend: expected local, is cloud"),
        ('place = "on_premises"', "place: expected on_premises, is cloud"),
        ('label = "restricted"', "label: expected restricted, is internal"),
        ('reasons = ["doubt"]', "reasons: expected doubt, given are default"),
    ],
)
def test_a_failure_says_what_was_expected_and_what_came(company, run, expect, failure):
    """Whoever reads a red line knows what to look at, without seeing the text."""
    add(company, as_toml({"name": "Weather", "text": "Will it rain?"}, expect=expect, own=False))

    ended = run("policy", "test", "--json")

    assert 1 == ended.status
    assert [failure] == ended.document["tests"][0]["failures"]
    assert "hybridllm.toml: tests[0]" == ended.document["tests"][0]["origin"]
    assert "rain" not in ended.out


def test_texts_messages_and_files_are_read(company, run):
    """A test may hold a line, a whole chat, or name a file beside the configuration."""
    (company / "samples").mkdir()
    (company / "samples" / "plan.txt").write_text("社外秘: 計画", encoding="utf-8")
    add(company, """
[[tests]]
name = "file"
file = "samples/plan.txt"
expect = { label = "confidential", place = "on_premises" }

[[tests]]
name = "chat"
messages = [
  { role = "system", content = "Answer briefly." },
  { role = "user", content = "極秘" },
]
expect = { label = "restricted" }

[[tests]]
name = "responses"
endpoint = "responses"
text = "社外秘"
expect = { label = "confidential" }

[[tests]]
name = "an unreadable part"
messages = [{ role = "user", content = [{ type = "image_url", image_url = { url = "x" } }] }]
expect = { reasons = ["doubt"], place = "on_premises" }
""")  # fmt: skip

    ended = run("policy", "test")

    assert (0, "4 passed, 0 failed") == (ended.status, ended.out.splitlines()[-1])


def test_a_request_that_cannot_be_read_fails_its_test(company, run):
    """A missing file or a malformed chat is a red line and no crash."""
    add(company, """
[[tests]]
name = "gone"
file = "nowhere.txt"
expect = { effect = "permit" }

[[tests]]
name = "strange"
messages = [{ role = "user", content = "x", function_call = 7 }]
endpoint = "responses"
expect = { effect = "deny" }
""")  # fmt: skip

    ended = run("policy", "test", "--json")

    assert 1 == ended.status
    assert "cannot be read" in ended.document["tests"][0]["failures"][0]


def test_build_servers_read_the_results(company, run):
    """JUnit XML holds each test with its file, and each failure with what came."""
    add(company, as_toml({"name": "良い", "text": "Hello"}, expect='effect = "permit"', own=False))
    add(company, as_toml({"name": "bad", "text": "Hello"}, expect='effect = "deny"', own=False))

    ended = run("policy", "test", "--junit", "results.xml")

    root = ET.parse(company / "results.xml").getroot()
    suite = root.find("testsuite")
    assert 1 == ended.status
    assert ("2", "1", "hybridllm.toml") == (suite.get("tests"), suite.get("failures"),
                                            suite.get("name"))  # fmt: skip
    assert ["良い", "bad"] == [case.get("name") for case in suite.iter("testcase")]
    assert "effect: expected deny, is permit" == suite.find(".//failure").get("message")


def test_no_test_is_no_success(company, run):
    """A build that tests nothing must not look green."""
    assert 1 == run("policy", "test", "--department", "nobody-here").status


def test_only_one_departments_tests_are_run_on_request(both, run):
    """An owner runs what is theirs."""
    text = as_toml({"name": "own", "text": "Hi"}, expect='place = "on_premises"', own=True)
    add(both, text, file="departments/legal.toml")
    add(both, as_toml({"name": "other", "text": "Hi"}, expect='effect = "deny"', own=False))

    ended = run("policy", "test", "--department", "legal", "--json")

    assert ["own"] == [test["name"] for test in ended.document["tests"]]
    assert 0 == ended.status


@pytest.mark.parametrize(
    ("test", "key"),
    [
        ('text = "x"\nmodel = "asistant"\nexpect = { effect = "deny" }', "tests[0].model"),
        ('text = "x"\nendpoint = "chat"\nexpect = { effect = "deny" }', "tests[0].endpoint"),
        ('text = "x"\nlabel = "secret"\nexpect = { effect = "deny" }', "tests[0].label"),
        ('text = "x"\nexpect = { backend = "clod" }', "tests[0].expect.backend"),
        ('text = "x"\nexpect = { label = "intern" }', "tests[0].expect.label"),
        ('text = "x"\nexpect = { reasons = ["rules"] }', "tests[0].expect.reasons[0]"),
        ('text = "x"\nexpect = { effect = "deny", backend = "local" }', "tests[0].expect"),
        ('text = "x"\ndepartment = "legal"\nexpect = { effect = "deny" }', "tests[0].department"),
        ('messages = []\nendpoint = "embeddings"\nexpect = { effect = "deny" }',
         "tests[0].messages"),
        ('text = "x"\nexpect = {}', "tests[0].expect"),
        ('text = "x"\nfile = "y"\nexpect = { effect = "deny" }', "tests[0]"),
        ('expect = { effect = "deny" }', "tests[0]"),
    ],
)  # fmt: skip
def test_a_test_with_a_mistake_stops_with_file_and_key(company, test, key):
    """A test that cannot come true would be believed to protect something."""
    add(company, f'\n[[tests]]\nname = "x"\n{test}\n', file="departments/general.toml")

    with pytest.raises(ConfigurationError) as caught:
        open_policy(str(company))

    assert ("departments/general.toml", key) == (caught.value.file, caught.value.key)


def test_tests_change_no_decision(both):
    """Adding a test to a file cannot open or close anything."""
    before = open_policy(str(both)).policy.departments["legal"]
    text = as_toml({"name": "x", "text": "Hi"}, expect='effect = "deny"', own=True)
    add(both, text, file="departments/legal.toml")

    after = open_policy(str(both)).policy.departments["legal"]

    assert before == after
    path = both / "departments" / "legal.toml"
    assert 1 == len(read_file(path, shape=DepartmentConfig, shown="x")[0].tests)

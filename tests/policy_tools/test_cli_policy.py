"""The verbs of `hybridllm policy` and `hybridllm schema`, as a user runs them."""

from __future__ import annotations

import json
import shutil

import jsonschema
import pytest

from hybridllm.audit.log import FileAuditLog
from hybridllm.config.state import derive, load_key
from hybridllm.testing import client_for_tests

INSIDE = """
[[rules]]
name = "Disputes stay inside"
when = { purposes = ["dispute"] }
then = { forbid_places = ["cloud"] }
"""


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def stricter(company):
    """Return a copy of the files, with a cloud that may see public text only."""
    folder = company / "stricter"
    shutil.copytree(company, folder, ignore=shutil.ignore_patterns("stricter"))
    edit(folder / "hybridllm.toml", 'clearance = "internal"', 'clearance = "public"')
    return folder


def write_log(company, *, asked=4):
    """Ask a few questions of fake backends and keep the real log."""
    key = load_key(company / ".hybridllm", key_env=None, environment={}, file="x")
    log = FileAuditLog(company / ".hybridllm" / "audit", key=derive(key, purpose="audit"))
    with client_for_tests("hybridllm.toml", audit=log) as client:
        for number in range(asked):
            text = "極秘の件" if number % 2 else "Hello there"
            messages = [{"role": "user", "content": text}]
            client.chat.completions.create(model="assistant", messages=messages)
    (segment,) = (company / ".hybridllm" / "audit").glob("*.jsonl")
    return segment


def test_explain_says_what_would_have_to_change(company, run):
    """An owner reads why the cloud is closed, and what would open it."""
    own = company / "departments" / "general.toml"
    own.write_text(own.read_text(encoding="utf-8") + INSIDE, encoding="utf-8")

    ended = run("policy", "explain", "社外秘: 資料", "--purpose", "dispute", "--json")

    (cloud,) = ended.document["what_would_have_to_change"]
    assert 0 == ended.status
    assert ("cloud", None) == (cloud["backend"], cloud["obstacle"])
    assert {"finding", "rule"} == {step["code"] for step in cloud["steps"]}
    assert "資料" not in ended.out


def test_explain_is_readable(company, run):
    """The same for people, with the rule and the file it stands in."""
    own = company / "departments" / "general.toml"
    own.write_text(own.read_text(encoding="utf-8") + INSIDE, encoding="utf-8")

    ended = run("policy", "explain", "Hello", "--purpose", "dispute")

    assert "local (your-local-model): would be asked" in ended.out
    assert "Disputes stay inside (departments/general.toml: rules[0])" in ended.out
    assert "the purpose is dispute" in ended.out


def test_show_names_the_origin(company, run):
    """Each line in force says in which file it stands."""
    ended = run("policy", "show", "--effective", "general", "--json")

    assert 0 == ended.status
    assert "hybridllm.toml: labels.default" == ended.document[0]["origin"]
    assert 2 == run("policy", "show", "--effective", "genral").status


def test_lint_ends_with_1_when_something_is_odd(company, run):
    """A build stops at a rule that does nothing."""
    quiet = run("policy", "lint")
    text = INSIDE.replace('["cloud"]', '["in_process"]')
    own = company / "departments" / "general.toml"
    own.write_text(own.read_text(encoding="utf-8") + text, encoding="utf-8")

    odd = run("policy", "lint", "--json")

    assert (0, "nothing odd") == (quiet.status, quiet.out.strip())
    assert (1, "idle_rule") == (odd.status, odd.document[0]["code"])


def test_diff_shows_which_decisions_change(company, run, stricter):
    """Closing the cloud for internal text moves it to the premises, and that is one row."""
    same = run("policy", "diff", company, company / "hybridllm.toml", "--exit-code")
    ended = run("policy", "diff", company, stricter, "--json")
    shown = run("policy", "diff", company, stricter, "--exit-code")

    assert (0, "no request is treated differently") == (same.status, same.out.strip())
    change = ended.document["changes"][0]
    assert 0 == ended.status
    assert ["cloud", "local"] == [item["backend"] for item in change["old"]["candidates"]]
    assert ["local"] == [item["backend"] for item in change["new"]["candidates"]]
    assert 1 == shown.status
    assert "general" in shown.out


def test_replay_counts_what_would_move(company, run, stricter):
    """Two of four recorded requests were in the cloud and would come to the premises."""
    write_log(company)

    ended = run("policy", "replay", "--policy", stricter, "--price", "cloud=1000/1000", "--json")

    found = ended.document
    assert 0 == ended.status
    moves = {(item["from"], item["to"]): item["requests"] for item in found["moves"]}
    assert {("cloud", "local"): 2, ("local", "local"): 2} == moves
    assert found["cost"]["before"] > 0.0
    assert 0.0 == found["cost"]["after"]
    before, after = (found["local_tokens_per_hour"][name]["peak"] for name in ("before", "after"))
    assert before < after


def test_replay_is_readable(company, run, stricter):
    """People see a row for each department, the load and the cost."""
    write_log(company)

    ended = run("policy", "replay", "--policy", stricter, "--price", "cloud=2.5/10")

    assert 0 == ended.status
    assert "4 requests in 1 clock hours" in ended.out
    assert "premises after" in ended.out
    assert "cost:" in ended.out


def test_a_log_that_was_changed_is_not_replayed(company, run, stricter):
    """Evidence that somebody edited is none; whoever wants it all the same says so."""
    segment = write_log(company)
    edit(segment, '"effect":"permit"', '"effect":"deny"')

    refused = run("policy", "replay", "--policy", stricter)
    forced = run("policy", "replay", "--policy", stricter, "--unverified", "--json")

    assert 1 == refused.status
    assert "nothing was replayed" in refused.out
    assert (0, 4) == (forced.status, forced.document["requests"])


def test_a_copy_of_a_log_is_replayed_without_its_key(company, run, stricter, tmp_path):
    """An analyst has the files and no key."""
    segment = write_log(company)
    copies = tmp_path / "copies"
    copies.mkdir()
    shutil.copy(segment, copies)

    ended = run(
        "policy", "replay", "--policy", stricter, "--audit", copies, "--unverified", "--json"
    )

    assert 4 == ended.document["requests"]


@pytest.mark.parametrize(
    "words",
    [
        ("replay", "--policy", "hybridllm.toml", "--audit", "empty"),
        ("replay", "--policy", "hybridllm.toml", "--price", "cloud=1", "--audit", "empty"),
        ("diff", "nowhere.toml", "hybridllm.toml"),
        ("test", "--config", "nowhere.toml"),
        ("test", "--junit", "no/such/folder.xml"),
        ("new", "../outside"),
        ("new", "general"),
        ("new", "NUL"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line(company, run, words):
    """Status 2 and what is wrong, instead of a traceback."""
    (company / "empty").mkdir()

    ended = run("policy", *words)

    assert 2 == ended.status
    assert ended.err.startswith("error: ")
    assert 1 == len(ended.err.splitlines())


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_new_departments_tests_pass_and_nothing_is_odd(company, run, language):
    """What `policy new` writes works at once, in both languages."""
    written = run("policy", "new", "法務", "--language", language)
    tested = run("policy", "test", "--department", "法務")
    linted = run("policy", "lint")

    assert (0, 0, 0) == (written.status, tested.status, linted.status)
    assert "2 passed, 0 failed" in tested.out


def test_a_new_department_fits_an_organisation_with_several_models(company, run):
    """The tests name a model where they must, and expect a denial where nothing is inside."""
    edit(
        company / "hybridllm.toml",
        "[detection]",
        '[models.other]\ncandidates = [{ backend = "local", model = "m" }]\n\n[detection]',
    )
    edit(company / "hybridllm.toml", '  { backend = "local", model = "your-local-model" },\n', "")

    run("policy", "new", "legal")
    tested = run("policy", "test")

    text = (company / "departments" / "legal.toml").read_text(encoding="utf-8")
    assert 'model = "assistant"' in text
    assert 'effect = "deny"' in text
    assert 0 == tested.status


@pytest.mark.parametrize("file", ["organisation", "department"])
def test_the_schema_is_printed(run, file):
    """`hybridllm schema > file` gives editors what they need."""
    ended = run("schema", file)

    jsonschema.Draft202012Validator.check_schema(json.loads(ended.out))
    assert 0 == ended.status


def test_the_schema_of_the_organisation_is_the_default(run):
    """The file that everybody has comes first."""
    assert "hybridllm.toml" == run("schema").document["title"]

"""The pages about policies can be followed: files are edited, and results are as shown."""

from __future__ import annotations

import argparse
import shlex
import shutil
from importlib import import_module

import pytest

from hybridllm.audit.log import FileAuditLog
from hybridllm.config.state import derive, load_key
from hybridllm.testing import client_for_tests
from tests.docs.pages import ROOT, snippets
from tests.docs.test_snippets import commands

TUTORIALS = ("first-department.md", "first-department.ja.md")


def info(page, snippet):
    """Return what stands behind the language of a fence."""
    line = page.read_text(encoding="utf-8").splitlines()[snippet.line - 1]
    return line.removeprefix("```").partition(" ")[2]


@pytest.mark.parametrize("name", TUTORIALS)
def test_the_tutorial_can_be_followed(name, tmp_path, monkeypatch, run):
    """A new owner types what the page says and sees what the page shows."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYBRIDLLM_CONFIG", raising=False)
    page = ROOT / "docs" / "tutorial" / name
    seen, shown = "", 0
    for snippet in snippets(page):
        told = info(page, snippet)
        if snippet.language == "toml":
            file = tmp_path / told
            file.write_text(file.read_text(encoding="utf-8") + snippet.text, encoding="utf-8")
        elif snippet.language == "sh" and snippet.is_run:
            for line in commands(snippet):
                ended = run(*shlex.split(line)[1:])
                seen = ended.out
                assert (1 if told == "fails" else 0) == ended.status, line
        elif snippet.language == "text":
            shown += 1
            assert snippet.text in seen

    assert 4 == shown
    assert (tmp_path / "results.xml").is_file()


@pytest.mark.parametrize("name", TUTORIALS)
def test_the_tutorials_table_shows_the_one_change(name, tmp_path, monkeypatch, run):
    """Only requests of the department with the purpose are treated differently."""
    monkeypatch.chdir(tmp_path)
    page = ROOT / "docs" / "tutorial" / name
    department = "legal" if name == TUTORIALS[0] else "法務"
    for folder in ("before", "company"):
        run("init", folder)
        run("policy", "new", department, "--config", folder)
    for snippet in snippets(page):
        if snippet.language == "toml":
            file = tmp_path / info(page, snippet)
            file.write_text(file.read_text(encoding="utf-8") + snippet.text, encoding="utf-8")

    found = run("policy", "diff", "before", "company", "--json").document

    assert [] == found["only_in"]
    assert {(department, "dispute")} == {
        (item["department"], item["purpose"]) for item in found["changes"]
    }
    for change in found["changes"]:
        if change["endpoint"] == "responses.input_tokens":  # vLLM counts no tokens in this way
            continue
        assert ["cloud", "local"] == [item["backend"] for item in change["old"]["candidates"]]
        assert ["local"] == [item["backend"] for item in change["new"]["candidates"]]


def test_both_tutorials_have_the_same_steps():
    """A reader of Japanese learns all that a reader of English learns."""
    english, japanese = (
        [(item.language, item.is_run) for item in snippets(ROOT / "docs" / "tutorial" / name)]
        for name in TUTORIALS
    )

    assert english == japanese


def test_the_guide_to_a_change_can_be_followed(tmp_path, monkeypatch, run):
    """Copy, edit, test, compare and replay: each command of the page ends well."""
    monkeypatch.chdir(tmp_path)
    run("init", "company")
    run("policy", "new", "legal", "--config", "company")
    key = load_key(tmp_path / "company/.hybridllm", key_env=None, environment={}, file="x")
    log = FileAuditLog(tmp_path / "company/.hybridllm/audit", key=derive(key, purpose="audit"))
    with client_for_tests("company/hybridllm.toml", audit=log) as client:
        client.chat.completions.create(
            model="assistant", messages=[{"role": "user", "content": "Hello"}]
        )
    shutil.copytree("company", "proposal", ignore=shutil.ignore_patterns(".hybridllm"))

    ended = [
        (line, run(*shlex.split(line)[1:]).status)
        for snippet in snippets(ROOT / "docs" / "how-to" / "change-a-policy-with-evidence.md")
        for line in commands(snippet)
    ]

    assert 4 == len(ended)
    assert [] == [line for line, status in ended if status != 0]


def options(parser):
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from options(inner)
        else:
            yield from (name for name in action.option_strings if name.startswith("--"))


def test_every_option_is_described():
    """What `--help` offers is on the page, in the verb's own part or among the shared ones."""
    parser = argparse.ArgumentParser()
    import_module("hybridllm.cli.policy").register(parser.add_subparsers())
    page = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    shared = page.partition("## Options that several verbs have")[2].partition("\n## ")[0]
    own = page.partition("\n## `hybridllm policy")[2].partition("\n## ")[0]

    wanted = set(options(parser)) - {"--help"}

    assert [] == [name for name in sorted(wanted) if f"`{name}" not in shared + own]

"""`hybridllm adapter`: the whole way from a terminal."""

from __future__ import annotations

import argparse
import json
import re
from importlib import import_module
from pathlib import Path

import pytest

from tests.adapters.made import BASE, WEIGHTS, make_adapter, make_base
from tests.cli.conftest import config, run

__all__ = ["config", "run"]

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"
TOLD = (
    "--name", "glossary", "--base-id", BASE, "--label", "confidential", "--department", "general",
    "--licence", "apache-2.0", "--base-licence", "apache-2.0",
)  # fmt: skip


@pytest.fixture
def folders(config, tmp_path):
    """A configuration, a base model and an adapter for it."""
    base = make_base(tmp_path / "base")
    metrics = {
        "domain_before": 3.1, "domain_after": 1.2, "domain_rows": 40,
        "general_before": 3.2, "general_after": 3.3, "general_rows": 40,
    }  # fmt: skip
    (tmp_path / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    return base, make_adapter(tmp_path / "trained")


def document(ended) -> dict:
    assert 0 == ended.status, ended.err
    return json.loads(ended.out)


def add(run, folders, *more):
    base, adapter = folders
    return run("adapter", "import", adapter, "--base", base, *TOLD, *more, "--json")


def test_an_adapter_goes_all_the_way(run, folders):
    """Import, verify, promote, look, roll back, revoke, remove: eight verbs, one path."""
    base, _ = folders
    version = document(add(run, folders, "--metrics", "metrics.json"))["version"]
    verified = document(
        run("adapter", "verify", version, "--base", base, "--engine", "vllm", "--json")
    )
    promoted = run("adapter", "promote", version, "--alias", "legal", "--by", "reviewer")
    shown = document(run("adapter", "show", "legal", "--json"))
    listed = run("adapter", "list")
    back = run("adapter", "rollback", "legal", "--by", "reviewer")
    revoked = document(run("adapter", "revoke", "legal", "--by", "reviewer", "--json"))
    gone = run("adapter", "remove", "legal").status, run("adapter", "remove", version).status

    assert {"version": version, "verified": True, "reasons": []} == verified
    assert (0, f"legal means {version} now\n") == (promoted.status, promoted.out)
    assert ("promoted", ["legal"], "vllm") == (
        shown["status"], shown["aliases"], shown["verified_for"],
    )  # fmt: skip
    assert "promoted" in listed.out
    assert (1, True) == (back.status, "no_previous" in back.err)
    assert "revoked" == revoked["status"]
    assert (0, 0) == gone
    assert {"versions": [], "damaged": []} == document(run("adapter", "list", "--json"))


def test_a_bad_adapter_ends_with_status_one_and_every_reason(run, folders, tmp_path):
    """A pipeline stops, and whoever reads its log knows why."""
    version = document(add(run, folders))["version"]
    other = make_base(tmp_path / "other", seed=9)

    ended = run("adapter", "verify", version, "--base", other)

    assert 1 == ended.status
    assert "base_weights" in ended.out


def test_metrics_are_looked_at_unless_they_are_waived(run, folders):
    """Without metrics nothing is promoted, unless somebody says so by name."""
    base, _ = folders
    version = document(add(run, folders))["version"]
    assert 0 == run("adapter", "verify", version, "--base", base).status

    refused = run("adapter", "promote", version, "--alias", "legal", "--by", "reviewer")
    waived = run("adapter", "promote", version, "--alias", "legal", "--by", "x", "--waive-gate")

    assert (1, True) == (refused.status, "gate_no_metrics" in refused.err)
    assert 0 == waived.status


def test_what_must_be_told_is_named(run, folders):
    """Nobody guesses a label, and the message says which options are missing."""
    ended = run("adapter", "import", folders[1], "--name", "glossary")

    assert 2 == ended.status
    assert "--label" in ended.err


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("show", "nobody"), 3),
        (("remove", "glossary@0123456789ab"), 3),
        (("verify", "nobody", "--base", "base"), 3),
        (("import", "nowhere", "--base", "base", *TOLD), 2),
        (("import", "trained", "--base", "nowhere", *TOLD), 2),
        (("import", "trained", "--base", "base", *TOLD, "--metrics", "hybridllm.toml"), 3),
        (("import", "trained", "--base", "base", *TOLD, "--sign-key", "nowhere"), 2),
        (("import", "trained", "--base", "base", *TOLD, "--training-data", "nowhere"), 2),
    ],
)
def test_a_mistake_is_one_line(run, folders, words, status):
    """A wrong name or path ends with a sentence and the status that fits."""
    ended = run("adapter", *words)

    assert status == ended.status
    assert ended.err.startswith("error: ")
    assert 1 == ended.err.count("\n")


def test_a_damaged_version_turns_the_list_red(run, folders):
    """A nightly `list` finds what broke."""
    shown = document(add(run, folders))
    path = Path(shown["folder"]) / "manifest.json"
    path.chmod(0o600)
    path.write_text("{}", encoding="utf-8")

    ended = run("adapter", "list")

    assert 1 == ended.status
    assert f"damaged {shown['version']}" in ended.out
    assert (path.parent / WEIGHTS).exists()


def test_every_verb_and_option_is_described():
    """What `--help` offers is on the reference page."""
    parser = argparse.ArgumentParser()
    import_module("hybridllm.cli.adapter").register(parser.add_subparsers())
    page = PAGE.read_text(encoding="utf-8")
    shared = page.partition("## Options that several verbs have")[2].partition("\n## ")[0]
    own = page.partition("\n## `hybridllm adapter")[2].partition("\n## ")[0]
    verbs = parser._subparsers._group_actions[0].choices["adapter"]._subparsers._group_actions[0]

    options = {
        name
        for verb in verbs.choices.values()
        for action in verb._actions
        for name in action.option_strings
        if name.startswith("--") and name != "--help"
    }

    assert set(verbs.choices) == set(re.findall(r"^\| `([a-z]+)[ `]", own, flags=re.MULTILINE))
    assert [] == [name for name in sorted(options) if f"`{name}" not in shared + own]

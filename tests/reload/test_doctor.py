"""`hybridllm doctor` and `policy show` say loudly what is not in force."""

from __future__ import annotations

import json

import pytest

from hybridllm.cli import main
from tests.reload.company import Clock, opened, organisation, put, write
from tests.reload.test_trials import ENFORCED, REPORTED


@pytest.fixture
def rows(capsys, monkeypatch):
    """Return a function that returns what `doctor` says of the policy, by subject."""
    for name in ("HYBRIDLLM_CONFIG", "HYBRIDLLM_POLICY_KEYS"):
        monkeypatch.delenv(name, raising=False)

    def look(file):
        status = main(["doctor", "--json", "--config", str(file)])
        found = json.loads(capsys.readouterr().out)["rows"]
        return status, {row["subject"]: row for row in found if row["area"] == "policy"}

    return look


def test_files_in_force_are_named_by_digest_and_revision(tmp_path, rows):
    """Two machines can be compared by what `doctor` says on each."""
    status, found = rows(write(tmp_path, text=organisation(top="revision = 4")))

    assert 0 == status
    assert found["files"]["detail"].endswith(", revision 4")
    assert "absent" == found["signatures"]["state"]


def test_a_reported_rule_is_noted(tmp_path, rows):
    """Nobody takes a rule on trial for one in force."""
    status, found = rows(write(tmp_path, text=organisation(more=REPORTED)))

    assert 0 == status
    assert "note" == found["report"]["state"]
    assert "hybridllm.toml: rules[0] is reported and NOT enforced" == found["report"]["detail"]


def test_a_client_that_goes_on_with_an_old_policy_is_a_fault(tmp_path, rows):
    """The last good policy stays in force, and the machine says so until it is mended."""
    file = write(tmp_path)
    running = opened(file, clock=Clock())
    put(file, organisation(cloud="pubic"))
    with pytest.raises(ValueError, match="pubic"):
        running.reload()

    broken, _ = rows(file)
    put(file, organisation())
    mended_on_disk, found = rows(file)
    running.reload()
    mended, after = rows(file)
    running.close()

    assert (2, 1, 0) == (broken, mended_on_disk, mended)
    assert "fault" == found["reload"]["state"]
    assert "backends.cloud.clearance" in found["reload"]["detail"]
    assert "hybridllm check" in found["reload"]["remedy"]
    assert "reload" not in after


def test_a_client_that_ends_takes_its_note_back(tmp_path, rows):
    """A fault of yesterday's process is none of today's."""
    file = write(tmp_path)
    running = opened(file, clock=Clock())
    put(file, "")
    with pytest.raises(ValueError, match="is empty"):
        running.reload()
    put(file, organisation())

    running.close()

    assert 0 == rows(file)[0]


@pytest.mark.parametrize(
    ("text", "state", "status"), [(organisation(), "note", 0), ("nonsense", "fault", 1)]
)
def test_a_shadow_is_noted_and_a_broken_one_is_a_fault(tmp_path, rows, text, state, status):
    """Whoever waits for records of a shadow learns why there are none."""
    write(tmp_path / "next", text=text)
    more = '[shadow]\nconfig = "next/hybridllm.toml"\n'

    ended, found = rows(write(tmp_path, text=organisation(more=more)))

    assert (status, state) == (ended, found["shadow"]["state"])


def test_show_marks_rules_that_are_only_reported(tmp_path, capsys):
    """The merged view has each rule of the files, and says which ones count."""
    more = ENFORCED.replace("support", "billing") + REPORTED
    file = write(tmp_path, text=organisation(more=more))

    assert 0 == main(["policy", "show", "--effective", "staff", "--json", "--config", str(file)])
    lines = json.loads(capsys.readouterr().out)
    rules = {line["name"]: line["value"] for line in lines if line["section"] == "rules"}

    assert "reported and NOT enforced" in rules["support stays inside"]
    assert "NOT" not in rules["billing stays inside"]


def test_the_tools_of_a_policy_need_no_signatures_and_ask_nobody(tmp_path, monkeypatch, capsys):
    """A proposal is tested before anybody signs it, wherever the tester belongs."""
    monkeypatch.setenv("HYBRIDLLM_POLICY_KEYS", str(tmp_path / "owner.pem"))
    monkeypatch.setenv("HYBRIDLLM_DEPARTMENT", "staff")
    file = write(tmp_path)
    put(tmp_path / "departments/legal.toml", "version = 1\n")

    ended = main(["policy", "explain", "--department", "legal", "--config", str(file), "Hello"])

    assert 0 == ended, capsys.readouterr()
    assert 2 == main(["check", "--config", str(file)])

"""`hybridllm audit report` proves to a stranger what stayed inside."""

from __future__ import annotations

import json

import pytest

from hybridllm.cli import status

pytest.importorskip("cryptography")

LABEL = ("--label", "confidential")


@pytest.fixture
def statement(run, config, tmp_path):
    """The file of a statement about two requests, and the public key beside it."""
    assert 0 == run("ask", "Name three rivers, please.").status
    assert 0 == run("ask", "社外秘です").status
    ended = run("audit", "report", *LABEL, "--out", tmp_path / "s.json")
    assert 0 == ended.status, ended.out + ended.err
    key = run("audit", "public-key").out
    (tmp_path / "public.pem").write_text(key, encoding="ascii")
    return tmp_path / "s.json"


def test_people_read_what_is_proven(run, statement):
    """One sentence, the policy, and what was checked."""
    ended = run("audit", "report", *LABEL)

    assert 0 == ended.status
    assert "No request of confidential or above reached cloud\n" in ended.out
    assert "of this label or above: 1 to on_premises" in ended.out
    assert "policy " in ended.out
    assert "2 segments with 8 lines were checked" in ended.out
    assert "signed by " in ended.out


def test_a_stranger_verifies_it_with_one_command(run, statement, config):
    """No configuration, no log: the statement and a public key."""
    config.unlink()

    ended = run("audit", "verify-statement", statement, "--public-key", "public.pem")
    document = run("audit", "verify-statement", statement, "--public-key", "public.pem", "--json")

    assert 0 == ended.status, ended.out + ended.err
    assert "No request of confidential or above reached cloud" in ended.out
    assert {"signed": True, "proven": True, "missing_segments": []} == json.loads(document.out)


def test_a_forged_statement_is_refused(run, statement):
    """A changed word breaks the signature, and nothing of the forgery is shown."""
    text = statement.read_text(encoding="utf-8").replace("confidential", "public")
    statement.write_text(text, encoding="utf-8")

    ended = run("audit", "verify-statement", statement, "--public-key", "public.pem")

    assert status.REFUSED == ended.status
    assert "FAULT  the signature is not of this key" in ended.out
    assert "No request" not in ended.out


def test_a_log_that_lost_a_segment_since_is_found(run, statement, config):
    """An old statement bears witness to the log."""
    log = config.parent / ".hybridllm" / "audit"
    arguments = ("audit", "verify-statement", statement, "--public-key", "public.pem")
    before = run(*arguments, "--log", log)
    gone = min(log.glob("*.jsonl"))
    gone.unlink()
    after = run(*arguments, "--log", log)

    assert (0, 1) == (before.status, after.status)
    assert f"FAULT  {gone.name} is missing, cut or changed" in after.out


def test_what_did_reach_a_cloud_is_not_denied(run, statement):
    """The claim is refuted, with status 1; for machines the statement is the document."""
    ended = run("audit", "report", "--label", "internal", "--json")

    assert status.REFUSED == ended.status
    assert not json.loads(ended.out)["holds"]
    assert "1 attempts with requests of internal or above reached cloud" in ended.err


def test_the_future_is_not_proven(run, statement):
    """A time that has not passed may still bring a request."""
    ended = run("audit", "report", *LABEL, "--until", "2999-01-01")

    assert status.REFUSED == ended.status
    assert "GAP    the time has not passed yet" in ended.out


def test_a_gap_is_stated(run, statement, config):
    """A log that was changed proves nothing, and says why."""
    first = min((config.parent / ".hybridllm" / "audit").glob("*.jsonl"))
    first.write_bytes(first.read_bytes().replace(b'"cloud"', b'"local"'))

    ended = run("audit", "report", *LABEL)

    assert status.REFUSED == ended.status
    assert f"GAP    {first.name}: line 2 was changed" in ended.out


def test_a_statement_that_is_none_is_an_error(run, config, tmp_path):
    """A wrong file is told from a forged one."""
    (tmp_path / "s.json").write_text("{}", encoding="utf-8")
    run("ask", "Name three rivers, please.")
    (tmp_path / "k.pem").write_text(run("audit", "public-key").out, encoding="ascii")

    ended = run("audit", "verify-statement", "s.json", "--public-key", "k.pem")
    missing = run("audit", "verify-statement", "none.json", "--public-key", "k.pem")

    assert (status.CONFIGURATION, status.CONFIGURATION) == (ended.status, missing.status)
    assert "holds no statement" in ended.err


def test_a_report_goes_through_a_whole_log(run, statement, config):
    """A single file proves nothing about the others."""
    first = min((config.parent / ".hybridllm" / "audit").glob("*.jsonl"))

    ended = run("audit", "report", *LABEL, first)

    assert status.CONFIGURATION == ended.status
    assert "goes through one directory" in ended.err

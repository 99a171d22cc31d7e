"""`hybridllm doctor` says what is missing and what brings it."""

from __future__ import annotations

import json

import pytest

from hybridllm.cli import checkup, status
from hybridllm.cli.installed import extras
from tests.support.behaviours import Status


def rows(ended, area):
    found = json.loads(ended.out)["rows"]
    return {row["subject"]: row for row in found if row["area"] == area}


def test_without_connect_nothing_is_sent(run, config, cloud, on_premises):
    """Looking after one's machine tells nobody anything."""
    ended = run("doctor", "--json")

    assert 0 == ended.status, ended.out
    assert {"not asked"} == {row["state"] for row in rows(ended, "backend").values()}
    assert b"" == cloud.received + on_premises.received


def test_with_connect_each_backend_gets_one_request_without_content(
    run, config, cloud, on_premises
):
    """A GET that says nothing shows whether a backend answers."""
    ended = run("doctor", "--connect", "--json")

    assert 0 == ended.status, ended.out
    assert {"ok"} == {row["state"] for row in rows(ended, "backend").values()}
    for server in (cloud, on_premises):
        (request,) = server.requests
        assert ("GET", b"") == (request.method, request.body)


@pytest.mark.parametrize(
    ("code", "state", "words"),
    [(401, "fault", "refuses the key"), (503, "fault", "out of order"), (404, "ok", "404")],
)
@pytest.mark.usefixtures("config")
def test_what_a_backend_answers_is_judged(run, on_premises, code, state, words):
    """A refused key and a broken engine are told apart from a good answer."""
    on_premises.behave(Status(code))

    ended = run("doctor", "--connect", "--json")

    row = rows(ended, "backend")["local"]
    assert state == row["state"]
    assert words in row["detail"]
    assert (status.OK if state == "ok" else status.REFUSED) == ended.status


def test_an_engine_that_is_down_is_named_with_what_to_do(run, config, on_premises):
    """A missing engine ends with status 1 and a remedy."""
    on_premises.stop()

    ended = run("doctor", "--connect")

    assert status.REFUSED == ended.status
    assert "backend local: backend 'local' cannot be reached" in ended.out
    assert "-> start it, or correct base_url and networks" in ended.out


def test_a_missing_key_is_named_and_a_present_one_not_shown(run, config, monkeypatch):
    """Only whether a key is set is told."""
    there = run("doctor")
    monkeypatch.delenv("OPENAI_API_KEY")
    missing = run("doctor")

    assert "OPENAI_API_KEY is set" in there.out
    assert "no-real-key" not in there.out + there.err
    assert status.CONFIGURATION == missing.status
    assert "missing    key cloud: OPENAI_API_KEY is not set" in missing.out
    assert "OPENAI_API_KEY" in missing.out.partition("->")[2]


def test_every_missing_key_is_named_at_once(run, config, monkeypatch):
    """Nobody has to run the command once for each key."""
    local = 'provider = "vllm"\napi_key_env = "A_SECOND_KEY"'
    text = config.read_text("utf-8").replace('provider = "vllm"', local)
    config.write_text(text.replace("[state]", '[state]\nkey_env = "A_THIRD_KEY"'), "utf-8")
    monkeypatch.delenv("OPENAI_API_KEY")

    found = rows(run("doctor", "--json"), "key")

    assert {"cloud": "missing", "local": "missing", "installation": "missing"} == {
        subject: row["state"] for subject, row in found.items()
    }


def test_without_a_configuration_the_way_to_one_is_shown(run, tmp_path, monkeypatch):
    """The first command on a new machine leads to the second."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYBRIDLLM_CONFIG", raising=False)

    ended = run("doctor")

    assert status.CONFIGURATION == ended.status
    assert "-> hybridllm init" in ended.out
    assert [] == list(tmp_path.iterdir())


def test_a_broken_configuration_is_explained_and_the_rest_still_told(run, config):
    """A mistake in a file does not hide the other findings."""
    config.write_text("version = 1\n", encoding="utf-8")

    ended = run("doctor")

    assert status.CONFIGURATION == ended.status
    assert "hybridllm.toml: labels: is missing" in ended.out
    assert "version python" in ended.out


def test_a_directory_that_cannot_be_written_is_a_fault(run, config, monkeypatch):
    """Without an audit log nothing is sent, so the doctor looks before a request does."""

    def refuse(**kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(checkup.tempfile, "TemporaryFile", refuse)

    ended = run("doctor", "--json")

    assert status.REFUSED == ended.status
    assert {"fault"} == {row["state"] for row in rows(ended, "directory").values()}
    assert "cannot be written" in rows(ended, "directory")["audit log"]["detail"]


def test_a_missing_extra_comes_with_the_command_that_installs_it():
    """What an extra lacks is named, and one line brings it."""
    asked = [
        "pydantic>=2",
        'torch-that-does-not-exist>=2; extra == "local"',
        "pydantic>=2; extra == 'local'",
        'rich>=14; extra == "ja"',
    ]

    found = {extra.name: extra for extra in extras(asked)}

    assert ("torch-that-does-not-exist",) == found["local"].missing
    assert () == found["ja"].missing
    assert "pip install 'hybridllm[local]'" == found["local"].command


def test_an_in_process_backend_is_checked_for_its_model_and_its_extra(run, config, monkeypatch):
    """A model that is not on the disk is named, and so is what its engine lacks."""
    asked = ['torch-that-does-not-exist>=2; extra == "local"']
    monkeypatch.setattr(checkup, "requirements", lambda: asked)
    own = '[backends.own]\nplace = "in_process"\nmodel_path = "models/none"\n'
    text = config.read_text("utf-8").replace("[models.", f'{own}clearance = "public"\n[models.', 1)
    config.write_text(text, encoding="utf-8")

    ended = run("doctor")

    assert status.CONFIGURATION == ended.status
    assert "model own: models/none does not exist" in ended.out
    assert "-> pip install 'hybridllm[local]'" in ended.out

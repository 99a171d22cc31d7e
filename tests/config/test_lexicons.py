"""Lexicons of every kind take part as a configuration names them, and hashes need its key."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from hybridllm.cli import main
from hybridllm.config import open_config
from hybridllm.errors import ConfigurationError
from tests.config.writing import ENVIRONMENT, FILE, changed, write

CSV = "term,group\nProject Bluefinch,code_name\n青葉工業,customer\n"


@pytest.fixture
def file(tmp_path):
    made = write(tmp_path, changed(FILE, "timeout_s = 5.0", 'lexicons = ["terms.hlx"]'))
    (tmp_path / "terms.csv").write_text(CSV, encoding="utf-8")
    return made


def kinds_found(file, text):
    wiring = open_config(file, environment=ENVIRONMENT)
    classified = wiring.runtime.classifier.classify({"model": "assistant", "messages": [text]})
    wiring.close_stores()
    assert frozenset() == classified.doubts
    return {kind for kind, _ in classified.kinds}


def hashed(file, *options):
    source, target = (str(file.parent / name) for name in ("terms.csv", "terms.hlx"))
    return main(["lexicon", "hash", source, target, "--config", str(file), *options])


def test_a_list_is_hashed_and_found(file, capsys):
    """Two commands: hash the list, name the hashes; the list itself may leave the machine."""
    assert 0 == hashed(file)
    (file.parent / "terms.csv").unlink()

    assert {"lexicon.code_name"} == kinds_found(file, "on project-bluefinch")
    assert "2 terms" in capsys.readouterr().out


def test_the_command_tells_machines_what_it_did(file, capsys):
    """A script that hashes the list every night can read the result."""
    assert 0 == hashed(file, "--json")

    told = json.loads(capsys.readouterr().out)

    assert 2 == told["terms"]
    assert (file.parent / "terms.hlx").stat().st_size == told["bytes"]


def test_a_file_is_replaced_only_when_asked(file, capsys):
    """The list cannot be overwritten by its own hashes by mistake."""
    assert 0 == hashed(file)

    assert 2 == hashed(file)
    assert "--force" in capsys.readouterr().err
    assert 0 == hashed(file, "--force")


def test_a_hashed_list_of_another_installation_stops_the_start(file):
    """A list that was hashed with another key would find nothing."""
    hashed(file)
    (file.parent / ".state" / "key").unlink()
    open_config(write(file.parent / "other"), environment=ENVIRONMENT).close_stores()
    (file.parent / "other" / ".state" / "key").replace(file.parent / ".state" / "key")

    with pytest.raises(ConfigurationError, match="was hashed with another key"):
        open_config(file, environment=ENVIRONMENT)


def test_a_hashed_list_without_its_key_stops_the_start(file):
    """A key that was lost is not replaced by a new one that finds nothing."""
    hashed(file)
    (file.parent / ".state" / "key").unlink()

    with pytest.raises(ConfigurationError, match=r"state\.directory: holds no key file"):
        open_config(file, environment=ENVIRONMENT)
    assert not (file.parent / ".state" / "key").exists()


def test_a_hashed_list_is_no_csv_file_for_scan(file, capsys):
    """`scan` has no key, and says so instead of finding nothing."""
    hashed(file)

    assert 2 == main(["scan", str(file), "--lexicon", str(file.parent / "terms.hlx")])
    assert "hashed lexicon" in capsys.readouterr().err


def test_a_query_file_takes_part(tmp_path):
    """Names come out of the customer database when the client starts."""
    setting = 'lexicons = ["customers.toml"]'
    file = write(tmp_path, changed(FILE, "timeout_s = 5.0", setting))
    (tmp_path / "customers.toml").write_text(
        'driver = "sqlite"\ndatabase = "crm.db"\nquery = "SELECT term FROM customer"\n'
        'group = "customer"\n',
        encoding="utf-8",
    )
    with closing(sqlite3.connect(tmp_path / "crm.db")) as made:
        made.execute("CREATE TABLE customer AS SELECT '青葉工業' AS term")
        made.commit()

    assert {"lexicon.customer"} == kinds_found(file, "青葉工業の見積")

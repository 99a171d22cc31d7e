"""`hybridllm lexicon hash` writes a file that names nobody, and says so when it cannot."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from tests.support.search import contains

NAMES = {
    "Project Bluefinch": "code_name",
    "Nordvale Instruments Ltd": "customer",
    "株式会社ミホン商事": "customer",
    "森本花子": "employee",
}
PARTS = ("Bluefinch", "Nordvale", "Instruments", "ミホン商事", "みほんしょうじ", "Hanako Morimoto")


@pytest.fixture
def names(config):
    made = config.parent / "customers.csv"
    made.write_text(
        "term,group,reading\n"
        + "".join(f"{name},{group},\n" for name, group in NAMES.items())
        + "ミホン商事,customer,みほんしょうじ\n森本花子,employee,Hanako Morimoto\n",
        encoding="utf-8",
    )
    return made


def use(config, name):
    text = config.read_text(encoding="utf-8")
    assert '"lexicons/names.csv"' in text
    config.write_text(text.replace('"lexicons/names.csv"', f'"{name}"', 1), encoding="utf-8")


def kinds(ended):
    return {finding["kind"] for finding in json.loads(ended.out)["findings"]}


def test_the_file_holds_no_term_in_any_encoding(run, names):
    """Whoever finds the file on a backup reads no name, whole or in part, however encoded."""
    out = names.with_name("customers.hlx")

    ended = run("lexicon", "hash", names, out)

    assert 0 == ended.status, ended.err
    stored = out.read_bytes()
    for secret in (*NAMES, *PARTS):
        assert contains(names.read_bytes(), secret)
        assert [] == contains(stored, secret)


def test_the_command_shows_no_term(run, names):
    """What a nightly job writes into its log names nobody either."""
    ended = run("lexicon", "hash", names, names.with_name("customers.hlx"))

    for secret in (*NAMES, *PARTS):
        assert [] == contains((ended.out + ended.err).encode(), secret)


def test_hashed_names_are_found_without_their_list(run, config, names):
    """Once the hashes are named in the configuration, the list may leave the machine."""
    run("lexicon", "hash", names, names.with_name("customers.hlx"))
    names.unlink()
    use(config, "customers.hlx")

    ended = run("explain", "--json", "㈱ミホン商事と森本 花子さん、project-bluefinch")

    assert {"lexicon.customer", "lexicon.employee", "lexicon.code_name"} <= kinds(ended)


def test_names_out_of_a_database_can_be_hashed(run, config):
    """A nightly job takes the customers from their database and leaves hashes alone."""
    folder = config.parent
    with closing(sqlite3.connect(folder / "crm.sqlite")) as made:
        made.execute("CREATE TABLE names (name, kind)")
        made.executemany("INSERT INTO names VALUES (?, ?)", NAMES.items())
        made.commit()
    (folder / "customers.toml").write_text(
        'driver = "sqlite"\ndatabase = "crm.sqlite"\n'
        'query = "SELECT name AS term, kind AS \\"group\\" FROM names"\n',
        encoding="utf-8",
    )

    ended = run("lexicon", "hash", folder / "customers.toml", folder / "customers.hlx", "--json")

    assert len(NAMES) == json.loads(ended.out)["terms"]
    use(config, "customers.hlx")
    assert "lexicon.customer" in kinds(run("explain", "--json", "ミホン商事の見積"))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "cannot be read"),
        ("term\nNordvale\n", "line 1: has no column 'group'"),
        ("term,group\nNordvale,Big Customers\n", "line 2: group must be"),
    ],
)
def test_a_wrong_list_is_no_file(run, config, content, complaint):
    """A list that cannot be read leaves no half of a file behind, and no name in the error."""
    source, out = config.parent / "wrong.csv", config.parent / "out.hlx"
    if content is not None:
        source.write_text(content, encoding="utf-8")

    ended = run("lexicon", "hash", source, out)

    assert 2 == ended.status
    assert complaint in ended.err
    assert "Nordvale" not in ended.err
    assert not out.exists()


def test_a_folder_that_is_not_there_is_named(run, names):
    """A typing mistake in the target is an error in words."""
    out = names.parent / "nowhere" / "customers.hlx"

    ended = run("lexicon", "hash", names, out)

    assert 2 == ended.status
    assert "cannot be written" in ended.err

"""Lexicons out of databases: the query's rows are the terms, and every mistake stops the start."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from hybridllm.classify.lexicon import Term, load_lexicon
from hybridllm.errors import ConfigurationError
from tests.support.postgres import running_postgres, why_not

SQLITE = """
driver = "sqlite"
database = "crm.db"
query = "SELECT name AS term, kana AS reading FROM customer ORDER BY name"
group = "customer"
"""
POSTGRESQL = """
driver = "postgresql"
dsn_env = "CRM_DSN"
networks = ["127.0.0.0/8"]
query = "SELECT name AS term, kind AS \\"group\\" FROM customer ORDER BY name"
"""


@pytest.fixture
def folder(tmp_path):
    with closing(sqlite3.connect(tmp_path / "crm.db")) as made:
        made.execute("CREATE TABLE customer (name, kana)")
        made.executemany(
            "INSERT INTO customer VALUES (?, ?)",
            [("株式会社ミホン商事", "みほんしょうじ"), ("Nordvale Ltd", None)],
        )
        made.commit()
    return tmp_path


def loaded(folder, text, **settings):
    file = folder / "customers.toml"
    file.write_text(text, encoding="utf-8")
    return load_lexicon(file, **settings).terms


def test_the_rows_of_a_query_are_the_terms(folder):
    """Customers are read where they are kept, so that the list is never out of date."""
    expected = (
        Term("Nordvale Ltd", "customer"),
        Term("株式会社ミホン商事", "customer", ("みほんしょうじ",)),
    )

    assert expected == loaded(folder, SQLITE)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('driver = "sqlite"', 'driver = "sqllite"', r"driver: is 'sqllite'.*Did you mean 'sqlite'"),
        ('driver = "sqlite"', "", r"driver: is None; expected one of postgresql, sqlite"),
        ("group =", "gruop =", r"gruop: unknown key.*Did you mean 'group'"),
        ('group = "customer"', "", r"query: has no column 'group'"),
        ("name AS term", "name", r"query: column is 'name'; expected one of"),
        ("FROM customer", "FROM client", r"query: SQLite failed \(SQLITE_ERROR\)"),
        ('"crm.db"', '"none.db"', r"database: names a file that does not exist"),
        ('"crm.db"', "7", r"database: must be a text"),
        ('database = "crm.db"', "", r"database: is missing"),
        ('database = "crm.db"', 'database = "crm.db"\ndsn_env = "X"', r"dsn_env: contradicts"),
        ('"customer"\n', '"Big Customers"\n', r"row 1: group must be"),
        ("driver", "= driver", r"is no valid TOML"),
        ("SELECT name AS term, kana AS reading FROM customer ORDER BY name",
         "DELETE FROM customer RETURNING name AS term", r"query: SQLite failed \(SQLITE_READONLY"),
        ("SELECT name AS term, kana AS reading FROM customer ORDER BY name",
         "DROP TABLE customer", r"query: SQLite failed"),
    ],
)  # fmt: skip
def test_a_wrong_query_file_is_refused(folder, old, new, complaint):
    """The message says where to look, and nothing is ever written into the database."""
    with pytest.raises(ConfigurationError, match=complaint) as caught:
        loaded(folder, SQLITE.replace(old, new))

    assert "customers.toml" in str(caught.value)
    assert "Nordvale" not in str(caught.value)
    assert 2 == len(loaded(folder, SQLITE))


WHOLE_QUERY = "SELECT name AS term, kana AS reading FROM customer ORDER BY name"


@pytest.mark.parametrize("query", ["ATTACH 'file:{}?mode=rwc' AS x", "VACUUM INTO '{}'"])
def test_a_query_makes_no_other_file(folder, query):
    """A list of customers is copied nowhere by the query that reads it."""
    text = SQLITE.replace(WHOLE_QUERY, query.format((folder / "copy.db").as_posix()))

    with pytest.raises(ConfigurationError, match=r"query: SQLite failed \(SQLITE_AUTH\)"):
        loaded(folder, text)
    assert not (folder / "copy.db").exists()


def test_a_name_that_is_stored_as_bytes_stops_the_start(folder):
    """It would never be found, and nobody would notice."""
    query = "SELECT CAST(name AS BLOB) AS term FROM customer ORDER BY name"

    with pytest.raises(ConfigurationError, match=r"row 1: holds bytes") as caught:
        loaded(folder, SQLITE.replace(WHOLE_QUERY, query))

    assert "Nordvale" not in str(caught.value)


def test_two_columns_of_one_name_stop_the_start(folder):
    """Only one of them would be read."""
    query = "SELECT name AS term, kana AS TERM FROM customer"

    with pytest.raises(ConfigurationError, match=r"query: has two columns 'term'"):
        loaded(folder, SQLITE.replace(WHOLE_QUERY, query))


def test_a_query_that_never_ends_is_stopped(folder, monkeypatch):
    """A start that hangs is worse than one that says why it failed."""
    monkeypatch.setattr("hybridllm.classify.lexicon_query._TIMEOUT_S", 0.05)
    endless = "WITH RECURSIVE n(term) AS (SELECT 1 UNION ALL SELECT term FROM n) SELECT * FROM n"
    text = SQLITE.replace(
        "SELECT name AS term, kana AS reading FROM customer ORDER BY name",
        endless + " WHERE term = 2",
    )

    with pytest.raises(ConfigurationError, match="SQLITE_INTERRUPT"):
        loaded(folder, text)


def test_a_variable_that_is_not_set_stops_the_start(tmp_path):
    """Without the address of the database there is no list, and no start."""
    with pytest.raises(ConfigurationError, match="dsn_env: names an environment variable"):
        loaded(tmp_path, POSTGRESQL, environment={})


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("no url with pass word", "is no PostgreSQL URL"),
        ("postgresql://u@/database", "has no host"),
        ("postgresql://u@one,two/database", "names several hosts"),
        ("postgresql://u@127.0.0.1/database?service=x", "may not set 'service'"),
        ("postgresql://u@127.0.0.1/database?hostaddr=192.0.2.1", "may not set 'hostaddr'"),
        ("postgresql://u:pass-word@192.0.2.7/database", "outside its declared networks"),
    ],
)
def test_an_address_that_nobody_declared_is_never_dialled(tmp_path, url, complaint):
    """A database elsewhere is refused before a byte is sent, and no message holds a password."""
    pytest.importorskip("psycopg", reason="psycopg is not installed (extra 'postgres')")

    with pytest.raises(ConfigurationError, match=complaint) as caught:
        loaded(tmp_path, POSTGRESQL, environment={"CRM_DSN": url})

    assert "pass-word" not in str(caught.value)
    assert "pass word" not in str(caught.value)


@pytest.fixture(scope="module")
def server():
    if reason := why_not():
        pytest.skip(reason)
    import psycopg

    with running_postgres() as url:
        database = f"{url}/postgres"
        with psycopg.connect(database) as made:
            made.execute("CREATE TABLE customer (name text, kind text)")
            made.execute(
                "INSERT INTO customer VALUES ('青葉工業', 'customer'), ('ORION', 'code_name')"
            )
        yield database


def test_a_postgresql_database_is_asked(server, tmp_path):
    """The same file works with the database that the whole organisation uses."""
    expected = {Term("青葉工業", "customer"), Term("ORION", "code_name")}

    assert expected == set(loaded(tmp_path, POSTGRESQL, environment={"CRM_DSN": server}))


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("SELECT nothing FROM customer", r"PostgreSQL failed \(42703\)"),
        (
            "DELETE FROM customer RETURNING name AS term, kind AS group",
            r"PostgreSQL failed \(25006\)",
        ),
        ("DROP TABLE customer", r"PostgreSQL failed \(25006\)"),
        ("SELECT pg_sleep(60)", r"PostgreSQL failed \(57014\)"),
    ],
)
def test_a_query_can_only_read_and_not_for_ever(server, tmp_path, monkeypatch, query, complaint):
    """A lexicon never changes the database that it comes from."""
    monkeypatch.setattr("hybridllm.classify.lexicon_query._TIMEOUT_S", 0.3)
    text = (
        f'driver = "postgresql"\ndsn_env = "CRM_DSN"\nnetworks = ["127.0.0.1"]\nquery = "{query}"'
    )

    with pytest.raises(ConfigurationError, match=complaint):
        loaded(tmp_path, text, environment={"CRM_DSN": server})


def test_variables_of_libpq_lead_nowhere_else(server, tmp_path, monkeypatch):
    """A variable that was set for another program does not send us to another address."""
    monkeypatch.setenv("PGHOSTADDR", "192.0.2.1")
    monkeypatch.setenv("PGPORT", "9")

    assert 2 == len(loaded(tmp_path, POSTGRESQL, environment={"CRM_DSN": server}))

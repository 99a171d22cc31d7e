"""The tables of a document store in SQLite.

Answers: which tables are there, and how are settings and grants stored in them?
Not here: the file (`file`), what a grant means (`rag.grants`), what a run changes (`sync`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hybridllm.rag.sqlite.file import one

if TYPE_CHECKING:
    from apsw import Connection

    from hybridllm.rag.grants import GrantRow


APPLICATION_ID: Final = int.from_bytes(b"hrs1")

_TABLES: Final = """
CREATE TABLE setting (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE run (source TEXT PRIMARY KEY, token INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE access_grant (
    id INTEGER PRIMARY KEY, level TEXT NOT NULL, compartments TEXT NOT NULL,
    readers TEXT NOT NULL, departments TEXT NOT NULL,
    UNIQUE (level, compartments, readers, departments));
CREATE TABLE document (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, source TEXT NOT NULL,
    title TEXT NOT NULL, version TEXT NOT NULL, trust REAL NOT NULL,
    access_grant INTEGER NOT NULL, seal BLOB NOT NULL, passages INTEGER NOT NULL,
    is_live INTEGER NOT NULL, token INTEGER NOT NULL, UNIQUE (name, is_live));
CREATE INDEX document_source ON document (source, is_live);
CREATE TABLE kept (
    source TEXT, name TEXT, token INTEGER NOT NULL, title TEXT NOT NULL, trust REAL NOT NULL,
    access_grant INTEGER NOT NULL, seal BLOB NOT NULL, PRIMARY KEY (source, name)) WITHOUT ROWID;
CREATE TABLE search_data (
    document INTEGER PRIMARY KEY, vectors BLOB NOT NULL, terms BLOB NOT NULL);
CREATE TABLE passage (
    id INTEGER PRIMARY KEY AUTOINCREMENT, document INTEGER NOT NULL, position INTEGER NOT NULL,
    text TEXT NOT NULL, start INTEGER NOT NULL, stop INTEGER NOT NULL, page INTEGER NOT NULL,
    headings TEXT NOT NULL, UNIQUE (document, position))
"""

_GRANT_ID: Final = """
SELECT id FROM access_grant
WHERE level = ? AND compartments = ? AND readers = ? AND departments = ?"""


def prepare(connection: Connection, *, dimensions: int, embedder: str) -> None:
    """Make the tables of a new file."""
    for statement in _TABLES.split(";\n"):
        connection.execute(statement)
    settings = {"dimensions": dimensions, "embedder": embedder, "content": 0, "grants": 0}
    for item in {**settings, "token": 0}.items():
        connection.execute("INSERT INTO setting VALUES (?, ?)", item)


def setting(connection: Connection, *, name: str) -> Any:
    """Return a setting."""
    return one(connection, query="SELECT value FROM setting WHERE name = ?", values=(name,))[0]


def count_up(connection: Connection, *, name: str) -> int:
    """Add one to a counter and return it."""
    connection.execute("UPDATE setting SET value = value + 1 WHERE name = ?", (name,))
    return int(setting(connection, name=name))


def grant_id(connection: Connection, *, row: GrantRow) -> int:
    """Return the number of a grant, storing it if it is new."""
    connection.execute("INSERT OR IGNORE INTO access_grant VALUES (NULL, ?, ?, ?, ?)", row)
    return int(one(connection, query=_GRANT_ID, values=row)[0])

"""Opening a document store in PostgreSQL: its tables, its role and what it was made with.

Answers: may this role use this database, and does it hold the store that is wanted?
Not here: the tables themselves (`schema`).
"""

from __future__ import annotations

from typing import Any

from hybridllm.errors import ConfigurationError
from hybridllm.rag.postgres import schema


def opened(connection: Any, *, dimensions: int | None, embedder: str | None) -> int:
    """Make the tables if they are missing, and return the dimensions of the vectors.

    Args:
        connection: In a transaction that may write.
        dimensions: That are wanted; `None` takes those of the database, and 0 for a new one.
        embedder: That is wanted; `None` takes that of the database.

    Raises:
        ConfigurationError: The role is not bound by row-level security, pgvector is
            missing, or the store was made with another embedder or other dimensions.
    """
    _check_role(connection)
    _prepare(connection, dimensions=dimensions or 0, embedder=embedder or "")
    rows = connection.execute("SELECT name, value FROM rag_setting").fetchall()
    found: dict[str, str] = dict(rows)
    has, made_by = int(found["dimensions"]), found["embedder"]
    if found["version"] != schema.VERSION:
        raise ConfigurationError("the database holds a document store of another version")
    if dimensions not in {None, has}:
        raise ConfigurationError(
            f"the document store has vectors of {has} numbers, and {dimensions} are wanted;"
            " build it anew"
        )
    if embedder not in {None, made_by}:
        raise ConfigurationError(
            f"the document store was built with the embedder {made_by!r}, not {embedder!r};"
            " build it anew"
        )
    return has


def _check_role(connection: Any) -> None:
    free = connection.execute(
        "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    if free != (False,):
        raise ConfigurationError(
            "the database role is not bound by row-level security (it is a superuser or has"
            " BYPASSRLS); use another role"
        )


def _prepare(connection: Any, *, dimensions: int, embedder: str) -> None:
    # One process at a time makes the tables; the others find them there.
    connection.execute("SELECT pg_advisory_xact_lock(hashtext('hybridllm.rag'))")
    if connection.execute("SELECT to_regclass('rag_setting')").fetchone() != (None,):
        return
    has = "SELECT 1 FROM pg_extension WHERE extname = 'vector'"
    if dimensions and not connection.execute(has).fetchall():
        raise ConfigurationError(
            "the database has no pgvector; its administrator runs: CREATE EXTENSION vector"
        )
    embedding = f", embedding vector({dimensions:d}) NOT NULL" if dimensions else ""
    for statement in schema.TABLES.format(embedding=embedding).split(";\n"):
        connection.execute(statement)
    for statement in schema.policies():
        connection.execute(statement)
    settings = {"version": schema.VERSION, "dimensions": dimensions, "embedder": embedder}
    for name, value in {**settings, "token": 0}.items():
        connection.execute("INSERT INTO rag_setting VALUES (%s, %s)", (name, str(value)))

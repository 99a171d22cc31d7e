"""Terms out of a database: a TOML file says which query names them.

Answers: which terms does this query return now?
Not here: finding them (`lexicon`), connections (`postgres`).

    driver = "sqlite"                 # or "postgresql"
    database = "crm.sqlite"           # beside this file; for PostgreSQL: dsn_env, networks
    query = "SELECT name AS term, kana AS reading FROM customer"
    group = "customer"                # unless the query has a column `group`

The query runs once, when the client starts, in a transaction that can only read. Its
columns are those of a CSV file. Every error stops the start and names no term.
"""

from __future__ import annotations

import sqlite3
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hybridllm.addresses import DeclaredNetworks
from hybridllm.classify.fingerprint.store import error_code
from hybridllm.classify.postgres import PostgresServer
from hybridllm.errors import ConfigurationError, StoreError, expected_one_of

if TYPE_CHECKING:
    import psycopg

SUFFIX: Final = ".toml"
DRIVERS: Final = ("postgresql", "sqlite")

_TIMEOUT_S: Final = 60.0
"""Of a query. Own choice: a start may take a minute, and not hang."""

_MOST_ROWS: Final = 2_000_000
_CHECK_EVERY: Final = 10_000
"""Instructions of SQLite between two looks at the clock."""


@dataclass(frozen=True, slots=True)
class _Source:
    driver: str
    query: str
    group: str = ""
    database: str = ""
    dsn_env: str = ""
    networks: tuple[str, ...] = ()


def query_rows(
    path: Path, *, columns: Sequence[str], environment: Mapping[str, str] | None
) -> Iterator[dict[str, str]]:
    """Yield the rows of the query that a file describes, as a CSV file would hold them.

    Args:
        path: The file.
        columns: Columns that a query may have.
        environment: Where `dsn_env` is looked up; `None` where no variable may be read.

    Raises:
        ConfigurationError: The file is wrong, or the database says no.
    """
    name = str(path)
    source = _read(path, name)
    try:
        found = (
            _sqlite(source, path)
            if source.driver == "sqlite"
            else _postgresql(source, name, environment or {})
        )
        heading, rows = found
    except StoreError as error:
        raise ConfigurationError(str(error), file=name) from None
    header = [column.lower() for column in heading]
    _check_header(header, name, columns=columns, source=source)
    if len(rows) > _MOST_ROWS:
        raise ConfigurationError(f"returns more than {_MOST_ROWS:,} rows", file=name, key="query")
    for number, row in enumerate(rows, 1):
        if any(isinstance(cell, bytes) for cell in row):
            # Written out as Python writes bytes, it would be a term that stands in no text.
            raise ConfigurationError(
                "holds bytes where a text belongs; cast the column to a text",
                file=name,
                key=f"row {number}",
            )
        cells = dict(zip(header, ("" if cell is None else str(cell) for cell in row), strict=True))
        yield {"group": source.group, **cells}


def _check_header(
    header: Sequence[str], name: str, *, columns: Sequence[str], source: _Source
) -> None:
    for column in header:
        if column not in columns:
            raise ConfigurationError(
                f"column {expected_one_of(column, allowed=columns)}", file=name, key="query"
            )
        if header.count(column) > 1:
            raise ConfigurationError(f"has two columns '{column}'", file=name, key="query")
    for column in ("term", *(() if source.group else ("group",))):
        if column not in header:
            raise ConfigurationError(f"has no column '{column}'", file=name, key="query")


def _read(path: Path, name: str) -> _Source:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigurationError(f"cannot be read ({error.strerror})", file=name) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        raise ConfigurationError("is no valid TOML in UTF-8", file=name) from None
    known = [field.name for field in fields(_Source)]
    for key, value in table.items():
        if key not in known:
            raise ConfigurationError(
                f"unknown key; it {expected_one_of(key, allowed=known)}", file=name, key=key
            )
        is_right = (
            isinstance(value, list) and all(isinstance(item, str) for item in value)
            if key == "networks"
            else isinstance(value, str) and value != ""
        )
        if not is_right:
            wanted = "a list of networks" if key == "networks" else "a text"
            raise ConfigurationError(f"must be {wanted}", file=name, key=key)
    _check_keys(table, name)
    return _Source(**{**table, "networks": tuple(table.get("networks", ()))})


def _check_keys(table: Mapping[str, Any], name: str) -> None:
    driver = table.get("driver")
    if driver not in DRIVERS:
        raise ConfigurationError(expected_one_of(driver, allowed=DRIVERS), file=name, key="driver")
    own: tuple[str, ...] = ("database",)
    foreign: tuple[str, ...] = ("dsn_env", "networks")
    if driver == "postgresql":
        own, foreign = ("dsn_env",), ("database",)
    for key in ("query", *own):
        if key not in table:
            raise ConfigurationError("is missing", file=name, key=key)
    for key in foreign:
        if key in table:
            raise ConfigurationError(f"contradicts driver = {driver!r}", file=name, key=key)


_Found = tuple[list[str], list[tuple[Any, ...]]]


def _sqlite(source: _Source, path: Path) -> _Found:
    database = path.parent / source.database
    if not database.is_file():
        raise ConfigurationError("names a file that does not exist", file=str(path), key="database")
    deadline = time.monotonic() + _TIMEOUT_S
    try:
        with closing(
            sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, timeout=5.0)
        ) as connection:
            connection.execute("PRAGMA query_only = ON")
            connection.set_authorizer(_no_other_files)
            connection.set_progress_handler(lambda: time.monotonic() > deadline, _CHECK_EVERY)
            cursor = connection.execute(source.query)
            heading = [str(column[0]) for column in cursor.description or ()]
            return heading, cursor.fetchmany(_MOST_ROWS + 1)
    except (sqlite3.Error, sqlite3.Warning) as error:
        code = error_code(error) if isinstance(error, sqlite3.Error) else type(error).__name__
        raise ConfigurationError(f"SQLite failed ({code})", file=str(path), key="query") from None


def _no_other_files(action: int, *_: object) -> int:
    # ATTACH and VACUUM INTO make files even where nothing can be written into the database.
    return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_ATTACH else sqlite3.SQLITE_OK


def _postgresql(source: _Source, name: str, environment: Mapping[str, str]) -> _Found:
    url = environment.get(source.dsn_env)
    if not url:
        raise ConfigurationError(
            "names an environment variable that is not set", file=name, key="dsn_env"
        )
    try:
        networks = DeclaredNetworks.of(name, networks=source.networks, role="lexicon")
    except ValueError:
        raise ConfigurationError(
            "expected such as '10.20.0.0/16'", file=name, key="networks"
        ) from None
    server = PostgresServer(url, networks=networks, shown=name)
    connection: psycopg.Connection[Any] = server.connect(statement_timeout_s=_TIMEOUT_S)
    try:
        with closing(connection):
            connection.read_only = True
            with connection.transaction():
                cursor = connection.execute(source.query)
                heading = [str(column.name) for column in cursor.description or ()]
                return heading, cursor.fetchmany(_MOST_ROWS + 1) if heading else []
    except server.errors as error:
        raise server.failed(error) from None

"""Connections to PostgreSQL inside declared networks.

Answers: how is a database reached, without a setting from outside sending us elsewhere?
Not here: what is asked of it (`memory_postgres`, `lexicon_query`).

This module opens connections, so it stands among the exits of the import contract. The
host is resolved once, all its addresses are judged, and the judged one is dialled
(`hybridllm.addresses`); the name stays for the server's certificate. Socket files are
on this machine and need no judging. What libpq would take from variables and service
files is set here or refused.
Source: PostgreSQL 17, 32.1.2 (connection parameters) and 32.15 (environment variables).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

from hybridllm.addresses import resolve
from hybridllm.errors import AddressRefusedError, ConfigurationError, MissingExtraError, StoreError

if TYPE_CHECKING:
    from collections.abc import Generator

    import psycopg

    from hybridllm.addresses import DeclaredNetworks

_Value = TypeVar("_Value")

CONNECT_TIMEOUT_S: Final = 5
_REFUSED: Final = ("service", "hostaddr", "servicefile", "load_balance_hosts")


class PostgresServer:
    """One database, and how to reach it. Its `repr` holds no password.

    Args:
        url: Such as `postgresql://user:password@host/database`.
        networks: Where it may be.
        shown: The setting that named it, for errors.

    Raises:
        MissingExtraError: The extra `postgres` is not installed.
        ConfigurationError: The URL is wrong.
    """

    def __init__(self, url: str, *, networks: DeclaredNetworks, shown: str) -> None:
        try:
            import psycopg
            from psycopg.conninfo import conninfo_to_dict
        except ImportError:
            raise MissingExtraError(feature="PostgreSQL", extra="postgres") from None
        self._driver, self._networks, self.shown = psycopg, networks, shown
        try:
            self._settings: dict[str, Any] = conninfo_to_dict(url)
        except psycopg.Error:
            # What libpq says of a wrong URL may quote the password.
            raise ConfigurationError("is no PostgreSQL URL", key=shown) from None
        for name in ("host", "dbname", "user"):
            if not self._settings.get(name):
                raise ConfigurationError(
                    f"has no {name}; expected such as postgresql://user:password@host/database",
                    key=shown,
                )
        for name in _REFUSED:
            if name in self._settings:
                raise ConfigurationError(f"may not set {name!r}", key=shown)
        if "," in str(self._settings["host"]):
            raise ConfigurationError("names several hosts; name one", key=shown)

    def __repr__(self) -> str:
        return f"PostgresServer({self.shown!r})"

    @property
    def errors(self) -> type[Exception]:
        """The class of all errors of the driver."""
        errors: type[Exception] = self._driver.Error
        return errors

    def connect(
        self,
        *,
        statement_timeout_s: float,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        reply_timeout_s: float | None = None,
    ) -> psycopg.Connection[Any]:
        """Open a connection.

        Args:
            statement_timeout_s: After which the server gives up a statement.
            connect_timeout_s: After which we give up dialling; libpq waits two seconds at least.
            reply_timeout_s: After which we give up a server that says nothing, not even that.

        Raises:
            StoreError: The server cannot be reached, or is outside its networks.
        """
        host, port = str(self._settings["host"]), int(self._settings.get("port") or 5432)
        # Empty, and not absent: a variable would fill in an address that nobody judged.
        address = "" if _is_socket_file(host) else self._judged(host, port=port)
        milliseconds = int(statement_timeout_s * 1000)
        options = (
            f"{self._settings.get('options') or ''} -c statement_timeout={milliseconds}"
            f" -c lock_timeout={milliseconds} -c client_encoding=UTF8"
        )
        try:
            return _connection_class(reply_timeout_s).connect(
                **{
                    **self._settings,
                    "port": port,
                    "hostaddr": address,
                    "connect_timeout": max(1, round(connect_timeout_s)),
                    "application_name": "hybridllm",
                    "options": options,
                },
                autocommit=True,
                # Named statements get lost behind a pooler.
                prepare_threshold=None,
            )
        except self._driver.Error as error:
            raise self.failed(error) from None

    def failed(self, error: Exception) -> StoreError:
        """Return an error that holds the code of another, and nothing of its text."""
        code = getattr(error, "sqlstate", None) or type(error).__name__
        return StoreError(f"{self.shown}: PostgreSQL failed ({code})")

    def _judged(self, host: str, *, port: int) -> str:
        try:
            return self._networks.judge(host, answers=resolve(host, port=port))
        except AddressRefusedError as error:
            raise StoreError(str(error)) from None
        except OSError:
            raise StoreError(f"{self.shown}: the host cannot be resolved") from None


def _is_socket_file(host: str) -> bool:
    return host.startswith(("/", "@"))


def _connection_class(reply_timeout_s: float | None) -> type[psycopg.Connection[Any]]:
    import psycopg

    plain: type[psycopg.Connection[Any]] = psycopg.Connection
    if reply_timeout_s is None:
        return plain
    limit_s: float = reply_timeout_s

    class Bounded(psycopg.Connection[Any]):
        """Gives up, and closes, when the server leaves it waiting."""

        def wait(self, gen: Any, *args: Any, **more: Any) -> Any:
            return super().wait(self._until(gen, time.monotonic() + limit_s), *args, **more)

        def _until(
            self, gen: Generator[Any, Any, _Value], deadline: float
        ) -> Generator[Any, Any, _Value]:
            try:
                wanted = next(gen)
                while True:
                    ready = yield wanted
                    if not ready and time.monotonic() > deadline:
                        # Closed by us, and so not "broken": nobody should wait a second time.
                        self.close()
                        raise psycopg.OperationalError
                    wanted = gen.send(ready)
            except StopIteration as end:
                value: _Value = end.value
                return value

    return Bounded

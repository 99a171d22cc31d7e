"""Questions to an engine that hold no content: is it well, does it want its key, how busy is it?

Answers: what does an engine's address answer to a GET?
Not here: what that means (`managed.supervisor`, `managed.metrics`).

No proxy, no redirect, nothing of the environment: the standard library's plain connection.
Units: seconds, bytes.
"""

from __future__ import annotations

import http.client
import socket
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import urlsplit

from hybridllm.errors import ConfigurationError
from hybridllm.managed.metrics import EngineMetrics, read_metrics
from hybridllm.managed.servers import Server

_MOST_BYTES = 4_000_000
_UNAUTHORISED = frozenset({401, 403})
_PROBLEMS = (OSError, http.client.HTTPException, ValueError)


@dataclass(frozen=True, slots=True)
class Prober:
    """Asks one engine.

    Attributes:
        base_url: For clients, such as `http://127.0.0.1:8000/v1`.
        key: Its key; empty for none.
        server: What it is.
        timeout_s: For one question.
    """

    base_url: str
    key: str
    server: Server
    timeout_s: float = 5.0

    def is_healthy(self) -> bool:
        """Say whether it answers that it is well."""
        return self._status("/health") == http.client.OK

    def wants_key(self) -> bool:
        """Say whether it refuses who has no key, and serves who has it."""
        path = f"{urlsplit(self.base_url).path}/models"
        refuses = self._status(path, with_key=False) in _UNAUTHORISED
        return refuses and self._status(path) == http.client.OK

    def metrics(self) -> EngineMetrics | None:
        """Return how busy it is; `None` when it does not say."""
        try:
            status, text = self._get("/metrics", with_key=True)
        except _PROBLEMS:
            return None
        return read_metrics(text, names=self.server.names) if status == http.client.OK else None

    def _status(self, path: str, *, with_key: bool = True) -> int:
        try:
            return self._get(path, with_key=with_key)[0]
        except _PROBLEMS:
            return 0

    def _get(self, path: str, *, with_key: bool) -> tuple[int, str]:
        url = urlsplit(self.base_url)
        kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        headers = {"Authorization": f"Bearer {self.key}"} if with_key and self.key else {}
        connection = kind(url.hostname or "", url.port, timeout=self.timeout_s)
        with closing(connection):
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            return response.status, response.read(_MOST_BYTES).decode("utf-8", "replace")

    def __repr__(self) -> str:
        return f"Prober({self.base_url!r}, key={'set' if self.key else 'none'})"


def check_url(text: str) -> str:
    """Return a base URL without the slash at its end.

    Raises:
        ConfigurationError: It is no plain http(s) URL.
    """
    url = urlsplit(text.rstrip("/"))
    if url.scheme not in {"http", "https"} or not url.hostname or url.query or url.username:
        raise ConfigurationError("expected a URL such as http://127.0.0.1:8000/v1")
    return url.geturl()


def free_port(host: str) -> int:
    """Return a port that is free now."""
    with closing(_bound(host, port=0)) as found:
        port: int = found.getsockname()[1]
    return port


def check_port(host: str, *, port: int) -> None:
    """Make sure that nobody listens on a port.

    Raises:
        ConfigurationError: Somebody does, or the address is not of this machine.
    """
    try:
        _bound(host, port=port).close()
    except OSError:
        raise ConfigurationError(
            f"port {port} of {host} is in use, or not an address of this machine; leave --port "
            "out to have a free one chosen"
        ) from None


def _bound(host: str, *, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family)
    try:
        if socket.has_ipv6 or family == socket.AF_INET:
            found.bind((host, port))
    except BaseException:
        found.close()
        raise
    return found

"""How one backend is reached.

Answers: where is it, where may it be, and with which key?
Not here: reaching it (`backends.pools`), reading the settings from files (`config`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpcore2

if TYPE_CHECKING:
    from hybridllm.addresses import DeclaredNetworks

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.\-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<path>(?:/[A-Za-z0-9._~\-]{1,128}){0,8})/?"
)


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """Where a backend is: scheme, host, port and path, and nothing else.

    The pattern admits no user, query, fragment, backslash or percent sign, so there
    is only one way to read it: the host that is judged is the host that is dialled.
    """

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, text: str) -> BaseUrl:
        """Read a base URL such as `https://api.openai.com/v1`.

        Raises:
            ValueError: It has any other form.
        """
        match = _URL.fullmatch(text)
        if match is None:
            raise ValueError("expected http(s)://host[:port][/path], and nothing else")
        scheme = match["scheme"]
        port = int(match["port"] or (443 if scheme == "https" else 80))
        if not 0 < port < 65536:
            raise ValueError("the port must be between 1 and 65535")
        return cls(scheme, match["host"].strip("[]"), port, match["path"])

    @property
    def authority(self) -> bytes:
        """The value of the `Host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = 443 if self.scheme == "https" else 80
        return (host if self.port == default else f"{host}:{self.port}").encode()

    def join(self, path: str) -> httpcore2.URL:
        """Return the URL of an operation."""
        return httpcore2.URL(
            scheme=self.scheme.encode(),
            host=self.host.encode(),
            port=self.port,
            target=f"{self.path}/{path}".encode(),
        )


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """How to reach one backend.

    Attributes:
        base_url: Where it is.
        declared: Where it may be.
        api_key: Its key, if it needs one. Never shown.
        ca_file: Certificate authorities to trust; `None` for the public ones.
        proxy: Explicit HTTP proxy, for cloud backends alone.
        max_connections: Connections at once.
        connect_timeout_s: Longest time for a connection.
    """

    base_url: BaseUrl
    declared: DeclaredNetworks
    api_key: str | None = None
    ca_file: str | None = None
    proxy: BaseUrl | None = None
    max_connections: int = 100
    connect_timeout_s: float = 5.0

    def __repr__(self) -> str:
        return f"HttpSettings({self.base_url.host}:{self.base_url.port})"

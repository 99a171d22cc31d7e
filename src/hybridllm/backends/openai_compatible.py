"""Backends that speak the OpenAI API over HTTP: cloud APIs and engines on the premises.

Answers: how does one permitted attempt go over the wire, and what comes back?
Not here: which vendor differs how (`backends.providers`), retries (`flow`).

Built on the connection pool of `httpcore2`, not on an HTTP client: a pool knows no
redirects, cookies, proxies or base URLs from the environment, so none of them can
carry a prompt elsewhere. Names are resolved once and judged (`backends.network`).
"""

from __future__ import annotations

import os
import re
import threading
import time
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpcore2
from anyio.lowlevel import current_token

from hybridllm.backends.exchange import (
    MAX_ERROR_BYTES,
    MAX_REPLY_BYTES,
    Headers,
    probe_headers,
    raise_as_backend_error,
    reply_error,
    request_headers,
    request_id,
    status_error,
)
from hybridllm.backends.leftovers import aclose_if_more_follows, close_if_more_follows
from hybridllm.backends.logs import quieten
from hybridllm.backends.network import AsyncJudgedNetwork, JudgedNetwork, call_deadline
from hybridllm.backends.streams import HttpEventStream
from hybridllm.backends.tls import no_tls, tls_context
from hybridllm.wire import WireReply, WireRequest

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from hybridllm.backends.addresses import DeclaredNetworks
    from hybridllm.backends.providers import Provider
    from hybridllm.permit import Permit
    from hybridllm.types import Place

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.\-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<path>(?:/[A-Za-z0-9._~\-]{1,128}){0,8})/?"
)
_TRANSPORT_ERRORS = (
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.ProxyError,
    httpcore2.TimeoutException,
    OSError,
)
_KEEPALIVE_S = 30.0


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


class OpenAICompatibleBackend:
    """A backend that speaks the OpenAI API over HTTP.

    Args:
        name: Key of the backend in the configuration.
        place: Where it runs.
        provider: What is particular about it.
        settings: How to reach it.
        now: Wall clock, for `Retry-After` dates.
    """

    def __init__(
        self,
        name: str,
        *,
        place: Place,
        provider: Provider,
        settings: HttpSettings,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        quieten()
        self.name = name
        self.place = place
        self._provider = provider
        self._settings = settings
        self._now = now or (lambda: datetime.now(UTC))
        self._sync_pool: httpcore2.ConnectionPool | None = None
        self._process = os.getpid()
        self._loop: object = None
        self._opening = threading.Lock()
        self._async_pool: httpcore2.AsyncConnectionPool | None = None

    def send(self, request: WireRequest, *, permit: Permit) -> WireReply:
        """Make one attempt."""
        token = call_deadline.set(request.deadline)
        try:
            outgoing = self._outgoing(request)
            permit.redeem(backend=self.name, body=request.body, now=time.monotonic())
            response = self._pool().handle_request(outgoing)
            try:
                if response.status == 200 and request.stream:
                    return self._streamed(response, request)
                body = self._read(response)
                close_if_more_follows(response)
            except BaseException:
                response.close()
                raise
            response.close()
        except _TRANSPORT_ERRORS as error:
            raise_as_backend_error(self.name, error)
        finally:
            call_deadline.reset(token)
        return self._answer(response, body)

    async def asend(self, request: WireRequest, *, permit: Permit) -> WireReply:
        """Make one attempt without blocking the event loop."""
        token = call_deadline.set(request.deadline)
        try:
            outgoing = self._outgoing(request)
            permit.redeem(backend=self.name, body=request.body, now=time.monotonic())
            response = await self._apool().handle_async_request(outgoing)
            try:
                if response.status == 200 and request.stream:
                    return self._streamed(response, request)
                body = await self._aread(response)
                await aclose_if_more_follows(response)
            except BaseException:
                await response.aclose()
                raise
            await response.aclose()
        except _TRANSPORT_ERRORS as error:
            raise_as_backend_error(self.name, error)
        finally:
            call_deadline.reset(token)
        return self._answer(response, body)

    def probe(self, *, timeout_s: float) -> int:
        """Ask whether the backend is there, without any content. Return the HTTP status.

        Raises:
            BackendError: It cannot be reached.
            AddressRefusedError: It is outside its declared networks.
        """
        settings = self._settings
        token = call_deadline.set(time.monotonic() + timeout_s)
        headers = probe_headers(
            provider=self._provider, api_key=settings.api_key, host=settings.base_url.authority
        )
        try:
            with self._pool().stream(
                b"GET", settings.base_url.join(self._provider.health_path), headers=headers
            ) as response:
                return response.status
        except _TRANSPORT_ERRORS as error:
            raise_as_backend_error(self.name, error)
        finally:
            call_deadline.reset(token)

    def close(self) -> None:
        """Close all connections of this backend's threads."""
        pool, self._sync_pool = self._sync_pool, None
        if pool is not None:
            pool.close()

    async def aclose(self) -> None:
        """Close all connections of this backend's event loop."""
        pool, self._async_pool = self._async_pool, None
        if pool is not None:
            await pool.aclose()

    def _outgoing(self, request: WireRequest) -> httpcore2.Request:
        settings = self._settings
        headers: Headers = request_headers(
            request,
            provider=self._provider,
            api_key=settings.api_key,
            host=settings.base_url.authority,
        )
        left = max(request.deadline - time.monotonic(), 0.001)
        timeouts = {"connect": left, "read": left, "write": left, "pool": left}
        return httpcore2.Request(
            b"POST",
            settings.base_url.join(request.path),
            headers=headers,
            content=request.body,
            extensions={"timeout": timeouts},
        )

    def _streamed(self, response: httpcore2.Response, request: WireRequest) -> WireReply:
        events = HttpEventStream(
            self.name,
            response=response,
            deadline=request.deadline,
            ends_with_done=request.path != "responses",
        )
        return WireReply(events=events, request_id=request_id(response.headers))

    def _answer(self, response: httpcore2.Response, body: bytes) -> WireReply:
        if response.status != 200:
            raise status_error(
                self.name,
                status=response.status,
                headers=response.headers,
                body=body,
                now=self._now,
            )
        return WireReply(body=body, request_id=request_id(response.headers))

    def _read(self, response: httpcore2.Response) -> bytes:
        pieces = _Body(self.name, ok=response.status == 200)
        for piece in response.iter_stream():
            if pieces.add(piece):
                break
        return pieces.joined

    async def _aread(self, response: httpcore2.Response) -> bytes:
        pieces = _Body(self.name, ok=response.status == 200)
        async with aclosing(response.aiter_stream()) as stream:
            async for piece in stream:
                if pieces.add(piece):
                    break
        return pieces.joined

    def _pool(self) -> httpcore2.ConnectionPool:
        with self._opening:
            self._forget_inherited()
            return self._sync_pool or self._open_pool()

    def _forget_inherited(self) -> None:
        """After a fork: leave the parent's connections alone, and open own ones."""
        if self._process != os.getpid():
            self._process = os.getpid()
            self._sync_pool = self._async_pool = None

    def _open_pool(self) -> httpcore2.ConnectionPool:
        settings = self._settings
        self._sync_pool = httpcore2.ConnectionPool(
            ssl_context=_tls(settings),
            proxy=_proxy(settings),
            max_connections=settings.max_connections,
            keepalive_expiry=_KEEPALIVE_S,
            network_backend=JudgedNetwork(
                settings.declared, connect_timeout_s=settings.connect_timeout_s
            ),
        )
        return self._sync_pool

    def _apool(self) -> httpcore2.AsyncConnectionPool:
        self._forget_inherited()
        loop = current_token()
        if self._async_pool is None or self._loop != loop:
            # Connections belong to the loop that opened them; another loop starts afresh.
            self._loop = loop
            settings = self._settings
            self._async_pool = httpcore2.AsyncConnectionPool(
                ssl_context=_tls(settings),
                proxy=_proxy(settings),
                max_connections=settings.max_connections,
                keepalive_expiry=_KEEPALIVE_S,
                network_backend=AsyncJudgedNetwork(
                    settings.declared, connect_timeout_s=settings.connect_timeout_s
                ),
            )
        return self._async_pool

    def __repr__(self) -> str:
        return f"OpenAICompatibleBackend({self.name!r}, place={self.place.value!r})"


class _Body:
    """The pieces of a body, up to its limit."""

    def __init__(self, backend: str, *, ok: bool) -> None:
        self._backend = backend
        self._ok = ok
        self._pieces: list[bytes] = []
        self._size = 0

    def add(self, piece: bytes) -> bool:
        """Keep a piece. Return whether enough has been read."""
        self._pieces.append(piece)
        self._size += len(piece)
        if self._ok and self._size > MAX_REPLY_BYTES:
            raise reply_error(self._backend, code="reply_too_large")
        return not self._ok and self._size > MAX_ERROR_BYTES

    @property
    def joined(self) -> bytes:
        return b"".join(self._pieces)


def _tls(settings: HttpSettings) -> ssl.SSLContext:
    return tls_context(settings.ca_file) if settings.base_url.scheme == "https" else no_tls()


def _proxy(settings: HttpSettings) -> httpcore2.Proxy | None:
    if settings.proxy is None:
        return None
    return httpcore2.Proxy(settings.proxy.join(""))

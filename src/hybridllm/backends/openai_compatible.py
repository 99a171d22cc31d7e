"""Backends that speak the OpenAI API over HTTP: cloud APIs and engines on the premises.

Answers: how does one permitted attempt go over the wire, and what comes back?
Not here: which vendor differs how (`backends.providers`), retries (`flow`).

Built on the connection pool of `httpcore2`, not on an HTTP client: a pool knows no
redirects, cookies, proxies or base URLs from the environment, so none of them can
carry a prompt elsewhere. Names are resolved once and judged (`backends.network`).
"""

from __future__ import annotations

import time
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpcore2

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
from hybridllm.backends.network import call_deadline
from hybridllm.backends.pools import Pools
from hybridllm.backends.streams import HttpEventStream
from hybridllm.wire import WireReply, WireRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from hybridllm.backends.providers import Provider
    from hybridllm.backends.settings import HttpSettings
    from hybridllm.permit import Permit
    from hybridllm.types import Place

_TRANSPORT_ERRORS = (
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.ProxyError,
    httpcore2.TimeoutException,
    OSError,
)
_KEEPALIVE_S = 30.0


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
        self._pools = Pools(settings)

    def send(self, request: WireRequest, *, permit: Permit) -> WireReply:
        """Make one attempt."""
        token = call_deadline.set(request.deadline)
        try:
            outgoing = self._outgoing(request)
            permit.redeem(backend=self.name, body=request.body, now=time.monotonic())
            response = self._pools.of_threads().handle_request(outgoing)
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
            response = await self._pools.of_loop().handle_async_request(outgoing)
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
            with self._pools.of_threads().stream(
                b"GET", settings.base_url.join(self._provider.health_path), headers=headers
            ) as response:
                return response.status
        except _TRANSPORT_ERRORS as error:
            raise_as_backend_error(self.name, error)
        finally:
            call_deadline.reset(token)

    async def aprobe(self, *, timeout_s: float) -> int:
        """Ask the same without blocking the event loop."""
        settings = self._settings
        token = call_deadline.set(time.monotonic() + timeout_s)
        headers = probe_headers(
            provider=self._provider, api_key=settings.api_key, host=settings.base_url.authority
        )
        try:
            async with self._pools.of_loop().stream(
                b"GET", settings.base_url.join(self._provider.health_path), headers=headers
            ) as response:
                return response.status
        except _TRANSPORT_ERRORS as error:
            raise_as_backend_error(self.name, error)
        finally:
            call_deadline.reset(token)

    def close(self) -> None:
        """Close all connections of this backend's threads."""
        self._pools.close()

    async def aclose(self) -> None:
        """Close all connections of this backend's event loop."""
        await self._pools.aclose()

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

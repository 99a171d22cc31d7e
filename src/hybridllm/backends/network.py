"""Dialling: connections only to judged addresses, and never past the deadline.

Answers: how does a backend's HTTP client reach its peer?
Not here: judging addresses (`hybridllm.addresses`), HTTP itself (`httpx2`).

`httpx2` gives the number of seconds per read; a peer that sends one byte a second
would hold a call for ever. The deadline of the call therefore travels in a context
variable and bounds every read and write of the streams below.
"""

from __future__ import annotations

import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import anyio.to_thread
import httpcore2
from httpcore2 import AsyncNetworkBackend, AsyncNetworkStream, NetworkBackend, NetworkStream

from hybridllm.addresses import resolve

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

    from hybridllm.addresses import DeclaredNetworks

call_deadline: ContextVar[float] = ContextVar("hybridllm_call_deadline")
"""When the running call must be over, in seconds of `time.monotonic`."""


class JudgedNetwork(NetworkBackend):
    """Dials only what the declared networks allow.

    Args:
        declared: Where the backend may be.
        connect_timeout_s: Longest time for one connection.
    """

    def __init__(self, declared: DeclaredNetworks, *, connect_timeout_s: float) -> None:
        self._declared = declared
        self._connect_timeout_s = connect_timeout_s
        self._inner: NetworkBackend = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the signature is httpcore2's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> NetworkStream:
        """Resolve once, judge, and dial the address that was judged."""
        address = self._declared.judge(host, answers=_resolved(host, port))
        stream = self._inner.connect_tcp(
            address, port, _bounded(self._connect_timeout_s), local_address, socket_options
        )
        return _Stream(stream)

    def connect_unix_socket(self, *_: Any, **__: Any) -> NetworkStream:
        """Refuse: no backend declares a socket file."""
        raise httpcore2.ConnectError("socket files are not supported")

    def sleep(self, seconds: float) -> None:
        """Wait, for the pool."""
        self._inner.sleep(seconds)


class AsyncJudgedNetwork(AsyncNetworkBackend):
    """The same for event loops."""

    def __init__(self, declared: DeclaredNetworks, *, connect_timeout_s: float) -> None:
        self._declared = declared
        self._connect_timeout_s = connect_timeout_s
        self._inner: AsyncNetworkBackend = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - the signature is httpcore2's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> AsyncNetworkStream:
        """Resolve once, judge, and dial the address that was judged."""
        answers = await anyio.to_thread.run_sync(_resolved, host, port, abandon_on_cancel=True)
        address = self._declared.judge(host, answers=answers)
        stream = await self._inner.connect_tcp(
            address, port, _bounded(self._connect_timeout_s), local_address, socket_options
        )
        return _AsyncStream(stream)

    async def connect_unix_socket(self, *_: Any, **__: Any) -> AsyncNetworkStream:
        """Refuse: no backend declares a socket file."""
        raise httpcore2.ConnectError("socket files are not supported")

    async def sleep(self, seconds: float) -> None:
        """Wait, for the pool."""
        await self._inner.sleep(seconds)


class _Stream(NetworkStream):
    def __init__(self, inner: NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _bounded(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _bounded(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, _bounded(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _AsyncStream(AsyncNetworkStream):
    def __init__(self, inner: AsyncNetworkStream) -> None:
        self._inner = inner

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        return await self._inner.read(max_bytes, _bounded(timeout))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        await self._inner.write(buffer, _bounded(timeout))

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> AsyncNetworkStream:
        inner = await self._inner.start_tls(ssl_context, server_hostname, _bounded(timeout))
        return _AsyncStream(inner)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _resolved(host: str, port: int) -> list[str]:
    try:
        return resolve(host, port=port)
    except OSError:
        raise httpcore2.ConnectError("the host name cannot be resolved") from None


def _bounded(timeout: float | None) -> float | None:
    """Return the shorter of a timeout and the time that the call has left."""
    deadline = call_deadline.get(None)
    if deadline is None:
        return timeout
    left = max(deadline - time.monotonic(), 0.001)
    return left if timeout is None else min(timeout, left)

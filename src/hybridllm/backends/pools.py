"""The connection pools of one backend: one for threads, one for each event loop.

Answers: over which connections does a call go?
Not here: the call (`backends.openai_compatible`), dialling (`backends.network`).

A connection belongs to the process and the event loop that opened it. After a fork
the parent's connections are left alone; a loop that has ended takes its own with it.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import httpcore2
from anyio.lowlevel import EventLoopToken, current_token

from hybridllm.backends.network import AsyncJudgedNetwork, JudgedNetwork
from hybridllm.backends.tls import no_tls, tls_context

if TYPE_CHECKING:
    from hybridllm.backends.settings import HttpSettings

_KEEPALIVE_S = 30.0


class Pools:
    """Opens pools when they are needed first.

    Args:
        settings: How the backend is reached.
    """

    def __init__(self, settings: HttpSettings) -> None:
        self._settings = settings
        self._opening = threading.Lock()
        self._process = os.getpid()
        self._of_threads: httpcore2.ConnectionPool | None = None
        self._of_loops: dict[EventLoopToken, httpcore2.AsyncConnectionPool] = {}

    def of_threads(self) -> httpcore2.ConnectionPool:
        """Return the pool that all threads share."""
        with self._opening:
            self._forget_inherited()
            if self._of_threads is None:
                network = JudgedNetwork(
                    self._settings.declared, connect_timeout_s=self._settings.connect_timeout_s
                )
                self._of_threads = httpcore2.ConnectionPool(
                    network_backend=network, **self._arguments()
                )
            return self._of_threads

    def of_loop(self) -> httpcore2.AsyncConnectionPool:
        """Return the pool of the running event loop."""
        token = current_token()
        with self._opening:
            self._forget_inherited()
            if token not in self._of_loops:
                self._forget_ended()
                network = AsyncJudgedNetwork(
                    self._settings.declared, connect_timeout_s=self._settings.connect_timeout_s
                )
                self._of_loops[token] = httpcore2.AsyncConnectionPool(
                    network_backend=network, **self._arguments()
                )
            return self._of_loops[token]

    def close(self) -> None:
        """Close the pool of threads."""
        with self._opening:
            pool, self._of_threads = self._of_threads, None
        if pool is not None:
            pool.close()

    async def aclose(self) -> None:
        """Close the pool of the running loop, and forget those of loops that have ended."""
        with self._opening:
            pool = self._of_loops.pop(current_token(), None)
            self._forget_ended()
        if pool is not None:
            await pool.aclose()

    def _arguments(self) -> dict[str, Any]:
        settings = self._settings
        is_encrypted = settings.base_url.scheme == "https"
        proxy = settings.proxy
        return {
            "ssl_context": tls_context(settings.ca_file) if is_encrypted else no_tls(),
            "proxy": None if proxy is None else httpcore2.Proxy(proxy.join("")),
            "max_connections": settings.max_connections,
            "keepalive_expiry": _KEEPALIVE_S,
        }

    def _forget_inherited(self) -> None:
        if self._process != os.getpid():
            self._process = os.getpid()
            self._of_threads = None
            self._of_loops = {}

    def _forget_ended(self) -> None:
        self._of_loops = {
            token: pool for token, pool in self._of_loops.items() if not _has_ended(token)
        }


def _has_ended(token: EventLoopToken) -> bool:
    """Return whether this loop can run nothing any more; only asyncio's loops can tell."""
    is_closed = getattr(token.native_token, "is_closed", None)
    return bool(is_closed()) if callable(is_closed) else False

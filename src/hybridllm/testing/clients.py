"""Clients over a real configuration and fake surroundings.

Answers: how does a test get a client that decides like the real one and sends nothing?
Not here: the fakes themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from hybridllm.client import AsyncHybridLLM, HybridLLM
from hybridllm.config import Fakes, Reloader, Wiring, open_config
from hybridllm.errors import ConfigurationError, expected_one_of
from hybridllm.resources.calling import Options
from hybridllm.testing.echo import EchoBackend
from hybridllm.testing.sink import RecordingSink

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from hybridllm.audit.log import AuditSink
    from hybridllm.types import Place
    from hybridllm.wire import Backend

Client = TypeVar("Client", HybridLLM, AsyncHybridLLM)


def client_for_tests(
    config: str | os.PathLike[str],
    *,
    backends: Iterable[Backend] = (),
    audit: AuditSink | None = None,
) -> HybridLLM:
    """Return a client that decides by a configuration and reaches nothing outside.

    No key is looked up, no model is loaded and the state directory is not touched, so
    the texts of a test are not remembered by a later one.

    Args:
        config: The organisation's file; `departments/*.toml` beside it count as usual.
        backends: Stand in for the backends of the same names. All others are
            `EchoBackend`s, so that no configured address is ever dialled.
        audit: Where records go; a `RecordingSink` of its own if nothing is given.

    Raises:
        ConfigurationError: The configuration is wrong, or lacks a backend of these names.
    """
    return _client(HybridLLM, wiring=_wiring(config, backends=backends, audit=audit))


def async_client_for_tests(
    config: str | os.PathLike[str],
    *,
    backends: Iterable[Backend] = (),
    audit: AuditSink | None = None,
) -> AsyncHybridLLM:
    """Return the same as `client_for_tests`, for event loops."""
    return _client(AsyncHybridLLM, wiring=_wiring(config, backends=backends, audit=audit))


def _wiring(
    config: str | os.PathLike[str], *, backends: Iterable[Backend], audit: AuditSink | None
) -> Wiring:
    given = {backend.name: backend for backend in backends}

    def stand_in(name: str, place: Place) -> Backend:
        return given.get(name) or EchoBackend(name, place=place)

    fakes = Fakes(backend=stand_in, audit=audit or RecordingSink())
    # An empty environment: what is set on one machine must not decide a test.
    wiring = open_config(config, environment={}, fakes=fakes)
    for name in given:
        if name not in wiring.runtime.backends:
            text = expected_one_of(name, allowed=wiring.runtime.backends)
            raise ConfigurationError(f"backend {text}", file=wiring.file.name, key="backends")
    return wiring


def _client(shape: type[Client], *, wiring: Wiring) -> Client:
    client = object.__new__(shape)
    # As `with_options` makes its copies: over a wiring that exists already.
    client._reloader = Reloader(wiring)
    client._options = Options(identity=wiring.identity)
    return client

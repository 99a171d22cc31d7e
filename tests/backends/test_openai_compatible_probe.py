"""The probe: a question without content, over the same judged connection as everything else.

Units: seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import anyio
import pytest

from hybridllm.addresses import DeclaredNetworks
from hybridllm.backends.openai_compatible import OpenAICompatibleBackend
from hybridllm.backends.providers import PROVIDERS
from hybridllm.backends.settings import BaseUrl, HttpSettings
from hybridllm.errors import AddressRefusedError
from hybridllm.types import Place
from hybridllm.wire import BackendError, FailureKind, Probed
from tests.support.behaviours import Behaviour, Garbage, Hang, Ok, Redirect, Status
from tests.support.loopback import dead_port
from tests.support.server import RecordingServer

_KEY = "not-a-real-key-0123456789"
_SHORT_S = 0.2


def _backend(port: int, *, networks: tuple[str, ...] = ("127.0.0.0/8",)) -> OpenAICompatibleBackend:
    settings = HttpSettings(
        BaseUrl.parse(f"http://127.0.0.1:{port}/v1"),
        DeclaredNetworks.of("local", networks=list(networks)),
        api_key=_KEY,
    )
    provider = PROVIDERS["vllm"]
    return OpenAICompatibleBackend(
        "local", place=Place.ON_PREMISES, provider=provider, settings=settings
    )


def _in_thread(backend: OpenAICompatibleBackend, *, timeout_s: float = 30.0) -> int:
    try:
        return backend.probe(timeout_s=timeout_s)
    finally:
        backend.close()


def _in_loop(backend: OpenAICompatibleBackend, *, timeout_s: float = 30.0, loop: str) -> int:
    async def main() -> int:
        try:
            return await backend.aprobe(timeout_s=timeout_s)
        finally:
            await backend.aclose()

    return anyio.run(main, backend=loop)


Ask = Callable[..., int]
every_way = pytest.mark.parametrize(
    "ask",
    [_in_thread, partial(_in_loop, loop="asyncio"), partial(_in_loop, loop="trio")],
    ids=["thread", "asyncio", "trio"],
)


@pytest.fixture(autouse=True)
def _trio_where_it_is(request: pytest.FixtureRequest) -> None:
    if "trio" in request.node.name:
        pytest.importorskip("trio")


@every_way
@pytest.mark.parametrize("behaviour", [Ok(), Status(401), Status(503)], ids=repr)
def test_a_probe_brings_the_status_and_takes_nothing_along(
    ask: Ask, behaviour: Behaviour, on_premises: RecordingServer
) -> None:
    """What the server sees: its own path, our name and the key. No body, no other header."""
    on_premises.behave(behaviour)

    status = ask(_backend(on_premises.port))

    (request,) = on_premises.requests
    assert getattr(behaviour, "code", 200) == status
    assert ("GET", "/v1/models", b"") == (request.method, request.target, request.body)
    named = {name.lower() for name, _ in request.headers.items()}
    assert {"host", "user-agent", "accept-encoding", "authorization"} == named


@every_way
def test_a_probe_goes_only_where_the_backend_may_be(ask: Ask, on_premises: RecordingServer) -> None:
    """A backend that is elsewhere is not even asked whether it is up."""
    backend = _backend(on_premises.port, networks=("10.20.0.0/16",))

    with pytest.raises(AddressRefusedError):
        ask(backend)

    assert b"" == on_premises.received


@every_way
def test_a_probe_follows_no_redirect(
    ask: Ask, on_premises: RecordingServer, cloud: RecordingServer
) -> None:
    """A server that points elsewhere is answered by nobody."""
    on_premises.behave(Redirect(307, cloud.url))

    assert 307 == ask(_backend(on_premises.port))
    assert b"" == cloud.received


@every_way
@pytest.mark.parametrize("fault", ["nobody listens", "garbage"])
def test_a_server_that_is_none_cannot_be_reached(
    ask: Ask, fault: str, on_premises: RecordingServer
) -> None:
    """Silence and noise are both an outage."""
    on_premises.behave(Garbage())
    port = dead_port() if fault == "nobody listens" else on_premises.port

    with pytest.raises(BackendError) as caught:
        ask(_backend(port))

    assert FailureKind.CONNECTION is caught.value.kind


@every_way
def test_a_probe_ends_with_its_time(ask: Ask, on_premises: RecordingServer) -> None:
    """A server that hangs costs a call no more than the probe may take."""
    on_premises.behave(Hang("headers"))
    started = time.monotonic()

    with pytest.raises(BackendError) as caught:
        ask(_backend(on_premises.port), timeout_s=_SHORT_S)

    assert FailureKind.TIMEOUT is caught.value.kind
    assert time.monotonic() - started < _SHORT_S + 2.0


def test_the_flow_knows_that_it_can_be_probed() -> None:
    """A backend without a probe gets one real request for a trial instead."""
    assert isinstance(_backend(1), Probed)

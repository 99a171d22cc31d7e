"""No byte without a permit: tampering between the decision and the socket is refused."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hybridllm.config import open_config
from hybridllm.errors import PermitError
from hybridllm.permit import Permit
from hybridllm.wire import Backend, WireRequest
from tests.leaks.setting import open_client, outcomes, write_config
from tests.support.server import RecordingServer

_BODY = b'{"model":"m","messages":[{"role":"user","content":"hi"}]}'


@pytest.fixture
def backend(
    tmp_path: Path, cloud: RecordingServer, on_premises: RecordingServer
) -> Iterator[Backend]:
    file = write_config(tmp_path, cloud=cloud, on_premises=on_premises)
    runtime = open_config(file).runtime
    yield runtime.backends["on_premises"]
    runtime.backends["on_premises"].close()


def _request(**changed: Any) -> WireRequest:
    whole = WireRequest("chat/completions", body=_BODY, deadline=time.monotonic() + 10)
    return replace(whole, **changed)


def _permit(
    *, backend: str = "on_premises", body: bytes = _BODY, deadline: float | None = None
) -> Permit:
    return Permit(
        backend=backend,
        body=body,
        policy_digest="0" * 64,
        deadline=time.monotonic() + 10 if deadline is None else deadline,
    )


WRONG: dict[str, Callable[[], Permit]] = {
    "other bytes": lambda: _permit(body=_BODY.replace(b"hi", b"ho")),
    "one byte more": lambda: _permit(body=_BODY + b" "),
    "other backend": lambda: _permit(backend="cloud"),
    "past its deadline": lambda: _permit(deadline=time.monotonic() - 1),
    "no deadline at all": lambda: _permit(deadline=float("nan")),
}


def _send(backend: Backend, permit: Permit, *, in_loop: bool) -> None:
    if in_loop:
        asyncio.run(backend.asend(_request(), permit=permit))
    else:
        backend.send(_request(), permit=permit)


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("in_loop", [False, True], ids=["sync", "async"])
def test_a_permit_for_anything_else_sends_nothing(
    wrong: str, in_loop: bool, backend: Backend, on_premises: RecordingServer
) -> None:
    """Bytes, backend and time must be those that were decided about."""
    permit = WRONG[wrong]()

    with pytest.raises(PermitError):
        _send(backend, permit, in_loop=in_loop)

    assert [] == on_premises.connections


def test_a_permit_is_good_for_one_attempt(backend: Backend, on_premises: RecordingServer) -> None:
    """Using it twice is refused, whatever became of the first attempt."""
    permit = _permit()
    backend.send(_request(), permit=permit)

    with pytest.raises(PermitError):
        backend.send(_request(), permit=permit)

    assert 1 == len(on_premises.requests)


def test_a_failed_redemption_uses_the_permit_up(backend: Backend) -> None:
    """Nobody gets to guess twice."""
    permit = _permit()
    with pytest.raises(PermitError):
        backend.send(_request(body=_BODY + b" "), permit=permit)

    with pytest.raises(PermitError, match="used"):
        backend.send(_request(), permit=permit)


def test_of_many_threads_with_one_permit_one_wins() -> None:
    """The permit is used up atomically."""
    permit, gate, won = _permit(), threading.Barrier(8), []

    def redeem() -> None:
        gate.wait()
        try:
            permit.redeem(backend="on_premises", body=_BODY, now=time.monotonic())
        except PermitError:
            return
        won.append(True)

    threads = [threading.Thread(target=redeem) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [True] == won


def test_a_request_that_changes_after_the_decision_is_sent_as_it_was_judged(
    tmp_path: Path, cloud: RecordingServer, on_premises: RecordingServer
) -> None:
    """Editing the message list from another thread, or while it is read, changes nothing."""
    messages: list[Any] = [{"role": "user", "content": "hello"}]

    class Treacherous(list[Any]):
        """Shows its first reader an innocent text, and later readers another."""

        def __iter__(self) -> Iterator[Any]:
            yield from list.__iter__(self)
            self[0] = {"role": "user", "content": "社外秘 Kestrel"}

    ask = Treacherous(messages)
    with open_client(write_config(tmp_path, cloud=cloud, on_premises=on_premises)) as client:
        reply = client.chat.completions.create(model="assistant", messages=ask)

    assert "cloud" == reply.policy_decision.backend
    assert b"Kestrel" not in cloud.received


def test_a_backend_that_is_swapped_after_the_decision_gets_nothing(
    tmp_path: Path, cloud: RecordingServer, on_premises: RecordingServer
) -> None:
    """Another object under the same key is not the backend that the permit names."""
    file = write_config(tmp_path, cloud=cloud, on_premises=on_premises)
    with open_client(file) as client:
        runtime = client._wiring.runtime
        swapped = {"cloud": runtime.backends["cloud"], "on_premises": runtime.backends["cloud"]}
        wiring = replace(client._wiring, runtime=replace(runtime, backends=swapped))
        client._wiring = wiring

        with pytest.raises(PermitError):
            client.with_options(label="confidential").chat.completions.create(
                model="assistant", messages=[{"role": "user", "content": "Kestrel plan"}]
            )

    assert [] == cloud.connections
    assert ["failed"] == outcomes(file)

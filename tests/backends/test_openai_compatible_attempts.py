"""Attempts at backends: how many, how long, in which order, and when no more.

Units: seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import pytest

from hybridllm import HybridLLM
from tests.leaks.operations import OPERATIONS, Operation, call, params_of
from tests.leaks.setting import audit_records, open_client, outcomes, unfinished, write_config
from tests.support.behaviours import (
    BadJson,
    Behaviour,
    CutMidStream,
    FailThenOk,
    HugeBody,
    Redirect,
    Status,
    StreamError,
    rate_limited,
)
from tests.support.loopback import dead_port
from tests.support.server import RecordingServer

_ASK: dict[str, Any] = {
    "model": "assistant",
    "messages": [{"role": "user", "content": "Kestrel plan 7781"}],
}
_SYNC = [operation for operation in OPERATIONS if not operation.is_async]
_SHORT_S = 0.3
_MARGIN_S = 1.0


class NoDice:
    """A dice that always shows nothing, so that pauses take no time."""

    def uniform(self, low: float, high: float) -> float:
        del low, high
        return 0.0


def _quick(file: Path, **more: Any) -> HybridLLM:
    """Return a client whose pauses take no time."""
    client = HybridLLM(config=file)
    runtime = replace(client._wiring.runtime, random=NoDice(), **more)  # type: ignore[arg-type]
    client._wiring = replace(client._wiring, runtime=runtime)
    return client


@pytest.fixture
def file(tmp_path: Path, cloud: RecordingServer, on_premises: RecordingServer) -> Path:
    return write_config(tmp_path, cloud=cloud, on_premises=on_premises)


@pytest.mark.parametrize("retries", [0, 1, 3])
@pytest.mark.parametrize(
    "fault", [Status(503), Status(500), rate_limited(retry_after_s=0), CutMidStream(0)], ids=repr
)
def test_a_backend_is_asked_once_and_then_as_often_as_allowed(
    retries: int, fault: Behaviour, file: Path, on_premises: RecordingServer, cloud: RecordingServer
) -> None:
    """At most one attempt and the retries, each with an intent and an outcome."""
    on_premises.behave(fault)

    with _quick(file) as client, pytest.raises(openai.APIError):
        client.with_options(label="confidential", max_retries=retries).chat.completions.create(
            **_ASK
        )

    assert 1 + retries == len(on_premises.requests)
    assert 1 + retries == len(outcomes(file))
    assert [] == unfinished(file)
    assert b"" == cloud.received


@pytest.mark.parametrize(
    "fault",
    [Status(400), Status(401), Status(403), Status(404), Status(413), Status(422), BadJson()],
    ids=repr,
)
def test_what_cannot_succeed_is_not_tried_again(
    fault: Behaviour, file: Path, on_premises: RecordingServer
) -> None:
    """A wrong key or an oversized prompt is wrong the second time too."""
    on_premises.behave(fault)

    with _quick(file) as client, pytest.raises(openai.APIError):
        client.with_options(label="confidential", max_retries=3).chat.completions.create(**_ASK)

    assert 1 == len(on_premises.requests)


def test_all_attempts_of_a_call_share_one_idempotency_key(
    file: Path, on_premises: RecordingServer
) -> None:
    """A server that did answer the first time may recognise the second."""
    on_premises.behave(FailThenOk(2, Status(503)))

    with _quick(file) as client:
        mine = client.with_options(label="confidential")
        mine.chat.completions.create(**_ASK)
        mine.chat.completions.create(**_ASK)

    keys = [request.headers["idempotency-key"] for request in on_premises.requests]
    assert 1 == len(set(keys[:3]))
    assert 2 == len(set(keys))


@pytest.mark.parametrize("operation", [one for one in _SYNC if one.streams], ids=lambda o: o.title)
@pytest.mark.parametrize(
    "fault",
    [CutMidStream(2, "close"), CutMidStream(2, "reset"), CutMidStream(2, "end"), StreamError(2)],
    ids=repr,
)
def test_nothing_is_sent_again_once_a_piece_has_arrived(
    fault: Behaviour, operation: Operation, file: Path, on_premises: RecordingServer
) -> None:
    """A stream that breaks in the middle is an error, not a second question."""
    on_premises.behave(fault)
    params = params_of(operation.endpoint, "Kestrel plan")

    with _quick(file) as client:
        mine = client.with_options(label="confidential", max_retries=3)
        with pytest.raises(openai.APIError) as caught:
            call(mine, operation, params=params)

    assert 1 == len(on_premises.requests)
    assert 1 == len(outcomes(file))
    assert caught.value.policy_decision is not None  # type: ignore[attr-defined]


def _three(tmp_path: Path, *ports: int) -> Path:
    """Return a configuration with the cloud and three engines on the premises, in this order."""
    cloud, *inner = ports
    tables = "".join(
        f'[backends.inner_{number}]\nplace = "on_premises"\nnetworks = ["127.0.0.0/8"]\n'
        f'base_url = "http://127.0.0.1:{port}/v1"\nclearance = "{level}"\n\n'
        for number, (port, level) in enumerate(
            zip(inner, ("confidential", "internal", "confidential"), strict=True)
        )
    )
    candidates = ", ".join(
        f'{{ backend = "{name}", model = "m" }}'
        for name in ("cloud", "inner_0", "inner_1", "inner_2")
    )
    more = f"{tables}[models.team]\ncandidates = [{candidates}]\n"
    return write_config(tmp_path, cloud=cloud, on_premises=cloud, more=more)


@pytest.mark.parametrize(
    ("fault", "falls_back"),
    [
        (Status(503), True),
        (Status(401), True),
        (Status(404), True),
        (Status(413), True),
        (Redirect(307, "http://127.0.0.1:9"), True),
        (BadJson(), True),
        (Status(400), False),
        (Status(422), False),
    ],
    ids=repr,
)
def test_fallback_keeps_the_order_and_passes_over_what_is_not_cleared(
    fault: Behaviour,
    falls_back: bool,
    tmp_path: Path,
    cloud: RecordingServer,
    start_server: Callable[..., RecordingServer],
) -> None:
    """From the first cleared engine to the next cleared one; the others hear nothing."""
    first, lower, last = start_server(fault), start_server(), start_server()
    file = _three(tmp_path, cloud.port, first.port, lower.port, last.port)
    ask = _ASK | {"model": "team"}

    with _quick(file) as client:
        mine = client.with_options(label="confidential", max_retries=0)
        if falls_back:
            reply = mine.chat.completions.create(**ask)
            assert "inner_2" == reply.policy_decision.backend
        else:
            with pytest.raises(openai.APIStatusError):
                mine.chat.completions.create(**ask)

    assert b"" == cloud.received + lower.received
    assert [1, int(falls_back)] == [len(first.requests), len(last.requests)]
    asked = [record["backend"] for record in audit_records(file) if record["event"] == "intent"]
    assert ["inner_0", "inner_2"][: 1 + falls_back] == asked


def test_when_everything_cleared_is_down_the_error_says_so_and_nothing_else_is_tried(
    tmp_path: Path, cloud: RecordingServer
) -> None:
    """Availability never buys clearance."""
    file = _three(tmp_path, cloud.port, dead_port(), dead_port(), dead_port())

    with _quick(file) as client, pytest.raises(openai.APIConnectionError) as caught:
        client.with_options(label="confidential").chat.completions.create(
            **(_ASK | {"model": "team"})
        )

    decision = caught.value.policy_decision  # type: ignore[attr-defined]
    assert ["inner_0", "inner_2"] == [one.backend for one in decision.candidates]
    assert [] == cloud.connections


def test_a_reply_larger_than_the_limit_is_given_up_early(
    file: Path, on_premises: RecordingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server cannot fill this process's memory."""
    monkeypatch.setattr("hybridllm.backends.openai_compatible.MAX_REPLY_BYTES", 100_000)
    on_premises.behave(HugeBody(3_000_000))

    with open_client(file) as client, pytest.raises(openai.APIError, match="reply_too_large"):
        client.with_options(label="confidential").chat.completions.create(**_ASK)

    on_premises.wait_until_idle()

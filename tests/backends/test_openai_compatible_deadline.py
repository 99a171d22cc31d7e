"""Pauses and deadlines: a call takes no longer than asked for, whatever the server says.

Units: seconds.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openai
import pytest

from hybridllm import HybridLLM
from hybridllm.backends.exchange import retry_after
from hybridllm.config import open_config
from tests.leaks.operations import OPERATIONS, Operation, call, params_of
from tests.leaks.setting import write_config
from tests.support.behaviours import (
    Behaviour,
    FailThenOk,
    Hang,
    Sequence,
    Slow,
    Status,
    rate_limited,
)
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


@pytest.mark.parametrize("operation", _SYNC, ids=lambda one: one.title)
@pytest.mark.parametrize(
    "fault",
    [
        Hang("accept"),
        Hang("headers"),
        Hang("body"),
        Slow(pause_s=0.05, drip_bytes=100_000),
        Slow(pause_s=0.3, drip_bytes=100_000),
        Sequence([Status(503), Hang("headers")]),
    ],
    ids=["accept", "headers", "body", "drip", "slow drip", "retry, then hang"],
)
def test_one_deadline_holds_for_the_whole_call(
    fault: Behaviour, operation: Operation, file: Path, on_premises: RecordingServer
) -> None:
    """Byte by byte, attempt by attempt: together they never take longer than asked for."""
    on_premises.behave(fault)
    params = params_of(operation.endpoint, "Kestrel plan 7781")
    started = time.monotonic()

    with _quick(file) as client:
        mine = client.with_options(label="confidential", timeout=_SHORT_S, max_retries=2)
        with pytest.raises(openai.APITimeoutError):
            call(mine, operation, params=params)

    assert 0.9 * _SHORT_S <= time.monotonic() - started < _SHORT_S + _MARGIN_S
    on_premises.wait_until_idle()


@pytest.mark.parametrize(
    "value",
    [
        "Wed, 21 Oct 99999999999999 07:28:00 GMT",
        "Wed, 21 Oct 9999 07:28:00 -2359",
        "Wed, 21 Oct 2015 07:28:00 +99999999999",
        "Mon, 01 Jan 0001 00:00:00 +2359",
        "-1",
        "1.5",
        "NaN",
        "inf",
        "1e999",
        "１２",
        "²",
        "\x00",
        "9" * 5_000,
        "Wed, 21 Oct 2015 " + "9" * 500 + ":28:00 GMT",
        "",
        ", ,",
    ],
)
def test_a_strange_pause_is_read_as_none_or_as_a_number(value: str) -> None:
    """Whatever a server writes there, reading it does not fail."""
    found = retry_after(value, now=lambda: datetime(2026, 1, 1, tzinfo=UTC))

    assert found is None or 0 <= found < float("inf")


def test_a_strange_pause_from_a_real_server_is_an_ordinary_failure(
    file: Path, on_premises: RecordingServer
) -> None:
    """The caller sees the status, and not an error of our own reading."""
    odd = {"Retry-After": "Wed, 21 Oct 99999999999999 07:28:00 GMT"}
    on_premises.behave(Status(429, headers=odd))

    with _quick(file) as client, pytest.raises(openai.RateLimitError):
        client.with_options(label="confidential", max_retries=1).chat.completions.create(**_ASK)


@pytest.mark.parametrize("as_date", [False, True], ids=["seconds", "date"])
def test_a_server_that_asks_for_a_pause_gets_it(
    as_date: bool, file: Path, on_premises: RecordingServer
) -> None:
    """Retry-After counts in both forms, and comes before our own idea of a pause."""
    on_premises.behave(FailThenOk(1, rate_limited(retry_after_s=2, as_date=as_date)))
    started = time.monotonic()

    with _quick(file) as client:
        client.with_options(label="confidential", max_retries=1).chat.completions.create(**_ASK)

    assert 0.9 <= time.monotonic() - started  # dates have whole seconds
    assert 2 == len(on_premises.requests)


@pytest.mark.parametrize("as_date", [False, True], ids=["seconds", "date"])
@pytest.mark.parametrize("pause_s", [30, 3_600, 10**9])
def test_a_pause_beyond_the_deadline_is_not_begun(
    pause_s: int, as_date: bool, file: Path, on_premises: RecordingServer
) -> None:
    """A server cannot hold a call by asking for an hour."""
    on_premises.behave(rate_limited(retry_after_s=pause_s, as_date=as_date))
    started = time.monotonic()

    with _quick(file) as client, pytest.raises(openai.RateLimitError):
        client.with_options(label="confidential", max_retries=3, timeout=5).chat.completions.create(
            **_ASK
        )

    assert time.monotonic() - started < 3
    assert 1 == len(on_premises.requests)


def test_the_configured_limits_hold_when_the_caller_says_nothing(
    tmp_path: Path, cloud: RecordingServer, on_premises: RecordingServer
) -> None:
    """Deadline and retries of the file are the default of every call."""
    on_premises.behave(Hang("headers"))
    more = "[limits]\ntimeout_s = 0.4\nmax_retries = 5\n"
    file = write_config(tmp_path, cloud=cloud, on_premises=on_premises, more=more)
    started = time.monotonic()

    with HybridLLM(config=file) as client, pytest.raises(openai.APITimeoutError):
        client.with_options(label="confidential").chat.completions.create(**_ASK)

    assert time.monotonic() - started < 0.4 + _MARGIN_S
    assert 0.4 == open_config(file).runtime.limits.timeout_s

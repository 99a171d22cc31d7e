"""Outages on the premises at the wire: breaker, retry budget, balance, and no way out.

Real servers count what arrives. Where time matters, the clock stands still or is counted.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import openai
import pytest

from hybridllm import NoBackendAvailableError, attempts
from tests.leaks.outage_company import SECRET, Company, Way, ask, in_a_loop, in_threads
from tests.leaks.setting import audit_records, audit_text, unfinished
from tests.support.behaviours import (
    BadJson,
    Behaviour,
    CutMidStream,
    Garbage,
    Ok,
    OnPath,
    Redirect,
    Sequence,
    Status,
    rate_limited,
)
from tests.support.server import RecordingServer

CALLS = 200


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the pauses between attempts take no time."""
    monkeypatch.setattr(attempts, "FIRST_PAUSE_S", 0.0)


@pytest.fixture
def company(tmp_path: Path, cloud: RecordingServer, on_premises: RecordingServer) -> Company:
    return Company(tmp_path, cloud=cloud, first=on_premises)


both_ways = pytest.mark.parametrize("way", [in_threads, in_a_loop])


@both_ways
def test_an_engine_that_is_down_is_left_alone_and_probed_without_content(
    way: Way, company: Company
) -> None:
    """Of two hundred calls at most twenty arrive; then only an empty question, now and then."""
    company.first.behave(OnPath({}, otherwise=Status(503)))

    told = way(company, [ask()] * CALLS)

    posts = [one for one in company.first.requests if one.method == "POST"]
    probes = [one for one in company.first.requests if one.method != "POST"]
    assert len(posts) <= 20
    assert {("GET", "/v1/models", b"")} >= {(one.method, one.path, one.body) for one in probes}
    assert all(one.startswith("NoBackendAvailableError") for one in told[20:])
    assert b"" == company.cloud.received
    assert [] == unfinished(company.file)


@both_ways
def test_a_probe_carries_nothing_and_opens_the_way(way: Way, company: Company) -> None:
    """When the engine is back, the first thing that it sees is a question without content."""
    company.first.behave(Sequence([*[Status(503)] * 10, Ok()]))
    start, ticks = time.monotonic(), iter(range(10_000))

    told = way(
        company,
        [ask(f"{SECRET} {number}") for number in range(40)],
        clock=lambda: start + next(ticks) * 0.01,  # a hundredth of a second for each look
    )

    kinds = [one.method for one in company.first.requests]
    assert ["POST"] * 10 + ["GET"] + ["POST"] * (len(kinds) - 11) == kinds
    probe = company.first.requests[10]
    assert b"" == probe.body
    assert SECRET.encode() not in repr(sorted(probe.headers.items())).encode()
    assert "first" == told[-1]


@both_ways
@pytest.mark.parametrize("fault", [Status(429), rate_limited(retry_after_s=0)], ids=repr)
def test_load_is_at_most_a_tenth_more_when_everything_is_tried_again(
    way: Way, fault: Behaviour, company: Company
) -> None:
    """Calls that may each be tried three times do not treble the load of a busy engine."""
    company.first.behave(fault)

    way(company, [ask()] * CALLS)

    assert CALLS <= len(company.first.requests) <= 1.1 * CALLS
    assert b"" == company.cloud.received


def test_threads_and_loops_do_the_same_through_an_outage(
    company: Company, start_server: Callable[..., RecordingServer]
) -> None:
    """The same faults lead to the same answers and errors, and to the same requests."""
    dice = Random(7)
    faults = [Ok(), Status(503), Status(429), BadJson(), CutMidStream(0), Garbage(), Ok()]
    run = [*(dice.choice(faults) for _ in range(60)), *[Status(500)] * 40, Ok()]
    told, sent = [], []

    for way in (in_threads, in_a_loop):
        company.first = start_server(Sequence(run), name="first")
        start, ticks = time.monotonic(), iter(range(1_000_000))
        clock = lambda: start + next(ticks) * 0.001  # noqa: E731, B023 - called at once
        told.append(way(company, [ask()] * 100, clock=clock))
        sent.append([(one.method, one.body) for one in company.first.requests])

    assert told[0] == told[1]
    assert sent[0] == sent[1]
    assert 3 <= len({one.split()[0] for one in told[0]})


def test_the_error_names_the_clearance_and_is_one_that_programs_know(company: Company) -> None:
    """Code that handles an unreachable server handles this too, and a person sees what is up."""
    company.first.behave(Garbage())
    with company.client() as client:
        for _ in range(5):
            with suppress(openai.APIConnectionError):
                client.chat.completions.create(**ask())

        with pytest.raises(NoBackendAvailableError) as caught:
            client.chat.completions.create(**ask())

    error = caught.value
    assert isinstance(error, openai.APIConnectionError)
    assert ("confidential", ("first",)) == (error.clearance, error.backends)
    assert "no_backend_available" == error.code
    assert ["first"] == [one.backend for one in error.policy_decision.candidates]
    assert "cleared for confidential" in str(error)
    assert SECRET not in f"{error!r} {error} {audit_text(company.file)}"
    last = audit_records(company.file)[-1]
    assert ("unanswered", "unavailable") == (last["event"], last["result"])


@both_ways
def test_deployments_of_one_alias_share_its_calls_by_weight(
    way: Way, company: Company, start_server: Callable[..., RecordingServer]
) -> None:
    """Three to one, as the file says: 300 of 400 calls, +- 6 %, from a fixed seed."""
    company.second = start_server(name="second")
    # A clock that stands still shows no latency, so that weights alone count.
    now = time.monotonic()

    told = Counter(way(company, [ask(model="pair")] * 400, random=Random(7), clock=lambda: now))

    assert 300 == pytest.approx(told["first"], abs=24)
    assert 400 == told["first"] + told["second"]
    assert told["second"] == len(company.second.requests)
    assert b"" == company.cloud.received


_FAULTS: list[Callable[[RecordingServer], Behaviour]] = [
    lambda _: Ok(),
    lambda _: Ok(),
    lambda cloud: Redirect(307, cloud.url),
    lambda _: Status(401),
    lambda _: Status(413),
    lambda _: Status(429),
    lambda _: Status(503),
    lambda _: BadJson(),
    lambda _: Garbage(),
    lambda _: CutMidStream(0),
    lambda _: CutMidStream(2),
]


@both_ways
@pytest.mark.parametrize("seed", range(4))
def test_confidential_text_stays_inside_while_the_premises_flap(
    way: Way, seed: int, company: Company, start_server: Callable[..., RecordingServer]
) -> None:
    """Two engines fail in turn, in random ways, beside a willing cloud that gets nothing."""
    dice = Random(seed)
    company.second = start_server(name="second")
    for server in (company.first, company.second):
        run = [dice.choice(_FAULTS)(company.cloud) for _ in range(40)]
        server.behave(Sequence(run))
    asks = [
        ask(f"{SECRET} {number}", model=dice.choice(["assistant", "pair"])) for number in range(60)
    ]

    way(company, asks, random=Random(seed))

    assert b"" == company.cloud.received
    assert SECRET not in audit_text(company.file)
    assert [] == unfinished(company.file)
    assert company.first.requests
    assert company.second.requests

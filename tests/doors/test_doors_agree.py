"""The doors agree: sync, async, streams, another SDK namespace and `explain` decide alike."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from hybridllm import AsyncHybridLLM, HybridLLM, PolicyDeniedError
from hybridllm.types import PolicyDecision
from tests.doors.generator import Drawn, drawn
from tests.leaks.setting import audit_records, open_async_client, open_client, write_config
from tests.support.server import RecordingServer

_COUNT = 200
_SEED = 20261125
_DOORS = ("sync", "sync stream", "async", "async stream")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a door decided, and which servers heard of it."""

    decision: PolicyDecision
    cloud: int = 0
    inner: int = 0
    body: bytes = field(default=b"", repr=False)


class Company:
    """One company for each door, so that no door learns from what another remembered."""

    def __init__(self, folder: Path, *, cloud: RecordingServer, inner: RecordingServer) -> None:
        departments = folder / "departments"
        departments.mkdir(parents=True)
        legal = 'version = 1\ndefault = "confidential"\n'
        (departments / "legal.toml").write_text(legal, encoding="utf-8")
        rule = (
            'version = 1\n[[rules]]\nname = "no mail to the cloud"\n'
            'when.kinds = ["personal.*"]\nthen.forbid_places = ["cloud"]\n'
        )
        (departments / "support.toml").write_text(rule, encoding="utf-8")
        more = '[organisation]\ndefault_department = "support"\n'
        self.file = write_config(folder, cloud=cloud, on_premises=inner, more=more)
        self._servers = (cloud, inner)

    def counts(self) -> tuple[int, int]:
        cloud, inner = self._servers
        return len(cloud.requests), len(inner.requests)

    def last_body(self, before: tuple[int, int]) -> bytes:
        for server, earlier in zip(self._servers, before, strict=True):
            if len(server.requests) > earlier:
                return server.requests[-1].body
        return b""


@pytest.fixture
def companies(tmp_path: Path) -> Iterator[dict[str, Company]]:
    with RecordingServer(name="cloud") as cloud, RecordingServer(name="on_premises") as inner:
        yield {
            door: Company(tmp_path / door, cloud=cloud, inner=inner)
            for door in (*_DOORS, "explain")
        }


def _comparable(decision: PolicyDecision) -> PolicyDecision:
    """Take off what differs by nature: the id of the call, and who happened to answer."""
    return replace(decision, audit_id="", backend=None, model=None)


def _seen(company: Company, before: tuple[int, int], decision: PolicyDecision) -> Seen:
    cloud, inner = company.counts()
    body = company.last_body(before).replace(b'"stream":true,', b"").replace(b',"stream":true', b"")
    return Seen(_comparable(decision), cloud - before[0], inner - before[1], body)


def _through_threads(company: Company, requests: list[Drawn], *, streams: bool) -> list[Seen]:
    with open_client(company.file) as client:
        return [_ask(company, client, one, streams=streams) for one in requests]


def _ask(company: Company, client: HybridLLM, one: Drawn, *, streams: bool) -> Seen:
    before = company.counts()
    create: Any = client.with_options(**one.options).chat.completions.create
    try:
        reply = create(model="assistant", **one.params, **({"stream": True} if streams else {}))
        if streams:
            list(reply)
        decision = reply.policy_decision
    except PolicyDeniedError as denied:
        decision = denied.policy_decision
    return _seen(company, before, decision)


async def _through_a_loop(company: Company, requests: list[Drawn], *, streams: bool) -> list[Seen]:
    async with open_async_client(company.file) as client:
        return [await _aask(company, client, one, streams=streams) for one in requests]


async def _aask(company: Company, client: AsyncHybridLLM, one: Drawn, *, streams: bool) -> Seen:
    before = company.counts()
    create: Any = client.with_options(**one.options).chat.completions.create
    try:
        reply = await create(
            model="assistant", **one.params, **({"stream": True} if streams else {})
        )
        if streams:
            async for _ in reply:
                pass
        decision = reply.policy_decision
    except PolicyDeniedError as denied:
        decision = denied.policy_decision
    return _seen(company, before, decision)


def _explained(company: Company, requests: list[Drawn]) -> list[PolicyDecision]:
    """Explain each request fresh, before anything is remembered of it."""
    with open_client(company.file) as client:
        decisions = []
        for one in requests:
            mine: Any = client.with_options(**one.options).chat.completions
            decisions.append(_comparable(mine.explain(model="assistant", **one.params).decision))
            _ask(company, client, one, streams=False)  # the memory grows as at the other doors
        return decisions


def test_two_hundred_requests_are_decided_alike_through_every_door(
    companies: dict[str, Company],
) -> None:
    """Label, candidates, rejections and reasons are equal; so is what arrives, byte for byte."""
    requests = drawn(_COUNT, seed=_SEED)

    seen = {
        "sync": _through_threads(companies["sync"], requests, streams=False),
        "sync stream": _through_threads(companies["sync stream"], requests, streams=True),
        "async": asyncio.run(_through_a_loop(companies["async"], requests, streams=False)),
        "async stream": asyncio.run(
            _through_a_loop(companies["async stream"], requests, streams=True)
        ),
    }
    explained = _explained(companies["explain"], requests)

    for door in _DOORS[1:]:
        assert seen["sync"] == seen[door], door
    assert [one.decision for one in seen["sync"]] == explained
    _is_a_fair_sample(seen["sync"])


def _is_a_fair_sample(seen: list[Seen]) -> None:
    """Each way out is taken often, and a denial reaches nobody."""
    cloud = sum(one.cloud for one in seen)
    inner = sum(one.inner for one in seen)
    denied = [one for one in seen if not one.decision.candidates]

    assert min(cloud, inner, len(denied)) >= _COUNT // 25
    assert all((0, 0) == (one.cloud, one.inner) for one in denied)
    assert all((1, 0) == (one.cloud, one.inner) for one in seen if _goes_to(one, "cloud"))
    assert all((0, 1) == (one.cloud, one.inner) for one in seen if _goes_to(one, "on_premises"))


def _goes_to(one: Seen, backend: str) -> bool:
    return bool(one.decision.candidates) and one.decision.candidates[0].backend == backend


def test_every_door_leaves_the_same_audit_trail(companies: dict[str, Company]) -> None:
    """What the log says of a request does not depend on how it was asked."""
    requests = drawn(40, seed=_SEED + 1)
    _through_threads(companies["sync"], requests, streams=False)
    asyncio.run(_through_a_loop(companies["async"], requests, streams=False))

    trails = [
        [_trail(record) for record in audit_records(companies[door].file)]
        for door in ("sync", "async")
    ]

    assert trails[0]
    assert trails[0] == trails[1]


def _trail(record: dict[str, object]) -> dict[str, object]:
    unlike = {"time", "call", "seq", "mac", "duration_ms", "body", "policy"}
    return {key: value for key, value in record.items() if key not in unlike}

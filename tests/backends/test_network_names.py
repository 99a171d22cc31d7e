"""Names that resolve elsewhere, to mixed answers, or to something else the second time."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hybridllm.errors import AddressRefusedError
from tests.leaks.operations import OPERATIONS, Operation, acall, call, params_of
from tests.leaks.setting import (
    audit_text,
    open_async_client,
    open_client,
    outcomes,
    write_config,
)
from tests.support.resolver import RecordingResolver
from tests.support.server import RecordingServer
from tests.support.tripwire import AuditHookTripwire

NAME = "engine.inner.example"
_OUTSIDE = "203.0.113.7"
_TEXT = "Kestrel plan 7781"


@pytest.fixture
def tripwire() -> Iterator[AuditHookTripwire]:
    with AuditHookTripwire() as tripwire:
        yield tripwire


async def _ask(operation: Operation, *, file: Path) -> str | None:
    params = params_of(operation.endpoint, _TEXT)
    if operation.is_async:
        async with open_async_client(file) as client:
            mine = client.with_options(label="confidential")
            return (await acall(mine, operation, params=params)).backend
    with open_client(file) as plain:
        other = plain.with_options(label="confidential")
        return call(other, operation, params=params).backend


def _resolve_to(monkeypatch: pytest.MonkeyPatch, *answers: tuple[str, ...]) -> RecordingResolver:
    resolver = RecordingResolver({NAME: answers})
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    return resolver


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.title)
@pytest.mark.parametrize(
    "answers",
    [(_OUTSIDE,), ("127.0.0.1", _OUTSIDE), (_OUTSIDE, "127.0.0.1"), ("169.254.169.254",)],
    ids=["elsewhere", "mixed", "mixed, outside first", "metadata service"],
)
async def test_a_name_outside_the_declared_networks_is_not_dialled(  # noqa: PLR0917 - fixtures
    answers: tuple[str, ...],
    operation: Operation,
    tmp_path: Path,
    cloud: RecordingServer,
    on_premises: RecordingServer,
    monkeypatch: pytest.MonkeyPatch,
    tripwire: AuditHookTripwire,
) -> None:
    """One answer elsewhere refuses the backend; nothing connects, and the cloud is no way out."""
    _resolve_to(monkeypatch, answers)
    file = write_config(tmp_path, cloud=cloud, on_premises=on_premises, host=NAME)

    with pytest.raises(AddressRefusedError) as caught:
        await _ask(operation, file=file)

    assert [] == tripwire.strays
    assert [] == cloud.connections == on_premises.connections
    assert ["refused"] == outcomes(file)
    assert "Kestrel" not in f"{caught.value!r} {audit_text(file)}"


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.title)
async def test_a_second_answer_is_never_asked_for_before_dialling(  # noqa: PLR0917 - fixtures
    operation: Operation,
    tmp_path: Path,
    cloud: RecordingServer,
    on_premises: RecordingServer,
    monkeypatch: pytest.MonkeyPatch,
    tripwire: AuditHookTripwire,
) -> None:
    """DNS rebinding: the name is asked once, and the address of that answer is dialled."""
    resolver = _resolve_to(monkeypatch, ("127.0.0.1",), (_OUTSIDE,))
    file = write_config(tmp_path, cloud=cloud, on_premises=on_premises, host=NAME)

    backend = await _ask(operation, file=file)

    assert "on_premises" == backend
    assert [NAME] == [name for name in resolver.questions if name == NAME]
    assert [] == tripwire.strays
    assert [] == cloud.connections


def test_a_name_that_moves_away_is_refused_at_the_next_connection(
    tmp_path: Path,
    cloud: RecordingServer,
    on_premises: RecordingServer,
    monkeypatch: pytest.MonkeyPatch,
    tripwire: AuditHookTripwire,
) -> None:
    """Each new connection is judged anew; an answer that was good once is no promise."""
    _resolve_to(monkeypatch, ("127.0.0.1",), (_OUTSIDE,))
    file = write_config(tmp_path, cloud=cloud, on_premises=on_premises, host=NAME)
    operation = OPERATIONS[0]

    with open_client(file) as client:
        mine = client.with_options(label="confidential")
        call(mine, operation, params=params_of(operation.endpoint, _TEXT))
        client._wiring.runtime.backends["on_premises"].close()
        with pytest.raises(AddressRefusedError):
            call(mine, operation, params=params_of(operation.endpoint, _TEXT))

    assert [] == tripwire.strays
    assert [] == cloud.connections


def test_the_question_to_the_name_server_is_the_host_and_nothing_more(
    tmp_path: Path,
    cloud: RecordingServer,
    on_premises: RecordingServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No text, model or department is ever part of a name that is looked up."""
    resolver = _resolve_to(monkeypatch, ("127.0.0.1",))
    file = write_config(tmp_path, cloud=cloud, on_premises=on_premises, host=NAME)

    with open_client(file) as client:
        for operation in OPERATIONS:
            if not operation.is_async:
                mine = client.with_options(label="confidential")
                call(mine, operation, params=params_of(operation.endpoint, _TEXT))

    assert {NAME} == set(resolver.questions) - {"127.0.0.1"}  # a number is no question

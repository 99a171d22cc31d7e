"""Every way in is known to the leak tests; every other is refused; providers keep nothing."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from hybridllm import AsyncHybridLLM, HybridLLM
from hybridllm.errors import UnknownParameterError, UnsupportedEndpointError
from tests.leaks.operations import OPERATIONS, call, params_of, verb
from tests.leaks.setting import open_client, write_config
from tests.support.server import RecordingServer

_WHOLE = [one for one in OPERATIONS if not (one.is_async or one.streams)]
_HARMLESS = {
    "close",
    "with_options",
    "models.list",
    "models.retrieve",
    "reload",
    "reload_on_hangup",
    # Sends at most a call of embeddings, from inside the flow: tests/rag/flow/test_embedding.py.
    "vector_stores.search",
}
"""Methods that send nothing of their own; `explain` stands beside every `create`."""


@pytest.fixture
def client(
    tmp_path: Path, cloud: RecordingServer, on_premises: RecordingServer
) -> Iterator[HybridLLM]:
    with open_client(write_config(tmp_path, cloud=cloud, on_premises=on_premises)) as client:
        yield client


def _methods(thing: Any, path: str = "") -> Iterator[str]:
    """Yield the dotted names of all public methods below a client."""
    for name in sorted(set(dir(type(thing))) | set(getattr(thing, "__dict__", {}))):
        if name.startswith("_"):
            continue
        value = getattr(thing, name)
        if inspect.isroutine(value):
            yield f"{path}{name}"
        elif type(value).__module__.startswith("hybridllm.resources"):
            yield from _methods(value, f"{path}{name}.")


@pytest.mark.parametrize("kind", [HybridLLM, AsyncHybridLLM])
def test_the_matrix_knows_every_method_that_sends(kind: type, client: HybridLLM) -> None:
    """A new method of the client fails here until the leak matrix has an operation for it."""
    twin: Any = object.__new__(kind)
    twin._wiring, twin._options = client._wiring, client._options
    is_async = kind is AsyncHybridLLM
    known = {one.endpoint for one in OPERATIONS if one.is_async == is_async}

    methods = set(_methods(twin))

    wanted = {f"{one}.{name}" for one in known for name in (verb(one), "explain")}
    assert wanted | _HARMLESS == methods


def _namespaces() -> list[str]:
    """Return the public names of the SDK's client that are not ours."""
    ours = {
        "chat", "close", "completions", "embeddings", "models", "responses", "vector_stores",
        "with_options",
    }  # fmt: skip
    names = {name for name in dir(openai.OpenAI) if not name.startswith("_")}
    return sorted(names - ours)


@pytest.mark.parametrize("name", _namespaces())
def test_what_is_not_guarded_is_not_there(
    name: str, client: HybridLLM, cloud: RecordingServer
) -> None:
    """Every other part of the SDK's client is an error and sends nothing."""
    with pytest.raises(AttributeError) as caught:
        getattr(client, name)

    guarded = isinstance(getattr(openai.OpenAI, name, None), property)
    assert guarded <= (type(caught.value) in {UnsupportedEndpointError, AttributeError})
    assert [] == cloud.connections


@pytest.mark.parametrize("name", ["extra_headers", "extra_query", "extra_headers2", "api_base"])
@pytest.mark.parametrize("operation", _WHOLE, ids=lambda one: one.title)
def test_no_argument_moves_the_destination_or_the_headers(
    name: str, operation: Any, client: HybridLLM, cloud: RecordingServer
) -> None:
    """Headers, queries and hosts of a request are not the caller's to set."""
    params = params_of(operation.endpoint, "hi")

    for more in ({name: {"a": "b"}}, {"extra_body": {name: "http://203.0.113.7"}}):
        with pytest.raises(UnknownParameterError):
            call(client, operation, params=params | more)

    assert [] == cloud.connections


def test_a_cloud_is_told_to_keep_nothing(client: HybridLLM, cloud: RecordingServer) -> None:
    """Responses are stored by default at the provider; whatever the provider, we say no."""
    client.responses.create(model="assistant", input="hello")

    assert cloud.requests[-1].json()["store"] is False


@pytest.mark.parametrize("store", [True, "true", 1, {"a": 1}])
def test_keeping_content_at_the_cloud_needs_leave(
    store: Any, client: HybridLLM, cloud: RecordingServer
) -> None:
    """`store` in any truthy spelling is not sent to a cloud that may not keep content."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - a denial or a refusal
        client.chat.completions.create(
            model="assistant", messages=[{"role": "user", "content": "hi"}], store=store
        )

    assert "openai" not in type(caught.value).__module__
    assert [] == cloud.connections

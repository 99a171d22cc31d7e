"""Is every place of the matrix confidential for its own reason, and for no other?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from hybridllm import HybridLLM
from tests.leaks.operations import Operation, call, explain
from tests.leaks.places import PLACES, Place
from tests.leaks.setting import open_client, write_config
from tests.support.server import RecordingServer


def _each(chosen: Iterable[Place]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("place", chosen, ids=lambda one: f"{one.endpoint}-{one.name}")


@pytest.fixture
def client(
    tmp_path: Path, cloud: RecordingServer, on_premises: RecordingServer
) -> Iterator[HybridLLM]:
    with open_client(write_config(tmp_path, cloud=cloud, on_premises=on_premises)) as client:
        yield client


@_each([place for place in PLACES if place.ask(1).innocent is not None])
def test_without_the_secret_the_same_request_goes_to_the_cloud(
    place: Place, client: HybridLLM, cloud: RecordingServer, on_premises: RecordingServer
) -> None:
    """A gate that lets nothing through would pass every leak test; this one does let through."""
    answered = call(client, Operation(place.endpoint), params=place.ask(1).innocent or {})

    assert "cloud" == answered.backend
    assert (1, 0) == (len(cloud.requests), len(on_premises.requests))


@_each(PLACES)
def test_each_place_alone_keeps_a_request_inside(place: Place, client: HybridLLM) -> None:
    """One secret, wherever it stands, is enough; the explanation names no reason but that."""
    ask = place.ask(1)
    if ask.before is not None:
        call(
            client.with_options(label="confidential"), Operation(place.endpoint), params=ask.before
        )

    explained = explain(client.with_options(label=ask.label), place.endpoint, params=ask.params)

    assert ["on_premises"] == [one.backend for one in explained.decision.candidates]
    assert ["cloud"] == [one.backend for one in explained.decision.rejected]
    assert ask.secret not in repr(explained)

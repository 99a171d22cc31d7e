"""Pytest fixtures for wire tests; a `conftest.py` imports the names it wants.

Answers: how does a test get running servers without closing them itself?
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.support.behaviours import Behaviour
from tests.support.proxy import RecordingProxy
from tests.support.server import RecordingServer

StartServer = Callable[..., RecordingServer]


@pytest.fixture
def cloud() -> Iterator[RecordingServer]:
    """A running stub in the place of a cloud API; `cloud.behave(...)` makes it fail."""
    with RecordingServer(name="cloud") as server:
        yield server


@pytest.fixture
def on_premises() -> Iterator[RecordingServer]:
    """A running stub in the place of an engine on the premises."""
    with RecordingServer(name="on_premises") as server:
        yield server


@pytest.fixture
def proxy() -> Iterator[RecordingProxy]:
    """A running proxy that nobody should use; set `proxy.tunnel_to` to open tunnels."""
    with RecordingProxy() as server:
        yield server


@pytest.fixture
def start_server() -> Iterator[StartServer]:
    """Return a function that starts further stubs: `start_server(behaviour, name=...)`."""
    with ExitStack() as stack:

        def start(behaviour: Behaviour | None = None, *, name: str = "stub") -> RecordingServer:
            return stack.enter_context(RecordingServer(behaviour, name=name))

        yield start

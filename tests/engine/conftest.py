"""Backends with the tiny model of the engine's tests."""

import pytest

from hybridllm.backends.in_process import InProcessBackend
from tests.engine import tiny


@pytest.fixture(scope="module")
def backend():
    """Return a running backend that the tests of a module share."""
    backend = InProcessBackend("tiny", model_path=tiny.shared(), dtype="float32", threads=1)
    yield backend
    backend.close()


@pytest.fixture
def new_backend():
    """Make further backends, closed after the test."""
    made = []

    def make(**settings):
        made.append(
            InProcessBackend(
                "tiny", **{"model_path": tiny.shared(), "dtype": "float32", "threads": 1} | settings
            )
        )
        return made[-1]

    yield make
    for backend in made:
        backend.close()

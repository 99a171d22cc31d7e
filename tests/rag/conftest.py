"""Fixtures for the tests of retrieval: they need the extra `rag`."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

HAS_EXTRA = all(map(find_spec, ("apsw", "numpy", "pypdfium2", "snowballstemmer")))

# Without the extra there is nothing to import; the tests of the core still run.
collect_ignore_glob = [] if HAS_EXTRA else ["store/*", "retrieval/*", "flow/*", "ingest/*"]


@pytest.fixture
def store(tmp_path):
    """A store without vectors."""
    from tests.rag.store.documents import store_in

    made = store_in(tmp_path)
    yield made
    made.close()

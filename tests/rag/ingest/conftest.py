"""Fixtures for the tests of reading documents in."""

from __future__ import annotations

import pytest

from tests.rag.ingest.memory_store import MemoryStore


@pytest.fixture
def folder(tmp_path):
    """An empty folder to read in."""
    made = tmp_path / "folder"
    made.mkdir()
    return made


@pytest.fixture
def store():
    """A store without vectors."""
    return MemoryStore()

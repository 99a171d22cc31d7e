"""Fixtures for all tests."""

from __future__ import annotations

from tests.support.fixtures import cloud, on_premises, proxy, start_server

__all__ = ["cloud", "on_premises", "proxy", "start_server"]

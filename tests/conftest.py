"""Fixtures and settings for all tests."""

from __future__ import annotations

from hypothesis import settings

from tests.support.fixtures import cloud, on_premises, proxy, start_server

__all__ = ["cloud", "on_premises", "proxy", "start_server"]

# A busy machine is no finding: properties are about results, not about time.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

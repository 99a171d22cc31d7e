"""Fixtures: a base model, adapters for it, and a registry."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from hybridllm.adapters import AdapterRegistry, AdapterVersion, Facts, Skeleton, read_skeleton
from tests.adapters.judging import add
from tests.adapters.made import BASE, SCALE, facts, make_adapter, make_base


@dataclass(frozen=True, slots=True)
class Shop:
    """A registry, and what fills it."""

    root: Path
    registry: AdapterRegistry
    skeleton: Skeleton

    def make(self, seed: int = 2, **settings: object) -> Path:
        folder = self.root / "trained" / f"{seed}-{len(settings)}"
        return folder if folder.exists() else make_adapter(folder, seed=seed, **settings)

    def told(self, **changes: object) -> Facts:
        return facts(self.skeleton.id, **changes)

    def add(self, *, seed: int = 2, name: str = "made", **changes: object) -> AdapterVersion:
        return add(self.registry, self.make(seed), told=self.told(**changes), name=name)

    def add_verified(self, **settings: object) -> AdapterVersion:
        version = self.add(**settings)
        assert () == self.registry.verify(version.version, skeleton=self.skeleton)
        return version

    def promote(self, alias: str, **settings: object) -> AdapterVersion:
        version = self.add_verified(**settings)
        return self.registry.promote(version.version, alias=alias, by="reviewer")

    def again(self, **settings: object) -> AdapterRegistry:
        """Open the same registry anew, as another process would."""
        return AdapterRegistry(self.root / "registry", scale=SCALE, **settings)


@pytest.fixture
def shop(tmp_path) -> Shop:
    skeleton = read_skeleton(make_base(tmp_path / "base"), id=BASE)
    registry = AdapterRegistry(tmp_path / "registry", scale=SCALE, clock=lambda: 1_750_000_000.0)
    return Shop(tmp_path, registry, skeleton)

"""A damaged registry: what is broken is named, and hides nothing else."""

from __future__ import annotations

import pytest

from hybridllm.errors import StoreError


def test_a_damaged_version_hides_no_other(shop):
    """The list goes on, and the damage is named."""
    good, bad = shop.promote("legal", seed=2), shop.add(seed=3)
    (bad.folder / "manifest.json").chmod(0o600)
    (bad.folder / "manifest.json").write_text("{", encoding="utf-8")

    assert [good.version] == [found.version for found in shop.registry.versions()]
    assert [bad.version] == [version for version, _ in shop.registry.damaged()]
    assert good.version == shop.registry.resolve("legal").version


def test_a_damaged_alias_hides_no_other(shop):
    """One broken file stops one alias."""
    good = shop.promote("legal")
    shop.promote("sales")
    (shop.root / "registry" / "aliases" / "sales.json").write_text("[]", encoding="utf-8")

    assert good.version == shop.registry.resolve("legal").version
    with pytest.raises(StoreError, match="damaged"):
        shop.registry.resolve("sales")

"""A process that changes a registry until it is killed. Run: busy_child.py ROOT TRAINED BASE."""

from __future__ import annotations

import sys
from pathlib import Path

from hybridllm.adapters import (
    AdapterRefusedError,
    AdapterRegistry,
    FolderSource,
    Wish,
    read_skeleton,
)
from hybridllm.labels import Scale
from tests.adapters.made import BASE, facts


def main(root: Path, trained: Path, base: Path, rounds: int) -> None:
    """Import, verify, promote, roll back and remove, over and over."""
    scale = Scale.of(["public", "internal", "confidential"])
    skeleton = read_skeleton(base, id=BASE)
    registry = AdapterRegistry(root, scale=scale)
    source = FolderSource(trained)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for _ in range(rounds):
        for folder in sorted(path.name for path in trained.iterdir()):
            wish = Wish("made", facts(skeleton.id))
            version = registry.import_adapter(source, reference=folder, wish=wish).version
            try:
                registry.verify(version, skeleton=skeleton)
                registry.promote(version, alias="legal", by="reviewer")
                for found in registry.versions():
                    if not found.aliases:
                        registry.remove(found.version)
                registry.rollback("legal", by="reviewer")
            except (AdapterRefusedError, LookupError, ValueError):
                continue  # another process was faster


if __name__ == "__main__":
    main(*(Path(word) for word in sys.argv[1:4]), rounds=int(sys.argv[4]))

"""What becomes of an adapter that somebody wants to serve.

Answers: which reasons does the registry give, at the import or at the verification?
"""

from __future__ import annotations

import shutil
from pathlib import Path

from hybridllm.adapters import (
    AdapterRefusedError,
    AdapterRegistry,
    AdapterSource,
    Facts,
    FolderSource,
    Skeleton,
    Wish,
    read_skeleton,
)
from hybridllm.adapters.reasons import Reason
from tests.adapters.cases import Case, Workshop
from tests.adapters.made import BASE, SCALE, facts


def source_of(folder: Path) -> tuple[AdapterSource, str]:
    """Return a source and the reference of a folder in it."""
    return FolderSource(folder.parent), folder.name


def add(registry: AdapterRegistry, folder: Path, *, told: Facts | None, name: str | None = "made"):
    """Import a folder."""
    source, reference = source_of(folder)
    return registry.import_adapter(source, reference=reference, wish=Wish(name, told))


def judge(
    root: Path, *, folder: Path, told: Facts | None, running: Skeleton
) -> tuple[str, tuple[Reason, ...]]:
    """Import and verify; return what refused it, `import` or `verify`, and why."""
    registry = AdapterRegistry(root, scale=SCALE)
    try:
        version = add(registry, folder, told=told, name=None if told is None else "made")
    except AdapterRefusedError as error:
        return "import", error.reasons
    return "verify", registry.verify(version.version, skeleton=running)


def judge_case(
    case: Case, *, workshop: Workshop, root: Path, is_honest: bool = True
) -> tuple[Reason, ...]:
    """Make the adapter of a case and return why it is refused.

    Args:
        case: The case.
        workshop: Makes what it is made from.
        root: For registries.
        is_honest: The importer names the model that it was really trained on.
    """
    running = read_skeleton(workshop.base("base"), id=BASE)
    if case.code == "vocabulary":
        folder = workshop.replaced_vocabulary()
    else:
        folder = workshop.adapter(case.trained_on)
    trained_on = workshop.base(case.trained_on)
    name = BASE if case.trained_on == "base" else f"example/{case.trained_on}"
    names = (str(trained_on),)
    base = read_skeleton(trained_on, id=name, names=names).id
    if not is_honest:
        base = read_skeleton(workshop.base("base"), id=BASE, names=(name, *names)).id
    told: Facts | None = facts(base)
    if case.is_shipped:
        good = AdapterRegistry(root / "good", scale=SCALE)
        made = add(good, folder, told=told)
        shutil.copyfile(made.folder / "manifest.json", folder / "manifest.json")
        told = None
    if case.damage is not None:
        case.damage(folder)
    return judge(root / "registry", folder=folder, told=told, running=running)[1]

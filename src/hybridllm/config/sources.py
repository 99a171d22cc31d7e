"""All files of a configuration, read and checked for shape.

Answers: which files make up a configuration, and what stands in them?
Not here: what it means (`config.wiring`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from hybridllm.config.files import DEPARTMENTS, read_file
from hybridllm.config.schema import OrganisationFile
from hybridllm.policy.schema import DepartmentConfig


@dataclass(frozen=True, slots=True)
class Sources:
    """All files of a configuration.

    Attributes:
        file: The organisation's file.
        organisation: What stands in it.
        departments: What stands in the departments' files, by department.
        digest: SHA-256 over all of them, 64 hexadecimal digits.
    """

    file: Path
    organisation: OrganisationFile
    departments: Mapping[str, DepartmentConfig]
    digest: str

    @property
    def shown(self) -> str:
        """How errors name the organisation's file."""
        return self.file.name


def read_sources(path: Path) -> Sources:
    """Read the organisation's file and those of its departments.

    Raises:
        ConfigurationError: One cannot be read, or has another shape.
    """
    organisation, data = read_file(path, shape=OrganisationFile, shown=path.name)
    digest = sha256(data)
    departments: dict[str, DepartmentConfig] = {}
    folder = path.parent / DEPARTMENTS
    for file in sorted(folder.glob("*.toml")) if folder.is_dir() else ():
        shown = f"{DEPARTMENTS}/{file.name}"
        departments[file.stem], data = read_file(file, shape=DepartmentConfig, shown=shown)
        digest.update(sha256(file.stem.encode()).digest() + sha256(data).digest())
    return Sources(path, organisation, departments, digest.hexdigest())

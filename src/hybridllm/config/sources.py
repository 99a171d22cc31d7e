"""All files of a configuration, read and checked for shape.

Answers: which files make up a configuration, what stands in them, and are they still so?
Not here: what it means (`config.wiring`), who signed them (`config.signatures`).

Files may be exchanged while they are read. Each is read once into memory, and its digest is
kept; when everything has been put together, `changed` says whether the files are still those.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from hybridllm.config.files import DEPARTMENTS, read_file
from hybridllm.config.schema import OrganisationFile
from hybridllm.policy.schema import DepartmentConfig

ORGANISATION: Final = "organisation"
DEPARTMENT: Final = "department"
DATA: Final = "data"

_MARK: Final = b"\xef\xbb\xbf"
_PIECE: Final = 1024 * 1024

Stamp = tuple[tuple[str, int, int, int], ...]
"""Name, time of change, size and number of each file: equal stamps, equal files, most likely."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a configuration.

    Attributes:
        path: Where it is.
        shown: How errors name it.
        role: `organisation`, `department`, or `data` for word lists, rules and models.
        owner: The department that it belongs to; empty for the organisation's.
        digest: SHA-256 of its content, 64 hexadecimal digits.
    """

    path: Path
    shown: str
    role: str
    owner: str
    digest: str


@dataclass(frozen=True, slots=True)
class Sources:
    """All files of a configuration.

    Attributes:
        file: The organisation's file.
        organisation: What stands in it.
        departments: What stands in the departments' files, by department.
        digest: SHA-256 over these, 64 hexadecimal digits.
        files: All of them, and the files of word lists, rules and models that they name.
    """

    file: Path
    organisation: OrganisationFile
    departments: Mapping[str, DepartmentConfig]
    digest: str
    files: tuple[SourceFile, ...] = ()

    @property
    def shown(self) -> str:
        """How errors name the organisation's file."""
        return self.file.name

    @property
    def shadow_file(self) -> Path | None:
        """The organisation's file of the policy that decides beside this one, if there is one."""
        named = self.organisation.shadow.config
        return None if named is None else self.file.parent / named


def read_sources(path: Path) -> Sources:
    """Read the organisation's file and those of its departments.

    Raises:
        ConfigurationError: One cannot be read, or has another shape.
    """
    organisation, data = read_file(path, shape=OrganisationFile, shown=path.name)
    digest = sha256(data)
    files = [SourceFile(path, path.name, ORGANISATION, "", sha256(data).hexdigest())]
    departments: dict[str, DepartmentConfig] = {}
    for file in _department_files(path):
        shown = f"{DEPARTMENTS}/{file.name}"
        departments[file.stem], data = read_file(file, shape=DepartmentConfig, shown=shown)
        own = sha256(data)
        digest.update(sha256(file.stem.encode()).digest() + own.digest())
        files.append(SourceFile(file, shown, DEPARTMENT, file.stem, own.hexdigest()))
    files += _data_files(path.parent, organisation, departments)
    return Sources(path, organisation, departments, digest.hexdigest(), tuple(files))


def changed(sources: Sources) -> bool:
    """Return whether a file is another one than when it was read, came or went."""
    now = [path.name for path in _department_files(sources.file)]
    before = [item.path.name for item in sources.files if item.role == DEPARTMENT]
    return now != before or any(digest_of(item.path) != item.digest for item in sources.files)


def stamp_of(sources: Sources) -> Stamp:
    """Return what tells cheaply whether any file has changed."""
    data = (item.path for item in sources.files if item.role == DATA)
    paths = [sources.file, *_department_files(sources.file), *data]
    shadow = sources.shadow_file
    if shadow is not None:
        paths += [shadow, *_department_files(shadow)]
    return tuple(_stamp(path) for path in paths)


def digest_of(path: Path) -> str:
    """Return the digest of a file without its byte order mark; empty if it cannot be read."""
    try:
        with path.open("rb") as file:
            digest = sha256(file.read(_PIECE).removeprefix(_MARK))
            while piece := file.read(_PIECE):
                digest.update(piece)
    except OSError:
        return ""
    return digest.hexdigest()


def normal(name: str) -> str:
    """Return a department's name as it is signed: macOS may spell it otherwise."""
    return unicodedata.normalize("NFC", name)


def _department_files(file: Path) -> Iterable[Path]:
    folder = file.parent / DEPARTMENTS
    return sorted(folder.glob("*.toml")) if folder.is_dir() else ()


def _data_files(
    folder: Path, organisation: OrganisationFile, departments: Mapping[str, DepartmentConfig]
) -> Iterator[SourceFile]:
    """Yield the files that the files name. One that is missing is found out when it is used."""
    settings = organisation.detection
    named = [("", name) for name in (*settings.lexicons, *settings.key_rules, *settings.semantic)]
    for store in organisation.vector_stores.values():
        named += [("", name) for name in store.glossaries.values()]
    for department, config in departments.items():
        named += [(department, name) for name in config.lexicons]
    for owner, name in dict.fromkeys(named):
        path = folder / name
        if path.is_file():
            yield SourceFile(path, name, DATA, owner, digest_of(path))


def _stamp(path: Path) -> tuple[str, int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (str(path), 0, 0, 0)
    return (str(path), found.st_mtime_ns, found.st_size, found.st_ino)

"""What a configuration names outside itself: files, variables, directories.

Answers: which file is in force, what does it need around it, and is that there?
Not here: whether the configuration is sound (`config.wiring`).

Reading it makes nothing: no key, no directory, no connection.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hybridllm.audit.signing import KEY_FILE as SIGNING_KEY_FILE
from hybridllm.backends.providers import PROVIDERS
from hybridllm.config.audit_log import DIRECTORY as AUDIT_DIRECTORY
from hybridllm.config.files import CONFIG_VARIABLE, DEFAULT_FILE, DEPARTMENTS, read_file
from hybridllm.config.schema import OrganisationFile
from hybridllm.config.state import KEY_FILE, derive, load_key
from hybridllm.errors import ConfigurationError
from hybridllm.policy.schema import DepartmentConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hybridllm.policy.schema import BackendConfig


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable that the configuration names. Its value is not kept."""

    name: str
    is_set: bool


@dataclass(frozen=True, slots=True)
class BackendSurvey:
    """What one backend needs.

    Attributes:
        name: Its key.
        place: Where it runs.
        provider: What kind of server it is.
        address: Base URL, or the path of the model.
        key: The variable of its key, if it names one.
    """

    name: str
    place: str
    provider: str
    address: str
    key: Variable | None


@dataclass(frozen=True, slots=True)
class Survey:
    """What a configuration names.

    Attributes:
        file: The organisation's file.
        chosen_by: Why it is this file: `argument`, `variable` or `default`.
        departments: Files of the departments.
        lexicons: Word lists of all files.
        backends: In the order of the file.
        state: The state directory.
        key: The variable of the installation's key; `None` if it is a file.
        has_key: Whether the key is there.
    """

    file: Path
    chosen_by: str
    departments: tuple[Path, ...]
    lexicons: tuple[Path, ...]
    backends: tuple[BackendSurvey, ...]
    state: Path
    key: Variable | None
    has_key: bool

    @property
    def audit(self) -> Path:
        """The directory of the audit log."""
        return self.state / AUDIT_DIRECTORY

    @property
    def signing_key(self) -> Path:
        """The file of the key pair that signs the audit log."""
        return self.state / SIGNING_KEY_FILE


def chosen_file(
    path: str | os.PathLike[str] | None = None, *, environment: Mapping[str, str] | None = None
) -> tuple[Path, str]:
    """Return the organisation's file and why it is this one, whether it exists or not."""
    variables = os.environ if environment is None else environment
    if path:
        return Path(path), "argument"
    named = variables.get(CONFIG_VARIABLE)
    return (Path(named), "variable") if named else (Path(DEFAULT_FILE), "default")


def survey(
    path: str | os.PathLike[str] | None = None, *, environment: Mapping[str, str] | None = None
) -> Survey:
    """Return what a configuration names.

    Raises:
        ConfigurationError: A file cannot be read, or has another shape.
    """
    variables = os.environ if environment is None else environment
    file, chosen_by = chosen_file(path, environment=variables)
    organisation, _ = read_file(file, shape=OrganisationFile, shown=file.name)
    departments = tuple(sorted((file.parent / DEPARTMENTS).glob("*.toml")))
    lexicons = list(organisation.detection.lexicons)
    for department in departments:
        shown = f"{DEPARTMENTS}/{department.name}"
        lexicons += read_file(department, shape=DepartmentConfig, shown=shown)[0].lexicons
    state = file.parent / organisation.state.directory
    key = _variable(organisation.state.key_env, variables)
    return Survey(
        file=file,
        chosen_by=chosen_by,
        departments=departments,
        lexicons=tuple(file.parent / name for name in dict.fromkeys(lexicons)),
        backends=tuple(
            _backend(name, backend, variables) for name, backend in organisation.backends.items()
        ),
        state=state,
        key=key,
        has_key=(state / KEY_FILE).is_file() if key is None else key.is_set,
    )


def audit_key(
    path: str | os.PathLike[str] | None = None, *, environment: Mapping[str, str] | None = None
) -> tuple[Path, bytes]:
    """Return the directory of the audit log and the key of its hashes. Never makes one.

    Raises:
        ConfigurationError: The configuration cannot be read, or there is no key.
    """
    variables = os.environ if environment is None else environment
    found = survey(path, environment=variables)
    if found.key is None and not found.has_key:
        raise ConfigurationError(
            f"holds no key file {KEY_FILE!r}, so nothing has been recorded here, or the key was "
            "lost; restore it from a backup",
            file=found.file.name,
            key="state.directory",
        )
    key_env = None if found.key is None else found.key.name
    key = load_key(found.state, key_env=key_env, environment=variables, file=found.file.name)
    return found.audit, derive(key, purpose="audit")


def _variable(name: str | None, environment: Mapping[str, str]) -> Variable | None:
    return None if name is None else Variable(name, bool(environment.get(name)))


def _backend(name: str, config: BackendConfig, environment: Mapping[str, str]) -> BackendSurvey:
    provider = PROVIDERS.get(config.provider)
    default = "" if provider is None else provider.base_url or ""
    return BackendSurvey(
        name=name,
        place=config.place,
        provider=config.provider,
        address=config.model_path or config.base_url or default,
        key=_variable(config.api_key_env, environment),
    )

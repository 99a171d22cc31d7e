"""The stores in the state directory: message memory and document fingerprints.

Answers: which store does this configuration mean, and with which key?
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from hybridllm.classify.fingerprint import FingerprintIndex
from hybridllm.classify.memory import SqliteMemory, VolatileMemory
from hybridllm.config.files import CONFIG_VARIABLE, DEFAULT_FILE, read_file
from hybridllm.config.schema import OrganisationFile
from hybridllm.config.state import derive, load_key
from hybridllm.policy.load import build_scale

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hybridllm.classify.memory import MessageMemory
    from hybridllm.config.schema import MemoryConfig
    from hybridllm.config.shared import SharedStore
    from hybridllm.labels import Scale

_DAY_S = 86_400.0


def open_memory(
    settings: MemoryConfig,
    *,
    scale: Scale,
    state: Path | None,
    key: bytes,
    shared: SharedStore | None = None,
) -> MessageMemory:
    """Return the memory of labelled messages.

    Args:
        settings: As configured.
        scale: Levels and compartments.
        state: The state directory; `None` to keep nothing outside this process.
        key: Of the installation.
        shared: The server that the settings name, if they name one.

    Raises:
        ConfigurationError: The file cannot be used, or the server's URL.
    """
    own_key = derive(key, purpose="memory")
    if state is None or not settings.persistent or settings.store == "volatile":
        return VolatileMemory(scale=scale, key=own_key, max_entries=settings.max_entries)
    if shared is not None:
        return shared.open_memory(settings, scale=scale, key=own_key)
    return SqliteMemory(
        state / "memory.sqlite",
        scale=scale,
        key=own_key,
        max_entries=settings.max_entries,
        max_age_s=settings.max_age_days * _DAY_S,
    )


def open_index(*, scale: Scale, state: Path, key: bytes) -> FingerprintIndex:
    """Return the index of labelled documents.

    Raises:
        ConfigurationError: The file cannot be used.
    """
    own_key = derive(key, purpose="fingerprints")
    return FingerprintIndex(state / "fingerprints.sqlite", scale=scale, key=own_key)


def open_fingerprint_index(
    path: str | os.PathLike[str] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
) -> FingerprintIndex:
    """Return the index of labelled documents of a configuration, to add to it.

    Args:
        path: The organisation's file; `None` as for the client.
        environment: Where to look up variables; `None` for the process's own.

    Raises:
        ConfigurationError: Something is wrong with the file or the state directory.
    """
    variables = os.environ if environment is None else environment
    file = Path(path or variables.get(CONFIG_VARIABLE) or DEFAULT_FILE)
    organisation, _ = read_file(file, shape=OrganisationFile, shown=file.name)
    scale = build_scale(organisation.labels, file=file.name)
    state = file.parent / organisation.state.directory
    key = load_key(state, key_env=organisation.state.key_env, environment=variables, file=file.name)
    return open_index(scale=scale, state=state, key=key)

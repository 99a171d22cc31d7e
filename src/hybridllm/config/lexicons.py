"""The lexicons that a configuration names, of whatever kind their files are.

Answers: which detector does this file mean, and with which key were its hashes made?
Not here: the kinds of files (`classify.lexicon`, `lexicon_query`, `lexicon_hashed`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hybridllm.classify.lexicon import LexiconDetector, load_lexicon
from hybridllm.classify.lexicon_hashed import (
    HashedLexiconDetector,
    hash_lexicon,
    is_hashed,
    load_hashed_lexicon,
)
from hybridllm.config.files import CONFIG_VARIABLE, DEFAULT_FILE, read_file
from hybridllm.config.schema import OrganisationFile
from hybridllm.config.state import KEY_FILE, derive, load_key
from hybridllm.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hybridllm.classify.detector import Detector
    from hybridllm.config.schema import StateConfig


@dataclass(frozen=True, slots=True, repr=False)
class HashedFile:
    """What `hybridllm lexicon hash` writes.

    Attributes:
        content: Of the file.
        terms: How many terms it stands for.
    """

    content: bytes
    terms: int


def open_lexicon(
    path: Path, *, state: StateConfig, folder: Path, environment: Mapping[str, str], file: str
) -> Detector:
    """Return the detector for one file.

    Args:
        path: The lexicon.
        state: Where the key of hashes is; looked up only for a hashed lexicon.
        folder: Where the state directory's path starts.
        environment: Where variables are looked up.
        file: Configuration file, for errors.

    Raises:
        ConfigurationError: The file cannot be used, or its key is not here.
    """
    if not is_hashed(path):
        return LexiconDetector(load_lexicon(path, environment=environment))
    directory = folder / state.directory
    if state.key_env is None and not (directory / KEY_FILE).is_file():
        raise ConfigurationError(
            f"holds no key file {KEY_FILE!r}, and {path.name!r} is hashed with a key; restore "
            "it from a backup, or hash the list again here",
            file=file,
            key="state.directory",
        )
    key = load_key(directory, key_env=state.key_env, environment=environment, file=file)
    return HashedLexiconDetector(load_hashed_lexicon(path, key=lexicon_key(key)))


def lexicon_key(key: bytes) -> bytes:
    """Return the key of hashed lexicons of an installation."""
    return derive(key, purpose="lexicon")


def hash_lexicon_file(
    source: str | Path,
    *,
    config: str | os.PathLike[str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> HashedFile:
    """Return a lexicon as hashes with the key of a configuration; make the key if there is none.

    Args:
        source: A CSV file, or a TOML file that names a query.
        config: The organisation's file; `None` as for the client.
        environment: Where variables are looked up; `None` for the process's own.

    Raises:
        ConfigurationError: A file is wrong.
    """
    variables = os.environ if environment is None else environment
    file = Path(config or variables.get(CONFIG_VARIABLE) or DEFAULT_FILE)
    organisation, _ = read_file(file, shape=OrganisationFile, shown=file.name)
    lexicon = load_lexicon(source, environment=variables)
    key = load_key(
        file.parent / organisation.state.directory,
        key_env=organisation.state.key_env,
        environment=variables,
        file=file.name,
    )
    try:
        content = hash_lexicon(lexicon, key=lexicon_key(key))
    except ConfigurationError as error:
        raise ConfigurationError(str(error), file=str(source)) from None
    return HashedFile(content, len(lexicon.terms))

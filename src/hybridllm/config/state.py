"""The state directory: the secret key of an installation.

Answers: where is the key that keyed hashes use, and who may read it?
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from hashlib import blake2b
from typing import TYPE_CHECKING

from hybridllm.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KEY_FILE = "key"
_MIN_KEY_CHARACTERS = 32


def load_key(
    directory: Path, *, key_env: str | None, environment: Mapping[str, str], file: str
) -> bytes:
    """Return the secret of this installation, 32 bytes; make one at first use.

    Args:
        directory: The state directory.
        key_env: Variable that holds the secret, for several machines that share state.
        environment: Where to look it up.
        file: Configuration file, for errors.

    Raises:
        ConfigurationError: The variable is missing or short, or the file cannot be used.
    """
    if key_env is not None:
        text = environment.get(key_env, "")
        if len(text) < _MIN_KEY_CHARACTERS:
            raise ConfigurationError(
                f"the variable {key_env} is not set, or has fewer than "
                f"{_MIN_KEY_CHARACTERS} characters. Make one with: "
                'python -c "import secrets; print(secrets.token_hex(32))"',
                file=file,
                key="state.key_env",
            )
        return blake2b(text.encode(), digest_size=32, person=b"hybridllm key").digest()
    return _key_file(directory, file=file)


def derive(key: bytes, *, purpose: str) -> bytes:
    """Return a key for one purpose, so that no two parts share one. 32 bytes."""
    return blake2b(purpose.encode(), key=key, digest_size=32).digest()


def _key_file(directory: Path, *, file: str) -> bytes:
    path = directory / KEY_FILE
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            _write_key(path)
        return _read_key(path, file=file)
    except OSError as error:
        raise ConfigurationError(
            f"the directory cannot be used: {error.strerror}", file=file, key="state.directory"
        ) from None


def _write_key(path: Path) -> None:
    """Make the key file whole at once: of several processes that start together one wins."""
    draft = path.with_name(f"{KEY_FILE}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(32))
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()


def _read_key(path: Path, *, file: str) -> bytes:
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except ValueError:
        key = b""
    if len(key) != 32:
        raise ConfigurationError(
            f"the key file {path.name!r} in it is damaged; restore it from a backup. "
            "Without it the audit log cannot be verified",
            file=file,
            key="state.directory",
        )
    return key

"""Names of adapters, their versions and their aliases.

Answers: what may an adapter be called, and what is its version called?

A version is `name@sha12`: the name and the first 12 digits of the SHA-256 of its content.
Engines key their caches by name and path and not by content (vllm#42125), so both must
change when the bytes do. Names work as folders on every system: lower case only, and none
of the devices of Windows.
Source: Microsoft, "Naming Files, Paths, and Namespaces" (reserved names).
"""

from __future__ import annotations

import re
from typing import Final

from hybridllm.errors import ConfigurationError

VERSION_DIGITS: Final = 12

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}", re.ASCII)
_VERSION = re.compile(r"([a-z0-9][a-z0-9-]{0,63})@([0-9a-f]{12})", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_DEVICES: Final = frozenset(
    {"con", "prn", "aux", "nul"}
    | {f"{port}{number}" for port in ("com", "lpt") for number in range(10)}
)


def is_name(text: object) -> bool:
    """Say whether an adapter or an alias may be called this."""
    return isinstance(text, str) and bool(_NAME.fullmatch(text)) and text not in _DEVICES


def is_version(text: object) -> bool:
    """Say whether this is the name of a version: `name@sha12`."""
    found = _VERSION.fullmatch(text) if isinstance(text, str) else None
    return found is not None and found[1] not in _DEVICES


def is_sha256(text: object) -> bool:
    """Say whether this is a SHA-256 in lower-case hexadecimal."""
    return isinstance(text, str) and bool(_SHA256.fullmatch(text))


def version_of(name: str, *, content_sha256: str) -> str:
    """Return the name of a version.

    Raises:
        ConfigurationError: The adapter may not be called this.
    """
    return f"{checked_name(name)}@{content_sha256[:VERSION_DIGITS]}"


def checked_name(name: str) -> str:
    """Return the name of an adapter or alias if it may be called this.

    Raises:
        ConfigurationError: It may not.
    """
    if is_name(name):
        return name
    why = "is a device of Windows" if name in _DEVICES else "is not allowed"
    raise ConfigurationError(
        f"the name {why}; use 1 to 64 lower-case letters, digits and '-', "
        "and begin with a letter or digit"
    )

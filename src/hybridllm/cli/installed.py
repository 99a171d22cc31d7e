"""What is installed: this package, what it builds on, and its extras.

Answers: which versions are here, and which optional parts are missing?
Not here: whether they work.

Source: the metadata of the installed package, so that nothing is listed twice.
"""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Final

from hybridllm._version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable

_PACKAGE: Final = "hybridllm"
_REQUIRED: Final = ("openai", "httpx2", "httpcore2", "pydantic", "anyio", "rich")
_NAME: Final = re.compile(r"[A-Za-z0-9._\-]+")
_EXTRA: Final = re.compile(r"extra\s*==\s*['\"]([A-Za-z0-9._\-]+)['\"]")


@dataclass(frozen=True, slots=True)
class Extra:
    """An optional part of the package.

    Attributes:
        name: As in `pip install 'hybridllm[name]'`.
        missing: Packages that it needs and that are not here.
    """

    name: str
    missing: tuple[str, ...]

    @property
    def command(self) -> str:
        """What installs it."""
        return f"pip install 'hybridllm[{self.name}]'"


def versions() -> dict[str, str]:
    """Return the version of Python, of this package and of what it builds on."""
    found = {"python": platform.python_version(), "hybridllm": __version__}
    return found | {name: _version(name) or "missing" for name in _REQUIRED}


def requirements() -> list[str] | None:
    """Return what the installed package asks for; `None` if it runs from a source folder."""
    try:
        return metadata.requires(_PACKAGE) or []
    except metadata.PackageNotFoundError:
        return None


def extras(requirements: Iterable[str]) -> list[Extra]:
    """Return every extra of these requirements, with what it lacks here."""
    missing: dict[str, list[str]] = {}
    for requirement in requirements:
        name, extra = _NAME.match(requirement), _EXTRA.search(requirement)
        if name is None or extra is None:
            continue
        lacking = missing.setdefault(extra[1], [])
        if _version(name[0]) is None:
            lacking.append(name[0])
    return [Extra(name, tuple(lacking)) for name, lacking in sorted(missing.items())]


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None

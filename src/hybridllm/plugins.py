"""Plug-ins: entry points that the configuration names, and only those.

Answers: which code of somebody else takes part, and is it what it says?
Not here: what it is used for.

Installed packages that the configuration does not name are not even imported.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from hybridllm.classify.detector import Detector
from hybridllm.errors import ConfigurationError, expected_one_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

DETECTORS = "hybridllm.detectors"
"""Entry point group: each one is called without arguments and returns a `Detector`."""

DIRECTORIES = "hybridllm.directories"
"""Entry point group: each one is called without arguments and returns a function that returns
the departments of a principal."""


def load_detectors(names: Iterable[str], *, file: str) -> tuple[Detector, ...]:
    """Return the detectors that these entry points make.

    Args:
        names: As in the configuration.
        file: Configuration file, for errors.

    Raises:
        ConfigurationError: One is not installed, installed twice, or no detector.
    """
    return tuple(_load(name, position, file=file) for position, name in enumerate(names))


def load_directory(name: str, *, file: str) -> Callable[[str], Iterable[str]]:
    """Return the directory that an entry point makes.

    Raises:
        ConfigurationError: It is not installed, installed twice, or cannot be called.
    """
    key = "identity.directory"
    made = _make(name, group=DIRECTORIES, file=file, key=key)
    if not callable(made):
        raise ConfigurationError(f"{name!r} cannot be called", file=file, key=key)
    directory: Callable[[str], Iterable[str]] = made
    return directory


def _load(name: str, position: int, *, file: str) -> Detector:
    key = f"detection.plugins[{position}]"
    detector = _make(name, group=DETECTORS, file=file, key=key)
    if not isinstance(detector, Detector):
        raise ConfigurationError(f"{name!r} is no detector", file=file, key=key)
    return detector


def _make(name: str, *, group: str, file: str, key: str) -> object:
    installed = entry_points(group=group)
    found = [point for point in installed if point.name == name]
    if not found:
        text = expected_one_of(name, allowed={point.name for point in installed})
        raise ConfigurationError(f"{text} Install the package that brings it", file=file, key=key)
    if len(found) > 1:
        packages = ", ".join(sorted(point.value for point in found))
        raise ConfigurationError(f"{name!r} is installed twice: {packages}", file=file, key=key)
    try:
        made: object = found[0].load()()
    except Exception as error:  # a boundary: somebody else's code; the start fails
        kind = type(error).__name__
        raise ConfigurationError(f"{name!r} cannot be made: {kind}", file=file, key=key) from error
    return made

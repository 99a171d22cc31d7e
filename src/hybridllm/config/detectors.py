"""The detectors that a configuration names.

Answers: what reads the requests of this organisation?
Not here: the detectors (`classify`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from hybridllm.classify.detectors import builtin_detectors
from hybridllm.classify.detectors.references import ShapeDetector
from hybridllm.classify.detectors.rule_files import KeyRulesDetector, load_key_rules
from hybridllm.classify.guarded import GuardedDetector
from hybridllm.classify.semantic import load_detector
from hybridllm.config.files import DEPARTMENTS
from hybridllm.config.lexicons import open_lexicon
from hybridllm.errors import ConfigurationError
from hybridllm.plugins import load_detectors

if TYPE_CHECKING:
    from pathlib import Path

    from hybridllm.classify.detector import Detector
    from hybridllm.config.sources import Sources


def build_detectors(
    sources: Sources, *, environment: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Detector]:
    """Yield the built-in detectors, then those that the files name.

    Args:
        sources: All files of the configuration.
        environment: Where a lexicon's key or database is looked up.

    Raises:
        ConfigurationError: A file does not exist or cannot be used, or a plug-in is no detector.
    """
    settings = sources.organisation.detection
    yield from builtin_detectors()
    if settings.shapes:
        yield _shapes(settings.shapes, file=sources.shown)
    for position, name in enumerate(settings.key_rules):
        key = f"detection.key_rules[{position}]"
        path = _existing(name, sources=sources, file=sources.shown, key=key)
        yield GuardedDetector(
            KeyRulesDetector(load_key_rules(path)), timeout_s=settings.plugin_timeout_s
        )
    for position, name in enumerate(settings.semantic):
        key = f"detection.semantic[{position}]"
        path = _existing(name, sources=sources, file=sources.shown, key=key)
        # Models that need another embedder come as a plug-in: no file names code to run.
        yield load_detector(path, timeout_s=settings.plugin_timeout_s, file=sources.shown)
    for detector in load_detectors(settings.plugins, file=sources.shown):
        yield GuardedDetector(detector, timeout_s=settings.plugin_timeout_s)
    yield from _lexicons(
        settings.lexicons,
        sources=sources,
        environment=environment,
        file=sources.shown,
        key="detection.lexicons",
    )
    for department, config in sources.departments.items():
        file = f"{DEPARTMENTS}/{department}.toml"
        yield from _lexicons(
            config.lexicons, sources=sources, environment=environment, file=file, key="lexicons"
        )


def _lexicons(
    names: Iterable[str],
    *,
    sources: Sources,
    environment: Mapping[str, str],
    file: str,
    key: str,
) -> Iterator[Detector]:
    for position, name in enumerate(names):
        path = _existing(name, sources=sources, file=file, key=f"{key}[{position}]")
        yield open_lexicon(
            path,
            state=sources.organisation.state,
            folder=sources.file.parent,
            environment=environment,
            file=sources.shown,
        )


def _shapes(shapes: Mapping[str, str], *, file: str) -> ShapeDetector:
    for name, shape in shapes.items():
        try:
            ShapeDetector({name: shape})
        except ConfigurationError as error:
            key = f"detection.shapes.{name}"
            raise ConfigurationError(str(error), file=file, key=key) from None
    return ShapeDetector(shapes)


def _existing(name: str, *, sources: Sources, file: str, key: str) -> Path:
    path = sources.file.parent / name
    if not path.is_file():
        raise ConfigurationError(
            f"names {name!r}, which does not exist. Give the path of a file", file=file, key=key
        )
    return path

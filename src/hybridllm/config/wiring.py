"""From files to a running client: everything is read, checked and put together here.

Answers: which policy, detectors, backends and log does this configuration mean?
Not here: reading files (`config.files`), single backends (`config.backends`).

Any mistake stops the start. Nothing is skipped, and nothing is half started.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from hybridllm.classify.cache import VerdictCache
from hybridllm.classify.classifier import Classifier
from hybridllm.classify.fingerprint import FingerprintDetector
from hybridllm.config.audit_log import build_audit_log
from hybridllm.config.backends import BuiltBackend, build_backend
from hybridllm.config.budgets import build_budgets
from hybridllm.config.detectors import build_detectors
from hybridllm.config.files import CONFIG_VARIABLE, DEFAULT_FILE, DEPARTMENTS
from hybridllm.config.fleet import build_fleet
from hybridllm.config.judge import build_judge
from hybridllm.config.schema import OrganisationFile
from hybridllm.config.shared import shared_store
from hybridllm.config.sources import Sources, read_sources
from hybridllm.config.state import derive, load_key
from hybridllm.config.stores import open_index, open_memory
from hybridllm.policy.aliases import build_aliases
from hybridllm.policy.load import (
    Names,
    build_department,
    build_findings,
    build_label,
    build_rules,
    build_scale,
    check_department,
    require,
)
from hybridllm.policy.model import Department, Policy
from hybridllm.runtime import Limits, Runtime

if TYPE_CHECKING:
    from hybridllm.audit.log import AuditSink
    from hybridllm.augment import Library
    from hybridllm.classify.detector import Detector
    from hybridllm.classify.fingerprint import FingerprintIndex
    from hybridllm.classify.memory import MessageMemory
    from hybridllm.labels import Scale
    from hybridllm.types import Place
    from hybridllm.wire import Backend


@dataclass(frozen=True, slots=True)
class Wiring:
    """A configuration, put together.

    Attributes:
        runtime: What flows work with.
        file: The organisation's file.
        config: What stands in it.
        memory: The memory of labelled messages.
        index: The fingerprints of labelled documents.
    """

    runtime: Runtime
    file: Path
    config: OrganisationFile
    memory: MessageMemory
    index: FingerprintIndex | None

    def close_stores(self) -> None:
        """Close the memory, the index, the budgets and the audit log."""
        self.memory.close()
        if self.runtime.budgets is not None:
            self.runtime.budgets.close()
        for library in self.runtime.libraries.values():
            library.store.close()
        if self.index is not None:
            self.index.close()
        self.runtime.audit.close()

    def __repr__(self) -> str:
        return f"Wiring({self.file.name!r})"


@dataclass(frozen=True, slots=True)
class Fakes:
    """What a test puts in the place of everything outside the process.

    No key is looked up, no real backend is built, and the state directory is
    neither made nor read, but for the key of a hashed lexicon. Everything else is
    checked and decided as usual.

    Attributes:
        backend: Returns the backend for a name and a place.
        audit: Where records go.
    """

    backend: Callable[[str, Place], Backend]
    audit: AuditSink


def open_config(
    path: str | os.PathLike[str] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    fakes: Fakes | None = None,
) -> Wiring:
    """Read a configuration and put everything together.

    Args:
        path: The organisation's file; `None` for `hybridllm.toml` in the current
            directory, or the one that the variable `HYBRIDLLM_CONFIG` names.
        environment: Where to look up variables; `None` for the process's own.
        fakes: For tests: what stands in for backends and the audit log.

    Raises:
        ConfigurationError: Something is wrong; the message says where and what to do.
        MissingExtraError: A backend needs a part that is not installed.
    """
    variables = os.environ if environment is None else environment
    sources = read_sources(Path(path or variables.get(CONFIG_VARIABLE) or DEFAULT_FILE))
    scale = build_scale(sources.organisation.labels, file=sources.shown)
    built = _backends(sources, scale=scale, environment=variables, fakes=fakes)
    detectors = _detectors(sources, environment=variables, backends=built, is_fake=bool(fakes))
    policy = _policy(sources, scale=scale, detectors=detectors, backends=built)
    state = sources.file.parent / sources.organisation.state.directory
    key = bytes(32) if fakes else _key(sources, state=state, environment=variables)
    budgets = build_budgets(sources, state=None if fakes else state, key=key)
    detection = sources.organisation.detection
    shared = shared_store(sources, environment=None if fakes else variables)
    memory = open_memory(
        detection.memory, scale=scale, state=None if fakes else state, key=key, shared=shared
    )
    index = None
    if detection.fingerprints.enabled and not fakes:
        index = open_index(scale=scale, state=state, key=key)
    runtime = Runtime(
        policy=policy,
        classifier=Classifier(
            detectors,
            memory=memory,
            documents=None if index is None else FingerprintDetector(index),
            cache=VerdictCache(),
            timeout_s=detection.timeout_s,
            may_wait=shared is not None or detection.judge is not None,
        ),
        backends={name: item.backend for name, item in built.items()},
        defaults={name: item.defaults for name, item in built.items()},
        audit=fakes.audit
        if fakes
        else build_audit_log(sources, state=state, key=derive(key, purpose="audit"), scale=scale),
        key=derive(key, purpose="bodies"),
        limits=Limits(**sources.organisation.limits.model_dump()),
        default_department=_default_department(sources),
        clock=time.monotonic,
        random=Random(),  # noqa: S311 - it spreads pauses and calls, and keeps no secret
        fleet=build_fleet(sources.organisation.backends),
        budgets=budgets,
        libraries={} if fakes else _libraries(sources, scale=scale, state=state),
    )
    return Wiring(runtime, sources.file, sources.organisation, memory, index)


def _key(sources: Sources, *, state: Path, environment: Mapping[str, str]) -> bytes:
    key_env = sources.organisation.state.key_env
    return load_key(state, key_env=key_env, environment=environment, file=sources.shown)


def _backends(
    sources: Sources, *, scale: Scale, environment: Mapping[str, str], fakes: Fakes | None
) -> dict[str, BuiltBackend]:
    return {
        name: build_backend(
            name,
            config=config,
            scale=scale,
            environment=environment,
            file=sources.shown,
            folder=sources.file.parent,
            stand_in=fakes.backend if fakes else None,
        )
        for name, config in sources.organisation.backends.items()
    }


def _detectors(
    sources: Sources,
    *,
    environment: Mapping[str, str],
    backends: Mapping[str, BuiltBackend],
    is_fake: bool,
) -> tuple[Detector, ...]:
    found = tuple(build_detectors(sources, environment=environment))
    judge = sources.organisation.detection.judge
    if judge is None:
        return found
    real = {name: item.backend for name, item in backends.items()}
    return (*found, build_judge(judge, backends=real, file=sources.shown, is_fake=is_fake))


def _libraries(sources: Sources, *, scale: Scale, state: Path) -> dict[str, Library]:
    if not sources.organisation.vector_stores:
        return {}
    from hybridllm.config.vector_stores import build_libraries

    return build_libraries(sources, scale=scale, state=state)


def _policy(
    sources: Sources,
    *,
    scale: Scale,
    detectors: tuple[Detector, ...],
    backends: Mapping[str, BuiltBackend],
) -> Policy:
    organisation, file = sources.organisation, sources.shown
    names = Names(
        scale=scale,
        backends=frozenset(backends),
        models=frozenset(organisation.models),
        departments=frozenset(sources.departments),
        kinds=frozenset().union(*(detector.kinds for detector in detectors)),
    )
    destinations = {name: item.destination for name, item in backends.items()}
    policy = Policy(
        scale=scale,
        default=build_label(scale, organisation.labels.default, file=file, key="labels.default"),
        finding_labels=build_findings(organisation.findings, names=names, file=file),
        destinations=destinations,
        aliases=build_aliases(organisation.models, destinations=destinations, file=file),
        rules=build_rules(organisation.rules, names=names, file=file),
        digest=sources.digest,
    )
    departments = dict(_departments(sources, policy=policy, names=names))
    return replace(policy, departments=departments)


def _departments(
    sources: Sources, *, policy: Policy, names: Names
) -> Iterator[tuple[str, Department]]:
    for name, config in sources.departments.items():
        shown = f"{DEPARTMENTS}/{name}.toml"
        department = build_department(name, config, names=names, floor=policy.default, file=shown)
        check_department(policy, department=department, file=shown)
        yield name, department
    if not sources.departments:
        yield "default", Department("default", default=policy.default)


def _default_department(sources: Sources) -> str:
    """Return the department of callers that name none; empty if they must name one."""
    named = sources.organisation.organisation.default_department
    known = list(sources.departments) or ["default"]
    if named is not None:
        key = "organisation.default_department"
        require(named, allowed=known, file=sources.shown, key=key)
        return named
    return known[0] if len(known) == 1 else ""

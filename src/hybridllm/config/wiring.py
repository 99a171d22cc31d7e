"""From files to what they decide: everything is read, checked and put together here.

Answers: which policy, detectors and backends does this configuration mean?
Not here: reading files (`config.files`), single backends (`config.backends`), the stores
and the log of a client (`config.start`).

Any mistake stops the start. Nothing is skipped, and nothing is half started.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from hybridllm.classify.cache import VerdictCache
from hybridllm.config.backends import BuiltBackend, build_backend
from hybridllm.config.detectors import build_detectors
from hybridllm.config.files import DEPARTMENTS
from hybridllm.config.fleet import build_fleet
from hybridllm.config.identity import Directory, bound_identity, build_holds
from hybridllm.config.judge import build_judge
from hybridllm.config.revision import check_revision, highest_revision
from hybridllm.config.signatures import TrustedKey, check_signatures
from hybridllm.config.sources import Sources, changed, read_sources
from hybridllm.config.trials import build_trials
from hybridllm.errors import ConfigurationError
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
from hybridllm.types import Identity

if TYPE_CHECKING:
    from hybridllm.audit.log import AuditSink
    from hybridllm.classify.detector import Detector
    from hybridllm.labels import Scale
    from hybridllm.policy.trial import Trial
    from hybridllm.types import Place
    from hybridllm.wire import Backend

_MOST_READINGS = 3
"""How often files that change while they are read are read again."""


@dataclass(frozen=True, slots=True, repr=False)
class Opening:
    """With what a configuration was opened, to open it again.

    Attributes:
        environment: Where variables are looked up.
        fakes: For tests.
        keys: Who may sign its files; empty if nobody must.
        directory: Of the program, for departments of a principal.
    """

    environment: Mapping[str, str]
    fakes: Fakes | None
    keys: tuple[TrustedKey, ...]
    directory: Directory | None


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


@dataclass(frozen=True, slots=True, repr=False)
class Decided:
    """What the files decide: all that may change while a client lives, and is changed at once.

    Attributes:
        sources: The files.
        policy: What is in force.
        trials: What decides beside it and changes nothing.
        detectors: What reads requests.
        built: Backends by name.
        holds: Whether an identity may act for its department.
        default_department: For callers that name none; empty if they must name one.
    """

    sources: Sources
    policy: Policy
    trials: tuple[Trial, ...]
    detectors: tuple[Detector, ...]
    built: Mapping[str, BuiltBackend]
    holds: Callable[[Identity], bool] | None
    default_department: str

    def put_into(self, runtime: Runtime) -> Runtime:
        """Return a runtime with all of this, over the same stores and log."""
        organisation = self.sources.organisation
        classifier = replace(
            runtime.classifier,
            detectors=self.detectors,
            cache=VerdictCache(),  # verdicts of other detectors are none of these
            timeout_s=organisation.detection.timeout_s,
            may_wait=runtime.classifier.may_wait or organisation.detection.judge is not None,
        )
        return replace(
            runtime,
            policy=self.policy,
            classifier=classifier,
            backends={name: item.backend for name, item in self.built.items()},
            defaults={name: item.defaults for name, item in self.built.items()},
            limits=Limits(**organisation.limits.model_dump()),
            default_department=self.default_department,
            fleet=runtime.fleet.joined_by(build_fleet(organisation.backends)),
            trials=self.trials,
            holds=self.holds,
        )


def read_decided(
    path: Path,
    *,
    opening: Opening,
    allow_older: bool = False,
    accept: Callable[[Sources], None] | None = None,
    kept: Mapping[str, Backend] | None = None,
) -> Decided:
    """Read all files and put together what they decide, from one state of the files.

    Args:
        path: The organisation's file.
        opening: With what it is opened.
        allow_older: Also accept a revision that has fallen.
        accept: Raises for files that a running client cannot go over to.
        kept: Backends that stay as they are, by name.

    Raises:
        ConfigurationError: Something is wrong, or the files change all the time.
    """
    for _ in range(_MOST_READINGS):
        sources = read_sources(path)
        check_signatures(sources, keys=opening.keys)
        if not opening.fakes:
            check_revision(
                sources.organisation.revision,
                highest=highest_revision(state_of(sources), file=sources.shown),
                file=sources.shown,
                environment=opening.environment,
                allow_older=allow_older,
            )
        if accept is not None:
            accept(sources)
        decided = _decided(sources, opening=opening, kept=kept or {})
        if not changed(sources):
            return decided
    raise ConfigurationError(
        "or a file that belongs to it changes while it is read. Write whole files beside them "
        "and rename them into place",
        file=path.name,
    )


def state_of(sources: Sources) -> Path:
    """Return the state directory of a configuration."""
    return sources.file.parent / sources.organisation.state.directory


def _decided(sources: Sources, *, opening: Opening, kept: Mapping[str, Backend]) -> Decided:
    variables, fakes = opening.environment, opening.fakes
    scale = build_scale(sources.organisation.labels, file=sources.shown)
    built = _backends(sources, scale=scale, environment=variables, fakes=fakes, kept=kept)
    detectors = _detectors(sources, environment=variables, backends=built, is_fake=bool(fakes))
    policy = _policy(sources, scale=scale, detectors=detectors, backends=built)

    def reported() -> Policy:
        return _policy(sources, scale=scale, detectors=detectors, backends=built, reported=True)

    def other(shadow: Sources) -> Policy:
        return _policy_alone(shadow, environment=variables)

    return Decided(
        sources,
        policy,
        build_trials(sources, reported=reported, other=other),
        detectors,
        built,
        build_holds(
            sources,
            bound=bound_identity(variables),
            known=policy.departments,
            directory=opening.directory,
        ),
        _default_department(sources),
    )


def _policy_alone(sources: Sources, *, environment: Mapping[str, str]) -> Policy:
    """Return what files say, with backends that only have a name."""
    scale = build_scale(sources.organisation.labels, file=sources.shown)
    nobody = Fakes(
        backend=lambda _name, _place: cast("Backend", None), audit=cast("AuditSink", None)
    )
    built = _backends(sources, scale=scale, environment=environment, fakes=nobody, kept={})
    detectors = _detectors(sources, environment=environment, backends=built, is_fake=True)
    return _policy(sources, scale=scale, detectors=detectors, backends=built)


def _backends(
    sources: Sources,
    *,
    scale: Scale,
    environment: Mapping[str, str],
    fakes: Fakes | None,
    kept: Mapping[str, Backend],
) -> dict[str, BuiltBackend]:
    def stand_in(name: str) -> Callable[[str, Place], Backend] | None:
        if name in kept:
            return lambda name, _place: kept[name]
        return fakes.backend if fakes else None

    return {
        name: build_backend(
            name,
            config=config,
            scale=scale,
            environment=environment,
            file=sources.shown,
            folder=sources.file.parent,
            stand_in=stand_in(name),
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


def _policy(
    sources: Sources,
    *,
    scale: Scale,
    detectors: tuple[Detector, ...],
    backends: Mapping[str, BuiltBackend],
    reported: bool = False,
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
        rules=build_rules(organisation.rules, names=names, file=file, reported=reported),
        digest=sources.digest,
    )
    departments = dict(_departments(sources, policy=policy, names=names, reported=reported))
    return replace(policy, departments=departments)


def _departments(
    sources: Sources, *, policy: Policy, names: Names, reported: bool
) -> Iterator[tuple[str, Department]]:
    for name, config in sources.departments.items():
        shown = f"{DEPARTMENTS}/{name}.toml"
        department = build_department(
            name, config, names=names, floor=policy.default, file=shown, reported=reported
        )
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

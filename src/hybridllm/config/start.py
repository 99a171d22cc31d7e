"""From files to a running client: what they decide, and the stores and the log around it.

Answers: which parts does a client consist of?
Not here: what the files decide (`config.wiring`), exchanging it later (`config.reload`).

Any mistake stops the start. Nothing is skipped, and nothing is half started.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from hybridllm.classify.classifier import Classifier
from hybridllm.classify.fingerprint import FingerprintDetector
from hybridllm.config.audit_log import build_audit_log
from hybridllm.config.budgets import build_budgets
from hybridllm.config.files import CONFIG_VARIABLE, DEFAULT_FILE
from hybridllm.config.identity import bound_identity
from hybridllm.config.shared import shared_store
from hybridllm.config.signatures import read_trusted_keys
from hybridllm.config.state import derive, load_key
from hybridllm.config.stores import open_index, open_memory
from hybridllm.config.wiring import Opening, read_decided, state_of
from hybridllm.runtime import Limits, Runtime

if TYPE_CHECKING:
    from hybridllm.audit.log import AuditSink
    from hybridllm.augment import Library
    from hybridllm.classify.fingerprint import FingerprintIndex
    from hybridllm.classify.memory import MessageMemory
    from hybridllm.config.identity import Directory
    from hybridllm.config.schema import OrganisationFile
    from hybridllm.config.sources import Sources
    from hybridllm.config.wiring import Fakes
    from hybridllm.labels import Scale
    from hybridllm.types import Identity


@dataclass(frozen=True, slots=True)
class Wiring:
    """A configuration, put together.

    Attributes:
        runtime: What flows work with.
        file: The organisation's file.
        config: What stands in it.
        memory: The memory of labelled messages.
        index: The fingerprints of labelled documents.
        identity: What the environment says of every caller.
        sources: The files as they were read.
        opening: With what they were opened.
    """

    runtime: Runtime
    file: Path
    config: OrganisationFile
    memory: MessageMemory
    index: FingerprintIndex | None
    identity: Identity
    sources: Sources
    opening: Opening

    @property
    def state(self) -> Path:
        """The state directory."""
        return state_of(self.sources)

    def close_stores(self) -> None:
        """Close the memory, the index, the budgets, the documents and the audit log."""
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


def open_config(
    path: str | os.PathLike[str] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    fakes: Fakes | None = None,
    trusted_keys: Sequence[str | os.PathLike[str]] | None = None,
    directory: Directory | None = None,
) -> Wiring:
    """Read a configuration and put everything together.

    Args:
        path: The organisation's file; `None` for `hybridllm.toml` in the current
            directory, or the one that the variable `HYBRIDLLM_CONFIG` names.
        environment: Where to look up variables; `None` for the process's own.
        fakes: For tests: what stands in for backends and the audit log. Then nothing has
            to be signed, and no revision is compared.
        trusted_keys: Files of public keys, one of which must have signed each file; `None`
            for those that the environment names.
        directory: Returns the departments that a principal holds.

    Raises:
        ConfigurationError: Something is wrong; the message says where and what to do.
        MissingExtraError: A backend needs a part that is not installed.
    """
    variables = os.environ if environment is None else environment
    keys = () if fakes else read_trusted_keys(trusted_keys, environment=variables)
    opening = Opening(variables, fakes, keys, directory)
    # Absolute: a program that changes its directory must not reload another one's files.
    path = Path(path or variables.get(CONFIG_VARIABLE) or DEFAULT_FILE).absolute()
    decided = read_decided(path, opening=opening)
    sources, scale = decided.sources, decided.policy.scale
    state = state_of(sources)
    key = bytes(32) if fakes else _key(sources, state=state, environment=variables)
    shared = shared_store(sources, environment=None if fakes else variables)
    settings = sources.organisation.detection.memory
    kept_in = None if fakes else state
    memory = open_memory(settings, scale=scale, state=kept_in, key=key, shared=shared)
    uses_index = sources.organisation.detection.fingerprints.enabled and not fakes
    index = open_index(scale=scale, state=state, key=key) if uses_index else None
    runtime = decided.put_into(
        Runtime(
            policy=decided.policy,
            classifier=Classifier(
                (),
                memory=memory,
                documents=None if index is None else FingerprintDetector(index),
                may_wait=shared is not None,
            ),
            backends={},
            defaults={},
            audit=fakes.audit if fakes else _audit(sources, state=state, key=key, scale=scale),
            key=derive(key, purpose="bodies"),
            limits=Limits(),
            default_department="",
            clock=time.monotonic,
            random=Random(),  # noqa: S311 - it spreads pauses and calls, and keeps no secret
            budgets=build_budgets(sources, state=kept_in, key=key),
            libraries={} if fakes else _libraries(sources, scale=scale, state=state),
        )
    )
    who = bound_identity(variables)
    return Wiring(runtime, path, sources.organisation, memory, index, who, sources, opening)


def _audit(sources: Sources, *, state: Path, key: bytes, scale: Scale) -> AuditSink:
    return build_audit_log(sources, state=state, key=derive(key, purpose="audit"), scale=scale)


def _libraries(sources: Sources, *, scale: Scale, state: Path) -> dict[str, Library]:
    if not sources.organisation.vector_stores:
        return {}
    from hybridllm.config.vector_stores import build_libraries

    return build_libraries(sources, scale=scale, state=state)


def _key(sources: Sources, *, state: Path, environment: Mapping[str, str]) -> bytes:
    key_env = sources.organisation.state.key_env
    return load_key(state, key_env=key_env, environment=environment, file=sources.shown)

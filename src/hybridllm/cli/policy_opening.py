"""Policies for the tools: read from files, and able to decide without keys or backends.

Answers: what do the files of this organisation say, what can be found, which tests stand
in them, and what would become of a request?
Not here: the tools (`hybridllm.policy.tools`), showing what they found.

Everything is read and decided as a start does it, with three differences: no backend is
built, so no key is needed and nothing can be sent; the state directory is left alone, so
texts that were remembered and documents that were fingerprinted play no part; and nobody is
asked who holds a department, or who signed the files: they may be a proposal.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hybridllm import flow
from hybridllm.config import Fakes, open_config
from hybridllm.config.files import DEFAULT_FILE, DEPARTMENTS
from hybridllm.config.sources import Sources, read_sources
from hybridllm.config.survey import chosen_file
from hybridllm.policy.expectations import PolicyTest, build_tests
from hybridllm.policy.load import Names
from hybridllm.testing import EchoBackend, RecordingSink

if TYPE_CHECKING:
    from hybridllm.policy.model import Policy
    from hybridllm.policy.tools import Decide
    from hybridllm.runtime import Runtime

decide: Decide = flow.decide  # type: ignore[attr-defined]
"""The decision that the flow makes for each request; the tools are handed it."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A configuration that decides and sends nothing.

    Attributes:
        runtime: What the flow works with.
        sources: The files.
        kinds: Every kind that the detectors can report.
        tests: The tests of all files.
    """

    runtime: Runtime
    sources: Sources
    kinds: frozenset[str]
    tests: tuple[PolicyTest, ...]

    @property
    def policy(self) -> Policy:
        """The policy of all files together."""
        return self.runtime.policy

    @property
    def folder(self) -> Path:
        """Where relative paths start."""
        return self.sources.file.parent


def open_policy(path: str | None) -> Opened:
    """Read a configuration so that it decides and sends nothing.

    Args:
        path: The organisation's file, or the folder that it is in; `None` as for the client.

    Raises:
        ConfigurationError: Something in the files is wrong.
    """
    file, _ = chosen_file(path)
    if file.is_dir():
        file /= DEFAULT_FILE
    fakes = Fakes(backend=lambda name, place: EchoBackend(name, place=place), audit=RecordingSink())
    wiring = open_config(file, fakes=fakes)
    wiring.close_stores()
    sources = read_sources(file)
    detectors = wiring.runtime.classifier.detectors
    kinds: frozenset[str] = frozenset().union(*(detector.kinds for detector in detectors))
    tests = _tests(sources, policy=wiring.runtime.policy, kinds=kinds)
    return Opened(replace(wiring.runtime, holds=None), sources, kinds, tests)


def _tests(sources: Sources, *, policy: Policy, kinds: frozenset[str]) -> tuple[PolicyTest, ...]:
    names = Names(
        scale=policy.scale,
        backends=frozenset(policy.destinations),
        models=frozenset(policy.aliases),
        departments=frozenset(policy.departments),
        kinds=kinds,
    )
    tests = build_tests(sources.organisation.tests, names=names, file=sources.shown)
    for name, config in sources.departments.items():
        shown = f"{DEPARTMENTS}/{name}.toml"
        tests += build_tests(config.tests, names=names, file=shown, own=name)
    return tests

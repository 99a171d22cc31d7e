"""Any order of operations: an alias means what a naive model says, to the last byte."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
)

from hybridllm.adapters import (
    AdapterRefusedError,
    AdapterRegistry,
    UnknownAdapterError,
    read_skeleton,
)
from tests.adapters.judging import add
from tests.adapters.made import BASE, SCALE, WEIGHTS, facts, make_adapter, make_base

ALIASES = ("legal", "sales")
NAMES = ("alpha", "beta")
SEEDS = (1, 2, 3)


class RegistryMachine(RuleBasedStateMachine):
    """The registry beside dictionaries."""

    versions = Bundle("versions")

    @initialize()
    def open(self):
        self.root = Path(tempfile.mkdtemp())
        self.skeleton = read_skeleton(make_base(self.root / "base"), id=BASE)
        self.wrong = replace(self.skeleton, id=replace(self.skeleton.id, weights_sha256="0" * 64))
        self.weights = {}
        for seed in SEEDS:
            folder = make_adapter(self.root / "trained" / str(seed), seed=seed)
            self.weights[seed] = (folder / WEIGHTS).read_bytes()
        self.registries = [self._open(), self._open()]
        # The naive model.
        self.there: dict[str, int] = {}
        self.names: dict[str, int] = {}
        self.verified: set[str] = set()
        self.revoked: set[int] = set()
        self.history: dict[str, list[str]] = {}

    def teardown(self):
        if hasattr(self, "root"):
            shutil.rmtree(self.root)

    def _open(self):
        return AdapterRegistry(self.root / "registry", scale=SCALE)

    def may_serve(self, version: str) -> bool:
        seed = self.there.get(version)
        return seed is not None and version in self.verified and seed not in self.revoked

    @rule(
        target=versions,
        name=st.sampled_from(NAMES),
        seed=st.sampled_from(SEEDS),
        who=st.integers(0, 1),
    )
    def import_one(self, name, seed, who):
        folder = self.root / "trained" / str(seed)
        try:
            found = add(self.registries[who], folder, told=facts(self.skeleton.id), name=name)
        except AdapterRefusedError as error:
            refused = [reason.code for reason in error.reasons]
            found = None
        if found is None:
            assert (seed in self.revoked, ["revoked"]) == (True, refused)
            return multiple()
        if found.version not in self.there:
            assert seed not in self.revoked
            self.verified.discard(found.version)
        self.there[found.version] = self.names[found.version] = seed
        return found.version

    @rule(version=versions, is_right=st.booleans(), who=st.integers(0, 1))
    def verify(self, version, is_right, who):
        skeleton = self.skeleton if is_right else self.wrong
        try:
            reasons = self.registries[who].verify(version, skeleton=skeleton)
        except UnknownAdapterError:
            assert version not in self.there
            return
        assert version in self.there
        assert is_right == (reasons == ())
        (self.verified.add if is_right else self.verified.discard)(version)

    @rule(
        target=versions,
        name=st.sampled_from(NAMES),
        seed=st.sampled_from(SEEDS),
        alias=st.sampled_from(ALIASES),
        who=st.integers(0, 1),
    )
    def release(self, name, seed, alias, who):
        """The way that most versions go: imported, verified and promoted."""
        version = self.import_one(name, seed, who)
        if not isinstance(version, str):
            return version
        self.verify(version, is_right=True, who=who)
        self.promote(version, alias, who)
        return version

    @rule(version=versions, alias=st.sampled_from(ALIASES), who=st.integers(0, 1))
    def promote(self, version, alias, who):
        try:
            self.registries[who].promote(version, alias=alias, by="reviewer")
        except (AdapterRefusedError, UnknownAdapterError):
            assert not self.may_serve(version)
            return
        assert self.may_serve(version)
        history = self.history.setdefault(alias, [])
        if history[-1:] != [version]:
            history.append(version)

    @rule(alias=st.sampled_from(ALIASES), who=st.integers(0, 1))
    def rollback(self, alias, who):
        earlier = self.history.get(alias, [])[:-1]
        while earlier and not self.may_serve(earlier[-1]):
            earlier.pop()
        try:
            self.registries[who].rollback(alias, by="reviewer")
        except (AdapterRefusedError, UnknownAdapterError):
            assert not earlier
            return
        assert earlier
        self.history[alias] = earlier

    @rule(version=versions, who=st.integers(0, 1))
    def revoke(self, version, who):
        try:
            self.registries[who].revoke(version, by="reviewer")
        except UnknownAdapterError:
            assert version not in self.there
            return
        self.revoked.add(self.there[version])

    @rule(version=versions, who=st.integers(0, 1))
    def remove(self, version, who):
        is_used = any(history[-1] == version for history in self.history.values())
        try:
            self.registries[who].remove(version)
        except UnknownAdapterError:
            assert version not in self.there
            return
        except AdapterRefusedError:
            assert is_used
            return
        assert not is_used
        del self.there[version]
        self.verified.discard(version)

    @rule(alias=st.sampled_from(ALIASES), who=st.integers(0, 1))
    def remove_alias(self, alias, who):
        try:
            self.registries[who].remove(alias)
        except UnknownAdapterError:
            assert alias not in self.history
            return
        del self.history[alias]

    @rule(who=st.integers(0, 1))
    def start_anew(self, who):
        self.registries[who] = self._open()

    @invariant()
    def every_address_means_what_it_should(self):
        if not hasattr(self, "history"):
            return
        meant = {alias: history[-1] for alias, history in self.history.items()}
        assert meant == self.registries[0].aliases()
        for address in (*ALIASES, *self.names):
            version = meant.get(address, address)
            for registry in self.registries:
                try:
                    found = registry.resolve(address)
                except (AdapterRefusedError, UnknownAdapterError):
                    assert not self.may_serve(version)
                    continue
                assert self.may_serve(version)
                assert version == found.version
                assert self.weights[self.there[version]] == (found.folder / WEIGHTS).read_bytes()


RegistryMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


class TestRegistry(RegistryMachine.TestCase):
    """Over 500 operations: never what is not verified, never what is revoked, never other bytes."""

"""The registry: which adapters there are, and which of them may serve.

Answers: what does this alias mean now, and may it be used?
Not here: loading adapters (hosts), choosing one for a request (routing), who asks (policy).

A version is addressed as `name@sha12` or by an alias. `resolve` is the only way to the files
of a version, and it gives only those that are verified, unrevoked and byte for byte what was
imported. There is no fallback: neither to an older version nor to the base model.

Any number of threads and processes may use one registry. Nothing is held open in between.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hybridllm.adapters.durable import move, remove_folder
from hybridllm.adapters.errors import AdapterRefusedError, UnknownAdapterError
from hybridllm.adapters.gate import Gate, check_gate
from hybridllm.adapters.importing import Wish, describe, fetch, same_facts, seal
from hybridllm.adapters.names import checked_name, is_version, version_of
from hybridllm.adapters.reasons import Reason
from hybridllm.adapters.schema import (
    AliasFile,
    Event,
    Promotion,
    ReasonEntry,
    RevocationFile,
    StateFile,
)  # fmt: skip
from hybridllm.adapters.store import Store
from hybridllm.adapters.verifier import verify
from hybridllm.adapters.versions import AdapterVersion, Versions
from hybridllm.errors import ConfigurationError, unknown_name

if TYPE_CHECKING:
    from hybridllm.adapters.base import Skeleton
    from hybridllm.adapters.engines import EngineRules
    from hybridllm.adapters.manifest import Manifest
    from hybridllm.adapters.sources import AdapterSource
    from hybridllm.labels import Scale

_MOST_EVENTS: Final = 1000
_TRIES: Final = 3


class AdapterRegistry:
    """All adapters of an organisation.

    Args:
        root: Its folder; made if it does not exist.
        scale: Levels and compartments of the labels.
        clock: Seconds since 1970.
        public_keys: Ed25519 in PEM. If there are any, unsigned adapters serve nobody.
    """

    def __init__(
        self,
        root: Path,
        *,
        scale: Scale,
        clock: Callable[[], float] = time.time,
        public_keys: tuple[bytes, ...] = (),
    ) -> None:
        self._store = Store(root)
        self._versions = Versions(self._store, scale=scale, public_keys=public_keys)
        self._clock = clock

    def import_adapter(
        self, source: AdapterSource, *, reference: str, wish: Wish
    ) -> AdapterVersion:
        """Copy an adapter in, and return the version that it is. It cannot serve yet.

        Importing the same files with the same facts again changes nothing.

        Raises:
            AdapterRefusedError: It is no sound adapter, is revoked, or is known with a higher
                label or with other facts.
            ConfigurationError: The importer says too little, or a level that does not exist.
            StoreError: The disk fails; nothing was imported.
        """
        store = self._store
        with store.writing():
            folder = store.new_folder("incoming")
            folder.mkdir(mode=0o700)
            try:
                fetch(source, reference=reference, folder=folder)
                manifest = describe(folder, wish=wish, now=self._clock())
                version = version_of(manifest.name, content_sha256=manifest.content_sha256)
                if not self._is_there(version, manifest=manifest):
                    self._versions.check_newcomer(manifest, folder=folder)
                    seal(folder)
                    store.drop_state(version)
                    move(folder, target=store.folder(version))
            finally:
                remove_folder(folder)
        return self.show(version)

    def show(self, address: str) -> AdapterVersion:
        """Return a version, whether it may serve or not.

        Raises:
            UnknownAdapterError: There is none.
            StoreError: It is damaged.
        """
        with suppress(FileNotFoundError):
            version, _ = self._target(address)
            return self._versions.read(version, aliases=self._versions.aliases_of(version))
        raise self._unknown(address)

    def versions(self) -> tuple[AdapterVersion, ...]:
        """Return all versions that are not damaged."""
        return self._versions.all()[0]

    def damaged(self) -> tuple[tuple[str, str], ...]:
        """Return the versions whose documents cannot be read, and why."""
        return self._versions.all()[1]

    def aliases(self) -> dict[str, str]:
        """Return the version that each alias points to."""
        return {name: promotion.version for name, promotion in self._versions.tops().items()}

    def resolve(self, address: str) -> AdapterVersion:
        """Return the version that an address means, if it may serve now.

        Raises:
            UnknownAdapterError: There is no such alias or version.
            AdapterRefusedError: It must not serve; with the reasons.
            StoreError: The registry cannot be read.
        """
        for _ in range(_TRIES):  # an alias may move, and its old version go, in between
            version, expected = self._target(address)
            try:
                found = self._versions.read(version, aliases=() if expected is None else (address,))
            except FileNotFoundError:
                continue
            reasons = self._versions.against_serving(found)
            if expected not in {None, found.manifest.content_sha256}:
                reasons = (Reason("alias_content", "the alias means other bytes"), *reasons)
            if not reasons:
                return found
            if found.folder.is_dir():
                raise AdapterRefusedError(f"{version} must not serve", reasons=reasons)
        raise self._unknown(address)

    def verify(
        self, address: str, *, skeleton: Skeleton, engine: EngineRules | None = None
    ) -> tuple[Reason, ...]:
        """Check a version against a model, record and return what is wrong.

        A version that fails serves nobody until it passes, even if it passed before.

        Raises:
            UnknownAdapterError: There is none.
            StoreError: It is damaged, or the result cannot be recorded.
        """
        found = self.show(address)
        reasons = verify(
            found.folder, manifest=found.manifest, skeleton=skeleton, engine=engine
        ) + self._versions.against_signature(found)
        state = StateFile(
            content_sha256=found.manifest.content_sha256,
            manifest_sha256=found.manifest_sha256,
            verified=not reasons,
            at=self._now(),
            engine="" if engine is None else engine.name,
            reasons=tuple(
                ReasonEntry(code=reason.code, message=reason.message[:4000], place=reason.place)
                for reason in reasons
            ),
        )
        with self._store.writing():
            if self.show(found.version).manifest_sha256 != found.manifest_sha256:
                raise self._unknown(address)  # removed and imported anew in the meantime
            self._store.put_state(found.version, state=state)
        return reasons

    def promote(
        self, address: str, *, alias: str, by: str, gate: Gate | None = None
    ) -> AdapterVersion:
        """Point an alias to a version.

        Args:
            address: The version.
            alias: Made if it does not exist.
            by: The person who answers for it.
            gate: Limits for its metrics; `None` waives them, and the record says so.

        Raises:
            AdapterRefusedError: It must not serve, or its metrics are not good enough.
            UnknownAdapterError: There is none.
        """
        checked_name(alias)
        _checked_person(by)
        with self._store.writing():
            found = self.show(address)
            reasons = self._versions.against_serving(found)
            if gate is not None:
                reasons += check_gate(found.manifest.facts.metrics, gate=gate)
            if reasons:
                raise AdapterRefusedError(f"{found.version} was not promoted", reasons=reasons)
            before = self._store.alias(alias)
            promotions = before.promotions if before else ()
            new = Promotion(
                version=found.version,
                content_sha256=found.manifest.content_sha256,
                at=self._now(),
                by=by,
                gate=("waived",) if gate is None else ("passed",),
            )
            if not promotions or not _is_same(promotions[-1], other=new):
                self._put_alias(alias, (*promotions, new), before=before, action="promote", by=by)
        return self.show(found.version)

    def rollback(self, alias: str, *, by: str) -> AdapterVersion:
        """Point an alias to the newest earlier version that may still serve.

        Raises:
            AdapterRefusedError: There is no earlier one; nothing has changed.
            UnknownAdapterError: There is no such alias.
        """
        _checked_person(by)
        with self._store.writing():
            before = self._store.alias(alias)
            if before is None:
                raise self._unknown(alias)
            earlier = before.promotions[:-1]
            while earlier and not self._may_serve(earlier[-1]):
                earlier = earlier[:-1]
            if not earlier:
                reason = Reason("no_previous", "no earlier version of it may serve")
                raise AdapterRefusedError(f"{alias} was not rolled back", reasons=(reason,))
            self._put_alias(alias, earlier, before=before, action="rollback", by=by)
        return self.show(earlier[-1].version)

    def revoke(self, address: str, *, by: str) -> AdapterVersion:
        """Stop these weights from serving, for good and under every name.

        Raises:
            UnknownAdapterError: There is none.
        """
        _checked_person(by)
        with self._store.writing():
            found = self.show(address)
            weights = found.manifest.weights_sha256
            if self._store.revocation(weights) is None:
                self._store.put_revocation(
                    RevocationFile(
                        version=found.version, weights_sha256=weights, at=self._now(), by=by
                    )
                )
        return self.show(found.version)

    def remove(self, address: str) -> None:
        """Remove an alias, or a version that no alias points to.

        Raises:
            AdapterRefusedError: An alias points to the version.
            UnknownAdapterError: There is none.
        """
        store = self._store
        with store.writing():
            if not is_version(address):
                if store.alias(address) is None:
                    raise self._unknown(address)
                store.drop_alias(address)
                return
            if not store.folder(address).is_dir():
                raise self._unknown(address)
            tops = self._versions.tops().items()
            if users := [name for name, promotion in tops if promotion.version == address]:
                text = f"these aliases point to it: {', '.join(users)}"
                reasons = (Reason("in_use", text),)
                raise AdapterRefusedError(f"{address} was not removed", reasons=reasons)
            rubbish = store.new_folder("trash")
            move(store.folder(address), target=rubbish)
            store.drop_state(address)
            remove_folder(rubbish)

    def _is_there(self, version: str, *, manifest: Manifest) -> bool:
        """Say whether exactly this was imported before; refuse what only looks like it."""
        try:
            known, _ = self._store.manifest(version)
        except FileNotFoundError:
            return False
        if not same_facts(known, other=manifest):
            text = f"{version} is there with other facts; remove it first"
            reasons = (Reason("version_exists", text),)
            raise AdapterRefusedError("the adapter was not imported", reasons=reasons)
        return True

    def _may_serve(self, promotion: Promotion) -> bool:
        try:
            found = self._versions.read(promotion.version, aliases=())
        except FileNotFoundError:
            return False
        is_same = found.manifest.content_sha256 == promotion.content_sha256
        return is_same and not self._versions.against_serving(found)

    def _put_alias(
        self,
        name: str,
        promotions: tuple[Promotion, ...],
        *,
        before: AliasFile | None,
        action: str,
        by: str,
    ) -> None:
        event = Event.model_validate(
            {"action": action, "version": promotions[-1].version, "at": self._now(), "by": by}
        )
        events = (*(before.events if before else ()), event)[-_MOST_EVENTS:]
        self._store.put_alias(name, alias=AliasFile(promotions=promotions, events=events))

    def _target(self, address: str) -> tuple[str, str | None]:
        """Return the version that an address means, and which content the alias expects."""
        if is_version(address):
            return address, None
        alias = self._store.alias(address)
        if alias is None:
            raise self._unknown(address)
        return alias.promotions[-1].version, alias.promotions[-1].content_sha256

    def _unknown(self, address: object) -> UnknownAdapterError:
        known = [*self._store.aliases(), *self._store.versions()]
        return UnknownAdapterError(f"the adapter {unknown_name(address, allowed=known)}")

    def _now(self) -> str:
        return datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="seconds")


def _is_same(one: Promotion, *, other: Promotion) -> bool:
    return (one.version, one.content_sha256) == (other.version, other.content_sha256)


def _checked_person(by: str) -> None:
    if not by.strip():
        raise ConfigurationError("needs the name of the person who answers for it", key="by")

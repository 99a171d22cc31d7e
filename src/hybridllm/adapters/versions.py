"""One version of an adapter, and what speaks against its serving.

Answers: how far has a version come, what is its label, and may it serve now?
Not here: changing anything (`adapters.registry`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hybridllm.adapters.contents import MANIFEST, SIGNATURE
from hybridllm.adapters.digests import DigestMemory
from hybridllm.adapters.errors import AdapterRefusedError
from hybridllm.adapters.manifest import EVERYBODY, Manifest, Status
from hybridllm.adapters.reasons import Reason, quoted
from hybridllm.adapters.schema import Promotion, StateFile
from hybridllm.adapters.signing import is_signed
from hybridllm.adapters.store import Store
from hybridllm.errors import StoreError
from hybridllm.labels import Label, Scale


@dataclass(frozen=True, slots=True)
class AdapterVersion:
    """One version.

    Attributes:
        version: `name@sha12`; what an engine calls it.
        folder: Its files, for an engine to load.
        label: What its answers are at least labelled with.
        aliases: That point to it now.
        verification: What the last verification found wrong; `None` if there was none.
        verified_for: Engine whose rules it passed; empty for none in particular.
    """

    version: str
    folder: Path
    manifest: Manifest
    manifest_sha256: str
    label: Label
    status: Status
    aliases: tuple[str, ...]
    verification: tuple[Reason, ...] | None
    verified_for: str

    def allows(self, department: str) -> bool:
        """Say whether a department may use it."""
        departments = self.manifest.facts.departments
        return department in departments or EVERYBODY in departments


class Versions:
    """Reads the versions of a store."""

    def __init__(self, store: Store, *, scale: Scale, public_keys: tuple[bytes, ...]) -> None:
        self._store = store
        self._scale = scale
        self._public_keys = public_keys
        self._digests = DigestMemory()

    def read(self, version: str, *, aliases: tuple[str, ...]) -> AdapterVersion:
        """Return a version, with these aliases of it.

        Raises:
            FileNotFoundError: There is none.
            StoreError: It is damaged.
            ConfigurationError: Its label has a level that the organisation does not have.
        """
        manifest, manifest_sha256 = self._store.manifest(version)
        state = self._store.state(version)
        if state is not None and not _is_of(state, manifest, manifest_sha256):
            state = None
        return AdapterVersion(
            version=version,
            folder=self._store.folder(version),
            manifest=manifest,
            manifest_sha256=manifest_sha256,
            label=self.label(manifest),
            status=self._status(manifest, state=state, aliases=aliases),
            aliases=aliases,
            verification=None
            if state is None
            else tuple(Reason(row.code, row.message, row.place) for row in state.reasons),
            verified_for="" if state is None else state.engine,
        )

    def all(self) -> tuple[tuple[AdapterVersion, ...], tuple[tuple[str, str], ...]]:
        """Return the versions that can be read, and the others with what is wrong."""
        found: list[AdapterVersion] = []
        damaged: list[tuple[str, str]] = []
        for version in self._store.versions():
            try:
                found.append(self.read(version, aliases=self.aliases_of(version)))
            except FileNotFoundError:
                if self._store.folder(version).is_dir():  # else it was removed just now
                    damaged.append((version, "it has no manifest"))
            except (StoreError, ValueError) as error:
                damaged.append((version, str(error)))
        return tuple(found), tuple(damaged)

    def aliases_of(self, version: str) -> tuple[str, ...]:
        """Return the aliases that point to a version."""
        return tuple(name for name, top in self.tops().items() if top.version == version)

    def tops(self) -> dict[str, Promotion]:
        """Return where each alias points."""
        found = {name: self._store.alias(name) for name in self._store.aliases()}
        return {name: alias.promotions[-1] for name, alias in found.items() if alias is not None}

    def label(self, manifest: Manifest) -> Label:
        """Return the label of an adapter.

        Raises:
            ConfigurationError: The organisation has no such level or compartment.
        """
        data = manifest.facts.data
        return self._scale.label(data.level, compartments=data.compartments)

    def against_serving(self, found: AdapterVersion) -> tuple[Reason, ...]:
        """Return why a version must not serve; nothing if it may."""
        if found.status is Status.REVOKED:
            return (Reason("revoked", "its weights were revoked"),)
        if found.verification is None:
            return (Reason("not_verified", "it was not verified; verify it first"),)
        if found.verification:
            return (Reason("not_verified", "it failed its last verification"),)
        return self._against_files(found) + self.against_signature(found)

    def against_signature(self, found: AdapterVersion) -> tuple[Reason, ...]:
        """Return what is wrong with the signature, if one is asked for."""
        if not self._public_keys:
            return ()
        try:
            signature = (found.folder / SIGNATURE).read_bytes()
        except OSError:
            return (Reason("signature_missing", "it is not signed", SIGNATURE),)
        manifest = self._store.manifest_bytes(found.version)
        if is_signed(manifest, signature=signature, public_keys=self._public_keys):
            return ()
        return (Reason("signature_wrong", "none of the trusted keys signed it", SIGNATURE),)

    def check_newcomer(self, manifest: Manifest, *, folder: Path) -> None:
        """Refuse weights that were revoked, or that are known with a higher label.

        Raises:
            AdapterRefusedError: They are.
            ConfigurationError: The label has a level that the organisation does not have.
        """
        label = self.label(manifest)
        reasons = []
        if self._store.revocation(manifest.weights_sha256) is not None:
            reasons.append(Reason("revoked", "these weights were revoked"))
        for other in self.all()[0]:
            is_same = other.manifest.weights_sha256 == manifest.weights_sha256
            if is_same and not other.label.flows_to(label):
                text = f"the same weights are labelled {other.label} as {other.version}"
                reasons.append(Reason("label_lowered", text))
        if self._public_keys and not (folder / SIGNATURE).is_file():
            reasons.append(Reason("signature_missing", "it is not signed", SIGNATURE))
        if reasons:
            raise AdapterRefusedError("the adapter was not imported", reasons=tuple(reasons))

    def _status(
        self, manifest: Manifest, *, state: StateFile | None, aliases: tuple[str, ...]
    ) -> Status:
        if self._store.revocation(manifest.weights_sha256) is not None:
            return Status.REVOKED
        if state is None or not state.verified:
            return Status.IMPORTED
        return Status.PROMOTED if aliases else Status.VERIFIED

    def _against_files(self, found: AdapterVersion) -> tuple[Reason, ...]:
        """Return which files are not those that were imported; unchanged ones are not read."""
        files = found.manifest.files
        try:
            names = {path.name for path in found.folder.iterdir()} - {MANIFEST, SIGNATURE}
            changed = [
                name
                for name in files.keys() & names
                if self._digests.sha256(found.folder / name) != files[name].sha256
            ]
        except OSError as error:
            return (Reason("file_unreadable", f"a file cannot be read ({error})"),)
        return tuple(
            Reason("file_digest", "this file is not the one that was imported", quoted(name)[1:-1])
            for name in sorted({*changed, *(files.keys() ^ names)})
        )


def _is_of(state: StateFile, manifest: Manifest, manifest_sha256: str) -> bool:
    """Say whether a verification belongs to these very bytes."""
    return (state.content_sha256, state.manifest_sha256) == (
        manifest.content_sha256,
        manifest_sha256,
    )

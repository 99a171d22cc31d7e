"""The folder of a registry.

Answers: where does each document lie, and what stands in it now?
Not here: which changes are allowed (`adapters.registry`).

    root/
      lock                       one writer at a time
      versions/NAME@SHA12/       the files of a version and manifest.json; never changed
      states/NAME@SHA12.json     its last verification
      aliases/ALIAS.json         where an alias points, and where it pointed before
      revoked/SHA256.json        weights that must never serve again
      incoming/ trash/           half imported, half removed; emptied by the next writer

Each document is replaced whole, so a reader sees the old or the new one and needs no lock.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from hybridllm.adapters.contents import MANIFEST
from hybridllm.adapters.durable import DRAFT, remove_folder, unlink, write_whole
from hybridllm.adapters.locking import locked
from hybridllm.adapters.names import is_name, is_sha256, is_version
from hybridllm.adapters.schema import (
    MOST_DOCUMENT_BYTES,
    AliasFile,
    Document,
    RevocationFile,
    StateFile,
    parse_own,
    read_manifest,
    render,
)
from hybridllm.errors import StoreError

if TYPE_CHECKING:
    from hybridllm.adapters.manifest import Manifest

FOLDERS = ("versions", "states", "aliases", "revoked", "incoming", "trash")
LOCK_TIMEOUT_S = 60.0


class Store:
    """Documents of one registry.

    Args:
        root: Made if it does not exist.
    """

    def __init__(self, root: Path) -> None:
        try:
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.root = root.resolve()
            for name in FOLDERS:
                (self.root / name).mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            raise StoreError(f"the registry cannot be made ({error.strerror})") from None

    @contextmanager
    def writing(self, *, timeout_s: float = LOCK_TIMEOUT_S) -> Iterator[None]:
        """Be the only writer, and clear away what dead ones left.

        Raises:
            StoreError: Another writer does not end, or the disk fails.
        """
        try:
            with locked(self.root / "lock", timeout_s=timeout_s):
                self._sweep()
                yield
        except OSError as error:
            raise StoreError(f"the registry cannot be changed ({error.strerror})") from None

    def new_folder(self, name: str) -> Path:
        """Return the path of a folder in `incoming` or `trash` that does not exist."""
        return self.root / name / secrets.token_hex(8)

    def folder(self, version: str) -> Path:
        """Return the folder of a version, whether it is there or not."""
        if not is_version(version):  # nothing else may become a path
            raise StoreError("this is no name of a version")
        return self.root / "versions" / version

    def versions(self) -> list[str]:
        """Return the names of all versions."""
        return sorted(path.name for path in self._in("versions") if is_version(path.name))

    def aliases(self) -> list[str]:
        """Return the names of all aliases."""
        found = (path.name.removesuffix(".json") for path in self._in("aliases"))
        return sorted(name for name in found if is_name(name))

    def manifest(self, version: str) -> tuple[Manifest, str]:
        """Return the manifest of a version and the digest of its file.

        Raises:
            StoreError: It is damaged, or that of another version.
            FileNotFoundError: There is no such version.
        """
        data = self.manifest_bytes(version)
        try:
            manifest = read_manifest(data)
        except ValueError as error:
            raise StoreError(f"the manifest of {version} is damaged ({error})") from None
        if version != f"{manifest.name}@{manifest.content_sha256[:12]}":
            raise StoreError(f"the manifest of {version} belongs to another version")
        return manifest, sha256(data).hexdigest()

    def manifest_bytes(self, version: str) -> bytes:
        """Return the file of a manifest.

        Raises:
            FileNotFoundError: There is no such version.
        """
        return _read(self.folder(version) / MANIFEST)

    def state(self, version: str) -> StateFile | None:
        """Return the last verification of a version, if there was one."""
        return self._document(self._state_path(version), shape=StateFile)

    def alias(self, name: str) -> AliasFile | None:
        """Return an alias, if there is one of this name."""
        return self._document(self._alias_path(name), shape=AliasFile) if is_name(name) else None

    def revocation(self, weights_sha256: str) -> RevocationFile | None:
        """Return who revoked these weights, if somebody did."""
        return self._document(self._revocation_path(weights_sha256), shape=RevocationFile)

    def put_state(self, version: str, *, state: StateFile) -> None:
        """Replace the verification of a version."""
        write_whole(self._state_path(version), data=render(state))

    def put_alias(self, name: str, *, alias: AliasFile) -> None:
        """Replace an alias."""
        write_whole(self._alias_path(name), data=render(alias))

    def put_revocation(self, revocation: RevocationFile) -> None:
        """Revoke weights."""
        path = self._revocation_path(revocation.weights_sha256)
        write_whole(path, data=render(revocation))

    def drop_state(self, version: str) -> None:
        """Forget the verification of a version."""
        unlink(self._state_path(version))

    def drop_alias(self, name: str) -> None:
        """Remove an alias."""
        unlink(self._alias_path(name))

    def _state_path(self, version: str) -> Path:
        return self.root / "states" / f"{self.folder(version).name}.json"

    def _alias_path(self, name: str) -> Path:
        if not is_name(name):
            raise StoreError("this is no name of an alias")
        return self.root / "aliases" / f"{name}.json"

    def _revocation_path(self, weights_sha256: str) -> Path:
        if not is_sha256(weights_sha256):
            raise StoreError("this is no digest")
        return self.root / "revoked" / f"{weights_sha256}.json"

    def _in(self, name: str) -> list[Path]:
        try:
            return list((self.root / name).iterdir())
        except OSError as error:
            raise StoreError(f"the registry cannot be read ({error.strerror})") from None

    def _document(self, path: Path, *, shape: type[Document]) -> Document | None:
        try:
            data = _read(path)
        except FileNotFoundError:
            return None
        return parse_own(data, shape=shape, shown=f"{path.parent.name}/{path.name}")

    def _sweep(self) -> None:
        for name in ("incoming", "trash"):
            for path in self._in(name):
                remove_folder(path)
        for name in ("states", "aliases", "revoked"):
            for path in self._in(name):
                if path.name.startswith(DRAFT):
                    unlink(path)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MOST_DOCUMENT_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StoreError(f"the registry cannot be read ({error.strerror})") from None

"""Signatures that people check who hold no secret.

Answers: which key pair signs this installation's checkpoints, and is a signature right?
Not here: what is signed (`audit.segment`, `audit.statement`).

Ed25519 (RFC 8032), from the package `cryptography`, which the extra `audit` brings.
Without it the log is kept all the same, unsigned: its keyed hashes protect it then from
everybody but those who hold the installation's key.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from contextlib import suppress
from hashlib import sha256
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from hybridllm.audit.locks import BINARY
from hybridllm.errors import AuditError, ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

KEY_FILE: Final = "audit-signing-key.pem"
_ID_DIGITS: Final = 16


def can_sign() -> bool:
    """Return whether the package for signatures is installed."""
    return find_spec("cryptography") is not None


class PublicKey:
    """The half of a key pair that everybody may have."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key
        self.id = sha256(key.public_bytes_raw()).hexdigest()[:_ID_DIGITS]

    def verifies(self, message: bytes, *, signature: object) -> bool:
        """Return whether the other half signed exactly this message."""
        from cryptography.exceptions import InvalidSignature

        if not isinstance(signature, str):
            return False
        with suppress(InvalidSignature, binascii.Error, ValueError):
            self._key.verify(base64.b64decode(signature, validate=True), message)
            return True
        return False

    @property
    def pem(self) -> str:
        """The key as other programs read it."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def __repr__(self) -> str:
        return f"PublicKey({self.id!r})"


class SigningKey:
    """The key pair of an installation."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = PublicKey(key.public_key())

    def sign(self, message: bytes) -> str:
        """Return the signature, in base64."""
        return base64.b64encode(self._key.sign(message)).decode()

    def __repr__(self) -> str:
        return f"SigningKey({self.public.id!r})"


PublicKeys = tuple[PublicKey, ...]


def load_signing_key(path: Path) -> SigningKey:
    """Return the key pair in a file; make one at first use, for this user alone.

    Raises:
        AuditError: The file cannot be used.
        MissingExtraError: The package for signatures is not installed.
    """
    if not can_sign():
        raise MissingExtraError(feature="signing the audit log", extra="audit")
    try:
        if not path.exists():
            _write_key(path)
        return _read_key(path)
    except OSError as error:
        raise AuditError(
            f"the signing key {path.name!r} cannot be used ({error.strerror}); nothing was sent"
        ) from None


def make_signing_key(path: Path) -> SigningKey:
    """Write a new key pair into a file that does not exist, for this user alone.

    Raises:
        ConfigurationError: The file exists or cannot be written.
        MissingExtraError: The package for signatures is not installed.
    """
    if not can_sign():
        raise MissingExtraError(feature="signing", extra="audit")
    if path.exists():
        raise ConfigurationError("exists, so nothing was written", file=str(path))
    try:
        _write_key(path)
        return _read_key(path)
    except OSError as error:
        raise ConfigurationError(f"cannot be written ({error.strerror})", file=str(path)) from None


def read_signing_key(path: Path) -> SigningKey:
    """Return the key pair in a file that exists.

    Raises:
        ConfigurationError: There is no such file, or no Ed25519 key in it.
        MissingExtraError: The package for signatures is not installed.
    """
    if not can_sign():
        raise MissingExtraError(feature="signing", extra="audit")
    try:
        return _read_key(path)
    except OSError as error:
        raise ConfigurationError(f"cannot be read ({error.strerror})", file=str(path)) from None
    except AuditError:
        raise ConfigurationError(
            "holds no Ed25519 key; make one with: hybridllm policy key KEY", file=str(path)
        ) from None


def read_public_keys(paths: Iterable[Path]) -> PublicKeys:
    """Return the public keys in PEM files.

    Raises:
        ConfigurationError: A file cannot be read or holds no Ed25519 public key.
        MissingExtraError: The package for signatures is not installed.
    """
    return tuple(_read_public_key(path) for path in paths)


def _read_public_key(path: Path) -> PublicKey:
    if not can_sign():
        raise MissingExtraError(feature="checking signatures", extra="audit")
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"cannot be read ({error.strerror})", file=str(path)) from None
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigurationError(
            "holds no Ed25519 public key; write it with: hybridllm audit public-key",
            file=str(path),
        )
    return PublicKey(key)


def _read_key(path: Path) -> SigningKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise AuditError(
            f"the signing key {path.name!r} is damaged; nothing was sent. "
            "Restore it from a backup, or move it away to begin with a new one"
        )
    return SigningKey(key)


def _write_key(path: Path) -> None:
    """Make the file whole at once: of several processes that start together one wins."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | BINARY, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()

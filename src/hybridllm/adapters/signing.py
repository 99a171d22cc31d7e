"""Signatures of manifests: Ed25519, if `cryptography` is installed.

Answers: has somebody we trust signed this manifest?
Not here: who is trusted (the configuration).

The signature covers the bytes of `manifest.json`, and these hold the digest of every other
file. It is raw (64 bytes) and stands as base64 in `manifest.sig`.
Source: RFC 8032.
"""

from __future__ import annotations

import base64
import binascii
from importlib import import_module
from typing import Any

from hybridllm.errors import ConfigurationError, HybridLLMError

_SIGNATURE_BYTES = 64


class SigningUnavailableError(HybridLLMError, ImportError):
    """Signatures are asked for, and `cryptography` is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "signed adapters need the package 'cryptography'. "
            "Install it with: pip install cryptography"
        )


def sign(manifest: bytes, *, private_key: bytes) -> bytes:
    """Return the content of `manifest.sig`.

    Args:
        manifest: The bytes of `manifest.json`.
        private_key: Ed25519, PEM without a password.

    Raises:
        SigningUnavailableError: `cryptography` is missing.
        ConfigurationError: The key is none.
    """
    keys, _ = _library()
    try:
        key = keys.load_pem_private_key(private_key, password=None)
    except (ValueError, TypeError) as error:
        raise ConfigurationError("is no private key in PEM without a password") from error
    if "Ed25519" not in type(key).__name__:
        raise ConfigurationError("is no Ed25519 key")
    return base64.b64encode(key.sign(manifest)) + b"\n"


def is_signed(manifest: bytes, *, signature: bytes, public_keys: tuple[bytes, ...]) -> bool:
    """Say whether one of these keys signed this manifest.

    Raises:
        SigningUnavailableError: `cryptography` is missing.
        ConfigurationError: One of the keys is none.
    """
    keys, invalid = _library()
    try:
        raw = base64.b64decode(signature.strip(), validate=True)
    except (binascii.Error, ValueError):
        return False
    if len(raw) != _SIGNATURE_BYTES:
        return False
    for pem in public_keys:
        try:
            key = keys.load_pem_public_key(pem)
        except (ValueError, TypeError) as error:
            raise ConfigurationError("is no public key in PEM") from error
        if "Ed25519" not in type(key).__name__:
            raise ConfigurationError("is no Ed25519 key")
        try:
            key.verify(raw, manifest)
        except invalid:
            continue
        return True
    return False


def _library() -> tuple[Any, type[Exception]]:
    try:
        keys = import_module("cryptography.hazmat.primitives.serialization")
        invalid: type[Exception] = import_module("cryptography.exceptions").InvalidSignature
    except ImportError:
        raise SigningUnavailableError from None
    return keys, invalid

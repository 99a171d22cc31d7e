"""Signed adapters: who imported this, and is it still the same?"""

from __future__ import annotations

import sys

import pytest

from hybridllm.adapters import AdapterRefusedError, Wish
from hybridllm.adapters.signing import SigningUnavailableError, is_signed, sign
from hybridllm.errors import ConfigurationError
from tests.adapters.judging import source_of


def key_pair() -> tuple[bytes, bytes]:
    pytest.importorskip("cryptography")
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    public = key.public_key().public_bytes(
        form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo
    )
    return private, public


def test_a_signed_adapter_serves_where_signatures_are_asked_for(shop):
    """The key of the team that trains is trusted by the machines that serve."""
    private, public = key_pair()
    registry = shop.again(public_keys=(key_pair()[1], public))
    source, reference = source_of(shop.make())

    version = registry.import_adapter(
        source, reference=reference, wish=Wish("made", shop.told(), private)
    )

    assert () == registry.verify(version.version, skeleton=shop.skeleton)
    assert version.version == registry.resolve(version.version).version


def test_unsigned_and_foreign_adapters_serve_nobody(shop):
    """What was imported before signatures were asked for stops as well."""
    _, public = key_pair()
    old = shop.add_verified()
    registry = shop.again(public_keys=(public,))
    source, reference = source_of(shop.make(3))

    with pytest.raises(AdapterRefusedError, match="signature_missing"):
        registry.resolve(old.version)
    with pytest.raises(AdapterRefusedError, match="signature_missing"):
        registry.import_adapter(source, reference=reference, wish=Wish("other", shop.told()))
    (old.folder / "manifest.sig").write_bytes(sign(b"another manifest", private_key=key_pair()[0]))
    with pytest.raises(AdapterRefusedError, match="signature_wrong"):
        registry.resolve(old.version)


@pytest.mark.parametrize("signature", [b"", b"!!", b"AAAA", b"\xff"])
def test_what_is_no_signature_signs_nothing(signature):
    """Any bytes in the file of a signature are a wrong signature, and no error."""
    _, public = key_pair()

    assert not is_signed(b"manifest", signature=signature, public_keys=(public,))


def test_a_key_that_is_none_is_said_to_be_none():
    """The configuration names the wrong file."""
    key_pair()

    with pytest.raises(ConfigurationError, match="private key"):
        sign(b"manifest", private_key=b"none")
    with pytest.raises(ConfigurationError, match="public key"):
        is_signed(b"manifest", signature=b"A" * 86 + b"==", public_keys=(b"none",))


def test_without_the_library_the_error_says_what_to_install(monkeypatch):
    """A missing optional part is one line, and nothing passes unchecked."""
    for name in ("cryptography", "cryptography.hazmat.primitives.serialization"):
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(SigningUnavailableError, match="pip install cryptography"):
        is_signed(b"manifest", signature=b"AAAA", public_keys=(b"key",))

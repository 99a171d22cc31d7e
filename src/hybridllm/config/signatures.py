"""Signed configuration files.

Answers: must the files be signed, by whom, and are they?
Not here: keys and signatures themselves (`audit.signing`).

Whether files must be signed never stands in a file that is signed: whoever can change the
file could take the demand out. It comes from the program (`trusted_keys`) or from the
environment of the service (`HYBRIDLLM_POLICY_KEYS`), and there is no key in the state
directory either, since the organisation's file says where that is.

A signature covers the content, the part that the file plays and whose it is, so that no
signed file can stand in the place of another one. That of the organisation's file covers
the names of all departments too, so that none can be taken away.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hybridllm.audit.locks import replace_file
from hybridllm.audit.signing import PublicKey, read_public_keys
from hybridllm.config.sources import ORGANISATION, SourceFile, Sources, normal
from hybridllm.errors import ConfigurationError

if TYPE_CHECKING:
    from hybridllm.audit.signing import SigningKey

KEYS_VARIABLE: Final = "HYBRIDLLM_POLICY_KEYS"
SUFFIX: Final = ".sig"
_DOMAIN: Final = "hybridllm policy file 1"
_ALGORITHM: Final = "ed25519"
_MAX_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A key that may sign.

    Attributes:
        key: The public half.
        department: The only department whose files it may sign; empty for all files.
    """

    key: PublicKey
    department: str = ""

    def may_sign(self, file: SourceFile) -> bool:
        """Return whether this key's signature counts for a file."""
        return not self.department or normal(self.department) == normal(file.owner)


def read_trusted_keys(
    given: Sequence[str | os.PathLike[str]] | None, *, environment: Mapping[str, str]
) -> tuple[TrustedKey, ...]:
    """Return the keys that may sign; none if nobody demands signatures.

    Args:
        given: Files of public keys, each with `DEPARTMENT=` in front if it may sign that
            department's files alone; `None` for what the environment says.
        environment: Where `HYBRIDLLM_POLICY_KEYS` is looked up.

    Raises:
        ConfigurationError: Signatures are demanded, and no key is named or one cannot be read.
        MissingExtraError: The package for signatures is not installed.
    """
    where = "trusted_keys"
    if given is None:
        text = environment.get(KEYS_VARIABLE)
        if text is None:
            return ()
        given, where = [part for part in text.split(os.pathsep) if part], KEYS_VARIABLE
    if not given:
        raise ConfigurationError(
            f"{where} names no key, so no file could be trusted. Name a file of a public key, "
            "or do not set it"
        )
    return tuple(_trusted(os.fspath(item)) for item in given)


def check_signatures(sources: Sources, *, keys: Sequence[TrustedKey]) -> None:
    """Refuse files that no trusted key has signed as they are.

    Raises:
        ConfigurationError: A signature is missing, damaged, or of something else.
    """
    if not keys:
        return
    names = [normal(name) for name in sources.departments]
    for file in sources.files:
        _check(file, keys=keys, message=statement(file, departments=names))


def sign_file(file: SourceFile, *, key: SigningKey, departments: Iterable[str]) -> Path:
    """Write the signature of a file beside it, and return where it is.

    Signatures of other keys are kept: each counts for what it was made of.
    """
    path = signature_path(file.path)
    kept = [line for line in _lines(path) if line.split()[1:2] != [key.public.id]]
    message = statement(file, departments=[normal(name) for name in departments])
    lines = [*kept, f"{_ALGORITHM} {key.public.id} {key.sign(message)}"]
    replace_file(path, data="".join(f"{line}\n" for line in lines).encode("ascii"))
    return path


def signature_path(path: Path) -> Path:
    """Return where the signature of a file is."""
    return path.with_name(path.name + SUFFIX)


def statement(file: SourceFile, *, departments: Iterable[str]) -> bytes:
    """Return what is signed: the content, and what it is the content of."""
    lines = [_DOMAIN, file.role, normal(file.owner), file.digest]
    if file.role == ORGANISATION:
        lines += sorted(departments)
    return "\n".join(lines).encode()


def _trusted(text: str) -> TrustedKey:
    department, equals, path = text.partition("=")
    if not equals or any(mark in department for mark in "/\\"):
        department, path = "", text
    (key,) = read_public_keys([Path(path)])
    return TrustedKey(key, department)


def _check(file: SourceFile, *, keys: Sequence[TrustedKey], message: bytes) -> None:
    if file.role != ORGANISATION and not any(key.may_sign(file) for key in keys):
        raise ConfigurationError("may be signed by none of the trusted keys", file=file.shown)
    signatures = [line.split() for line in _lines(signature_path(file.path))]
    for trusted in keys:
        if not trusted.may_sign(file):
            continue
        for parts in signatures:
            if parts[:2] == [_ALGORITHM, trusted.key.id] and trusted.key.verifies(
                message, signature=parts[-1]
            ):
                return
    wanted = ", ".join(sorted({key.key.id for key in keys if key.may_sign(file)})) or "none"
    problem = (
        "has a signature that does not fit it, or not by a trusted key"
        if signatures
        else f"has no signature ({file.path.name}{SUFFIX} beside it)"
    )
    more = (
        ". It covers the names of the departments, too"
        if signatures and file.role == ORGANISATION
        else ""
    )
    raise ConfigurationError(
        f"{problem}{more}; expected one of the keys {wanted}. "
        "Whoever holds such a key signs it with: hybridllm policy sign --key KEY",
        file=file.shown,
    )


def _lines(path: Path) -> list[str]:
    """Return the lines of a signature file; none if it is missing or is no such file."""
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES).decode("ascii")
    except (OSError, UnicodeDecodeError):
        return []
    return [line for line in text.splitlines() if line.strip()]

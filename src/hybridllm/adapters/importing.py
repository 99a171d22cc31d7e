"""Bringing an adapter into the registry.

Answers: which bytes are taken from a source, and what is written about them?
Not here: where they end up (`adapters.registry`).

A source is not trusted and may change while it is read. So allowed files are copied first,
within limits, and only the copy is checked. The copy becomes a version by one rename; until
then it is rubbish that the next writer removes.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from hybridllm.adapters.contents import (
    CONTENT,
    LEFT_BEHIND,
    MANIFEST,
    MOST_BYTES,
    SIGNATURE,
    check_contents,
    is_pickle,
)  # fmt: skip
from hybridllm.adapters.durable import sync_folder, write_new
from hybridllm.adapters.errors import AdapterRefusedError
from hybridllm.adapters.manifest import Facts, LoraFacts, Manifest, content_digest
from hybridllm.adapters.names import checked_name
from hybridllm.adapters.reasons import Reason, Reasons, quoted
from hybridllm.adapters.schema import read_manifest, write_manifest
from hybridllm.adapters.signing import sign
from hybridllm.adapters.sources import AdapterSource, SourceFile
from hybridllm.adapters.verifier import ALLOWED, digests, inspect
from hybridllm.errors import ConfigurationError

_PIECE_BYTES: Final = 2**20
_MOST_FILES: Final = 64


@dataclass(frozen=True, slots=True)
class Wish:
    """What the importer says of an adapter.

    Attributes:
        name: `None` if the source brings a manifest.
        facts: As above.
        private_key: Signs the manifest that is written.
    """

    name: str | None
    facts: Facts | None
    private_key: bytes | None = None


def fetch(source: AdapterSource, *, reference: str, folder: Path) -> None:
    """Copy the files of an adapter into an empty folder.

    Raises:
        AdapterRefusedError: The source has files that no adapter has.
        ConfigurationError: It has no adapter of this name.
        OSError: It cannot be read, or the copy cannot be written.
    """
    reasons = Reasons()
    for count, file in enumerate(source.files(reference)):
        place = quoted(file.name)[1:-1]
        if count >= _MOST_FILES:
            reasons.add("file_unexpected", message=f"it has more than {_MOST_FILES} entries")
            break
        if file.is_link:
            text = "this is a link or no file; put the file itself here"
            reasons.add("file_link", message=text, place=place)
        elif file.name in ALLOWED:
            size = _copy(file, target=folder / file.name)
            if size > MOST_BYTES:
                text = f"it is larger than {MOST_BYTES} bytes"
                reasons.add("file_too_large", message=text, place=place)
        elif (found := _refused(file)) is not None:
            reasons.take((found,))
    if found_reasons := reasons.all():
        raise AdapterRefusedError("the adapter was not imported", reasons=found_reasons)


def describe(folder: Path, *, wish: Wish, now: float) -> Manifest:
    """Check a copy, write its manifest if it has none, and return it.

    Raises:
        AdapterRefusedError: It is no sound adapter, or not the one that is announced.
        ConfigurationError: The importer says too little, or something else than the manifest.
        OSError: The folder cannot be read or written.
    """
    reasons = Reasons()
    reasons.take(check_contents(folder, allowed=ALLOWED))
    lora, wrong = inspect(folder)
    reasons.take(wrong)
    if lora is None or reasons.all():
        raise AdapterRefusedError("the adapter was not imported", reasons=reasons.all())
    if (folder / MANIFEST).is_file():
        return _announced(folder, wish=wish, lora=lora)
    if wish.name is None or wish.facts is None:
        raise ConfigurationError("has no manifest, so its name and facts must be told")
    (folder / SIGNATURE).unlink(missing_ok=True)  # of what, without a manifest?
    files = digests(folder)
    created = datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds")
    name = checked_name(wish.name)
    manifest = Manifest(name, content_digest(files), created, files, lora, wish.facts)
    try:
        data = write_manifest(manifest)
    except ValueError as error:
        raise ConfigurationError(f"the facts make no manifest ({error})") from None
    write_new(folder / MANIFEST, pieces=[data])
    if wish.private_key is not None:
        signature = sign(data, private_key=wish.private_key)
        write_new(folder / SIGNATURE, pieces=[signature])
    return manifest


def seal(folder: Path) -> None:
    """Make a folder's files read-only and durable, before it is moved to its place."""
    for path in folder.iterdir():
        path.chmod(stat.S_IRUSR)
        if sys.platform != "win32":  # there a file that is read-only cannot be synced
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
    sync_folder(folder)


def same_facts(one: Manifest, *, other: Manifest) -> bool:
    """Say whether two manifests differ in nothing but the time of the import."""
    return replace(one, created="") == replace(other, created="")


def _announced(folder: Path, *, wish: Wish, lora: LoraFacts) -> Manifest:
    """Return the manifest that came with the adapter; the importer may not say otherwise."""
    try:
        manifest = read_manifest((folder / MANIFEST).read_bytes())
    except ValueError as error:
        reason = Reason("manifest_broken", f"it is no manifest ({error})", MANIFEST)
        raise AdapterRefusedError("the adapter was not imported", reasons=(reason,)) from None
    if wish.name not in {None, manifest.name} or wish.facts not in {None, manifest.facts}:
        raise ConfigurationError(
            "brings a manifest that says something else; leave out what it says, or import the "
            "folder without its manifest"
        )
    reasons = Reasons()
    found = digests(folder)
    for name in sorted(manifest.files.keys() | found.keys()):
        if manifest.files.get(name) != found.get(name):
            what = "is missing" if name not in found else "is not the one of the manifest"
            reasons.add("file_digest", message=f"this file {what}", place=name)
    if manifest.lora != lora:
        text = "what it says of the LoRA is not what the files say"
        reasons.add("lora_facts", message=text, place=MANIFEST)
    if wrong := reasons.all():
        raise AdapterRefusedError("the adapter was not imported", reasons=wrong)
    return manifest


def _copy(file: SourceFile, *, target: Path) -> int:
    with file.open() as stream:
        return write_new(target, pieces=_pieces(stream))


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the bytes of a stream, up to a little more than is allowed."""
    size = 0
    while size <= MOST_BYTES and (piece := stream.read(_PIECE_BYTES)):
        size += len(piece)
        yield piece


def _refused(file: SourceFile) -> Reason | None:
    place = quoted(file.name)[1:-1]
    with file.open() as stream:
        pickled = is_pickle(stream.read(_PIECE_BYTES))
    if pickled:
        text = "this is a pickle, which runs code when it is read; remove it"
        return Reason("file_pickle", text, place)
    if file.name not in LEFT_BEHIND:
        text = f"this is no file of an adapter; the files are {', '.join(CONTENT)}"
        return Reason("file_unexpected", text, place)
    return None

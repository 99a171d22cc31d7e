"""A model and its tokenizer, loaded from a folder or a GGUF file.

Answers: how do a model's files become a model in memory?
Not here: whether the folder is safe (`engine.folder`), what its files say of it
(`engine.describe`), running it (`engine.batch`).

Nothing is downloaded and no code of the model is run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from hybridllm.engine.adapters import load_all
from hybridllm.engine.describe import describe, read_pooling
from hybridllm.engine.folder import ModelFolder, check_folder, refused
from hybridllm.engine.gguf import Progress, converted, is_gguf
from hybridllm.engine.model import LoadedModel
from hybridllm.engine.packing import pack
from hybridllm.engine.settings import LoadSettings
from hybridllm.errors import ConfigurationError


def load(settings: LoadSettings, *, progress: Progress) -> LoadedModel:
    """Load the model.

    Raises:
        ConfigurationError: It cannot be loaded, with the reason.
    """
    device = _device(settings.device)
    path = settings.path
    with _no_bars():
        if is_gguf(path):
            dtype = _dtype(settings.dtype, wanted="bfloat16", device=device)
            path = converted(path, cache=settings.cache, dtype=dtype, progress=progress)
        elif path.is_file():
            raise refused("this is no GGUF file", path=path)
        folder = check_folder(path)
        dtype = _dtype(settings.dtype, wanted=_stored_dtype(folder), device=device)
        pooling, normalize = read_pooling(path)
        progress("loading the weights", 0.95)
        model, tokenizer = _read(folder, dtype=dtype, embeds=pooling is not None)
    model = model.to(device).eval().requires_grad_(requires_grad=False)
    if settings.packed:
        pack(model)
    loaded = describe(
        model,
        path=path,
        tokenizer=tokenizer,
        asked_model_len=settings.max_model_len,
        pooling=settings.pooling or pooling,
        normalize=normalize,
    )
    load_all(loaded.adapters, paths=settings.adapters)
    progress("ready", 1.0)
    return loaded


@contextmanager
def _no_bars() -> Iterator[None]:
    """Keep transformers from drawing on the terminal of the program around it."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _read(folder: ModelFolder, *, dtype: torch.dtype, embeds: bool) -> tuple[Any, Any]:
    """Return model and tokenizer."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            folder.path, local_files_only=True, trust_remote_code=False
        )
        return _model(folder, dtype=dtype, embeds=embeds), tokenizer
    except ConfigurationError:
        raise
    except Exception as error:  # A stranger's files: the parsers below may raise anything.
        first_line = str(error).strip().partition("\n")[0][:300]
        reason = f"transformers cannot load it ({type(error).__name__}): {first_line}"
        raise refused(reason, path=folder.path) from error


def _device(name: str) -> torch.device:
    if name != "auto":
        return torch.device(name)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _stored_dtype(folder: ModelFolder) -> str:
    stored = folder.config.get("dtype") or folder.config.get("torch_dtype") or "float32"
    return str(stored).removeprefix("torch.")


def _dtype(name: str, *, wanted: str, device: torch.device) -> torch.dtype:
    """Return the type of the numbers; `auto`: the stored one where the processor is good at it."""
    known = {kind: getattr(torch, kind) for kind in ("bfloat16", "float16", "float32")}
    if name != "auto":
        if name not in known:
            raise ConfigurationError(f"is {name!r}; expected auto, {', '.join(known)}", key="dtype")
        chosen: torch.dtype = known[name]
        return chosen
    if device.type == "cpu" and not (wanted == "bfloat16" and _cpu_has_bfloat16()):
        return torch.float32
    stored: torch.dtype = known.get(wanted, torch.float32)
    return stored


def _cpu_has_bfloat16() -> bool:
    # Without these instructions bfloat16 is emulated and slower than float32.
    return bool(torch.cpu._is_avx512_bf16_supported())  # noqa: SLF001 - there is no public name


def _model(folder: ModelFolder, *, dtype: torch.dtype, embeds: bool) -> Any:
    config = AutoConfig.from_pretrained(folder.path, local_files_only=True, trust_remote_code=False)
    kind: Any = AutoModel if embeds else AutoModelForCausalLM
    with torch.device("meta"):
        planned = kind.from_config(config, trust_remote_code=False)
    for name, value in planned.state_dict().items():
        shape = folder.shapes.get(name, tuple(value.shape))
        if shape != tuple(value.shape):
            raise refused(
                f"tensor {name!r} has shape {list(shape)}; config.json asks for "
                f"{list(value.shape)}",
                path=folder.path,
            )
    model, report = kind.from_pretrained(
        folder.path, config=config, dtype=dtype, use_safetensors=True,
        local_files_only=True, trust_remote_code=False, output_loading_info=True,
    )  # fmt: skip
    missing = sorted(report["missing_keys"])
    if missing and not (embeds and all("pooler" in name for name in missing)):
        raise refused(
            f"{len(missing)} tensors are missing, the first is {missing[0]!r}", path=folder.path
        )
    return model

"""The skeleton of a base model: its modules, their shapes and its digests.

Answers: which modules may an adapter change, of which shape, and which model is it exactly?
Not here: comparing (`adapters.verifier`).

Shapes come from the headers of the weight files, so no weights are loaded; the digests read
every byte once (about 3 s a gigabyte).
Names are those of the files. Where transformers renames modules while it loads (some models
with images, fused experts), or where weights are packed to 4 bits, the skeleton of the running
model differs: an engine that has the model can make a `Skeleton` of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from hybridllm.adapters.digests import file_sha256
from hybridllm.adapters.errors import DamagedError
from hybridllm.adapters.manifest import BaseId
from hybridllm.adapters.tensor_file import read_header
from hybridllm.errors import ConfigurationError

_MOST_HEADER_BYTES: Final = 100_000_000  # the format's own limit
_MOST_TENSORS: Final = 2_000_000
_MOST_JSON_BYTES: Final = 64 * 2**20
_TOKENIZER_FILES: Final = (
    "tokenizer.json", "tokenizer.model", "vocab.json", "merges.txt", "vocab.txt",
    "added_tokens.json",
)  # fmt: skip
_WHOLE: Final = frozenset({"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"})
"""Formats that keep the shape of the matrix; packed ones do not."""

_EMBEDDINGS: Final = frozenset({"embed_in", "embed_tokens", "tok_embeddings", "wte"})
_HEAD: Final = "lm_head"
_PREFIXES: Final = {"GPT2LMHeadModel": "transformer."}
"""Architectures whose published files leave a part of the names away."""


@dataclass(frozen=True, slots=True)
class Module:
    """One module with weights.

    Attributes:
        shape: `[outputs, inputs]` as stored; `None` if the weights are packed.
        is_embedding: It looks rows up instead of multiplying; `shape` is `[words, width]`.
    """

    shape: tuple[int, int] | None
    is_embedding: bool = False


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A base model without its weights.

    Attributes:
        id: Which model it is.
        modules: By their names in the model, such as `model.layers.0.self_attn.q_proj`.
    """

    id: BaseId
    modules: Mapping[str, Module]


def read_skeleton(
    folder: Path, *, id: str, revision: str = "", names: tuple[str, ...] = ()
) -> Skeleton:
    """Return the skeleton of a model folder.

    Args:
        folder: With `config.json` and safetensors.
        id: What the organisation calls the model.
        revision: Its commit.
        names: Further names of it.

    Raises:
        ConfigurationError: It is no model folder, or one of its files is damaged.
    """
    try:
        config = _read_object(folder / "config.json")
        files = _weight_files(folder)
        modules = _modules(files, config=config)
        found = BaseId(
            id=id,
            revision=revision,
            names=names,
            weights_sha256=_digest({path.name: file_sha256(path) for path in files}),
            tokenizer_sha256=_tokenizer_digest(folder),
            template_sha256=_template_digest(folder),
            architecture=_architecture(config),
        )
    except DamagedError as error:
        raise ConfigurationError(error.reason.message, file=str(folder)) from None
    except OSError as error:
        raise ConfigurationError(f"cannot be read ({error.strerror})", file=str(folder)) from None
    return Skeleton(found, modules)


def renamed(skeleton: Skeleton, *, id: str) -> Skeleton:
    """Return the same skeleton under another name of the model."""
    return Skeleton(replace(skeleton.id, id=id), skeleton.modules)


def _modules(files: list[Path], *, config: Mapping[str, Any]) -> dict[str, Module]:
    found: dict[str, Module] = {}
    for path in files:
        for tensor in read_header(path, most_bytes=_MOST_HEADER_BYTES, most_tensors=_MOST_TENSORS):
            module, _, part = tensor.name.rpartition(".")
            is_embedding = module.rpartition(".")[2] in _EMBEDDINGS
            if part == "weight" and len(tensor.shape) == 2 and tensor.dtype in _WHOLE:
                found[module] = Module((tensor.shape[0], tensor.shape[1]), is_embedding)
            elif part in {"weight", "qweight"} and len(tensor.shape) == 2:
                found[module] = Module(None, is_embedding)
    prefix = _PREFIXES.get(_architecture(config), "")
    if prefix and not any(name.startswith(prefix) for name in found):
        found = {name if name == _HEAD else prefix + name: found[name] for name in found}
    embedding = next((module for module in found.values() if module.is_embedding), None)
    if _HEAD not in found and embedding is not None:  # stored once, used twice
        found[_HEAD] = Module(embedding.shape)
    return found


def _weight_files(folder: Path) -> list[Path]:
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        if (folder / "model.safetensors").is_file():
            return [folder / "model.safetensors"]
        raise ConfigurationError("holds no model.safetensors", file=str(folder))
    weights = _read_object(index).get("weight_map")
    names = sorted(set(map(str, weights.values()))) if isinstance(weights, dict) else []
    if not names or any(Path(name).name != name for name in names):
        raise ConfigurationError("names no weight files of its folder", file=str(index))
    return [folder / name for name in names]


def _architecture(config: Mapping[str, Any]) -> str:
    names = config.get("architectures")
    return str(names[0]) if isinstance(names, list) and names else ""


def _tokenizer_digest(folder: Path) -> str:
    paths = [folder / name for name in _TOKENIZER_FILES]
    return _digest({path.name: file_sha256(path) for path in paths if path.is_file()})


def _template_digest(folder: Path) -> str | None:
    """Return the digest of the chat template's text, wherever it stands."""
    file = folder / "chat_template.jinja"
    if file.is_file():
        return file_sha256(file)
    settings = folder / "tokenizer_config.json"
    template = _read_object(settings).get("chat_template") if settings.is_file() else None
    if template is None:
        return None
    text = template if isinstance(template, str) else json.dumps(template, sort_keys=True)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _digest(files: Mapping[str, str]) -> str:
    lines = "".join(f"{name}\0{digest}\n" for name, digest in sorted(files.items()))
    return sha256(lines.encode("utf-8", "surrogatepass")).hexdigest()


def _read_object(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        data = file.read(_MOST_JSON_BYTES + 1)
    try:
        value = json.loads(data) if len(data) <= _MOST_JSON_BYTES else None
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ConfigurationError("is no JSON object", file=str(path))
    return value

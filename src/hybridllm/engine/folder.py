"""Is this folder a model that is safe to load?

Answers: may the files of this folder be read as a model, before any of them is?
Not here: loading (`engine.load`), GGUF files (`engine.gguf`).

A model folder comes from strangers. Weights are safetensors, checked byte for byte against their
header. Pickles are refused by content wherever they stand, since a name proves nothing. Code
that wants to run (`auto_map`), links that lead out, and sizes that do not add up are refused
too. Each refusal names the file and the reason.
Source: the safetensors format (8 bytes of length, a JSON header, the tensors without gaps).
"""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path, PurePosixPath
from typing import Any

from hybridllm.errors import ConfigurationError

_LONGEST_HEADER = 100_000_000  # the format's own limit
_LARGEST_JSON = 64 * 2**20  # the largest tokenizer.json of known models is about 35 MB
_MOST_FILES = 10_000
_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "I16": 16, "U16": 16,
    "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "F64": 64, "I64": 64, "U64": 64,
    "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip
# Large, and their keys are words of the vocabulary; transformers reads no `auto_map` from them.
_VOCABULARIES = frozenset({"model.safetensors.index.json", "tokenizer.json", "vocab.json"})
_PICKLE_NAMES = frozenset(
    {".bin", ".ckpt", ".dill", ".joblib", ".npy", ".npz", ".pickle", ".pkl", ".pt", ".pth"}
)


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A folder that passed.

    Attributes:
        config: Its `config.json`.
        shapes: Shape of each tensor, by name.
    """

    path: Path
    config: Mapping[str, Any]
    shapes: Mapping[str, tuple[int, ...]]


def check_folder(path: Path) -> ModelFolder:
    """Return what the folder holds.

    Raises:
        ConfigurationError: It is no model, or not one that is safe to load.
    """
    check_files(path)
    config = _config(path)
    shapes: dict[str, tuple[int, ...]] = {}
    for name in _weight_files(path):
        shapes |= read_shapes(path / name)
    layers = config.get("num_hidden_layers", 0)
    if isinstance(layers, int) and layers > len(shapes):
        raise refused(
            f"num_hidden_layers is {layers}, but there are only {len(shapes)} tensors",
            path=path / "config.json",
        )
    return ModelFolder(path=path, config=config, shapes=shapes)


def check_files(path: Path) -> None:
    """Look into every file of a folder before any of them is used.

    Raises:
        ConfigurationError: One is a pickle, asks for code, or leads out of the folder.
    """
    if not path.is_dir():
        raise refused("there is no such folder", path=path)
    for file in list(_files(path)):
        _check_content(file)


def refused(reason: str, *, path: Path) -> ConfigurationError:
    """Return the error that says why a file of a model is not loaded."""
    return ConfigurationError(f"refused: {reason}", file=str(path))


def read_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a safetensors file after checking that its bytes add up.

    Raises:
        ConfigurationError: It is truncated, has gaps or overlaps, or is no safetensors file.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else _LONGEST_HEADER + 1
        if length > min(_LONGEST_HEADER, size - 8):
            raise refused("this is no safetensors file, or it is truncated", path=path)
        try:
            header = json.loads(file.read(length))
            header.pop("__metadata__", None)
            tensors = {
                str(name): (str(row["dtype"]), tuple(map(int, row["shape"])), row["data_offsets"])
                for name, row in header.items()
            }
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
            raise refused("its header is not readable", path=path) from None
    end = 0
    for name, (dtype, shape, (first, last)) in sorted(tensors.items(), key=lambda row: row[1][2]):
        if first != end or last < first:
            raise refused("its tensors overlap or leave gaps", path=path)
        bits = _BITS.get(dtype)
        if bits is None or min(shape, default=0) < 0 or prod(shape) * bits != (last - first) * 8:
            raise refused(f"the size of tensor {name!r} does not match its shape", path=path)
        end = last
    if 8 + length + end != size:
        raise refused(
            f"it has {size} bytes; its header announces {8 + length + end} (truncated?)", path=path
        )
    return {name: shape for name, (_, shape, _) in tensors.items()}


def _files(root: Path) -> Iterator[Path]:
    """Yield the files of a folder, refusing links that lead out of it."""
    top = root.resolve()
    allowed = [top]
    if top.parent.name == "snapshots":  # a hub cache keeps the files of all snapshots aside
        allowed.append(top.parent.parent / "blobs")
    for count, path in enumerate(root.rglob("*")):
        if count > _MOST_FILES:
            raise refused(f"it holds more than {_MOST_FILES} files", path=root)
        target = path.resolve()
        if not any(target.is_relative_to(folder) for folder in allowed):
            raise refused("a link leads out of the model's folder", path=path)
        if path.is_file():
            yield path
        elif not path.is_dir():
            raise refused("this is neither a file nor a folder", path=path)


def _check_content(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(64)
    pickled = path.suffix.lower() in _PICKLE_NAMES or _is_pickle(path, start=start)
    if pickled:
        raise refused(
            "this is a pickle, which runs code when it is read; use safetensors or GGUF, "
            "and remove this file",
            path=path,
        )
    is_settings = path.suffix.lower() == ".json" and path.name not in _VOCABULARIES
    if is_settings and "auto_map" in _keys(read_json(path)):
        raise refused(
            "auto_map asks for code of the model to be run, which never happens here; use a model "
            "that transformers itself supports",
            path=path,
        )


def _is_pickle(path: Path, *, start: bytes) -> bool:
    if start[:1] == b"\x80" and start[1:2] in {b"\x02", b"\x03", b"\x04", b"\x05"}:
        return path.suffix != ".safetensors"
    if start[:4] == b"PK\x03\x04":
        try:
            with zipfile.ZipFile(path) as archive:
                return any(PurePosixPath(name).suffix == ".pkl" for name in archive.namelist())
        except (OSError, zipfile.BadZipFile):
            return True  # it claims to be what torch saves and cannot be looked into
    # Protocols 0 and 1 are text: opcode, module, line end, name, line end.
    return start[:1] in {b"c", b"("} and b"\n" in start and _opcodes(start)


def _opcodes(start: bytes) -> bool:
    lines = start.split(b"\n")
    module = lines[0][1:] if start[:1] == b"c" else lines[0].rpartition(b"c")[2]
    return len(lines) > 2 and module.replace(b".", b"").replace(b"_", b"").isalnum()


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, dict | list):
            yield from _keys(item)


def read_json(path: Path) -> Any:
    """Return a JSON file of a model.

    Raises:
        ConfigurationError: It is too large or not JSON.
    """
    if path.stat().st_size > _LARGEST_JSON:
        raise refused(f"it is larger than {_LARGEST_JSON} bytes", path=path)
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise refused("this is not JSON", path=path) from None
    return value if isinstance(value, dict | list) else []


def _config(path: Path) -> dict[str, Any]:
    file = path / "config.json"
    if not file.is_file():
        raise refused("there is no config.json, so this is no model folder", path=path)
    config = read_json(file)
    if not isinstance(config, dict):
        raise refused("this is not an object", path=file)
    return config


def _weight_files(path: Path) -> list[str]:
    """Return the names of the weight files, all of which are there."""
    index = path / "model.safetensors.index.json"
    if not index.is_file():
        if (path / "model.safetensors").is_file():
            return ["model.safetensors"]
        raise refused("there is no model.safetensors; only safetensors and GGUF load", path=path)
    read = read_json(index)
    weights = read.get("weight_map") if isinstance(read, dict) else None
    names = sorted(set(map(str, weights.values()))) if isinstance(weights, dict) else []
    for name in names:
        if name != Path(name).name or not name.endswith(".safetensors"):
            raise refused("it names a weight file that is not one of this folder", path=index)
        if not (path / name).is_file():
            raise refused("a weight file that the index names is missing", path=path / name)
    if not names:
        raise refused("it names no weights", path=index)
    return names

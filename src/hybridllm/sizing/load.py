"""One way in: a model by name, folder, file or hub.

Answers: which shape does the user mean?
Not here: the readers themselves (`sizing.models`, `sizing.checkpoint`, `sizing.gguf`,
`sizing.hub`).
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from hybridllm.sizing.checkpoint import bytes_by_role, read_folder, with_exact_bytes
from hybridllm.sizing.errors import FactsError
from hybridllm.sizing.from_config import shape_from_config
from hybridllm.sizing.gguf import read_gguf
from hybridllm.sizing.models import known_model
from hybridllm.sizing.quantisation import quantise
from hybridllm.sizing.shape import ModelShape


def load_model(
    model: str,
    *,
    quantisation: str | None = None,
    ask_hub: bool = False,
    hub_url: str | None = None,
) -> ModelShape:
    """Return the shape of a model.

    Args:
        model: A known name, a folder with `config.json`, a `config.json`, or a `.gguf` file.
        quantisation: Another number format than the model's own, such as `awq` or `nf4-dq`.
        ask_hub: Ask a model hub for a name that is not known here. Without it nothing leaves.
        hub_url: The hub to ask; Hugging Face otherwise.

    Raises:
        FactsError: The model is not known or its files cannot be read.
        UnknownKindError: It has an attention, cache or number format that is not modelled.
    """
    shape = _load(model, ask_hub=ask_hub, hub_url=hub_url)
    if quantisation is None:
        return shape
    note = f"weights in {quantisation}: the checkpoint that is served must be in that format"
    other = shape.with_quantisation(quantise(quantisation))
    return replace(other, assumptions=(*shape.assumptions, note))


def _load(model: str, *, ask_hub: bool, hub_url: str | None) -> ModelShape:
    path = Path(model)
    if model.lower().endswith(".gguf"):
        return read_gguf(path)
    if path.is_dir():
        return read_model_folder(path)
    if model.lower().endswith(".json"):
        return shape_from_config(_read_json(path), name=path.stem)
    try:
        known = known_model(model)
        return replace(known, name=model) if "/" in model else known
    except FactsError:
        if not ask_hub:
            raise
    from hybridllm.sizing import hub

    return hub.fetch_shape(model, base_url=hub_url or hub.HUB_URL)


def read_model_folder(folder: Path) -> ModelShape:
    """Return the shape of a local checkpoint, with exact bytes when its files are there.

    Raises:
        FactsError: `config.json` is missing or a header is truncated.
    """
    config = _read_json(folder / "config.json")
    beside = folder / "hf_quant_config.json"  # where ModelOpt writes its formats
    if beside.is_file() and "quantization_config" not in config:
        config["quantization_config"] = {
            "quant_method": "modelopt",
            **_read_json(beside).get("quantization", {}),
        }
    shape = shape_from_config(config, name=folder.resolve().name)
    entries = read_folder(folder)
    if not entries:
        return shape
    return with_exact_bytes(shape, by_role=bytes_by_role(entries), source="safetensors headers")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        parsed = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FactsError(
            f"'{path.name}' is missing in '{path.parent.name or '.'}'; it describes the layers."
        ) from None
    except (ValueError, UnicodeDecodeError):
        raise FactsError(f"'{path.name}' is not JSON.") from None
    if not isinstance(parsed, dict):
        raise FactsError(f"'{path.name}' is not a table.")
    return parsed

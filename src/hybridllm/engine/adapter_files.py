"""LoRA adapters as files.

Answers: which matrices does an adapter's folder hold, and is it one that can be served here?
Not here: whether they fit a model (`engine.adapters`).

Only plain LoRA on linear layers is served. Anything else that PEFT can train (DoRA, trained
biases or embeddings, replaced modules) is refused: leaving a part out would answer with other
weights than those that were trained and tested.
Source: the files that PEFT 0.18 to 0.21 writes.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from hybridllm.engine.folder import check_files, read_json, read_shapes, refused

_PREFIX = "base_model.model."
_SIDES = {".lora_A.weight": "down", ".lora_B.weight": "up"}
# Settings of PEFT that change what the adapter does, with the values that leave it plain LoRA.
_PLAIN: dict[str, tuple[Any, ...]] = {
    "alora_invocation_tokens": (None,),
    "alpha_pattern": (None, {}),
    "bias": (None, "none"),
    "fan_in_fan_out": (None, False),
    "layer_replication": (None,),
    "lora_bias": (None, False),
    "modules_to_save": (None, []),
    "peft_type": ("LORA",),
    "target_parameters": (None, []),
    "trainable_token_indices": (None,),
    "use_dora": (None, False),
    "use_qalora": (None, False),
}


@dataclass(frozen=True, slots=True)
class LoraPair:
    """The two matrices of one layer; the scale is already in `up`.

    Attributes:
        down: `[rank, inputs]`.
        up: `[outputs, rank]`.
    """

    down: torch.Tensor
    up: torch.Tensor

    @property
    def rank(self) -> int:
        """Width in the middle."""
        return int(self.down.shape[0])

    def to(self, device: torch.device, *, dtype: torch.dtype) -> LoraPair:
        """Return the pair on a device."""
        return LoraPair(self.down.to(device, dtype), up=self.up.to(device, dtype))


def read_adapter(path: Path) -> Mapping[str, LoraPair]:
    """Return the matrices by the name of the layer that they change.

    Raises:
        ConfigurationError: It is no adapter that can be served here; with the reason.
    """
    check_files(path)
    weights = path / "adapter_model.safetensors"
    config_file = path / "adapter_config.json"
    for file in (weights, config_file):
        if not file.is_file():
            raise refused("this file of an adapter is missing", path=file)
    config = read_json(config_file)
    if not isinstance(config, dict):
        raise refused("this is not an object", path=config_file)
    for name, plain in _PLAIN.items():
        if config.get(name) not in plain:
            raise refused(f"{name!r} makes it more than plain LoRA", path=config_file)
    read_shapes(weights)
    sides: dict[str, dict[str, torch.Tensor]] = defaultdict(dict)
    for name, tensor in load_file(weights).items():
        side = next((end for end in _SIDES if name.endswith(end)), None)
        if side is None or not name.startswith(_PREFIX) or tensor.dim() != 2:
            raise refused(f"tensor {name!r} is none of plain LoRA", path=weights)
        target = name.removeprefix(_PREFIX).removesuffix(side)
        sides[target][_SIDES[side]] = tensor.float()
    pairs = {target: _pair(found, config=config, path=weights) for target, found in sides.items()}
    if not pairs or not any(bool(pair.up.any()) for pair in pairs.values()):
        raise refused("it has no effect: all its numbers are zero", path=weights)
    return pairs


def _pair(found: Mapping[str, torch.Tensor], *, config: Mapping[str, Any], path: Path) -> LoraPair:
    down, up = found.get("down"), found.get("up")
    if down is None or up is None or down.shape[0] != up.shape[1] or not down.shape[0]:
        raise refused("the two matrices of a layer do not belong together", path=path)
    if not (bool(down.isfinite().all()) and bool(up.isfinite().all())):
        raise refused("it holds numbers that are not finite", path=path)
    rank, alpha = int(down.shape[0]), config.get("lora_alpha", 8)
    if not config.get("rank_pattern") and config.get("r") != rank:
        raise refused(f"its rank is {rank}, and its configuration says otherwise", path=path)
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not math.isfinite(alpha):
        raise refused("lora_alpha is no number", path=path)
    scale = alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)
    return LoraPair(down, up=up * scale)

"""`adapter_config.json` of PEFT.

Answers: what kind of LoRA does an adapter say that it is, and is it plain LoRA?
Not here: whether its tensors agree (`adapters.tensors`).

Only plain LoRA passes. DoRA, trained biases, replaced modules, a rank for each module and the
initialisations that change the base model's weights are served differently or not at all by
the engines, and none of them says so. A setting that this module does not know is refused
unless it is empty: it may be the one that changes everything.

Modules are named by lists. An expression would be code of a stranger that runs in the engine
(and can take for ever); vLLM and PEFT read it differently as well.
Source: the files that PEFT 0.18 to 0.21 writes.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hybridllm.adapters.contents import CONFIG
from hybridllm.adapters.reasons import Reason, Reasons, quoted

MOST_RANK: Final = 4096
"""More than any model's smallest layer."""

_MOST_BYTES: Final = 2**20
_MOST_MODULES: Final = 10_000

# Setting -> the values that leave the adapter plain LoRA. All others are refused.
_PLAIN: Final[dict[str, tuple[Any, ...]]] = {
    "alora_invocation_tokens": (None,),
    "alpha_pattern": (None, {}),
    "arrow_config": (None,),
    "bias": (None, "none"),
    "corda_config": (None,),
    "ensure_weight_tying": (None, False),
    "eva_config": (None,),
    "init_lora_weights": (None, True, False, "gaussian", "orthogonal"),
    "kasa_config": (None,),
    "layer_replication": (None,),
    "layers_pattern": (None, [], ""),
    "loftq_config": (None, {}),
    "lora_bias": (None, False),
    "lora_ga_config": (None,),
    "megatron_config": (None,),
    "modules_to_save": (None, []),
    "monteclora_config": (None,),
    "peft_type": ("LORA",),
    "rank_pattern": (None, {}),
    "target_parameters": (None, []),
    "trainable_token_indices": (None,),
    "use_bdlora": (None, False),
    "use_dora": (None, False),
    "use_qalora": (None, False),
    "velora_config": (None,),
}
# Settings that change nothing once the adapter is trained, or that are read below.
_FREE: Final = frozenset(
    {
        "auto_mapping", "base_model_name_or_path", "exclude_modules", "fan_in_fan_out",
        "inference_mode", "layers_to_transform", "lora_alpha", "lora_dropout", "megatron_core",
        "peft_version", "qalora_group_size", "r", "revision", "target_modules", "task_type",
        "use_rslora",
    }
)  # fmt: skip
_CODES: Final = {"use_dora": "config_dora", "init_lora_weights": "config_init"}


@dataclass(frozen=True, slots=True)
class LoraConfig:
    """What a configuration says.

    Attributes:
        base_name: What training called the base model.
        targets: Names of modules, or the ends of their names.
        excluded: Modules that the targets do not mean, told in the same way.
        layers: Numbers of the layers that have the adapter; `None` for all.
        is_transposed: Base weights are `[inputs, outputs]` (GPT-2).
    """

    rank: int
    alpha: float
    targets: tuple[str, ...]
    base_name: str
    excluded: tuple[str, ...] = ()
    layers: frozenset[int] | None = None
    use_rslora: bool = False
    is_transposed: bool = False


def read_config(folder: Path) -> tuple[LoraConfig | None, tuple[Reason, ...]]:
    """Return what the configuration says, and everything that is wrong with it.

    The first is `None` if too little can be understood to look at the tensors.
    """
    try:
        with (folder / CONFIG).open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        return None, (_reason("file_missing", f"it cannot be read ({error.strerror})"),)
    if len(data) > _MOST_BYTES:
        return None, (_reason("config_broken", f"it is larger than {_MOST_BYTES} bytes"),)
    try:
        config = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        return None, (_reason("config_broken", "it is not JSON"),)
    if not isinstance(config, dict):
        return None, (_reason("config_broken", "it is no object"),)
    reasons = Reasons()
    _check_plain(config, reasons)
    return _understood(config, reasons), reasons.all()


def _check_plain(config: dict[str, Any], reasons: Reasons) -> None:
    for name, plain in _PLAIN.items():
        found = config.get(name)
        if any(type(found) is type(value) and found == value for value in plain):
            continue
        if name == "peft_type":
            text = "peft_type is not LORA" if name in config else "peft_type is missing"
            reasons.add("config_type", message=text, place=CONFIG)
        else:
            text = f"{name} makes it something else than plain LoRA"
            reasons.add(_CODES.get(name, "config_not_plain"), message=text, place=CONFIG)
    for name in sorted(config.keys() - _PLAIN.keys() - _FREE):
        if config[name]:
            text = f"the setting {quoted(name)} is not known here"
            reasons.add("config_unknown", message=text, place=CONFIG)


def _understood(config: dict[str, Any], reasons: Reasons) -> LoraConfig | None:
    rank, alpha = config.get("r"), config.get("lora_alpha", 8)
    if type(rank) is not int or not 0 < rank <= MOST_RANK:
        text = f"r is {quoted(rank)}; expected a number from 1 to {MOST_RANK}"
        reasons.add("config_rank", message=text, place=CONFIG)
        rank = 0
    if type(alpha) not in {int, float} or not 0 < alpha < 2**63 or not math.isfinite(alpha):
        text = f"lora_alpha is {quoted(alpha)}; expected a finite number above 0"
        reasons.add("config_alpha", message=text, place=CONFIG)
        alpha = 0.0
    targets = _names(config.get("target_modules"))
    excluded = _names(config.get("exclude_modules") or [])
    for name, found in (("target_modules", targets), ("exclude_modules", excluded)):
        if found is None:
            text = f"{name} is no list of names; write the names that an expression means"
            reasons.add("config_targets", message=text, place=CONFIG)
    if targets == ():
        reasons.add("config_targets", message="target_modules is empty", place=CONFIG)
    layers = config.get("layers_to_transform")
    layers = [layers] if type(layers) is int else layers
    if layers is not None and not _are_layers(layers):
        text = "layers_to_transform is no list of layer numbers"
        reasons.add("config_targets", message=text, place=CONFIG)
        layers = None
    for name in ("use_rslora", "fan_in_fan_out"):
        if type(config.get(name, False)) is not bool and config[name] is not None:
            reasons.add("config_broken", message=f"{name} is neither true nor false", place=CONFIG)
    if not rank or not alpha or not targets or excluded is None:
        return None
    base_name = config.get("base_model_name_or_path")
    return LoraConfig(
        rank=rank,
        alpha=float(alpha),
        targets=targets,
        base_name=base_name if isinstance(base_name, str) else "",
        excluded=excluded,
        layers=None if not layers else frozenset(layers),
        use_rslora=config.get("use_rslora") is True,
        is_transposed=config.get("fan_in_fan_out") is True,
    )


def _names(found: object) -> tuple[str, ...] | None:
    if not isinstance(found, list) or len(found) > _MOST_MODULES:
        return None
    if not all(isinstance(name, str) and name for name in found):
        return None
    return tuple(sorted(set(found)))


def _are_layers(found: object) -> bool:
    return (
        isinstance(found, list)
        and len(found) <= _MOST_MODULES
        and all(type(number) is int and number >= 0 for number in found)
    )


def _reason(code: str, message: str) -> Reason:
    return Reason(code, message, CONFIG)

"""The tensors of an adapter against the skeleton of its base model.

Answers: does each tensor belong to a module of this model, with the right shape, and are
all there that the configuration promises?
Not here: reading the file (`adapters.tensor_file`).

What an engine does not find in the model it leaves out without a word, and answers with the
base model alone. So both directions are checked: a tensor without a module, and a module
without its tensors.
Source: names as PEFT 0.18 to 0.21 writes them, `base_model.model.MODULE.lora_A.weight`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hybridllm.adapters.base import Module, Skeleton
from hybridllm.adapters.contents import WEIGHTS
from hybridllm.adapters.lora import LoraConfig
from hybridllm.adapters.reasons import Reasons, quoted
from hybridllm.adapters.tensor_file import NUMBER_BYTES, TensorFacts, read_numbers

_PREFIX: Final = "base_model.model."
_DOWN: Final = "down"
_UP: Final = "up"
_SIDES: Final = {
    ".lora_A.weight": (_DOWN, False),
    ".lora_B.weight": (_UP, False),
    ".lora_embedding_A": (_DOWN, True),
    ".lora_embedding_B": (_UP, True),
}
"""End of a name -> which of the two matrices, and whether its module is an embedding."""

_WORDS: Final = ("embed_tokens", "embed_in", "lm_head", "wte")
# As PEFT looks for the number of a layer; the last one in the name counts.
_LAYER: Final = re.compile(r".*\.[^.]*\.(\d+)\.")


@dataclass(slots=True)
class Pair:
    """The two matrices of one module."""

    is_embedding: bool
    sides: dict[str, TensorFacts] = field(default_factory=dict)


def pair_up(tensors: Iterable[TensorFacts], *, reasons: Reasons) -> dict[str, Pair]:
    """Return the matrices by the name of their module; say what is none of plain LoRA."""
    pairs: dict[str, Pair] = {}
    for tensor in tensors:
        end = next((end for end in _SIDES if tensor.name.endswith(end)), None)
        place = quoted(tensor.name)
        if tensor.dtype not in NUMBER_BYTES:
            text = f"its format is {tensor.dtype}; expected {', '.join(sorted(NUMBER_BYTES))}"
            reasons.add("dtype", message=text, place=place)
        elif end is None or not tensor.name.startswith(_PREFIX):
            _say_unknown(tensor.name, reasons)
        elif len(tensor.shape) != 2 or 0 in tensor.shape:
            reasons.add("shape", message="it is no matrix", place=place)
        else:
            side, is_embedding = _SIDES[end]
            module = tensor.name.removeprefix(_PREFIX).removesuffix(end)
            pair = pairs.setdefault(module, Pair(is_embedding))
            if side in pair.sides or pair.is_embedding != is_embedding:
                text = "its module has another matrix of this kind"
                reasons.add("tensor_unknown", message=text, place=place)
            pair.sides[side] = tensor
    if not pairs:
        reasons.add("no_effect", message="it holds no tensor of LoRA", place=WEIGHTS)
    if len({side.dtype for pair in pairs.values() for side in pair.sides.values()}) > 1:
        reasons.add("dtype", message="its tensors have several formats", place=WEIGHTS)
    return pairs


def check_pairs(pairs: Mapping[str, Pair], *, config: LoraConfig, reasons: Reasons) -> None:
    """Say which matrices do not belong together, or not to this configuration."""
    for name, pair in pairs.items():
        down, up = pair.sides.get(_DOWN), pair.sides.get(_UP)
        if down is None or up is None:
            text = "one of its two matrices is missing"
            reasons.add("tensor_missing", message=text, place=quoted(name))
            continue
        ranks = {down.shape[0], up.shape[1]}
        if ranks != {config.rank}:
            found = " and ".join(str(rank) for rank in sorted(ranks))
            text = f"its rank is {found}, and the configuration says {config.rank}"
            reasons.add("rank", message=text, place=quoted(name))


def check_modules(
    pairs: Mapping[str, Pair], *, config: LoraConfig, skeleton: Skeleton, reasons: Reasons
) -> None:
    """Say which tensors have no module, which modules no tensors, and which shapes differ."""
    expected = _targets(config, modules=skeleton.modules, reasons=reasons)
    for name, pair in pairs.items():
        module = skeleton.modules.get(name)
        if module is None:
            text = f"the model has no such module{_hint(name, modules=skeleton.modules)}"
            reasons.add("module_unknown", message=text, place=quoted(name))
            continue
        if name not in expected:
            text = "target_modules does not name it, so its tensors would be left out"
            reasons.add("target_missing", message=text, place=quoted(name))
        _check_shape(name, pair=pair, module=module, config=config, reasons=reasons)
    for name in sorted(expected - pairs.keys()):
        text = "target_modules names it, and it has no tensors"
        reasons.add("tensor_missing", message=text, place=quoted(name))


def check_numbers(path: Path, *, pairs: Mapping[str, Pair], reasons: Reasons) -> None:
    """Say which tensors are not finite, and whether all of them together do nothing.

    Raises:
        OSError: The file cannot be read.
    """
    has_effect = False
    zero: dict[str, set[str]] = defaultdict(set)
    with path.open("rb") as file:
        for name, pair in pairs.items():
            for side, tensor in pair.sides.items():
                found = read_numbers(file, tensor=tensor)
                if not found.are_finite:
                    text = "it holds numbers that are not finite"
                    reasons.add("not_finite", message=text, place=quoted(tensor.name))
                if found.are_all_zero:
                    zero[name].add(side)
            has_effect = has_effect or (len(pair.sides) == len(_SIDES) // 2 and not zero[name])
    if pairs and not has_effect:
        text = "it has no effect: in each module one of the matrices is zero"
        reasons.add("no_effect", message=text, place=WEIGHTS)


def _say_unknown(name: str, reasons: Reasons) -> None:
    module = name.removesuffix(".weight").rpartition(".")[2]
    if name.endswith(".lora_magnitude_vector") or ".lora_magnitude_vector." in name:
        code, text = "config_dora", "this tensor belongs to DoRA"
    elif module in _WORDS:
        code, text = "vocabulary", "it replaces a part of the vocabulary"
    else:
        code, text = "tensor_unknown", "this is no tensor of plain LoRA"
    reasons.add(code, message=text, place=quoted(name))


def _targets(
    config: LoraConfig, *, modules: Mapping[str, Module], reasons: Reasons
) -> frozenset[str]:
    """Return the modules that the configuration means, and say which names mean none."""
    ends = defaultdict(set)
    for name in modules:
        parts = name.split(".")
        for first in range(len(parts)):
            ends[".".join(parts[first:])].add(name)
    found: set[str] = set()
    for target in config.targets:
        meant = ends.get(target, set())
        if not meant:
            text = "target_modules names it, and the model has no such module"
            reasons.add("target_unknown", message=text, place=quoted(target))
        found |= meant
    for target in config.excluded:
        found -= ends.get(target, set())
    if config.layers is not None:
        found = {name for name in found if _layer(name) in config.layers}
    return frozenset(found)


def _layer(name: str) -> int | None:
    found = _LAYER.match(name)
    return int(found[1]) if found else None


def _check_shape(
    name: str, *, pair: Pair, module: Module, config: LoraConfig, reasons: Reasons
) -> None:
    if module.shape is None:
        text = "the model keeps it packed, so its shape is not known"
        reasons.add("base_packed", message=text, place=quoted(name))
        return
    if pair.is_embedding != module.is_embedding:
        text = "an embedding and a linear layer have different adapters"
        reasons.add("shape", message=text, place=quoted(name))
        return
    outputs, inputs = module.shape
    if config.is_transposed or module.is_embedding:
        outputs, inputs = inputs, outputs
    down, up = pair.sides.get(_DOWN), pair.sides.get(_UP)
    found = (inputs if down is None else down.shape[1], outputs if up is None else up.shape[0])
    if found != (inputs, outputs):
        text = f"it maps {found[0]} to {found[1]} numbers, and the model has {inputs} and {outputs}"
        reasons.add("shape", message=text, place=quoted(name))


def _hint(name: str, *, modules: Mapping[str, Module]) -> str:
    """Return which module is meant, if one name is the end of the other."""
    parts = name.split(".")
    for first in range(1, min(len(parts), 4)):
        if (shorter := ".".join(parts[first:])) in modules:
            return f"; it has {quoted(shorter)}: the name begins with too much"
    return ""

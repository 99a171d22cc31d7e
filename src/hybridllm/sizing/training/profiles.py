"""Framework profiles: how a training framework spends memory beyond the arithmetic.

Answers: which tensors does this framework keep for the backward pass, and what else does it hold?
Not here: counting with a profile (`sizing.training.memory`), measuring one
(`sizing.training.calibrate`).

Source: `data/frameworks.toml`; each profile names the source files it was read from.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from importlib import resources
from typing import Any

from hybridllm.sizing.errors import SizingError, UnknownKindError, nearest


@dataclass(frozen=True, slots=True)
class FrameworkProfile:
    """What differs between training frameworks, field by field in `data/frameworks.toml`."""

    name: str
    title: str
    versions: str
    error_band: float
    source: str
    norm_bytes: int = 4
    norm_trainable_bytes: int = 0
    kv_expanded: bool = False
    qkv_is_one_tensor: bool = False
    softcap_is_explicit: bool = False
    mlp_tensors: int = 3
    adapter_bytes: int = 4
    adapter_cast_bytes: int = 0
    lora_dropout: float = 0.0
    lora_input_bytes: int = 2
    lora_fused_qkv: bool = False
    lora_index_copy: bool = False
    logits_bytes: float = 12
    logits_full_bytes: float = 0
    logits_chunked_bytes: float = 0
    logits_qlora_bytes: float = 0
    kbit_fp32: bool = False
    quantised_head: bool = False
    foreach: bool = True
    untied_head: bool = False
    master_weights: bool = False
    bucket_elements: int = 0
    paged_when_quantised: bool = False
    fourbit_keeps_input: bool = False
    fourbit_input_steps: int = 1
    embedding_gradient_when_quantised: bool = False
    accumulates: bool = False
    accumulates_unsharded: bool = False
    offloads_checkpoints: bool = False
    process_bytes: int = 0
    reserved_ratio: float = 1.0
    fitted: str = ""


@lru_cache(maxsize=1)
def profiles() -> dict[str, FrameworkProfile]:
    """Return every framework profile by name."""
    text = (
        resources.files("hybridllm.sizing")
        .joinpath("data/frameworks.toml")
        .read_text(encoding="utf-8")
    )
    raw: dict[str, dict[str, Any]] = tomllib.loads(text)
    return {name: _profile(name, raw) for name in raw}


def find_profile(name: str) -> FrameworkProfile:
    """Return a framework profile.

    Raises:
        UnknownKindError: No such framework, with the nearest name.
    """
    known = profiles()
    lowered = name.lower().replace("_", "-")
    aliases = {
        "hf": "transformers",
        "trainer": "transformers",
        "peft": "transformers",
        "llamafactory": "llama-factory",
    }
    lowered = aliases.get(lowered, lowered)
    if lowered not in known:
        raise UnknownKindError(
            f"framework '{name}' is not known; expected one of {', '.join(known)}."
            f"{nearest(lowered, allowed=known)}"
        )
    return known[lowered]


def with_measured(
    profile: FrameworkProfile, *, predicted_bytes: int, measured_bytes: int
) -> FrameworkProfile:
    """Return the profile of this machine: the given one, scaled so that it meets one measured peak.

    Raises:
        SizingError: A size is not positive, or the two differ by more than a factor of two (then a
        cause is
            missing and a factor would hide it).
    """
    if predicted_bytes <= 0 or measured_bytes <= 0:
        raise SizingError("calibration needs a positive predicted and measured size.")
    ratio = measured_bytes / predicted_bytes
    if not 0.5 <= ratio <= 2.0:
        raise SizingError(
            f"measured / predicted is {ratio:.2f}; a factor outside 0.5 to 2 hides a cause. "
            "Check method, checkpointing, lengths and optimizer."
        )
    return replace(
        profile,
        name=f"{profile.name}-calibrated",
        reserved_ratio=profile.reserved_ratio * ratio,
        error_band=min(profile.error_band, 0.05 + abs(ratio - 1) / 2),
        fitted=f"reserved_ratio set by one measured step (measured / predicted = {ratio:.3f})",
    )


def _profile(name: str, raw: dict[str, dict[str, Any]]) -> FrameworkProfile:
    entry = dict(raw[name])
    parent = entry.pop("inherits", None)
    merged = {**(raw[parent] if parent else {}), **entry, "name": name}
    allowed = {one.name for one in fields(FrameworkProfile)}
    unknown = set(merged) - allowed
    if unknown:
        raise SizingError(f"frameworks.toml: {name}.{min(unknown)} is not a field of a profile.")
    return FrameworkProfile(**merged)

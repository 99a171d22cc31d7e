"""Which tensors a checkpoint quantised, from the `quantization_config` of its `config.json`.

Answers: which role of tensor is in which format?
Not here: bits of a format (`sizing.quantisation`).

A method that is not modelled is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from hybridllm.sizing.errors import UnknownKindError, nearest
from hybridllm.sizing.quantisation import LINEAR_ROLES, Quantisation, quantise

_METHODS: Final = ("awq", "bitsandbytes", "compressed-tensors", "fp8", "gptq", "modelopt", "mxfp4")
_ROLE_PATTERNS: Final = (
    ("shared_expert", re.compile(r"shared_expert")),
    ("expert", re.compile(r"experts")),
    ("linear_attention", re.compile(r"linear_attn|mixer")),
    ("attention", re.compile(r"self_attn|attention|attn")),
    ("mlp", re.compile(r"\bmlp\b|feed_forward")),
    ("head", re.compile(r"lm_head")),
)
_MODELOPT_FORMATS: Final = {
    "FP8": "fp8",
    "NVFP4": "nvfp4",
    "W4A16_NVFP4": "nvfp4",
    "W4A8_NVFP4_FP8": "nvfp4",
    "INT4_AWQ": "awq",
    "W4A16_AWQ": "awq",
    "FP8_PB_WO": "fp8-block",
    "MXFP4": "mxfp4",
}


def read_quantisation(found: object, *, name: str) -> Quantisation:
    """Return the formats that a `quantization_config` declares; nothing means 16 bit.

    Raises:
        UnknownKindError: The method, or an algorithm inside it, is not modelled.
    """
    if not found:
        return Quantisation()
    if not isinstance(found, Mapping):
        raise UnknownKindError(f"{name}: quantization_config is not a table.")
    method = str(found.get("quant_method", "")).lower()
    if method in ("gptq", "awq"):
        bits = int(found.get("bits") or 4)
        group = max(0, int(found.get("group_size") or 0))
        return quantise(
            "awq" if method == "awq" and bits == 4 else f"gptq-int{bits}", group_size=group
        )
    if method == "bitsandbytes":
        return quantise(_bitsandbytes(found))
    if method == "fp8":
        return quantise("fp8-block" if found.get("weight_block_size") else "fp8")
    if method == "mxfp4":
        return quantise("mxfp4")
    if method == "modelopt":
        return _modelopt(found, name)
    if method == "compressed-tensors":
        return _compressed(found, name)
    raise UnknownKindError(
        f"{name}: quantisation method '{method}' is not modelled; known are {', '.join(_METHODS)}."
        f"{nearest(method, allowed=_METHODS)}"
    )


def _bitsandbytes(found: Mapping[str, Any]) -> str:
    if found.get("load_in_8bit"):
        return "bnb-int8"
    kind = str(found.get("bnb_4bit_quant_type") or "fp4")
    return f"{kind}-dq" if found.get("bnb_4bit_use_double_quant") else kind


def _modelopt(found: Mapping[str, Any], name: str) -> Quantisation:
    listed = found.get("quantized_layers")
    if not isinstance(listed, Mapping):
        return quantise(_modelopt_format(str(found.get("quant_algo")), name))
    formats: dict[str, str] = {}
    for layer, how in listed.items():
        role = _role(str(layer))
        if role and role not in formats:
            formats[role] = _modelopt_format(str(how.get("quant_algo")), name)
    return Quantisation(tuple(formats.items()))


def _modelopt_format(algorithm: str, name: str) -> str:
    if algorithm not in _MODELOPT_FORMATS:
        raise UnknownKindError(
            f"{name}: modelopt algorithm '{algorithm}' is not modelled; known are "
            f"{', '.join(_MODELOPT_FORMATS)}.{nearest(algorithm, allowed=_MODELOPT_FORMATS)}"
        )
    return _MODELOPT_FORMATS[algorithm]


def _compressed(found: Mapping[str, Any], name: str) -> Quantisation:
    """One group of weights with one scheme, as nearly all such checkpoints have."""
    schemes = list((found.get("config_groups") or {}).values())
    if not schemes:
        raise UnknownKindError(f"{name}: compressed-tensors without config_groups is not modelled.")
    weights = schemes[0].get("weights") or {}
    bits, kind = int(weights.get("num_bits") or 8), str(weights.get("type") or "int")
    group = int(weights.get("group_size") or 0)
    formats = {(8, "float"): "fp8", (8, "int"): "int8", (4, "int"): "int4", (4, "float"): "nvfp4"}
    if (bits, kind) not in formats:
        raise UnknownKindError(
            f"{name}: compressed-tensors weights of {bits} bit '{kind}' are not modelled."
        )
    ignored = " ".join(str(one) for one in found.get("ignore") or ())
    roles = tuple(
        role for role in LINEAR_ROLES if not (role == "attention" and "self_attn" in ignored)
    )
    return Quantisation(tuple((role, formats[bits, kind]) for role in roles), max(0, group))


def _role(layer: str) -> str | None:
    for role, pattern in _ROLE_PATTERNS:
        if pattern.search(layer):
            return role
    return None

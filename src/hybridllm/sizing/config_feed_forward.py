"""The feed-forward of a layer, from a `config.json`.

Answers: is this layer dense or does it route to experts, and how wide is it?
Not here: attention and the rest of a model (`sizing.from_config`).

Source: the configuration classes of Hugging Face Transformers, read field by field.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hybridllm.sizing.config_kinds import OUTPUT_BIAS, PLAIN_MLP
from hybridllm.sizing.errors import FactsError
from hybridllm.sizing.shape import FeedForward, MixtureOfExperts

Config = Mapping[str, Any]


def need(text: Config, *fields: str, name: str) -> int:
    """Return the first of these fields that is a number.

    Raises:
        FactsError: None is there.
    """
    for field in fields:
        if isinstance(text.get(field), int):
            return int(text[field])
    raise FactsError(f"{name}: config.json has no '{fields[0]}'; without it the model has no size.")


def read_feed_forward(
    text: Config, *, model_type: str, index: int, name: str
) -> FeedForward | MixtureOfExperts:
    """Return the feed-forward of one layer.

    Raises:
        FactsError: A width or the number of working experts is missing.
    """
    gated = text.get("mlp", "plain" if model_type in PLAIN_MLP else "gated") == "gated"
    bias = bool(
        text.get(
            "mlp_bias",
            not gated and (text.get("attention_bias") or model_type in OUTPUT_BIAS),
        )
    )
    experts = int(
        text.get("n_routed_experts")
        or text.get("num_local_experts")
        or text.get("num_experts")
        or 0
    )
    pattern = text.get("hybrid_override_pattern")
    if isinstance(pattern, str) and pattern[index] in "M*":
        return FeedForward(0)
    if not experts or _is_dense(text, index):
        fields = ("intermediate_size_mlp", "intermediate_size", "n_inner", "ffn_hidden_size")
        return FeedForward(need(text, *fields, name=name), gated=gated, bias=bias)
    width = int(text.get("moe_intermediate_size") or text.get("intermediate_size") or 0)
    shared = int(
        text.get("shared_expert_intermediate_size")
        or text.get("moe_shared_expert_intermediate_size")
        or 0
    )
    shared = shared or int(text.get("n_shared_experts") or 0) * width
    if model_type == "llama4":
        shared = width  # one shared expert as wide as the routed ones
    if text.get("enable_moe_block"):
        shared = need(text, "intermediate_size", name=name)  # Gemma 4: a dense branch beside
    fields = ("num_experts_per_tok", "experts_per_token", "num_experts_per_token", "top_k_experts")
    working = need(text, *fields, name=name)
    return MixtureOfExperts(
        experts,
        working,
        width,
        shared,
        gated=gated,
        bias=model_type == "gpt_oss",
        shared_gate=bool(shared) and model_type.startswith("qwen"),
    )


def _is_dense(text: Config, index: int) -> bool:
    """Whether a layer of a model with experts has none."""
    step = int(text.get("interleave_moe_layer_step") or 1)  # Llama 4: every n-th layer routes
    first = int(text.get("first_k_dense_replace") or 0)
    listed = text.get("mlp_only_layers") or ()
    return index < first or index in listed or (index + 1) % step != 0

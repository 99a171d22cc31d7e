"""What the architectures of Transformers have in common, and what is refused.

Answers: which architecture has which biases and norms, and which fields change the cache in ways
not modelled?
Not here: reading a configuration (`sizing.from_config`).

A field in `REFUSED_FIELDS` changes weights or cache by a large factor, so a model that sets it is
refused by name until it is modelled. Source: the modeling files of Hugging Face Transformers and
vLLM.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hybridllm.sizing.errors import UnknownKindError

PLAIN_MLP: Final = frozenset(
    {
        "falcon",
        "mpt",
        "gpt_neox",
        "gpt2",
        "gpt_bigcode",
        "phi",
        "starcoder2",
        "nemotron",
        "nemotron_h",
        "bloom",
        "opt",
    }
)
LAYER_NORM: Final = frozenset(
    {
        "falcon",
        "mpt",
        "gpt_neox",
        "gpt2",
        "gpt_bigcode",
        "phi",
        "starcoder2",
        "nemotron",
        "bloom",
        "opt",
        "cohere",
    }
)
QKV_BIAS: Final = frozenset(
    {"qwen", "qwen2", "qwen2_moe", "qwen2_vl", "qwen2_5_vl", "gpt_oss", "phi", "starcoder2"}
)
OUTPUT_BIAS: Final = frozenset({"gpt_oss", "phi", "starcoder2", "gpt_bigcode"})
QK_NORM: Final = frozenset(
    {
        "qwen3",
        "qwen3_moe",
        "qwen3_next",
        "qwen3_5",
        "qwen3_5_moe",
        "qwen3_vl",
        "qwen3_vl_moe",
        "gemma3",
        "gemma4",
        "olmo2",
        "glm4_moe",
    }
)
FOUR_NORMS: Final = frozenset({"gemma2", "gemma3", "gemma4", "glm4"})
ONE_NORM: Final = frozenset({"phi", "falcon", "cohere"})
TIED_BY_DEFAULT: Final = frozenset(
    {"gemma", "gemma2", "gemma3", "gemma4", "falcon", "mpt", "gpt2", "cohere"}
)
LAYER_TYPES: Final = ("full_attention", "sliding_attention", "linear_attention", "mamba")
CHECKED: Final = (
    PLAIN_MLP
    | LAYER_NORM
    | QKV_BIAS
    | QK_NORM
    | FOUR_NORMS
    | frozenset(
        {
            "llama",
            "mistral",
            "mistral3",
            "mixtral",
            "gemma",
            "phi3",
            "granite",
            "minimax_m2",
            "mimo",
        }
    )
    | frozenset(
        {
            "deepseek_v2",
            "deepseek_v3",
            "deepseek_v32",
            "kimi_k2",
            "kimi_k25",
            "glm_moe_dsa",
            "glm",
            "",
        }
    )
)
REFUSED_FIELDS: Final = {
    "attention_chunk_size": "chunked attention",
    "attn_res_block_size": "attention residual blocks",
    "block_configs": "searched layers of unlike shapes",
    "compress_ratios": "compressed attention",
    "hidden_size_per_layer_input": "per-layer embeddings",
    "num_kv_shared_layers": "layers that share their cache",
    "hybrid_layer_pattern": "sliding layers with heads of their own",
    "indexer_types": "sparse attention with shared indexers",
    "linear_attn_config": "Kimi delta attention",
    "kda_num_heads": "Kimi delta attention",
    "moba_block_size": "mixture of block attention",
    "moe_latent_size": "experts in a latent space",
    "routed_expert_hidden_size": "experts in a latent space",
    "num_memory_blocks": "memory-block attention",
    "rwkv_version": "RWKV recurrence",
    "time_mix_extra_dim": "RWKV recurrence",
    "sparse_attention_config": "block-sparse attention",
}
_PER_LAYER: Final = (
    "num_attention_heads",
    "num_query_heads",
    "num_key_value_heads",
    "num_kv_heads",
    "intermediate_size",
)
_SOFTMAX: Final = ("full", "full_attention", "softmax", "multi_head")


def refuse_unknown(text: Mapping[str, Any], *, name: str) -> None:
    """Refuse a model whose attention or cache is not modelled.

    Raises:
        UnknownKindError: Naming the kind and the field that shows it.
    """
    is_llama4 = str(text.get("model_type")).startswith("llama4")  # vLLM caches its chunks whole
    for field, kind in REFUSED_FIELDS.items():
        if text.get(field) and not (is_llama4 and field == "attention_chunk_size"):
            raise UnknownKindError(
                f"{name}: {kind} ('{field}') is not modelled, "
                "and a guess could be wrong by a large factor."
            )
    mechanism = text.get("attention_type") or text.get("attn_type")
    if isinstance(mechanism, str) and mechanism not in _SOFTMAX:
        raise UnknownKindError(f"{name}: attention type '{mechanism}' is not modelled.")


def assumptions_of(model_type: str) -> tuple[str, ...]:
    """Return what sizes of this architecture rest on beyond its fields."""
    if model_type == "llama4":
        return ("chunked layers are cached whole, as vLLM does without its hybrid manager",)
    if model_type in CHECKED:
        return ()
    return (f"architecture '{model_type}' was not checked; it is read as a plain decoder",)


def per_layer(text: Mapping[str, Any], *, index: int) -> Mapping[str, Any]:
    """Return the fields of one layer: a list of heads or widths becomes that layer's value."""
    own = {key: text[key][index] for key in _PER_LAYER if _is_listed(text.get(key), index)}
    return {**text, **own} if own else text


def _is_listed(value: object, index: int) -> bool:
    return isinstance(value, list) and index < len(value) and isinstance(value[index], int)

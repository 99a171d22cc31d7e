"""A model's shape from its `config.json`.

Answers: which layers does the model behind this configuration have?
Not here: exact tensor bytes (`sizing.checkpoint`), names known offline (`sizing.models`).

An attention kind, layer type or quantisation method that is not modelled is refused by name.
Source: the configuration classes of Hugging Face Transformers, read field by field.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hybridllm.sizing import config_kinds as kinds_of
from hybridllm.sizing.config_feed_forward import need, read_feed_forward
from hybridllm.sizing.config_kinds import per_layer
from hybridllm.sizing.errors import UnknownKindError, nearest
from hybridllm.sizing.quantisation_config import read_quantisation
from hybridllm.sizing.shape import (
    FeedForward,
    FullAttention,
    GatedDelta,
    LatentAttention,
    Layers,
    Mamba2,
    Mixer,
    MixtureOfExperts,
    ModelShape,
    NoMixer,
)

Config = Mapping[str, Any]


def shape_from_config(config: Config, *, name: str = "") -> ModelShape:
    """Return the shape that a `config.json` describes.

    Args:
        config: The parsed file. Multimodal files keep the language model under `text_config`.
        name: What to call the model in answers.

    Raises:
        FactsError: A needed field is missing.
        UnknownKindError: An attention, layer or quantisation kind is not modelled.
    """
    text: Config = {**config, **(config.get("text_config") or {})}
    model_type = _model_type(text)
    label = name or str(config.get("_name_or_path") or model_type or "model")
    kinds_of.refuse_unknown(text, name=label)
    kinds = _layer_kinds(text, label)
    feed = [
        read_feed_forward(
            per_layer(text, index=index), model_type=model_type, index=index, name=label
        )
        for index in range(len(kinds))
    ]
    norms = int(
        text.get("norms_per_layer")
        or (4 if model_type in kinds_of.FOUR_NORMS else 1 if model_type in kinds_of.ONE_NORM else 2)
    )
    groups: dict[tuple[Mixer, FeedForward | MixtureOfExperts], int] = {}
    for index, (kind, block) in enumerate(zip(kinds, feed, strict=True)):
        key = (_mixer(per_layer(text, index=index), model_type, kind, label), block)
        groups[key] = groups.get(key, 0) + 1
    norm_bias = text.get("norm", "ln" if model_type in kinds_of.LAYER_NORM else "rms") == "ln"
    layers = tuple(
        Layers(count, mixer, block, 1 if isinstance(mixer, NoMixer) else norms, norm_bias)
        for (mixer, block), count in groups.items()
    )
    tied = text.get("tie_word_embeddings", config.get("tie_word_embeddings"))
    return ModelShape(
        label,
        hidden=need(text, "hidden_size", "n_embd", "d_model", name=label),
        vocab=need(text, "vocab_size", "padded_vocab_size", name=label),
        layers=layers,
        tied_embeddings=model_type in kinds_of.TIED_BY_DEFAULT if tied is None else bool(tied),
        head_bias=bool(text.get("lm_head_bias", model_type == "phi")),
        max_position=int(text.get("max_position_embeddings") or text.get("n_positions") or 0),
        extra_parameters=_extra_parameters(config),
        draft_layers=int(
            text.get("mtp_num_hidden_layers") or text.get("num_nextn_predict_layers") or 0
        ),
        dtype=_dtype(text),
        quantisation=read_quantisation(text.get("quantization_config"), name=label),
        parallel_residual=bool(text.get("parallel_residual", model_type in kinds_of.ONE_NORM)),
        source=str(config.get("source") or "config.json"),
        assumptions=kinds_of.assumptions_of(model_type),
    )


def _model_type(text: Config) -> str:
    """Return the architecture's name; LitGPT's files name it by its blocks."""
    if text.get("mlp_class") == "GemmaMLP":
        return "gemma2" if text.get("sliding_window") else "gemma"
    return str(text.get("model_type") or "").removesuffix("_text")


def _layer_kinds(text: Config, label: str) -> list[str]:
    """Return the kind of each layer, in order."""
    count = need(text, "num_hidden_layers", "n_layer", "n_layers", name=label)
    pattern = text.get("hybrid_override_pattern")
    if isinstance(pattern, str):
        return _nemotron_kinds(pattern, label)
    listed = text.get("layer_types") or text.get("layers_block_type")
    if listed:
        kinds = [{"attention": "full_attention"}.get(str(kind), str(kind)) for kind in listed][
            :count
        ]
        for kind in kinds:
            if kind not in kinds_of.LAYER_TYPES:
                raise UnknownKindError(
                    f"{label}: layer type '{kind}' is not modelled; "
                    f"known are {', '.join(kinds_of.LAYER_TYPES)}."
                    f"{nearest(kind, allowed=kinds_of.LAYER_TYPES)}"
                )
        return kinds
    interval = text.get("full_attention_interval")
    if text.get("linear_num_value_heads") and interval:
        return [
            "full_attention" if (i + 1) % int(interval) == 0 else "linear_attention"
            for i in range(count)
        ]
    if text.get("sliding_window") and _uses_window(text):
        model_type = _model_type(text)
        every = int(
            text.get("sliding_window_pattern")
            or {"gemma2": 2, "gpt_oss": 2, "gemma3": 6}.get(model_type, 0)
        )
        if every:
            return [
                "full_attention" if (i + 1) % every == 0 else "sliding_attention"
                for i in range(count)
            ]
        return ["sliding_attention"] * count
    if text.get("mamba_num_heads") or text.get("mamba_n_heads") or text.get("ssm_state_size"):
        return ["mamba"] * count
    return ["full_attention"] * count


def _uses_window(text: Config) -> bool:
    """A `sliding_window` in a Qwen2 file is not used unless `use_sliding_window` says so."""
    if "use_sliding_window" in text:
        return bool(text["use_sliding_window"])
    window, longest = int(text["sliding_window"]), int(text.get("max_position_embeddings") or 0)
    return not longest or window < longest


def _nemotron_kinds(pattern: str, label: str) -> list[str]:
    names = {"M": "mamba", "*": "full_attention", "-": "mlp", "E": "mlp"}
    unknown = sorted(set(pattern) - set(names))
    if unknown:
        raise UnknownKindError(
            f"{label}: hybrid_override_pattern has '{unknown[0]}', which is not modelled."
        )
    return [names[letter] for letter in pattern]


def _mixer(text: Config, model_type: str, kind: str, label: str) -> Mixer:
    if kind == "mlp":
        return NoMixer()
    if kind == "linear_attention":
        return GatedDelta(
            need(text, "linear_num_key_heads", name=label),
            need(text, "linear_num_value_heads", name=label),
            need(text, "linear_key_head_dim", name=label),
            need(text, "linear_value_head_dim", name=label),
            need(text, "linear_conv_kernel_dim", name=label),
        )
    if kind == "mamba":
        return Mamba2(
            need(text, "mamba_num_heads", "mamba_n_heads", name=label),
            need(text, "mamba_head_dim", "mamba_d_head", name=label),
            need(text, "ssm_state_size", "mamba_d_state", name=label),
            need(text, "n_groups", "mamba_n_groups", name=label),
            need(text, "conv_kernel", "mamba_d_conv", name=label),
        )
    heads = need(text, "num_attention_heads", "num_query_heads", "n_head", "n_heads", name=label)
    if text.get("kv_lora_rank"):
        return LatentAttention(
            heads,
            need(text, "kv_lora_rank", name=label),
            need(text, "qk_nope_head_dim", name=label),
            need(text, "qk_rope_head_dim", name=label),
            need(text, "v_head_dim", name=label),
            text.get("q_lora_rank"),
            int(text.get("index_n_heads") or 0),
            int(text.get("index_head_dim") or 0),
        )
    hidden = need(text, "hidden_size", "n_embd", "d_model", name=label)
    return _full_attention(text, model_type, kind, heads, hidden)


def _full_attention(
    text: Config, model_type: str, kind: str, heads: int, hidden: int
) -> FullAttention:
    is_global = kind == "full_attention" and bool(text.get("global_head_dim"))
    kv_heads = (text.get("num_global_key_value_heads") if is_global else 0) or 0
    return FullAttention(
        heads,
        int(kv_heads) or _kv_heads(text, heads),
        int(text["global_head_dim"] if is_global else text.get("head_dim") or hidden // heads),
        window=int(text["sliding_window"]) if kind == "sliding_attention" else None,
        output_gate=bool(text.get("attn_output_gate", model_type == "qwen3_next")),
        qkv_bias=bool(
            text.get("qkv_bias", text.get("attention_bias")) or model_type in kinds_of.QKV_BIAS
        ),
        output_bias=bool(
            (text.get("attention_bias") and model_type not in kinds_of.QKV_BIAS)
            or model_type in kinds_of.OUTPUT_BIAS
        ),
        qk_norm=bool(text.get("qk_norm", model_type in kinds_of.QK_NORM)),
        sinks=model_type == "gpt_oss",
        value_is_key=is_global and bool(text.get("attention_k_eq_v")),
        softcap=bool(text.get("attn_logit_softcapping", model_type == "gemma2")),
    )


def _kv_heads(text: Config, heads: int) -> int:
    if text.get("multi_query") and not text.get("new_decoder_architecture"):
        return 1
    found = text.get("num_key_value_heads", text.get("num_kv_heads", text.get("n_head_kv")))
    return int(found) if found else heads


def _extra_parameters(config: Config) -> int:
    """Return the parameters beside the language model: declared, or a vision tower's count."""
    if config.get("extra_params_b"):
        return round(float(config["extra_params_b"]) * 1e9)
    vision = config.get("vision_config") or {}
    depth = vision.get("depth") or vision.get("num_hidden_layers")
    width = vision.get("hidden_size") or vision.get("embed_dim")
    if not depth or not width:
        return 0
    inner = int(vision.get("intermediate_size") or 4 * int(width))
    block = 4 * int(width) ** 2 + 2 * int(width) * inner
    merged = int(width) * int(vision.get("spatial_merge_size") or 1) ** 2
    return (
        int(depth) * block + merged * merged + merged * int(vision.get("out_hidden_size") or merged)
    )


def _dtype(text: Config) -> str:
    named = str(text.get("torch_dtype") or text.get("dtype") or "bfloat16").removeprefix("torch.")
    known = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32", "auto": "bf16"}
    if named not in known:
        raise UnknownKindError(
            f"dtype '{named}' is not known; expected one of {', '.join(known)}."
            f"{nearest(named, allowed=known)}"
        )
    return known[named]

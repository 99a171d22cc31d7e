"""What a model's own files say about it.

Answers: how long is its context, which tokens end an answer, how does it pool, what are its
defaults, and can its layers share a batch?
Not here: loading it (`engine.load`).

Units: tokens, bytes.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hybridllm.engine.adapters import Adapters
from hybridllm.engine.exchange import Sampling
from hybridllm.engine.folder import read_json, refused
from hybridllm.engine.model import LoadedModel, Tokenizer
from hybridllm.engine.prompts import PromptReader
from hybridllm.engine.settings import Pooling
from hybridllm.engine.template import ChatTemplate
from hybridllm.engine.tools import tool_format

# Layers whose keys and values can be joined and left by rows. Others keep a state of their own.
_LAYERS = frozenset({"full_attention", "sliding_attention"})
_POOLINGS: Mapping[str, Pooling] = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_lasttoken": "last",
}


def read_pooling(path: Path) -> tuple[Pooling | None, bool]:
    """Return how an embedding model says that texts become vectors."""
    modules = path / "modules.json"
    if not modules.is_file():
        return None, False
    kinds = [str(module.get("type", "")).rpartition(".")[2] for module in read_json(modules)]
    if set(kinds) - {"Normalize", "Pooling", "Transformer"}:
        raise refused("it has a module other than Transformer, Pooling, Normalize", path=modules)
    file = path / "1_Pooling" / "config.json"
    settings = read_json(file) if file.is_file() else {}
    chosen = [name for key, name in _POOLINGS.items() if settings.get(key)]
    others = [key for key in settings if key.startswith("pooling_mode_") and settings[key]]
    if len(chosen) != 1 or len(others) != 1:
        raise refused("expected one of mean, cls and last-token pooling", path=file)
    return chosen[0], "Normalize" in kinds


def describe(
    model: Any, *, path: Path, tokenizer: Any, asked_model_len: int | None,
    pooling: Pooling | None, normalize: bool,
) -> LoadedModel:  # fmt: skip
    """Return the model with what its files say.

    Args:
        model: From transformers, on its device.
        path: Its folder.
        tokenizer: From transformers.
        asked_model_len: A shorter context than the model's own, or `None`.
        pooling: How it makes vectors, if it does.
        normalize: Whether those have length 1.

    Raises:
        ConfigurationError: Its layers cannot share a batch, or its chat template is not valid.
    """
    config = model.config.get_text_config()
    layers = set(getattr(config, "layer_types", None) or ["full_attention"])
    writes = model.get_output_embeddings() is not None
    if writes and (layers - _LAYERS or getattr(model, "_is_stateful", False)):
        raise refused(
            f"layers of kind {', '.join(sorted(layers - _LAYERS)) or 'state space'} cannot share "
            "a batch here; serve this model with vLLM",
            path=path,
        )
    parameters: Mapping[str, object] = inspect.signature(model.forward).parameters
    longest = int(getattr(config, "max_position_embeddings", 0) or 2**31)
    if not writes:  # encoders count differently: two positions of RoBERTa's are no tokens
        longest = min(longest, int(tokenizer.model_max_length))
    max_model_len = min(asked_model_len or longest, longest)
    window = getattr(config, "sliding_window", None)
    # Models without torch's fused attention want masks of another type; transformers makes those.
    fused = config._attn_implementation == "sdpa"  # noqa: SLF001 - there is no public name
    wrapped = Tokenizer(tokenizer)
    return LoadedModel(
        model=model,
        adapters=Adapters(model),
        tokenizer=wrapped,
        prompts=_prompt_reader(
            tokenizer, wrapped, max_model_len=max_model_len, vocab_size=config.vocab_size,
            path=path,
        ),
        device=model.device,
        max_model_len=max_model_len,
        vocab_size=config.vocab_size,
        eos=_eos(model, tokenizer),
        defaults=_defaults(model) if writes else Sampling(),
        cache_keyword="cache" if "cache" in parameters else "past_key_values",
        plain_attention=layers == {"full_attention"} and window is None and fused,
        writes=writes,
        pooling=pooling,
        normalize=normalize,
        tools=tool_format(_template(tokenizer)),
        kv_bytes_per_token=_kv_bytes_per_token(config) * model.dtype.itemsize,
    )  # fmt: skip


def _kv_bytes_per_token(config: Any) -> int:
    """Return the bytes of one token's keys and values where a number takes one byte."""
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    head_dim = getattr(config, "head_dim", None)
    head_dim = head_dim or config.hidden_size // config.num_attention_heads
    return int(2 * config.num_hidden_layers * heads * head_dim)


def _prompt_reader(
    tokenizer: Any, wrapped: Tokenizer, *, max_model_len: int, vocab_size: int, path: Path
) -> PromptReader:
    added = tokenizer.added_tokens_decoder.values()
    source = _template(tokenizer)
    try:
        template = ChatTemplate(source, special_tokens=_special(tokenizer)) if source else None
    except ValueError as error:
        raise refused(str(error), path=path) from None
    return PromptReader(
        wrapped,
        control_tokens=[token.content for token in added if token.special],
        longest_token=max(map(len, tokenizer.get_vocab()), default=1),
        template=template,
        max_model_len=max_model_len,
        vocab_size=vocab_size,
    )


def _template(tokenizer: Any) -> str | None:
    found = tokenizer.chat_template
    if isinstance(found, dict):
        found = found.get("tool_use") or found.get("default")
    return found if isinstance(found, str) else None


def _special(tokenizer: Any) -> dict[str, str]:
    named = tokenizer.special_tokens_map.items()
    return {name: value for name, value in named if isinstance(value, str)}


def _eos(model: Any, tokenizer: Any) -> frozenset[int]:
    """Return the tokens that end an answer, as the model's and the tokenizer's files say."""
    generation = getattr(model, "generation_config", None)
    named = getattr(generation, "eos_token_id", None)
    found = set(named if isinstance(named, list) else [named])
    found.add(tokenizer.eos_token_id)
    return frozenset(token for token in found if isinstance(token, int))


def _defaults(model: Any) -> Sampling:
    """Return what the model's own generation_config.json says, where a request is silent."""
    generation = model.generation_config
    return Sampling(
        temperature=generation.temperature,
        top_p=generation.top_p,
        top_k=generation.top_k,
        min_p=generation.min_p,
        repetition_penalty=generation.repetition_penalty,
    )

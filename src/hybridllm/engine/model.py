"""A loaded model, as the rest of the engine sees it.

Answers: what does the engine know of its model?
Not here: loading it (`engine.load`), reading its files (`engine.describe`).

Units: tokens, bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from hybridllm.engine.adapters import Adapters
from hybridllm.engine.exchange import Sampling
from hybridllm.engine.prompts import PromptReader
from hybridllm.engine.settings import Pooling
from hybridllm.engine.tools import ToolFormat


class Tokenizer:
    """The model's tokenizer. Used by the engine's thread alone."""

    def __init__(self, tokenizer: Any) -> None:
        self.wrapped = tokenizer
        self._fast = tokenizer.backend_tokenizer

    def encode(self, text: str, *, control_tokens: bool, add_special: bool) -> list[int]:
        """Return the tokens of a text; with `control_tokens`, their texts become those tokens."""
        self._fast.encode_special_tokens = not control_tokens
        ids: list[int] = self._fast.encode(text, add_special_tokens=add_special).ids
        return ids

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens without the control tokens."""
        text: str = self._fast.decode(list(tokens), skip_special_tokens=True)
        return text

    def token_text(self, token: int) -> str:
        """Return the text of one token; a part of a character comes as U+FFFD."""
        text: str = self._fast.decode([token], skip_special_tokens=False)
        return text


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """All that the engine needs.

    Attributes:
        cache_keyword: How this version of transformers names the argument for the cache.
        plain_attention: Whether every layer attends to everything, so that one mask serves all.
        tools: How it writes tool calls, where it was trained to.
        writes: Whether it generates text; a model without that only embeds.
    """

    model: Any
    adapters: Adapters
    tokenizer: Tokenizer
    prompts: PromptReader
    device: torch.device
    max_model_len: int
    vocab_size: int
    eos: frozenset[int]
    defaults: Sampling
    cache_keyword: str
    plain_attention: bool
    writes: bool
    pooling: Pooling | None
    normalize: bool
    kv_bytes_per_token: int
    tools: ToolFormat | None

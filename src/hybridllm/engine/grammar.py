"""Answers that follow a JSON Schema.

Answers: which tokens may come next, so that the answer fulfils the schema?
Not here: applying it to the logits (`engine.sampling`).

The work is llguidance's. Its helper for torch compiles a kernel first, which takes longer than
many answers, so the bits are unpacked here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from hybridllm.engine.exchange import Refusal


class Grammars:
    """Makes a matcher for each answer; the table of tokens is built once.

    Args:
        tokenizer: The model's transformers tokenizer.
        vocab_size: Width of the logits.
        eos: Tokens that end an answer.
    """

    def __init__(self, tokenizer: Any, *, vocab_size: int, eos: Iterable[int]) -> None:
        self._tokenizer = tokenizer
        self._vocab_size = vocab_size
        self._eos = sorted(eos)
        self._table: Any = None

    def matcher(self, schema: str) -> Matcher:
        """Return what follows one answer.

        Raises:
            Refusal: llguidance is missing, or it does not support the schema.
        """
        try:
            import llguidance
            import llguidance.hf
        except ImportError:
            raise Refusal(
                "response_format needs llguidance; install it with: pip install llguidance",
                code="unsupported_parameter",
                param="response_format",
            ) from None
        if self._table is None:
            self._table = llguidance.hf.from_tokenizer(
                self._tokenizer, n_vocab=self._vocab_size, eos_token=self._eos
            )
        try:
            # Free whitespace would let a small model write blanks until its tokens are used up.
            grammar = llguidance.LLMatcher.grammar_from_json_schema(
                schema, overrides={"whitespace_flexible": False}
            )
        except ValueError:
            raise _unsupported() from None
        found = llguidance.LLMatcher(self._table, grammar, log_level=0)
        if found.is_error():  # its text quotes the schema, so it goes no further
            raise _unsupported()
        return Matcher(found, vocab_size=self._vocab_size)


class Matcher:
    """Follows one answer through its schema."""

    def __init__(self, found: Any, *, vocab_size: int) -> None:
        self._found = found
        self._vocab_size = vocab_size
        self._mask: torch.Tensor | None = None

    @property
    def finished(self) -> bool:
        """Whether the answer is complete."""
        return bool(self._found.is_stopped())

    def allowed(self) -> torch.Tensor:
        """Return which tokens may come next, as booleans."""
        if self._mask is None:
            packed = torch.frombuffer(bytearray(self._found.compute_bitmask()), dtype=torch.uint8)
            bits = (packed.unsqueeze(1) >> torch.arange(8, dtype=torch.uint8)) & 1
            self._mask = bits.flatten()[: self._vocab_size].bool()
        return self._mask

    def accept(self, token: int) -> None:
        """Follow a token that was allowed."""
        self._mask = None
        self._found.consume_token(token)


def _unsupported() -> Refusal:
    return Refusal(
        "the JSON Schema uses something that is not supported in-process",
        code="invalid_value",
        param="response_format",
    )

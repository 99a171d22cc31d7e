"""The forward passes of a batch that rows join and leave.

Answers: what does the model say next, for each prompt and for each running row?
Not here: choosing the next token (`engine.sampling`), who runs when (`engine.core`).

Prompts are padded on the right, where a causal model does not look, so that a group of prompts
gives the very numbers that each gives alone. Running rows are padded on the left (see
`engine.cache`). A prompt that is longer than a chunk is read chunk by chunk, so that the running
rows are never held up for longer than one chunk takes.
Units: tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers.cache_utils import DynamicCache

from hybridllm.engine.cache import Slots
from hybridllm.engine.model import LoadedModel
from hybridllm.engine.prefixes import Prefix


class Prefill:
    """Prompts that are being read.

    Args:
        prompts: Their tokens.
        adapters: What each is read with.
        chunk: Tokens of a single prompt that are read at once.
        prefix: How all of them begin, where that has been read before.

    Attributes:
        cache: Their keys and values so far; rows start at column 0.
        lengths: Tokens of each prompt.
    """

    def __init__(
        self, prompts: Sequence[Sequence[int]], *, adapters: Sequence[str | None], chunk: int,
        prefix: Prefix | None = None,
    ) -> None:  # fmt: skip
        self._adapters = adapters
        self.cache = DynamicCache()
        self.lengths = [len(prompt) for prompt in prompts]
        self._prompts = prompts
        self._chunk = chunk if len(prompts) == 1 else max(self.lengths)
        self._read = prefix.length if prefix else 0
        for number, (keys, values) in enumerate(prefix.layers() if prefix else ()):
            rows = (len(prompts), -1, -1, -1)
            self.cache.update(keys.expand(rows), values.expand(rows), number)

    def advance(self, forward: Forward) -> torch.Tensor | None:
        """Read the next chunk; return the logits after each prompt once all are read."""
        first = self._read
        self._read = min(first + self._chunk, max(self.lengths))
        chunk = [
            [*prompt[first : self._read], *[0] * (self._read - max(len(prompt), first))]
            for prompt in self._prompts
        ]
        done = self._read == max(self.lengths)
        ends = [length - 1 - first for length in self.lengths] if done else [0] * len(chunk)
        positions = torch.arange(first, self._read, device=forward.device).expand(len(chunk), -1)
        logits = forward(
            chunk, positions=positions, cache=self.cache, mask=None, ends=ends,
            adapters=self._adapters,
        )  # fmt: skip
        return logits if done else None


class Forward:
    """The model's forward pass, which computes logits only where they are wanted."""

    def __init__(self, loaded: LoadedModel) -> None:
        self.device = loaded.device
        self._model = loaded.model
        self._adapters = loaded.adapters
        self._keyword = loaded.cache_keyword
        self._ends: torch.Tensor | None = None
        head = loaded.model.get_output_embeddings()
        head.register_forward_pre_hook(self._pick)

    def __call__(
        self,
        tokens: Sequence[Sequence[int]],
        *,
        positions: torch.Tensor,
        cache: Any,
        mask: torch.Tensor | None,
        ends: Sequence[int],
        adapters: Sequence[str | None],
    ) -> torch.Tensor:
        """Return the logits at one place of each row, as float32 `[rows, vocabulary]`."""
        self._ends = torch.tensor(ends, device=self.device)
        try:
            with torch.inference_mode(), self._adapters.selected(adapters):
                output = self._model(
                    input_ids=torch.tensor(tokens, device=self.device),
                    position_ids=positions,
                    attention_mask=mask,
                    use_cache=True,
                    **{self._keyword: cache},
                )
        finally:
            self._ends = None
        logits: torch.Tensor = output.logits[:, 0].float()
        return logits

    def _pick(self, _: object, arguments: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        """Hand only the wanted places to the output layer.

        The copy is contiguous, and that matters: on a CPU, torch copies the whole output matrix
        once for each row when a slice comes in and the weights are frozen.
        """
        if self._ends is None:
            return arguments
        rows = torch.arange(len(self._ends), device=self._ends.device)
        return (arguments[0][rows, self._ends].unsqueeze(1), *arguments[1:])


class Batch:
    """The running rows, as the model sees them. The order of rows changes when one leaves."""

    def __init__(self, loaded: LoadedModel) -> None:
        self.forward = Forward(loaded)
        self.slots = Slots()
        self._plain = loaded.plain_attention

    def step(self, tokens: Sequence[int], *, adapters: Sequence[str | None]) -> torch.Tensor:
        """Feed one token to each row; return the logits of the next."""
        slots = self.slots
        slots.reserve(rows=slots.rows, before=slots.end - slots.start)
        positions = torch.tensor(slots.lengths, device=self.forward.device).unsqueeze(1)
        mask = self._mask(positions) if slots.padded else None
        logits = self.forward(
            [[token] for token in tokens],
            positions=positions,
            cache=slots.cache,
            mask=mask,
            ends=[0] * len(tokens),
            adapters=adapters,
        )
        slots.advance()
        return logits

    def _mask(self, lengths: torch.Tensor) -> torch.Tensor:
        """Return which columns each row may see; the last one is the new token's."""
        width = self.slots.end - self.slots.start + 1
        columns = torch.arange(width, device=lengths.device)
        seen = columns >= width - 1 - lengths
        # Models with windows of attention derive the masks of their layers from two dimensions.
        return seen[:, None, None, :] if self._plain else seen

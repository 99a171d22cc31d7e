"""Vectors of texts.

Answers: which vector does an embedding model give each text?
Not here: prefixes such as "query:", which belong to whoever knows what the text is for.

A text is never cut short: a vector of half a text would be taken for one of the whole.
Units: tokens.
"""

from __future__ import annotations

import torch

from hybridllm.engine.exchange import Embedding, Refusal
from hybridllm.engine.model import LoadedModel
from hybridllm.engine.ticket import Ticket


class EmbeddingRun:
    """One request for vectors, done group by group.

    Attributes:
        vectors: The result once all is done.

    Raises:
        Refusal: The model does not embed, or a text does not fit.
    """

    def __init__(self, ticket: Ticket, *, loaded: LoadedModel) -> None:
        job = ticket.job
        assert isinstance(job, Embedding)  # noqa: S101 - told to the type checker
        if loaded.pooling is None:
            raise Refusal(
                "this model's files do not say how to pool a text into one vector",
                code="unsupported_model",
            )
        self.ticket = ticket
        self.vectors: tuple[tuple[float, ...], ...] | None = None
        self._loaded = loaded
        inputs = [loaded.prompts.read(item, max_tokens=0) for item in job.inputs]
        ticket.prompt_tokens = sum(map(len, inputs))
        # Texts of similar length share a group, so that little is spent on padding.
        self._open = sorted(enumerate(inputs), key=lambda item: len(item[1]))
        self._done: dict[int, tuple[float, ...]] = {}

    def advance(self, *, tokens_at_once: int) -> None:
        """Embed the next group."""
        group = [self._open.pop()]
        longest = len(group[0][1])
        while self._open and longest * (len(group) + 1) <= tokens_at_once:
            group.append(self._open.pop())
        with torch.inference_mode():
            vectors = _embed(self._loaded, prompts=[tokens for _, tokens in group])
        self._done |= {
            place: tuple(vector) for (place, _), vector in zip(group, vectors, strict=True)
        }
        if not self._open:
            self.vectors = tuple(self._done[place] for place in range(len(self._done)))


def _embed(loaded: LoadedModel, *, prompts: list[tuple[int, ...]]) -> list[list[float]]:
    lengths = torch.tensor([len(prompt) for prompt in prompts], device=loaded.device)
    width = int(lengths.max())
    tokens = torch.tensor(
        [[*prompt, *[0] * (width - len(prompt))] for prompt in prompts], device=loaded.device
    )
    mask = torch.arange(width, device=loaded.device) < lengths.unsqueeze(1)
    output = loaded.model.base_model(input_ids=tokens, attention_mask=mask.long())
    hidden = output.last_hidden_state.float()
    if loaded.pooling == "cls":
        pooled = hidden[:, 0]
    elif loaded.pooling == "last":
        pooled = hidden[torch.arange(len(prompts), device=loaded.device), lengths - 1]
    else:
        weights = mask.unsqueeze(-1).float()
        pooled = (hidden * weights).sum(1) / weights.sum(1)
    if loaded.normalize:
        pooled = torch.nn.functional.normalize(pooled, dim=-1)
    vectors: list[list[float]] = pooled.tolist()
    return vectors

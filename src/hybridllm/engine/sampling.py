"""The next token of each row.

Answers: which token follows, given the model's logits and the request's settings?
Not here: the logits (`engine.batch`), masks of a grammar (`engine.grammar`).

Each row draws from a generator of its own, so a seed gives the same answer whoever else is in
the batch. The steps and their order are vLLM's: penalties, bias, temperature, min-p, top-k,
top-p. Log probabilities are those of the untouched logits.
Source: min-p, Nguyen et al. 2024; nucleus (top-p) sampling, Holtzman et al. 2020; repetition
penalty, Keskar et al. 2019; presence and frequency penalty, OpenAI API reference.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch

from hybridllm.engine.exchange import Sampling

# Below this OpenAI's and vLLM's temperature means "take the best".
_COLDEST = 1e-5
# Sorting a vocabulary costs much more than finding its best few hundred, which hold the nucleus
# of all but very flat distributions.
_HEAD = 256


class Sampled(Protocol):
    """What sampling needs to know of a row."""

    sampling: Sampling
    prompt: tuple[int, ...]
    output: list[int]

    def draw(self) -> float:
        """Return a number from 0 to 1; the same one until a token is accepted."""
        ...

    def allowed(self) -> torch.Tensor | None:
        """Return which tokens the grammar permits, or `None` for all."""
        ...


@dataclass(frozen=True, slots=True)
class Choice:
    """A token, and with `logprobs` how probable it and the best ones were."""

    token: int
    logprob: float | None = None
    alternatives: tuple[tuple[int, float], ...] = ()


def resolved(asked: Sampling, *, defaults: Sampling) -> Sampling:
    """Return the settings with gaps filled by the model's files, then by OpenAI's defaults."""

    def first(*values: float | None) -> float:
        return next(value for value in values if value is not None)

    return replace(
        asked,
        temperature=first(asked.temperature, defaults.temperature, 1.0),
        top_p=first(asked.top_p, defaults.top_p, 1.0),
        top_k=int(first(asked.top_k, defaults.top_k, 0)),
        min_p=first(asked.min_p, defaults.min_p, 0.0),
        repetition_penalty=first(asked.repetition_penalty, defaults.repetition_penalty, 1.0),
    )


def choose(logits: torch.Tensor, *, rows: Sequence[Sampled]) -> list[Choice]:
    """Return the next token of each row.

    Args:
        logits: `[rows, vocabulary]`, float32.
        rows: In the same order.
    """
    raw = logits
    with torch.inference_mode():
        if any(_is_shaped(row) for row in rows):
            logits = logits.clone()
            for place, row in enumerate(rows):
                _shape(logits[place], row=row)
        tokens = logits.argmax(dim=-1)
        warm = [place for place, row in enumerate(rows) if _is_warm(row.sampling)]
        if warm:
            tokens[warm] = _drawn(logits[warm], rows=[rows[place] for place in warm])
        return _with_scores(tokens.tolist(), raw=raw, rows=rows)


def _is_warm(asked: Sampling) -> bool:
    return (asked.temperature or 0.0) > _COLDEST


def _is_shaped(row: Sampled) -> bool:
    asked = row.sampling
    return bool(
        asked.logit_bias
        or asked.presence_penalty
        or asked.frequency_penalty
        or asked.repetition_penalty != 1.0
        or row.allowed() is not None
    )


def _shape(logits: torch.Tensor, *, row: Sampled) -> None:
    """Apply penalties, bias and grammar to one row, in place."""
    asked, device = row.sampling, logits.device
    if asked.repetition_penalty not in {1.0, None}:
        seen = torch.tensor(sorted({*row.prompt, *row.output}), device=device)
        values = logits[seen]
        factor = asked.repetition_penalty
        logits[seen] = torch.where(values > 0, values / factor, values * factor)
    if row.output and (asked.presence_penalty or asked.frequency_penalty):
        counted = Counter(row.output)
        used = torch.tensor(list(counted), device=device)
        times = torch.tensor(list(counted.values()), device=device, dtype=logits.dtype)
        logits[used] -= asked.presence_penalty + asked.frequency_penalty * times
    for token, bias in asked.logit_bias:
        if token < len(logits):
            logits[token] += bias
    allowed = row.allowed()
    if allowed is not None:
        logits[~allowed.to(device)] = -torch.inf


def _drawn(logits: torch.Tensor, *, rows: Sequence[Sampled]) -> torch.Tensor:
    """Draw one token for each row by inverting its cumulative distribution."""
    heat = _column([row.sampling.temperature for row in rows], like=logits)
    probabilities = torch.softmax(logits / heat, dim=-1)
    points = _column([row.draw() for row in rows], like=logits)
    cut = [place for place, row in enumerate(rows) if _is_cut(row.sampling)]
    tokens = _inverse(probabilities, points=points)
    if cut:
        tokens[cut] = _drawn_from_best(
            probabilities[cut], points=points[cut], rows=[rows[place].sampling for place in cut]
        )
    return tokens


def _is_cut(asked: Sampling) -> bool:
    return bool((asked.top_p or 0) < 1.0 or asked.top_k or asked.min_p)


def _drawn_from_best(
    probabilities: torch.Tensor, *, points: torch.Tensor, rows: Sequence[Sampling]
) -> torch.Tensor:
    """Draw after top-k, top-p and min-p, which keep the best tokens."""
    vocabulary = probabilities.shape[-1]
    top_k = _column([min(row.top_k or vocabulary, vocabulary) for row in rows], like=probabilities)
    top_p = _column([row.top_p for row in rows], like=probabilities)
    min_p = _column([row.min_p for row in rows], like=probabilities)
    size = min(_HEAD, vocabulary)
    best, tokens = probabilities.topk(size, dim=-1)
    # Top-p counts what min-p and top-k have left, as vLLM does. The head is enough where the cut
    # falls inside it; then the numbers are those of the whole vocabulary.
    ends_in_head = (top_k <= size) | (best[:, -1:] < min_p * best[:, :1])
    only_top_p = (top_k >= vocabulary) & (min_p == 0)
    inside = ends_in_head | (only_top_p & (best.sum(-1, keepdim=True) >= top_p))
    if size < vocabulary and not bool(inside.all()):
        best, tokens = probabilities.sort(dim=-1, descending=True)
    ranks = torch.arange(best.shape[-1], device=best.device)
    best = best * ((ranks < top_k) & (best >= min_p * best[:, :1]))
    kept = best.sum(-1, keepdim=True)
    share = best / torch.where(only_top_p, torch.ones_like(kept), kept)
    before = share.cumsum(-1) - share
    share = share * ((before < top_p) | (ranks == 0))
    return tokens.gather(-1, _inverse(share, points=points).unsqueeze(-1)).squeeze(-1)


def _inverse(weights: torch.Tensor, *, points: torch.Tensor) -> torch.Tensor:
    """Return the first place where the running sum of the weights exceeds a share of the whole."""
    if weights.device.type != "mps":  # which has no float64
        weights, points = weights.double(), points.double()
    sums = weights.cumsum(-1)
    found = torch.searchsorted(sums, points * sums[:, -1:], right=True).squeeze(-1)
    # A point that rounds up to the whole must not land behind the last token with a weight.
    last = weights.shape[-1] - 1 - (weights.flip(-1) > 0).int().argmax(-1)
    return torch.minimum(found, last)


def _column(values: Sequence[float | None], *, like: torch.Tensor) -> torch.Tensor:
    return torch.tensor(values, device=like.device, dtype=like.dtype).unsqueeze(-1)


def _with_scores(
    tokens: Sequence[int], *, raw: torch.Tensor, rows: Sequence[Sampled]
) -> list[Choice]:
    choices = [Choice(token) for token in tokens]
    for place, row in enumerate(rows):
        count = row.sampling.logprobs
        if count is not None:
            scores = torch.log_softmax(raw[place], dim=-1)
            best = scores.topk(count)
            choices[place] = Choice(
                token=tokens[place],
                logprob=float(scores[tokens[place]]),
                alternatives=tuple(zip(best.indices.tolist(), best.values.tolist(), strict=True)),
            )
    return choices

"""Upper bounds of generation speed.

Answers: how many tokens per second can this hardware give at most?
Not here: measured speed, which is lower by a share that depends on engine, kernels and batch.

Units: tokens per second, all requests together.
Source: the roofline of Williams et al. 2009. To decode one token for every running request the
weights at work and the cache must be read once; to prefill, every weight at work is used in one
multiply-add per token.
"""

from __future__ import annotations

from collections.abc import Sequence

from hybridllm.sizing.answers import Bounds
from hybridllm.sizing.fleet import Card
from hybridllm.sizing.kv_cache import CacheFormat, sequence_bytes
from hybridllm.sizing.serving import EngineSettings, Workload
from hybridllm.sizing.shape import ModelShape
from hybridllm.sizing.weights import active_parameter_count, active_weights_bytes


def speed_bounds(
    shape: ModelShape, *, cards: Sequence[Card], workload: Workload, settings: EngineSettings
) -> Bounds | None:
    """Return the bounds, or nothing where a card's speed or the workload is not known.

    Tensor-parallel cards work at the pace of the slowest; pipeline stages are assumed to be always
    full.

    Check: 8.03e9 parameters in bf16 at 3,350 GB/s, one request, no cache -> at most 223 tokens/s
    for the 15.0e9 bytes read without the embedding table.
    """
    if not cards or not workload.users or any(card.gpu.bandwidth_bytes_s <= 0 for card in cards):
        return None
    bandwidth = min(card.gpu.bandwidth_bytes_s for card in cards) * len(cards)
    cache = CacheFormat(settings.kv_cache_dtype)
    # A reply reads at least the prompt's cache for every token; what the reply adds is left out of
    # the bound.
    held = sequence_bytes(shape, tokens=workload.prompt, cache=cache)
    read = active_weights_bytes(shape) + workload.users * held
    decode = workload.users * bandwidth / read
    flops = min(card.gpu.flops_bf16 for card in cards) * len(cards)
    return Bounds(decode, flops / (2 * active_parameter_count(shape)))

"""SGLang on one card, as far as its source tells.

Answers: what do the static share, the running reserve and this workload need?
Not here: radix-cache hits and the ratio of sliding to full pools; sliding layers are counted whole,
which is an upper bound.

Units: bytes on one card.
Source: python/sglang/srt/server_args.py: `mem_fraction_static` is what is left after 512 MiB, 1.5
MiB per token of the prefill chunk, 2 MiB per sequence of the largest graph and 128 MiB per rank.
"""

from __future__ import annotations

from typing import Final

from hybridllm.sizing.engines.stage import engine_tensors_bytes, stage_weights_bytes
from hybridllm.sizing.gpus import Gpu
from hybridllm.sizing.kv_cache import CacheFormat, sequence_bytes
from hybridllm.sizing.memory_terms import Term
from hybridllm.sizing.serving import EngineSettings, ServingMemory, Workload
from hybridllm.sizing.shape import ModelShape
from hybridllm.sizing.units import GIB, MIB, ceil_div

# usable memory at least, prefill chunk in tokens, largest graph in sequences
_DEFAULTS: Final = (
    (160 * GIB, 16384, 512),
    (60 * GIB, 8192, 256),
    (35 * GIB, 4096, 80),
    (0, 2048, 24),
)
ERROR_BAND: Final = 0.10


def reserve_bytes(gpu: Gpu, *, ranks: int) -> int:
    """Return what SGLang leaves for activations and graphs on this card."""
    chunk, graph = next(
        (chunk, graph) for least, chunk, graph in _DEFAULTS if gpu.memory_bytes >= least
    )
    return round((512 + 1.5 * chunk + 2 * graph + 128 * ranks) * MIB)


def sglang_memory(
    shape: ModelShape, *, workload: Workload, settings: EngineSettings, gpu: Gpu, stage: int
) -> ServingMemory:
    """Return what SGLang needs on one card, and the cache that it allocates there."""
    ranks, stages = settings.tensor_parallel_size, settings.pipeline_parallel_size
    weights = stage_weights_bytes(
        shape, tensor_parallel_size=ranks, pipeline_parallel_size=stages, stage=stage
    )
    added = engine_tensors_bytes(shape, tensor_parallel_size=ranks)
    one = sequence_bytes(
        shape,
        tokens=workload.context_tokens,
        cache=CacheFormat(settings.kv_cache_dtype),
        tensor_parallel_size=ranks,
        window_slack=workload.context_tokens,
    )
    cache = ceil_div(one * workload.users, by=stages)
    share = settings.gpu_memory_utilization
    reserve = (
        reserve_bytes(gpu, ranks=ranks * stages)
        if share is None
        else round((1 - share) * gpu.usable_bytes)
    )
    reserve = min(reserve, gpu.usable_bytes)
    static = gpu.usable_bytes - reserve
    return ServingMemory(
        needed=(
            Term("weights", weights, shape.format_label),
            Term("engine tensors", added, "rotary table, kernel padding"),
            Term("KV cache", cache, f"{workload.users} x {workload.context_tokens:,} tokens"),
        ),
        outside=(Term("running reserve", reserve, "activations and graphs"),),
        budget_bytes=static,
        pool_bytes=max(0, static - weights - added),
        error_band=ERROR_BAND,
        assumptions=(f"SGLang, mem_fraction_static {static / gpu.usable_bytes:.2f}",),
    )

"""llama.cpp (and ollama, which runs it) on one card.

Answers: how large are its model, cache and compute buffers?
Not here: splitting layers between card and host.

Units: bytes on one card.
Sources: src/llama-kv-cache*.cpp (full layers hold `n_ctx` cells; sliding ones
`pad(window * sequences + n_ubatch)`: 1,536 cells are logged for a window of 1,024); start logs:
Llama-3-8B with flash attention logs a compute buffer of 258.5 MiB, which is 512 rows of logits
(250.5) and of hidden values (8), without it 560 MiB at 8,192 cells, which is 512 rows of scores for
32 heads (512) and 48 of the rest.
"""

from __future__ import annotations

from typing import Final

from hybridllm.sizing.engines.stage import stage_weights_bytes
from hybridllm.sizing.gpus import Gpu
from hybridllm.sizing.kv_cache import CacheFormat, state_bytes, token_bytes
from hybridllm.sizing.memory_terms import Term
from hybridllm.sizing.serving import EngineSettings, ServingMemory, Workload
from hybridllm.sizing.shape import FullAttention, ModelShape
from hybridllm.sizing.units import GIB, ceil_div

_MICRO_BATCH: Final = 512  # n_ubatch
_CELL_PADDING: Final = 256
PROCESS_BYTES: Final = round(0.35 * GIB)
ERROR_BAND: Final = 0.06


def llama_cpp_memory(
    shape: ModelShape, *, workload: Workload, settings: EngineSettings, gpu: Gpu, stage: int
) -> ServingMemory:
    """Return what llama.cpp allocates on one card: all of it at start, used or not."""
    stages = settings.pipeline_parallel_size * settings.tensor_parallel_size
    weights = stage_weights_bytes(
        shape, tensor_parallel_size=1, pipeline_parallel_size=stages, stage=stage
    )
    cells = workload.context_tokens * workload.users
    cache = ceil_div(cache_bytes(shape, workload=workload, settings=settings), by=stages)
    compute = compute_bytes(shape, cells=cells, flash_attention=settings.flash_attention)
    return ServingMemory(
        needed=(
            Term("weights", weights, shape.format_label),
            Term("KV cache", cache, f"{cells:,} cells for {workload.users} sequence(s)"),
            Term("compute buffer", compute, f"{_MICRO_BATCH} tokens at once"),
        ),
        outside=(Term("process", PROCESS_BYTES, "CUDA context"),),
        budget_bytes=gpu.usable_bytes,
        pool_bytes=cache,
        error_band=ERROR_BAND,
        assumptions=("llama.cpp, all layers on the card, n_ubatch 512",),
    )


def cache_bytes(shape: ModelShape, *, workload: Workload, settings: EngineSettings) -> int:
    """Return the bytes of cache for all sequences."""
    cache, total = CacheFormat(settings.kv_cache_dtype), 0
    for group in shape.layers:
        cells = workload.context_tokens * workload.users
        if isinstance(group.mixer, FullAttention) and group.mixer.window is not None:
            window = group.mixer.window * workload.users + _MICRO_BATCH
            cells = min(cells, _CELL_PADDING * ceil_div(window, by=_CELL_PADDING))
        total += group.count * cells * token_bytes(group, cache=cache)
        if workload.context_tokens:
            total += group.count * state_bytes(group) * workload.users
    return total


def compute_bytes(shape: ModelShape, *, cells: int, flash_attention: bool) -> int:
    """Return the bytes of the compute buffer.

    Check: Llama-3-8B with flash attention -> 258.5 MiB.
    """
    hidden = _MICRO_BATCH * shape.hidden * 4
    logits = _MICRO_BATCH * shape.vocab * 4 + hidden
    if flash_attention:
        return logits
    heads = max(
        (g.mixer.heads for g in shape.layers if isinstance(g.mixer, FullAttention)), default=0
    )
    scores = _MICRO_BATCH * min(cells, shape.max_position or cells) * heads * 4 + 6 * hidden
    return max(logits, scores)

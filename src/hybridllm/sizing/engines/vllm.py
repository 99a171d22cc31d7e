"""vLLM's v1 engine on one card: what it profiles, what it keeps, what is left for the cache.

Answers: how large is the cache that vLLM will allocate, and how much of the card does this workload
need?
Not here: how the cache is cut into pages (`sizing.vllm_pages`).

    pool = gpu_memory_utilization * total - weights - activation - non_torch

Units: bytes on one card.
Sources: vllm/v1/worker/gpu_worker.py (the sum above; one log checks it: 0.90 * 79.18 - 14.99 - 4.76
- 0.13 = 51.38 GiB, logged 51.38); vllm/engine/arg_utils.py (defaults by card). The profiled
activation of six text models on an H100 is 9.59 to 9.89 copies of `max_num_seqs * vocab * 4` (logs
collected by llm-d-planner): the native top-k and top-p sampler. A multimodal row gives 4.2 and is
unexplained.
"""

from __future__ import annotations

from typing import Final

from hybridllm.sizing.engines.stage import (
    draft_bytes,
    engine_tensors_bytes,
    stage_weights_bytes,
)
from hybridllm.sizing.gpus import Gpu
from hybridllm.sizing.kv_cache import CacheFormat
from hybridllm.sizing.memory_terms import Term, terms_total
from hybridllm.sizing.serving import EngineSettings, ServingMemory, Workload
from hybridllm.sizing.shape import ModelShape
from hybridllm.sizing.units import GIB
from hybridllm.sizing.vllm_pages import PagePlan, PageSettings, plan_pages

# Pages are those of the logs up to 0.24, constants of activation those of 0.11.
VERSION: Final = "0.25.1"
UTILIZATION: Final = 0.9
SAMPLER_COPIES: Final = 9.73  # of max_num_seqs * vocab * 4 bytes; 9.59 to 9.89 in six logs
_NON_TORCH: Final = {1: round(0.13 * GIB), 2: round(0.55 * GIB)}  # H100 logs; more ranks: as two
_GRAPHS: Final = round(1.03 * GIB)  # largest logged (gpt-oss-120b); -0.9 to 1.9 elsewhere
_LARGE_CARD: Final = 70 * GIB
ERROR_BAND: Final = 0.05


def default_max_num_seqs(gpu: Gpu) -> int:
    """Return the sequences that vLLM schedules at most on this card."""
    return 1024 if _is_large(gpu) else 256


def default_batched_tokens(gpu: Gpu) -> int:
    """Return the tokens of one step of the API server on this card."""
    return 8192 if _is_large(gpu) else 2048


def page_plan(shape: ModelShape, *, settings: EngineSettings, gpu: Gpu, stage: int = 0) -> PagePlan:
    """Return how the cache is cut on one rank."""
    draft = shape.draft_layers if settings.speculative_tokens else 0
    return plan_pages(
        shape,
        settings=PageSettings(
            stage_layers=settings.layers_of(stage),
            cache=CacheFormat(settings.kv_cache_dtype),
            tensor_parallel_size=settings.tensor_parallel_size,
            pipeline_parallel_size=settings.pipeline_parallel_size,
            block_size=settings.block_size,
            max_num_batched_tokens=settings.max_num_batched_tokens or default_batched_tokens(gpu),
            prefix_caching=settings.prefix_caching,
            draft_layers=max(1, draft) if settings.speculative_tokens else 0,
            speculative_tokens=settings.speculative_tokens,
        ),
    )


def vllm_memory(
    shape: ModelShape, *, workload: Workload, settings: EngineSettings, gpu: Gpu, stage: int
) -> ServingMemory:
    """Return what vLLM needs on one card, and the cache that it allocates there."""
    pages = page_plan(shape, settings=settings, gpu=gpu, stage=stage)
    sequences = settings.max_num_seqs or max(workload.users, default_max_num_seqs(gpu))
    fixed = (
        *_weights(shape, settings, stage),
        Term(
            "activation",
            activation_bytes(shape, settings=settings, gpu=gpu, sequences=sequences),
            "profiled peak",
        ),
        Term(
            "non-torch",
            _NON_TORCH.get(settings.tensor_parallel_size, _NON_TORCH[2]),
            "context, NCCL",
        ),
    )
    users = min(workload.users, sequences)
    cache = pages.pool_bytes_for(tokens=workload.context_tokens, sequences=users)
    share = settings.gpu_memory_utilization or UTILIZATION
    budget = int(share * gpu.usable_bytes)
    graphs = 0 if settings.enforce_eager else _GRAPHS
    return ServingMemory(
        needed=(
            *fixed,
            Term("KV cache", cache, f"{users} x {workload.context_tokens:,} tokens, in pages"),
        ),
        outside=(Term("CUDA graphs", graphs, "captured after the cache is allocated"),),
        budget_bytes=budget,
        pool_bytes=max(0, budget - terms_total(fixed)),
        error_band=ERROR_BAND,
        assumptions=(
            f"vLLM {settings.version or VERSION}, v1 engine, gpu_memory_utilization {share}",
            (
                f"max_num_seqs {sequences}, block of {pages.block_size} tokens, "
                f"kv_cache_dtype {settings.kv_cache_dtype}"
            ),
        ),
    )


def activation_bytes(
    shape: ModelShape, *, settings: EngineSettings, gpu: Gpu, sequences: int
) -> int:
    """Return the peak that vLLM profiles: the larger of one forward chunk and the sampler.

    Check: Llama-3.1-8B, 1,024 sequences -> 4.76 GiB (logged 4.76 on an H100).
    """
    tokens = settings.max_num_batched_tokens or default_batched_tokens(gpu)
    forward = (
        tokens * (3 * shape.intermediate / settings.tensor_parallel_size + 2 * shape.hidden) * 2
    )
    sampler = SAMPLER_COPIES * sequences * shape.vocab * 4
    return round(max(forward, sampler))


def _weights(shape: ModelShape, settings: EngineSettings, stage: int) -> tuple[Term, ...]:
    ranks = settings.tensor_parallel_size
    weights = stage_weights_bytes(
        shape,
        tensor_parallel_size=ranks,
        pipeline_parallel_size=settings.pipeline_parallel_size,
        stage=stage,
        stage_layers=settings.layers_of(stage),
    )
    added = engine_tensors_bytes(shape, tensor_parallel_size=ranks)
    last = stage == settings.pipeline_parallel_size - 1
    drafts = last and settings.speculative_tokens > 0
    draft = draft_bytes(shape, tensor_parallel_size=ranks) if drafts else 0
    return (
        Term("weights", weights, f"{shape.format_label} on {ranks} rank(s), stage {stage}"),
        Term("engine tensors", added, "rotary table, kernel padding"),
        *((Term("draft layers", draft, "multi-token prediction"),) if draft else ()),
    )


def _is_large(gpu: Gpu) -> bool:
    return gpu.memory_bytes >= _LARGE_CARD and "a100" not in gpu.name.lower()

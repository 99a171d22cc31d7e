"""Hugging Face `generate` on one card, and AutoAWQ's fused modules.

Answers: what is the peak of weights, cache and prefill activations?
Not here: continuous batching (`sizing.engines.vllm`).

Units: bytes on one card. With `device_map` the sum over cards is meant.
Sources: transformers modeling files: without chunked prefill the whole prompt passes the
feed-forward at once, `3 * intermediate + 2 * hidden` values of 16 bit per token are alive
(Qwen2.5's benchmark agrees within 1 %); eager attention keeps scores, fp32 softmax and its 16-bit
copy. ExLlama's `temp_dq` explains the difference between GPTQ and AWQ rows there. AutoAWQ
awq/models/llama.py: q, k and v are fused while the separate ones are still referenced;
awq/modules/fused/attn.py allocates the cache whole; examples/benchmark.py warms up with two fp32
matrices of 4096 x 4096 and a product.
"""

from __future__ import annotations

from typing import Final

from hybridllm.sizing.engines.stage import stage_weights_bytes
from hybridllm.sizing.gpus import Gpu
from hybridllm.sizing.kv_cache import CacheFormat, sequence_bytes
from hybridllm.sizing.memory_terms import Term, terms_total
from hybridllm.sizing.serving import EngineSettings, ServingMemory, Workload
from hybridllm.sizing.shape import FullAttention, ModelShape
from hybridllm.sizing.units import GIB
from hybridllm.sizing.weights import tensors

_CONTEXT: Final = round(0.5 * GIB)  # CUDA context and cuBLAS workspaces, seen by nvidia-smi only
_EAGER_SCORES: Final = 8  # 16-bit scores, fp32 softmax, 16-bit copy
_AWQ_SCORES: Final = 10  # 16-bit scores, an fp32 copy of them, fp32 softmax
ERROR_BAND: Final = 0.06


def transformers_memory(
    shape: ModelShape, *, workload: Workload, settings: EngineSettings, gpu: Gpu, stage: int
) -> ServingMemory:
    """Return the peak of `generate`; nothing is taken ahead of time but AutoAWQ's cache."""
    ranks, stages = settings.tensor_parallel_size, settings.pipeline_parallel_size
    weights = stage_weights_bytes(
        shape, tensor_parallel_size=ranks, pipeline_parallel_size=stages, stage=stage
    )
    copies = 2 if settings.legacy_cache else 1
    one = sequence_bytes(
        shape,
        tokens=workload.context_tokens,
        cache=CacheFormat(settings.kv_cache_dtype),
        tensor_parallel_size=ranks,
        window_slack=workload.context_tokens,  # the dynamic cache drops nothing
    )
    cache = Term(
        "KV cache", copies * one * workload.users // stages, f"{workload.users} sequence(s)"
    )
    scratch = _exllama_bytes(shape)
    prefill = Term(
        "prefill",
        prefill_bytes(shape, workload=workload, settings=settings),
        "whole prompt at once",
    )
    running: tuple[Term, ...] = (Term("weights", weights, shape.format_label), cache, prefill)
    if scratch:
        running = (
            *running,
            Term(
                "GPTQ scratch", scratch, "the widest matrix in 16 bit, kept by the ExLlama kernel"
            ),
        )
    loading = _fusing_bytes(shape) if settings.fused_awq else _head_before_tying(shape)
    if weights + loading > terms_total(running):
        running = (
            running[0],
            Term("loading", loading, "copies that exist while weights are loaded"),
        )
    return ServingMemory(
        needed=running,
        outside=(Term("process", _CONTEXT, "CUDA context and libraries"),),
        budget_bytes=gpu.usable_bytes,
        pool_bytes=cache.size_bytes,
        error_band=ERROR_BAND,
        assumptions=("transformers generate, prompts of one batch enter together",),
    )


def prefill_bytes(shape: ModelShape, *, workload: Workload, settings: EngineSettings) -> int:
    """Return what a prompt needs for a moment: the widest of feed-forward, attention and logits.

    Check: Qwen2.5-7B adds 126 KiB per prompt token.
    """
    tokens = workload.prompt * workload.users
    feed = tokens * (3 * shape.intermediate + 2 * shape.hidden) * 2 / settings.tensor_parallel_size
    heads = max(
        (g.mixer.heads for g in shape.layers if isinstance(g.mixer, FullAttention)), default=0
    )
    scores = 0.0
    if not settings.flash_attention:
        each = _AWQ_SCORES if settings.fused_awq else _EAGER_SCORES
        scores = each * heads * workload.prompt * tokens / settings.tensor_parallel_size
    outputs = tokens if settings.full_logits else workload.users
    logits = outputs * shape.vocab * 6.0  # 16 bit and the fp32 copy
    return round(max(feed, scores, logits))


def _exllama_bytes(shape: ModelShape) -> int:
    """ExLlama kernels keep one buffer for a dequantised matrix, as large as the widest."""
    named = {role for role, name in shape.quantisation.formats if name.startswith("gptq")}
    return 2 * max((one.largest for one in tensors(shape) if one.role in named), default=0)


def _head_before_tying(shape: ModelShape) -> int:
    """AWQ checkpoints of tied models load a head of their own before it is tied."""
    awq = shape.tied_embeddings and ("attention", "awq") in shape.quantisation.formats
    return 2 * shape.vocab * shape.hidden if awq else 0


def _fusing_bytes(shape: ModelShape) -> int:
    """Quantised q, k and v of all layers; models whose checkpoint has them fused add nothing."""
    names = ("q_proj", "k_proj", "v_proj")
    if shape.layers[0].norm_bias:  # MPT and Falcon store one matrix
        return 0
    bits = shape.quantisation.bits("attention", dtype=shape.dtype)
    return round(sum(one.parameters for one in tensors(shape) if one.name in names) * bits / 8)

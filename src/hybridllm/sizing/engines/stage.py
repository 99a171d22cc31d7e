"""Weights of one pipeline stage, with what engines add to a checkpoint.

Answers: how many bytes of weights lie on this card after loading?
Not here: weights as published (`sizing.weights`).

Units: bytes on one card.
Sources: engines keep a table of rotary positions (`max_position * head_dim` in 16 bit: Llama-3.1-8B
logs 14.9888 GiB where tensors are 14.9575); MXFP4 kernels pad the experts' width to multiples of
256 (2,880 -> 3,072, and 720 -> 768 on four ranks), which explains gpt-oss.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from hybridllm.sizing.shape import FullAttention, LatentAttention, MixtureOfExperts, ModelShape
from hybridllm.sizing.units import ceil_div
from hybridllm.sizing.weights import tensors

_MXFP4_PADDING: Final = 256


@lru_cache(maxsize=4096)
def stage_weights_bytes(
    shape: ModelShape,
    *,
    tensor_parallel_size: int,
    pipeline_parallel_size: int,
    stage: int,
    stage_layers: int | None = None,
) -> int:
    """Return bytes of checkpoint tensors on one card of one stage: embedding first, head last.

    With `stage_layers` the stage holds so many layers, of each kind its share.
    """
    total, stages = 0.0, pipeline_parallel_size
    for one in tensors(shape):
        size = (
            one.on_one_rank(tensor_parallel_size)
            * shape.quantisation.bits(one.role, dtype=shape.dtype)
            / 8
        )
        if one.layer >= 0:
            count = shape.layers[one.layer].count
            even = ceil_div(count, by=stages) / count
            total += size * (stage_layers / shape.layer_count if stage_layers else even)
        elif one.role in ("embedding", "extra"):
            last = one.role == "embedding" and shape.tied_embeddings and stage == stages - 1
            total += size if stage == 0 or last else 0.0
        elif stage == stages - 1:
            total += size
    return round(total)


@lru_cache(maxsize=4096)
def engine_tensors_bytes(shape: ModelShape, *, tensor_parallel_size: int) -> int:
    """Return bytes that a GPU engine adds: the rotary table and kernel padding."""
    return _rotary_bytes(shape) + _padding_bytes(shape, tensor_parallel_size)


def _rotary_bytes(shape: ModelShape) -> int:
    widths = [
        group.mixer.rope_dim if isinstance(group.mixer, LatentAttention) else group.mixer.head_dim
        for group in shape.layers
        if isinstance(group.mixer, FullAttention | LatentAttention)
    ]
    return shape.max_position * max(widths, default=0) * 2


def _padding_bytes(shape: ModelShape, ranks: int) -> int:
    if ("expert", "mxfp4") not in shape.quantisation.formats:
        return 0
    added = 0.0
    for index, group in enumerate(shape.layers):
        block = group.feed_forward
        if not isinstance(block, MixtureOfExperts):
            continue
        width = block.intermediate / ranks
        padded = _MXFP4_PADDING * ceil_div(
            ceil_div(block.intermediate, by=ranks), by=_MXFP4_PADDING
        )
        for one in tensors(shape):
            if one.layer == index and one.role == "expert":
                bits = shape.quantisation.bits("expert", dtype=shape.dtype)
                added += one.parameters / ranks * bits / 8 * (padded / width - 1)
    return round(added)


@lru_cache(maxsize=1024)
def draft_bytes(shape: ModelShape, *, tensor_parallel_size: int) -> int:
    """Return bytes of the multi-token prediction layers that a speculative engine loads besides.

    Each is one more layer of the attention kind and a projection of two hidden states to one.
    """
    attention = [
        index
        for index, group in enumerate(shape.layers)
        if isinstance(group.mixer, FullAttention | LatentAttention)
    ]
    if not attention:
        return 0
    index = attention[-1]
    layer = sum(
        one.on_one_rank(tensor_parallel_size) * shape.quantisation.bits(one.role, dtype=shape.dtype)
        for one in tensors(shape)
        if one.layer == index
    )
    joined = 2 * shape.hidden * shape.hidden * 16
    each = layer / shape.layers[index].count + joined / tensor_parallel_size
    return round(max(1, shape.draft_layers) * each / 8)

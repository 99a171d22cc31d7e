"""Parameters of LoRA adapters.

Answers: how many parameters do adapters of rank `r` add, and how wide are the inputs they see?
Not here: their bytes in training (`sizing.training.memory`).

Units: parameters and elements.
Source: Hu et al. 2022: a matrix of `d_in x d_out` gets `r * (d_in + d_out)`; Liu et al. 2024 (DoRA)
adds `d_out`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from hybridllm.sizing.shape import FeedForward, FullAttention, LatentAttention, Layers, ModelShape
from hybridllm.sizing.training.run import LoraSettings


@lru_cache(maxsize=256)
def adapter_parameters(shape: ModelShape, *, lora: LoraSettings) -> int:
    """Return the parameters of all adapters.

    Check: Llama-2-7B, rank 8 on q and v -> 4_194_304 (litgpt's resource table).
    """
    total = 0
    for group in shape.layers:
        for target, rows, columns, copies in matrices(group, hidden=shape.hidden):
            if _is_target(target, lora):
                width = lora.rank * (rows + columns) + (columns if lora.dora else 0)
                total += group.count * copies * width
    if "head" in lora.targets:
        total += lora.rank * (shape.hidden + shape.vocab)
    if "embedding" in lora.targets:
        total += lora.rank * (shape.hidden + shape.vocab)
    return total


def matrices(group: Layers, *, hidden: int) -> Iterator[tuple[str, int, int, int]]:
    """Yield `(target, d_in, d_out, copies)` for every matrix of a layer that may get an adapter."""
    mixer = group.mixer
    if isinstance(mixer, FullAttention):
        query = mixer.heads * mixer.head_dim
        yield "q", hidden, query * (2 if mixer.output_gate else 1), 1
        yield "k", hidden, mixer.kv_heads * mixer.head_dim, 1
        yield "v", hidden, mixer.kv_heads * mixer.value_dim, 1
        yield "o", mixer.heads * mixer.value_dim, hidden, 1
    elif isinstance(mixer, LatentAttention):
        yield "q", mixer.q_rank or hidden, mixer.heads * (mixer.nope_dim + mixer.rope_dim), 1
        yield "k", hidden, mixer.kv_rank + mixer.rope_dim, 1
        yield "v", mixer.kv_rank, mixer.heads * (mixer.nope_dim + mixer.value_dim), 1
        yield "o", mixer.heads * mixer.value_dim, hidden, 1
    block = group.feed_forward
    copies = 1 if isinstance(block, FeedForward) else block.experts
    if block.intermediate:
        if block.gated:
            yield "gate", hidden, block.intermediate, copies
        yield "up", hidden, block.intermediate, copies
        yield "down", block.intermediate, hidden, copies


def _is_target(target: str, lora: LoraSettings) -> bool:
    return target in lora.targets or (target in "qkv" and "qkv" in lora.targets)

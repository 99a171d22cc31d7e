"""Weights of a model, tensor role by tensor role.

Answers: how many parameters are there, how many bytes do they take, and how many of those lie on
one GPU?
Not here: exact bytes of a checkpoint (`sizing.checkpoint`), what an engine adds (`sizing.engines`).

Units: parameters and bytes.
Sources: counts follow the modules of each published architecture; the formulas of the brief's
section 4.1 equal PyTorch's own count for Llama-3.1-8B (8,030,261,248) and Qwen2.5-7B
(7,615,616,512).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from hybridllm.sizing.shape import (
    FeedForward,
    FullAttention,
    GatedDelta,
    LatentAttention,
    Layers,
    Mamba2,
    Mixer,
    MixtureOfExperts,
    ModelShape,
)


@dataclass(frozen=True, slots=True)
class Tensors:
    """Parameters of one role in a model.

    `copies_limit` is the most ways they can be split by tensor parallelism: 1 for tensors that
    every rank keeps whole, the number of KV heads for key and value projections, 0 for no limit.
    """

    role: str
    name: str
    parameters: int
    copies_limit: int = 0
    layer: int = -1  # index of the layer group; -1: outside the layers
    largest: int = 0  # parameters of the biggest single matrix

    def on_one_rank(self, tensor_parallel_size: int) -> float:
        """Return the parameters that one tensor-parallel rank holds."""
        ways = tensor_parallel_size
        if self.copies_limit:
            ways = min(ways, self.copies_limit)
        return self.parameters / ways


@lru_cache(maxsize=512)
def tensors(shape: ModelShape) -> tuple[Tensors, ...]:
    """Return every group of parameters that the model holds, text part first."""
    found = [
        Tensors(
            "embedding",
            "embed_tokens",
            shape.vocab * shape.hidden,
            largest=shape.vocab * shape.hidden,
        )
    ]
    for index, group in enumerate(shape.layers):
        found += [_times(one, group.count, index) for one in _layer(group, shape.hidden)]
    norm = shape.hidden * (2 if shape.layers[0].norm_bias else 1)
    found.append(Tensors("norm", "final_norm", norm, copies_limit=1))
    if not shape.tied_embeddings:
        found.append(
            Tensors(
                "head", "lm_head", shape.vocab * shape.hidden, largest=shape.vocab * shape.hidden
            )
        )
    if shape.head_bias:
        found.append(Tensors("small", "lm_head.bias", shape.vocab))
    if shape.extra_parameters:
        found.append(Tensors("extra", "vision_tower", shape.extra_parameters, copies_limit=1))
    return tuple(found)


def parameter_count(shape: ModelShape) -> int:
    """Return the number of parameters, extras such as a vision tower included.

    Check: Llama-3.1-8B -> 8_030_261_248; Qwen2.5-7B -> 7_615_616_512.
    """
    return sum(one.parameters for one in tensors(shape))


def active_parameter_count(shape: ModelShape) -> int:
    """Return the parameters that one token uses: experts at work, no embedding table."""
    total = 0
    for one in tensors(shape):
        if one.role == "embedding" and not shape.tied_embeddings:
            continue
        if one.role == "expert":
            total += round(one.parameters * _working_share(shape, one))
        elif one.role != "extra":
            total += one.parameters
    return total


def weights_bytes(shape: ModelShape, *, tensor_parallel_size: int = 1) -> int:
    """Return the bytes of the weights that one tensor-parallel rank holds.

    Matrices and embeddings are split; norms, routers, latent down-projections and KV heads beyond
    the rank count are repeated on every rank.

    Check: Llama-3.1-8B in bf16 -> 16_060_522_496 bytes (14.96 GiB).
    """
    quantisation = shape.quantisation
    total = 0.0
    for one in tensors(shape):
        bits = quantisation.bits(one.role, dtype=shape.dtype)
        total += one.on_one_rank(tensor_parallel_size) * bits / 8
    return round(total)


def active_weights_bytes(shape: ModelShape) -> int:
    """Return the bytes of weights that must be read to decode one token."""
    total = 0.0
    for one in tensors(shape):
        if one.role == "extra" or (one.role == "embedding" and not shape.tied_embeddings):
            continue
        share = _working_share(shape, one)
        total += one.parameters * share * shape.quantisation.bits(one.role, dtype=shape.dtype) / 8
    return round(total)


def _working_share(shape: ModelShape, one: Tensors) -> float:
    """Share of the parameters that one token passes through: experts at work."""
    block = shape.layers[one.layer].feed_forward
    if one.role != "expert" or not isinstance(block, MixtureOfExperts):
        return 1.0
    return block.experts_per_token / block.experts


def _times(one: Tensors, count: int, layer: int) -> Tensors:
    return Tensors(one.role, one.name, one.parameters * count, one.copies_limit, layer, one.largest)


def _layer(group: Layers, hidden: int) -> Iterator[Tensors]:
    yield from _mixer(group.mixer, hidden)
    yield from _feed_forward(group.feed_forward, hidden)
    width = hidden * (2 if group.norm_bias else 1)
    if group.norms:
        yield Tensors("norm", "norms", group.norms * width, copies_limit=1)


def _mixer(mixer: Mixer, hidden: int) -> Iterator[Tensors]:
    if isinstance(mixer, FullAttention):
        yield from _full(mixer, hidden)
    elif isinstance(mixer, LatentAttention):
        yield from _latent(mixer, hidden)
    elif isinstance(mixer, GatedDelta):
        yield from _delta(mixer, hidden)
    elif isinstance(mixer, Mamba2):
        yield from _mamba(mixer, hidden)


def _full(mixer: FullAttention, hidden: int) -> Iterator[Tensors]:
    query = mixer.heads * mixer.head_dim * (2 if mixer.output_gate else 1)
    key, value = mixer.kv_heads * mixer.head_dim, mixer.kv_heads * mixer.value_dim
    yield Tensors("attention", "q_proj", hidden * query, largest=hidden * query)
    yield Tensors("attention", "k_proj", hidden * key, mixer.kv_heads, largest=hidden * key)
    if not mixer.value_is_key:
        yield Tensors("attention", "v_proj", hidden * value, mixer.kv_heads, largest=hidden * value)
    out = mixer.heads * mixer.value_dim * hidden
    yield Tensors("attention", "o_proj", out, largest=out)
    small = (query + key + value if mixer.qkv_bias else 0) + (hidden if mixer.output_bias else 0)
    small += (2 * mixer.head_dim if mixer.qk_norm else 0) + (mixer.heads if mixer.sinks else 0)
    if small:
        yield Tensors("small", "attention_biases_and_norms", small, copies_limit=1)


def _latent(mixer: LatentAttention, hidden: int) -> Iterator[Tensors]:
    head = mixer.nope_dim + mixer.rope_dim
    down = hidden * (mixer.kv_rank + mixer.rope_dim)
    if mixer.q_rank is None:
        yield Tensors("attention", "q_proj", hidden * mixer.heads * head)
    else:
        down += hidden * mixer.q_rank
        yield Tensors("attention", "q_b_proj", mixer.q_rank * mixer.heads * head)
    yield Tensors("attention", "down_projections", down, copies_limit=1)
    yield Tensors(
        "attention", "kv_b_proj", mixer.kv_rank * mixer.heads * (mixer.nope_dim + mixer.value_dim)
    )
    yield Tensors("attention", "o_proj", mixer.heads * mixer.value_dim * hidden)
    if mixer.index_heads:
        picker = (mixer.q_rank or hidden) * mixer.index_heads * mixer.index_dim
        picker += hidden * (mixer.index_dim + mixer.index_heads)
        yield Tensors("attention", "indexer", picker, copies_limit=1)
    yield Tensors("norm", "latent_norms", mixer.kv_rank + (mixer.q_rank or 0), copies_limit=1)


def _delta(mixer: GatedDelta, hidden: int) -> Iterator[Tensors]:
    keys, values = mixer.key_heads * mixer.key_dim, mixer.value_heads * mixer.value_dim
    projections = hidden * (2 * keys + 2 * values) + values * hidden
    yield Tensors(
        "linear_attention", "in_out_proj", projections, largest=hidden * (2 * keys + values)
    )
    small = 2 * hidden * mixer.value_heads + mixer.conv_kernel * (2 * keys + values)
    yield Tensors("small", "gates_conv_state", small + 2 * mixer.value_heads + mixer.value_dim)


def _mamba(mixer: Mamba2, hidden: int) -> Iterator[Tensors]:
    conv = mixer.inner + 2 * mixer.groups * mixer.state
    projections = hidden * (mixer.inner + conv + mixer.heads) + mixer.inner * hidden
    yield Tensors("linear_attention", "in_out_proj", projections)
    yield Tensors(
        "small", "conv_state", conv * (mixer.conv_kernel + 1) + 3 * mixer.heads + mixer.inner
    )


def _feed_forward(block: FeedForward | MixtureOfExperts, hidden: int) -> Iterator[Tensors]:
    matrices = 3 if block.gated else 2
    if isinstance(block, FeedForward):
        if block.intermediate:
            one = hidden * block.intermediate
            yield Tensors("mlp", "mlp", matrices * one, largest=one)
            if block.bias:
                yield Tensors("small", "mlp_bias", (matrices - 1) * block.intermediate + hidden)
        return
    one = hidden * block.intermediate
    yield Tensors("expert", "experts", block.experts * matrices * one, largest=one)
    yield Tensors(
        "router",
        "router",
        block.experts * hidden + (block.experts if block.bias else 0),
        copies_limit=1,
    )
    if block.bias:
        width = block.experts * ((matrices - 1) * block.intermediate + hidden)
        yield Tensors("small", "expert_biases", width)
    if block.shared_intermediate:
        shared = hidden * block.shared_intermediate
        yield Tensors("shared_expert", "shared_expert", matrices * shared, largest=shared)
    if block.shared_gate:
        yield Tensors("router", "shared_gate", hidden, copies_limit=1)

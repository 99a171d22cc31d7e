"""Cache and state that a model keeps for running sequences, counted from its shape.

Answers: what does one token, or one sequence, keep in each layer?
Not here: how an engine cuts that into pages (`sizing.vllm_pages`), other engines
(`sizing.engines`).

Units: bytes and tokens.
Sources: Ainslie et al. 2023 (grouped heads); DeepSeek-V2 2024, table 1 (latent attention keeps
`kv_rank + rope_dim` per token and is not split over tensor-parallel ranks); the KVCacheSpec classes
of vLLM (state shapes of gated delta and Mamba-2 layers).
"""

from __future__ import annotations

from dataclasses import dataclass

from hybridllm.sizing.errors import UnknownKindError, nearest, require_count
from hybridllm.sizing.shape import (
    FullAttention,
    GatedDelta,
    LatentAttention,
    Layers,
    Mamba2,
    ModelShape,
    NoMixer,
)
from hybridllm.sizing.units import ceil_div

# dtype: bytes of one element, bytes of one KV head's scale per token (0: one scale per tensor)
_CACHE_DTYPES: dict[str, tuple[float, float]] = {
    "auto": (2.0, 0.0),
    "bf16": (2.0, 0.0),
    "fp16": (2.0, 0.0),
    "fp32": (4.0, 0.0),
    "fp8": (1.0, 0.0),
    "fp8_per_token_head": (1.0, 4.0),
    "int8_per_token_head": (1.0, 4.0),
    "q8_0": (34 / 32, 0.0),
    "q5_1": (24 / 32, 0.0),
    "q5_0": (22 / 32, 0.0),
    "q4_1": (20 / 32, 0.0),
    "q4_0": (18 / 32, 0.0),
}
_FP8_LATENT_BYTES = 656  # fp8_ds_mla: 512 fp8 + four fp32 scales + 64 bf16
_NVFP4_BITS = 4.5


@dataclass(frozen=True, slots=True)
class CacheFormat:
    """Number format of the cache."""

    name: str = "auto"

    def __post_init__(self) -> None:
        if self.name not in _CACHE_DTYPES and self.name not in ("nvfp4", "fp8_ds_mla"):
            allowed = (*_CACHE_DTYPES, "nvfp4", "fp8_ds_mla")
            raise UnknownKindError(
                f"kv_cache_dtype '{self.name}' is not known; expected one of {', '.join(allowed)}."
                f"{nearest(self.name, allowed=allowed)}"
            )

    @property
    def element_bytes(self) -> float:
        """Bytes of one cached element, without scales per token."""
        if self.name == "nvfp4":
            return _NVFP4_BITS / 8
        return 1.0 if self.name == "fp8_ds_mla" else _CACHE_DTYPES[self.name][0]

    @property
    def head_scale_bytes(self) -> float:
        """Bytes of the scale that each head keeps per token, for keys and for values."""
        return _CACHE_DTYPES.get(self.name, (0.0, 0.0))[1]


def token_bytes(group: Layers, *, cache: CacheFormat, tensor_parallel_size: int = 1) -> int:
    """Return the bytes that one token keeps in one of these layers, on one rank; states keep 0.

    Keys and values take

        ceil(kv_heads / ranks) * (head_dim + value_head_dim) * element_bytes

    and latent attention `(kv_rank + rope_dim) * element_bytes` on every rank.

    Check: Llama-3.1-70B has 80 layers of 4,096 bytes in bf16 -> 327,680 bytes per token.
    """
    mixer = group.mixer
    if isinstance(mixer, FullAttention):
        heads = ceil_div(mixer.kv_heads, by=tensor_parallel_size)
        size = heads * (mixer.head_dim + mixer.value_dim) * cache.element_bytes
        return round(size + 2 * heads * cache.head_scale_bytes)
    if isinstance(mixer, LatentAttention):
        if cache.name == "fp8_ds_mla":
            return _FP8_LATENT_BYTES + _index_bytes(mixer)
        return round((mixer.kv_rank + mixer.rope_dim) * cache.element_bytes) + _index_bytes(mixer)
    return 0


def _index_bytes(mixer: LatentAttention) -> int:
    """Keys of a sparse-attention indexer: an fp8 vector and its fp32 scale (vLLM: 132 bytes)."""
    return mixer.index_dim + 4 if mixer.index_heads else 0


def state_bytes(group: Layers, *, tensor_parallel_size: int = 1) -> int:
    """Return the bytes of the state that one sequence keeps in one of these layers, on one rank.

    A gated delta layer keeps `value_heads * key_dim * value_dim` in fp32 plus the last `conv_kernel
    - 1` inputs of its convolution in 16 bit; Mamba-2 keeps `heads * head_dim * state` in 16 bit
    plus the same tail.
    """
    mixer = group.mixer
    if isinstance(mixer, GatedDelta):
        width = 2 * mixer.key_heads * mixer.key_dim + mixer.value_heads * mixer.value_dim
        recurrent = mixer.value_heads * mixer.key_dim * mixer.value_dim * 4
        return (recurrent + (mixer.conv_kernel - 1) * width * 2) // tensor_parallel_size
    if isinstance(mixer, Mamba2):
        width = mixer.inner + 2 * mixer.groups * mixer.state
        recurrent = mixer.inner * mixer.state * 2
        return (recurrent + (mixer.conv_kernel - 1) * width * 2) // tensor_parallel_size
    return 0


def bytes_per_token(
    shape: ModelShape, *, cache: CacheFormat | None = None, tensor_parallel_size: int = 1
) -> int:
    """Return the bytes that one more token adds, all layers that still grow together.

    Sliding-window layers count as growing; they stop at their window.

    Check: Llama-3.1-8B in bf16 -> 131_072 bytes (128 KiB); Qwen2.5-7B -> 57_344 (56 KiB).
    """
    cache = cache or CacheFormat()
    return sum(
        group.count * token_bytes(group, cache=cache, tensor_parallel_size=tensor_parallel_size)
        for group in shape.layers
    )


def sequence_bytes(
    shape: ModelShape,
    *,
    tokens: int,
    cache: CacheFormat | None = None,
    tensor_parallel_size: int = 1,
    window_slack: int = 0,
) -> int:
    """Return the bytes that one sequence of `tokens` keeps, without any page rounding.

    Args:
        shape: The model.
        tokens: Prompt plus reply.
        cache: Number format of keys and values.
        tensor_parallel_size: Ranks that share the heads.
        window_slack: Tokens that an engine keeps beyond the window of a sliding layer.

    Raises:
        SizingError: `tokens` is negative.
    """
    require_count(tokens, name="context tokens")
    cache = cache or CacheFormat()
    total = 0
    for group in shape.layers:
        held = tokens
        if isinstance(group.mixer, FullAttention) and group.mixer.window is not None:
            held = min(tokens, group.mixer.window + window_slack)
        per_token = token_bytes(group, cache=cache, tensor_parallel_size=tensor_parallel_size)
        state = state_bytes(group, tensor_parallel_size=tensor_parallel_size) if tokens else 0
        total += group.count * (held * per_token + state)
    return total


def keeps_nothing(group: Layers) -> bool:
    """Return whether these layers hold neither cache nor state."""
    return isinstance(group.mixer, NoMixer)

"""The key-value cache of vLLM's v1 engine: pages, groups and blocks.

Answers: how many blocks does a pool of bytes hold, how many does one request take, and which token
counts will the start log print?
Not here: how large the pool is (`sizing.engines.vllm`).

Units: bytes per GPU, blocks, tokens.
Source: vllm/v1/core/kv_cache_utils.py and vllm/v1/kv_cache_interface.py. Layers of one kind are cut
into groups of equal length; all groups share one pool, and a block holds the pages of one group.
Where layers with a state exist, attention blocks are enlarged until one attention page holds one
state.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from hybridllm.sizing.errors import SizingError, require_count
from hybridllm.sizing.kv_cache import CacheFormat, keeps_nothing, state_bytes, token_bytes
from hybridllm.sizing.shape import FullAttention, LatentAttention, Layers, ModelShape
from hybridllm.sizing.units import ceil_div

_ALIGNMENT: Final = 16
# A longer group is preferred when it is less than half longer (12 and 13 layers -> 13).
_PADDING_LIMIT: Final = 1.5

LayerKind = Literal["full", "sliding", "state"]


@dataclass(frozen=True, slots=True)
class PageSettings:
    """Settings of the engine that decide how its cache is cut."""

    cache: CacheFormat = field(default_factory=CacheFormat)
    tensor_parallel_size: int = 1
    pipeline_parallel_size: int = 1
    stage_layers: int | None = None  # layers of this stage, where they are not spread evenly
    block_size: int = 16
    max_num_batched_tokens: int = 8192
    prefix_caching: bool = True
    draft_layers: int = 0  # layers of a speculative drafter that keep a cache
    speculative_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Kind:
    """All layers that are cached alike."""

    kind: LayerKind
    count: int
    window: int = 0
    block_size: int = 0  # tokens in a page of these layers


@dataclass(frozen=True, slots=True)
class PagePlan:
    """How one rank's cache is cut into pages."""

    block_size: int
    page_bytes: int
    group_size: int
    kinds: tuple[tuple[Kind, int], ...]  # kind, groups of it
    settings: PageSettings

    @property
    def groups(self) -> int:
        """Number of groups of all kinds."""
        return sum(groups for _, groups in self.kinds)

    @property
    def block_bytes(self) -> int:
        """Bytes of one block: the pages of one group."""
        return self.page_bytes * self.group_size

    def blocks(self, pool_bytes: int) -> int:
        """Return the blocks that fit in a pool."""
        return max(0, pool_bytes) // self.block_bytes if self.block_bytes else 0

    def blocks_of_request(self, tokens: int) -> int:
        """Return the blocks that one request of `tokens` may take at once."""
        require_count(tokens, name="context tokens")
        settings, total = self.settings, 0
        for kind, groups in self.kinds:
            if kind.kind == "full":
                total += groups * ceil_div(tokens, by=kind.block_size)
            elif kind.kind == "sliding":
                seen = min(kind.window - 1 + settings.max_num_batched_tokens, tokens)
                total += groups * (ceil_div(seen, by=kind.block_size) + 1)
            else:
                total += groups * (1 + int(settings.prefix_caching) + settings.speculative_tokens)
        return total

    def pool_bytes_for(self, *, tokens: int, sequences: int) -> int:
        """Return the smallest pool that holds `sequences` requests of `tokens` each."""
        require_count(sequences, name="sequences")
        if not sequences or not tokens:
            return 0
        return self.blocks_of_request(tokens) * sequences * self.block_bytes

    def concurrency(self, pool_bytes: int, *, tokens: int) -> float:
        """Return how many requests of `tokens` fit at once, as a fraction (the log prints it)."""
        needed = self.blocks_of_request(tokens)
        return self.blocks(pool_bytes) / needed if needed else 0.0

    def capacity_tokens(self, pool_bytes: int) -> int:
        """Return the tokens that the pool holds with every group filled alike (logs before 2026).

        Check: Kimi-K2, 46.80 GiB on each of 8 ranks -> 715,088 tokens (the log says 715,072).
        """
        return self.blocks(pool_bytes) // self.groups * self.block_size if self.groups else 0

    def logged_tokens(self, pool_bytes: int, *, max_model_len: int) -> int:
        """Return `GPU KV cache size` as logged since 2026: concurrency times the longest request.

        Check: Qwen3.6-35B-A3B, fp8 cache, 6.01 GiB, 131,072 tokens -> 569,878 (the log says
        569,878).
        """
        return int(self.concurrency(pool_bytes, tokens=max_model_len) * max_model_len)


def plan_pages(shape: ModelShape, *, settings: PageSettings | None = None) -> PagePlan:
    """Return how vLLM cuts the cache of a model on one rank.

    Raises:
        SizingError: Layers of unlike kinds keep sizes of which none divides the largest; the engine
            refuses such a model too.
    """
    settings = settings or PageSettings()
    counts, state = _layers_by_size(shape, settings)
    if len({(kind, window) for kind, window, _ in counts}) == 1 and not state:
        return _one_kind(counts, settings)
    block, largest = settings.block_size, max((size for _, _, size in counts), default=0)
    if state and largest:
        block = max(block, _ALIGNMENT * ceil_div(state, by=_ALIGNMENT * largest))
    page = max(block * largest, state)
    kinds = []
    for (name, window, size), count in counts.items():
        if size and largest % size:
            raise SizingError(
                f"{shape.name}: layers keep {size} and {largest} bytes per token; vLLM has no "
                "common page for sizes that do not divide."
            )
        kinds.append(Kind(name, count, window, block * (largest // size if size else 1)))
    length = _group_size([kind.count for kind in kinds])
    grouped = tuple((kind, ceil_div(kind.count, by=length)) for kind in kinds)
    return PagePlan(block, page, length, grouped, settings)


def _layers_by_size(
    shape: ModelShape, settings: PageSettings
) -> tuple[dict[tuple[LayerKind, int, int], int], int]:
    """Return layers of this stage by kind, window and bytes per token, and the largest state."""
    counts: dict[tuple[LayerKind, int, int], int] = {}
    ranks, state = settings.tensor_parallel_size, 0
    for group in shape.layers:
        if keeps_nothing(group):
            continue
        here = ceil_div(group.count, by=settings.pipeline_parallel_size)
        if settings.stage_layers:
            here = ceil_div(group.count * settings.stage_layers, by=shape.layer_count)
        size = token_bytes(group, cache=settings.cache, tensor_parallel_size=ranks)
        key = (*_kind(group), size)
        counts[key] = counts.get(key, 0) + here
        state = max(state, state_bytes(group, tensor_parallel_size=ranks))
    full = [key for key in counts if key[0] == "full"]
    if settings.draft_layers and full:
        counts[full[-1]] += settings.draft_layers
    return counts, state


def _one_kind(counts: dict[tuple[LayerKind, int, int], int], settings: PageSettings) -> PagePlan:
    """One kind of layer: a block holds a page of every layer, each of its own size."""
    total = sum(size * count for (_, _, size), count in counts.items())
    (name, window, _), *_ = counts
    kind = Kind(name, sum(counts.values()), window, settings.block_size)
    return PagePlan(settings.block_size, settings.block_size * total, 1, ((kind, 1),), settings)


def _kind(group: Layers) -> tuple[LayerKind, int]:
    if isinstance(group.mixer, FullAttention):
        return ("sliding", group.mixer.window) if group.mixer.window is not None else ("full", 0)
    return ("full", 0) if isinstance(group.mixer, LatentAttention) else ("state", 0)


def _group_size(counts: list[int]) -> int:
    if not counts:
        return 1
    shortest, longest = min(counts), max(counts)
    return longest if longest < shortest * _PADDING_LIMIT else shortest

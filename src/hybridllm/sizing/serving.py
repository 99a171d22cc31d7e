"""What is asked of a serving engine, and what an engine answers.

Answers: which words describe a workload, an engine's settings and its memory on one card?
Not here: the engines themselves (`sizing.engines`), the verdict (`sizing.verdict`).

Units: tokens, sequences, bytes on one card.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hybridllm.sizing.errors import SizingError, UnknownKindError, nearest, require_count
from hybridllm.sizing.kv_cache import CacheFormat
from hybridllm.sizing.memory_terms import Term, terms_total

ENGINES: Final = ("vllm", "sglang", "transformers", "llama.cpp")


@dataclass(frozen=True, slots=True)
class Workload:
    """Requests that run at once."""

    context_tokens: int = 8192  # prompt plus reply of one request (vLLM: max_model_len)
    users: int = 1  # requests at once
    prompt_tokens: int | None = None  # longest prompt; None: the whole context

    def __post_init__(self) -> None:
        require_count(self.context_tokens, name="context_tokens")
        require_count(self.users, name="users")
        if self.prompt_tokens is not None:
            require_count(self.prompt_tokens, name="prompt_tokens")
            if self.prompt_tokens > self.context_tokens:
                raise SizingError(
                    f"prompt_tokens is {self.prompt_tokens}, more than context_tokens "
                    f"({self.context_tokens}); the context holds prompt and reply."
                )

    @property
    def prompt(self) -> int:
        """Tokens of the longest prompt."""
        return self.context_tokens if self.prompt_tokens is None else self.prompt_tokens


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Settings of a serving engine; `None` means the engine's own default for the card."""

    engine: str = "vllm"
    version: str = ""  # empty: the newest that is modelled
    kv_cache_dtype: str = "auto"
    gpu_memory_utilization: float | None = None  # vLLM 0.9; SGLang: mem_fraction_static by card
    max_num_seqs: int | None = None
    max_num_batched_tokens: int | None = None
    block_size: int = 16
    prefix_caching: bool = True
    enforce_eager: bool = False
    speculative_tokens: int = 0
    flash_attention: bool = True
    fused_awq: bool = (
        False  # AutoAWQ: q, k and v are fused at load time, and the cache is allocated whole
    )
    full_logits: bool = False  # logits of the whole prompt (transformers before 4.45)
    legacy_cache: bool = False  # transformers' tuple cache: two copies during a step
    tensor_parallel_size: int = 1
    pipeline_parallel_size: int = 1
    layer_partition: tuple[int, ...] = ()  # layers of each pipeline stage; empty: even

    def __post_init__(self) -> None:
        if self.engine not in ENGINES:
            raise UnknownKindError(
                f"engine '{self.engine}' is not modelled; expected one of {', '.join(ENGINES)}."
                f"{nearest(self.engine, allowed=ENGINES)}"
            )
        CacheFormat(self.kv_cache_dtype)
        share = self.gpu_memory_utilization
        if share is not None and not 0 < share <= 1:
            raise SizingError(
                f"gpu_memory_utilization is {share}; expected more than 0 and at most 1."
            )
        for name in ("tensor_parallel_size", "pipeline_parallel_size", "block_size"):
            require_count(getattr(self, name), name=name, least=1)
        if self.layer_partition and len(self.layer_partition) != self.pipeline_parallel_size:
            raise SizingError(
                f"layer_partition names {len(self.layer_partition)} stages; "
                f"pipeline_parallel_size is {self.pipeline_parallel_size}."
            )
        for name in ("max_num_seqs", "max_num_batched_tokens"):
            value = getattr(self, name)
            if value is not None:
                require_count(value, name=name, least=1)

    def layers_of(self, stage: int) -> int | None:
        """Return the layers of a stage, where they are not spread evenly."""
        return self.layer_partition[stage] if self.layer_partition else None

    @property
    def gpus(self) -> int:
        """Cards that one copy of the model occupies."""
        return self.tensor_parallel_size * self.pipeline_parallel_size


@dataclass(frozen=True, slots=True)
class ServingMemory:
    """Memory of one engine on one card.

    `needed` are the terms that this workload uses; `pool_bytes` is the cache that the engine takes
    ahead of time, used or not; `outside` is taken beside the engine's own budget (graphs, context).
    """

    needed: tuple[Term, ...]
    outside: tuple[Term, ...]
    budget_bytes: int  # what the engine may use of this card
    pool_bytes: int
    error_band: float
    assumptions: tuple[str, ...] = ()

    @property
    def needed_bytes(self) -> int:
        """Bytes that the workload uses, inside the budget."""
        return terms_total(self.needed)

    @property
    def outside_bytes(self) -> int:
        """Bytes beside the budget."""
        return terms_total(self.outside)

    @property
    def cache_bytes(self) -> int:
        """Bytes of cache among what is needed."""
        return sum(term.size_bytes for term in self.needed if term.name == "KV cache")

    @property
    def fixed_bytes(self) -> int:
        """Bytes that do not depend on the cache."""
        return self.needed_bytes - self.cache_bytes

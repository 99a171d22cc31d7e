"""What a training run is: method, batch, precision, optimizer and how it is spread over GPUs.

Answers: which settings decide the memory of training?
Not here: counting it (`sizing.training.memory`).

Units: tokens, sequences and plain counts. Words follow PEFT, torch and DeepSpeed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from hybridllm.sizing.errors import SizingError, UnknownKindError, nearest, require_count

Method = Literal["full", "lora", "qlora"]
Sharding = Literal["none", "ddp", "zero1", "zero2", "zero3", "fsdp"]
Checkpointing = Literal["none", "selective", "full"]
Precision = Literal["pure", "mixed"]
Loss = Literal["plain", "chunked", "fused"]

ALL_LINEAR: Final = ("q", "k", "v", "o", "gate", "up", "down")
_TARGETS: Final = (*ALL_LINEAR, "qkv", "head", "embedding")


@dataclass(frozen=True, slots=True)
class LoraSettings:
    """Adapters: rank, the matrices that get one, and what PEFT adds."""

    rank: int = 16
    targets: tuple[str, ...] = ALL_LINEAR
    dropout: float | None = None  # None: as the framework does
    adapter_bytes: int | None = None  # 4: fp32, 2: 16 bit, None: as the framework does
    dora: bool = False

    def __post_init__(self) -> None:
        require_count(self.rank, name="lora rank", least=1)
        for target in self.targets:
            if target not in _TARGETS:
                raise UnknownKindError(
                    f"lora target '{target}' is not known; expected {', '.join(_TARGETS)}."
                    f"{nearest(target, allowed=_TARGETS)}"
                )


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """Settings of a training run; the defaults are those of a careful single-GPU run."""

    method: Method = "full"
    sequence_tokens: int = 2048
    micro_batch: int = 1
    framework: str = "transformers"
    precision: Precision = "mixed"
    optimizer: str = "adamw"
    gradient_checkpointing: Checkpointing = "full"
    loss: Loss = "plain"
    flash_attention: bool = True
    compiled: bool = False
    lora: LoraSettings = field(default_factory=LoraSettings)
    quantisation: str = "nf4-dq"
    kbit_fp32: bool | None = None  # cast what is not quantised to fp32; None: as the framework does
    sharding: Sharding = "none"
    data_parallel_size: int = 1
    tensor_parallel_size: int = 1
    sequence_parallel: bool = False
    pipeline_parallel_size: int = 1
    gradient_accumulation: int | None = None  # None: as the framework's recipes do
    offload_activations: bool = False
    offload_optimizer: bool = False
    optimizer_in_backward: bool = False
    longest_first: bool = False  # the longest sample comes in the first step

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            value = getattr(self, name)
            if value not in allowed:
                raise UnknownKindError(
                    f"{name} '{value}' is not known; expected one of {', '.join(allowed)}."
                    f"{nearest(str(value), allowed=allowed)}"
                )
        require_count(self.sequence_tokens, name="sequence_tokens")
        require_count(self.micro_batch, name="micro_batch")
        for name in _SIZES:
            require_count(getattr(self, name), name=name, least=1)
        if self.gradient_accumulation is not None:
            require_count(self.gradient_accumulation, name="gradient_accumulation", least=1)
        if self.sharding == "none" and self.data_parallel_size > 1:
            raise SizingError(
                "data_parallel_size is above 1 but sharding is 'none'; say ddp, zero1-3 or fsdp."
            )

    @property
    def gpus(self) -> int:
        """GPUs that the run occupies."""
        return self.data_parallel_size * self.tensor_parallel_size * self.pipeline_parallel_size

    @property
    def tokens(self) -> int:
        """Tokens of one micro-batch on one GPU."""
        return self.sequence_tokens * self.micro_batch

    @property
    def shards_weights(self) -> bool:
        """Whether parameters are split over the data-parallel GPUs."""
        return self.sharding in ("zero3", "fsdp") and self.data_parallel_size > 1


_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "method": get_args(Method),
    "precision": get_args(Precision),
    "gradient_checkpointing": get_args(Checkpointing),
    "loss": get_args(Loss),
    "sharding": get_args(Sharding),
}
_SIZES: Final = (
    "data_parallel_size",
    "tensor_parallel_size",
    "pipeline_parallel_size",
)

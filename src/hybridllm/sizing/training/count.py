"""One model under one training run: the counts that every moment of a step is made of.

Answers: how many parameters and bytes of each kind lie on one GPU?
Not here: the moments and their peak (`sizing.training.memory`).

Units: parameters and bytes, before and after sharding as named.
"""

from __future__ import annotations

from dataclasses import dataclass

from hybridllm.sizing.quantisation import Quantisation, quantise
from hybridllm.sizing.shape import ModelShape
from hybridllm.sizing.training.adapters import adapter_parameters
from hybridllm.sizing.training.profiles import FrameworkProfile
from hybridllm.sizing.training.run import TrainingRun
from hybridllm.sizing.weights import Tensors, parameter_count, tensors


@dataclass(frozen=True, slots=True)
class Count:
    """One model under one run: the pieces that the moments are made of."""

    shape: ModelShape
    run: TrainingRun
    profile: FrameworkProfile

    @property
    def model_ways(self) -> int:
        """Ways in which tensor and pipeline parallelism split the weights."""
        return self.run.tensor_parallel_size * self.run.pipeline_parallel_size

    @property
    def weight_ways(self) -> int:
        """Ways in which one GPU's weights are split further by sharding."""
        return self.run.data_parallel_size if self.run.shards_weights else 1

    @property
    def state_ways(self) -> int:
        """Ways in which optimizer states are split."""
        return self.run.data_parallel_size if self.run.sharding not in ("none", "ddp") else 1

    @property
    def gradient_ways(self) -> int:
        """Ways in which gradients are split."""
        if self.run.sharding not in ("zero2", "zero3", "fsdp"):
            return 1
        if self.accumulates and self.profile.accumulates_unsharded:
            return 1
        return self.run.data_parallel_size

    @property
    def accumulates(self) -> bool:
        """Whether gradients of earlier micro-batches are held."""
        steps = self.run.gradient_accumulation
        return self.profile.accumulates if steps is None else steps > 1

    @property
    def parameter_bytes(self) -> int:
        """Width of trained base weights."""
        mixed = self.run.precision == "mixed" and not self.keeps_master
        return 4 if self.run.method == "full" and mixed else 2

    @property
    def keeps_master(self) -> bool:
        """Whether 16-bit weights have an fp32 copy (DeepSpeed) instead of being fp32 themselves."""
        return self.profile.master_weights or self.run.sharding.startswith("zero")

    def base_parameters(self) -> float:
        """Parameters of the base model on one GPU before sharding."""
        extra = self.shape.vocab * self.shape.hidden
        untied = self.profile.untied_head and self.shape.tied_embeddings
        return (parameter_count(self.shape) + (extra if untied else 0)) / self.model_ways

    def base_bytes(self) -> float:
        """Bytes of the base weights on one GPU before sharding, in the run's number format."""
        if self.run.method != "qlora":
            return self.base_parameters() * self.parameter_bytes
        formats, cast = self.formats()
        total = 0.0
        for one in self.held():
            bits = formats.bits(one.role, dtype="bf16")
            total += one.parameters * (4.0 if cast and bits == 16 else bits / 8)
        return total / self.model_ways

    def held(self) -> tuple[Tensors, ...]:
        """Tensors of the base model as this framework holds them."""
        held = tensors(self.shape)
        if self.profile.untied_head and self.shape.tied_embeddings:
            held = (*held, Tensors("head", "lm_head", self.shape.vocab * self.shape.hidden))
        return held

    def formats(self) -> tuple[Quantisation, bool]:
        """Number formats of the base under QLoRA, and whether the rest is cast to fp32."""
        formats = quantise(self.run.quantisation)
        if self.profile.quantised_head:
            formats = Quantisation(
                (*formats.formats, ("head", self.run.quantisation)), formats.group_size
            )
        given = self.run.kbit_fp32
        return formats, self.profile.kbit_fp32 if given is None else given

    def adapter_width(self) -> int:
        """Bytes of one adapter parameter."""
        return self.run.lora.adapter_bytes or self.profile.adapter_bytes

    def trained(self) -> float:
        """Trained parameters on one GPU before sharding."""
        if self.run.method == "full":
            return self.base_parameters()
        return adapter_parameters(self.shape, lora=self.run.lora) / self.model_ways

    def trained_width(self) -> int:
        """Bytes of one trained parameter and of its gradient."""
        return self.parameter_bytes if self.run.method == "full" else self.adapter_width()

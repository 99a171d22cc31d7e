"""The rule of thumb as a table for any card: how many GPUs do 3B, 7B, 14B and 70B need?

Answers: GPUs for inference, full training, LoRA and QLoRA of four well-known shapes.
Not here: any other model (`sizing.planner`).

The shapes are Llama-3.2-3B, Qwen2.5-7B, Qwen2.5-14B and Llama-3.1-70B. Inference is vLLM in bf16
with 16 requests of 8,192 tokens; training is the Trainer with mixed precision AdamW (full), bf16
adapters (LoRA) or 4-bit weights (QLoRA), one sequence of 2,048 tokens per GPU, everything
recomputed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hybridllm.sizing.answers import Answer
from hybridllm.sizing.fleet import uniform_fleet
from hybridllm.sizing.models import known_model
from hybridllm.sizing.planner import plan
from hybridllm.sizing.serving import Workload
from hybridllm.sizing.training.run import TrainingRun

MODELS: Final = (
    ("3B", "meta-llama/Llama-3.2-3B"),
    ("7B", "Qwen/Qwen2.5-7B-Instruct"),
    ("14B", "Qwen/Qwen2.5-14B"),
    ("70B", "meta-llama/Meta-Llama-3.1-70B"),
)
MOST_GPUS: Final = 64
_STEPS: Final = (1, 2, 4, 8, 16, 32, 64)
_WORKLOADS: Final[tuple[tuple[str, Workload | TrainingRun], ...]] = (
    ("inference", Workload(8192, 16)),
    ("full", TrainingRun(method="full")),
    ("LoRA", TrainingRun(method="lora")),
    ("QLoRA", TrainingRun(method="qlora")),
)


@dataclass(frozen=True, slots=True)
class RuleCell:
    """One model under one use on one kind of card."""

    size: str
    model: str
    use: str
    gpus: int | None  # None: more than 64
    answer: Answer


def rule_table(gpu: str = "H100-80GB") -> tuple[RuleCell, ...]:
    """Return the table for one kind of card.

    Raises:
        FleetError: The card is not known.
    """
    return tuple(
        _cell(size, name, use, work, gpu) for size, name in MODELS for use, work in _WORKLOADS
    )


def _cell(size: str, name: str, use: str, work: Workload | TrainingRun, gpu: str) -> RuleCell:
    shape = known_model(name)
    answer = plan(shape, fleet=uniform_fleet(gpu), workload=work)
    for count in _STEPS[1:]:
        if answer.fits:
            break
        answer = plan(shape, fleet=uniform_fleet(gpu, count=count), workload=work)
    return RuleCell(size, name, use, answer.gpus if answer.fits else None, answer)

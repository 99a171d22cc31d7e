"""A published training measurement as a training run.

Answers: which framework, method and settings does a row describe?
Not here: serving rows (`sizing.accuracy_rows`).

The framework is read from the row's flags and the repository of its source.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from hybridllm.sizing.measurement import FORMATS, Row
from hybridllm.sizing.training.run import (
    ALL_LINEAR,
    Checkpointing,
    LoraSettings,
    Method,
    Sharding,
    TrainingRun,
)

# part of the source's address or of the flags: framework profile; the first that is found counts
FRAMEWORKS: Final = {
    "lightning-ai/litgpt": "litgpt",
    "torchtune": "torchtune",
    "qwenlm/qwen/": "qwen-finetune",
    "axolotl": "axolotl",
    "llama-factory": "llama-factory",
    "llamafactory": "llama-factory",
    "swift": "ms-swift",
    "unsloth": "unsloth",
    "huggingface/trl": "trl",
    "deepspeed": "deepspeed",
    "peft": "transformers",
    "transformers": "transformers",
    "trainer": "transformers",
    "bitsandbytes": "transformers",
    "qlora": "transformers",
}
_CHECKPOINTING: Final[dict[str, Checkpointing]] = {"full": "full", "selective": "selective"}
_ALL_TARGETS: Final = ("all", "all-linear", "linear")


def training_run(row: Row) -> TrainingRun:
    """Return the training run that a row describes."""
    told = f"{row.source_url} {row.flags.lower()}"
    framework = next((name for part, name in FRAMEWORKS.items() if part in told), "plain")
    methods: dict[str, Method] = {
        "train_full": "full",
        "train_lora": "lora",
        "train_qlora": "qlora",
    }
    sharding, ways = _sharding(row)
    words = row.flags.split(";")
    quant = FORMATS.get(row.quant, row.quant) or "nf4"
    run = TrainingRun(
        method=methods[row.task],
        sequence_tokens=row.seq_len,
        micro_batch=row.batch,
        framework=framework,
        precision="mixed" if any(w in row.dtype for w in ("mixed", "amp", "32")) else "pure",
        optimizer=row.optimizer or "adamw",
        gradient_checkpointing=_CHECKPOINTING.get(row.grad_ckpt, "none"),
        loss="fused" if row.says("fused_ce") else "chunked" if row.says("chunked_ce") else "plain",
        compiled="compile" in words,
        quantisation=quant,
        kbit_fp32=True if row.says("kbit_fp32") else None,
        sharding=sharding,
        data_parallel_size=ways,
        gradient_accumulation=row.gradient_accumulation,
        offload_activations=row.says("act_offload"),
        optimizer_in_backward=row.says("opt_in_bwd"),
        longest_first=row.says("longest sample"),
    )
    targets = row.flag("targets")
    if run.method == "full" or not targets:
        return run
    named = ALL_LINEAR if targets in _ALL_TARGETS else tuple(targets.split("+"))
    adapter = 2 if row.says("adapter16") else None
    rank = int(row.flag("r", default="8"))
    return replace(run, lora=LoraSettings(rank, named, adapter_bytes=adapter))


def _sharding(row: Row) -> tuple[Sharding, int]:
    if row.parallelism.startswith("fsdp"):
        return "fsdp", row.n_gpus
    if row.parallelism.startswith("zero"):
        named: dict[str, Sharding] = {"1": "zero1", "2": "zero2", "3": "zero3"}
        return named[row.parallelism[4]], row.n_gpus
    return ("ddp", row.n_gpus) if row.parallelism.startswith("ddp") else ("none", 1)

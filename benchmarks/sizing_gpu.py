"""Predicted against measured memory of real shapes with random weights.

Run: `python benchmarks/sizing_gpu.py [--models 1B 3B 8B] [--device auto]`. Needs the extra `local`.

With an NVIDIA GPU each model is trained for three steps and generates a few tokens; measured is the
peak of PyTorch's allocator. Without one the models are built on the meta device: autograd runs, no
memory is taken, and measured is the sum of the tensors that it saves for the backward pass, with
attention replaced by a function that saves what flash attention saves. That checks activations and
parameters, not the allocator, the optimizer's temporaries or kernels.
Nothing is downloaded.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final
from unittest.mock import patch

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, LlamaConfig

from hybridllm.sizing.engines import engine_memory
from hybridllm.sizing.gpus import find_gpu
from hybridllm.sizing.models import known_model
from hybridllm.sizing.serving import EngineSettings, Workload
from hybridllm.sizing.shape import FullAttention, ModelShape
from hybridllm.sizing.training.activations import (
    Saving,
    checkpoint_bytes,
    final_norm_bytes,
    layer_bytes,
)
from hybridllm.sizing.training.memory import training_memory
from hybridllm.sizing.training.profiles import FrameworkProfile, find_profile
from hybridllm.sizing.training.run import LoraSettings, TrainingRun
from hybridllm.sizing.weights import parameter_count

GIB: Final = 1 << 30
MODELS: Final = {
    "1B": "meta-llama/Llama-3.2-1B",
    "3B": "meta-llama/Llama-3.2-3B",
    "8B": "meta-llama/Llama-3.1-8B",
    "14B": "meta-llama/Llama-2-13b-hf",
    "32B": "codellama/CodeLlama-34b-hf",
}
TOKENS: Final = 1024
TARGETS: Final = {"q": "q_proj", "v": "v_proj", "o": "o_proj", "gate": "gate_proj"}
TARGETS_ALL: Final = {**TARGETS, "k": "k_proj", "up": "up_proj", "down": "down_proj"}


@dataclass(frozen=True)
class Line:
    """One comparison."""

    model: str
    what: str
    predicted: float
    measured: float

    def show(self) -> str:
        """Return the line as a row of a table."""
        error = 100 * (self.predicted / self.measured - 1)
        return (
            f"| {self.model} | {self.what} | {self.predicted / GIB:.3f} | "
            f"{self.measured / GIB:.3f} | {error:+.1f} |"
        )


def main() -> None:
    """Compare every model and method, on the GPU or on the meta device."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--device", choices=("auto", "cuda", "meta"), default="auto")
    args = parser.parse_args()
    device = args.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "meta"
    name = (
        torch.cuda.get_device_name() if device == "cuda" else "no GPU: tensors that autograd saves"
    )
    print(f"torch {torch.__version__}, {name}, {TOKENS} tokens\n")
    print("| model | what | predicted GiB | measured GiB | error % |\n|---|---|---|---|---|")
    for size in args.models:
        shape = known_model(MODELS[size])
        for line in on_gpu(shape) if device == "cuda" else on_meta(shape):
            print(line.show(), flush=True)


def profile(*, adapters_16_bit: bool = True) -> FrameworkProfile:
    """Return the profile of Transformers without what only a whole Trainer adds."""
    found = find_profile("transformers")
    return replace(
        found,
        lora_dropout=0.0,
        lora_input_bytes=2 if adapters_16_bit else 4,
        adapter_bytes=2 if adapters_16_bit else 4,
        adapter_cast_bytes=0,
        process_bytes=0,
        reserved_ratio=1.0,
    )


def runs() -> Iterator[TrainingRun]:
    """Yield the methods that are compared."""
    base = TrainingRun(sequence_tokens=TOKENS, precision="pure", optimizer="adamw")
    lora = LoraSettings(16, tuple(TARGETS), dropout=0.0, adapter_bytes=2)
    whole = LoraSettings(16, tuple(TARGETS_ALL), dropout=0.0, adapter_bytes=2)
    yield replace(base, gradient_checkpointing="none")
    yield base
    yield replace(base, method="lora", lora=lora, gradient_checkpointing="none")
    yield replace(base, method="lora", lora=whole, gradient_checkpointing="none")
    yield replace(base, method="lora", lora=lora)


def build(shape: ModelShape, run: TrainingRun, *, device: str) -> Any:
    """Return a model of this shape with random weights, prepared for the run."""
    mixer = shape.layers[0].mixer
    if not isinstance(mixer, FullAttention):
        raise TypeError("the benchmark builds plain decoders")
    config = LlamaConfig(
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layer_count,
        num_attention_heads=mixer.heads,
        num_key_value_heads=mixer.kv_heads,
        head_dim=mixer.head_dim,
        vocab_size=shape.vocab,
        tie_word_embeddings=shape.tied_embeddings,
        max_position_embeddings=8192,
        use_cache=False,
        attn_implementation="sdpa",
    )
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    if run.method == "lora":
        names = [TARGETS_ALL[target] for target in run.lora.targets]
        lora = LoraConfig(r=run.lora.rank, target_modules=names, lora_dropout=0.0)
        model = get_peft_model(model, lora, autocast_adapter_dtype=False)
        model.enable_input_require_grads()
    model.train()
    if run.gradient_checkpointing == "full":
        model.gradient_checkpointing_enable({"use_reentrant": False})
    return model


def on_meta(shape: ModelShape) -> Iterator[Line]:
    """Compare parameters and saved tensors without any memory."""
    for run in runs():
        model = build(shape, run, device="meta")
        named = f"{run.method}, {run.gradient_checkpointing} recompute"
        if run.method == "full" and run.gradient_checkpointing == "none":
            counted = sum(one.numel() for one in model.parameters())
            yield Line(shape.name, "parameters x 2 bytes", 2 * parameter_count(shape), 2 * counted)
        if run.method == "lora":
            named += f", {len(run.lora.targets)} targets"
        inputs = torch.zeros(1, TOKENS, dtype=torch.long, device="meta")
        held = {one.untyped_storage()._cdata for one in model.parameters()}  # noqa: SLF001
        # The check for packed sequences reads values, and meta tensors have none.
        no_packing = patch("transformers.masking_utils.find_packed_sequence_indices", nothing)
        flash = patch("torch.nn.functional.scaled_dot_product_attention", flash_attention)
        with no_packing, flash, saved_bytes(held) as saved:
            hidden = base_model(model)(input_ids=inputs).last_hidden_state
        saving = Saving(run, profile())
        if run.gradient_checkpointing == "none":
            each = sum(g.count * layer_bytes(g, shape=shape, saving=saving) for g in shape.layers)
        else:
            each = shape.layer_count * checkpoint_bytes(shape, saving=saving)
        each += final_norm_bytes(shape, saving=saving)
        yield Line(shape.name, f"activations, {named}", each * TOKENS, sum(saved.values()))
        del model, hidden
        gc.collect()


class FlashAttention(torch.autograd.Function):
    """Saves what flash attention saves; on the meta device only the explicit path exists."""

    @staticmethod
    def forward(
        ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor
    ) -> torch.Tensor:
        """Return an output of the right shape."""
        batch, heads, length, _ = query.shape
        out = query.new_empty((batch, length, heads, value.shape[-1])).transpose(1, 2)
        ctx.save_for_backward(query, key, value, out, query.new_empty(query.shape[:-1]).float())
        return out

    @staticmethod
    def backward(ctx: Any, *_: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return gradients of the right shapes."""
        query, key, value, *_ = ctx.saved_tensors
        return torch.empty_like(query), torch.empty_like(key), torch.empty_like(value)


def flash_attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *_: object, **__: object
) -> torch.Tensor:
    """Stand in for scaled dot-product attention."""
    return FlashAttention.apply(query, key, value)


def nothing(*_: object) -> None:
    """Stand in for a function whose answer is "no"."""


def base_model(model: Any) -> Any:
    """Return the decoder without its head."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    return inner.model


@contextlib.contextmanager
def saved_bytes(parameters: set[int]) -> Iterator[dict[int, int]]:
    """Collect the storages that autograd saves, parameters left out."""
    found: dict[int, int] = {}
    kept: list[torch.Tensor] = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in parameters:  # noqa: SLF001
            found[storage._cdata] = storage.nbytes()  # noqa: SLF001
            kept.append(tensor)  # an address that is free again would be counted as the same
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        yield found


def on_gpu(shape: ModelShape) -> Iterator[Line]:
    """Compare peaks of the allocator: three steps of each method, then generation."""
    room = torch.cuda.get_device_properties(0).total_memory
    for run in runs():
        predicted = training_memory(shape, run=run, profile=profile()).peak_bytes
        if predicted > 0.95 * room:
            continue
        named = f"training, {run.method}, {run.gradient_checkpointing} recompute"
        if run.method == "lora":
            named += f", {len(run.lora.targets)} targets"
        yield Line(shape.name, named, predicted, train(shape, run))
    yield from generate(shape, room)


def train(shape: ModelShape, run: TrainingRun) -> int:
    """Return the peak of the third training step."""
    free()
    model = build(shape, run, device="cuda")
    trained = [one for one in model.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(trained, foreach=True)
    tokens = torch.randint(shape.vocab, (1, TOKENS), device="cuda")
    for step in range(3):
        if step == 2:
            torch.cuda.reset_peak_memory_stats()
        model(input_ids=tokens, labels=tokens).loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return int(torch.cuda.max_memory_allocated())


def generate(shape: ModelShape, room: int) -> Iterator[Line]:
    """Yield the peak of a prompt and a short reply."""
    work = Workload(TOKENS + 32, 1, TOKENS)
    memory = engine_memory(
        shape,
        workload=work,
        settings=EngineSettings(engine="transformers"),
        gpu=find_gpu("H100-80GB"),
    )
    if memory.needed_bytes > 0.95 * room:
        return
    free()
    model = build(shape, next(runs()), device="cuda").eval()
    prompt = torch.randint(shape.vocab, (1, TOKENS), device="cuda")
    torch.cuda.reset_peak_memory_stats()
    model.generate(prompt, max_new_tokens=32, min_new_tokens=32, use_cache=True)
    measured = int(torch.cuda.max_memory_allocated())
    yield Line(shape.name, "generate", memory.needed_bytes, measured)


def free() -> None:
    """Give everything back to the allocator and forget its peak."""
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()


if __name__ == "__main__":
    main()

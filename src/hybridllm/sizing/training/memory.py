"""Peak memory of one training step on one GPU.

Answers: what is held, what peaks, and at which moment of the step?
Not here: what a layer keeps (`sizing.training.activations`), whether it fits (`sizing.verdict`).

A step has four moments, and the peak is the largest of them: the start of the backward pass (all
activations and logits), its first layer (all checkpoints and one layer made again), its end (all
gradients, one live layer, gathered units) and the optimizer's step (its temporaries).

Units: bytes on the busiest GPU.
Sources: Rajbhandari et al. 2020 (ZeRO); Zhao et al. 2023 (FSDP); torch.distributed.fsdp: the root
unit, embedding and head, stays gathered for the whole pass, and `no_sync` accumulates whole
gradients.
"""

from __future__ import annotations

from dataclasses import dataclass

from hybridllm.sizing.memory_terms import Term, terms_total
from hybridllm.sizing.quantisation import quantise
from hybridllm.sizing.shape import ModelShape
from hybridllm.sizing.training.activations import (
    Saving,
    checkpoint_bytes,
    final_norm_bytes,
    layer_bytes,
)
from hybridllm.sizing.training.count import Count
from hybridllm.sizing.training.optimizers import find_optimizer
from hybridllm.sizing.training.profiles import FrameworkProfile, find_profile
from hybridllm.sizing.training.run import TrainingRun
from hybridllm.sizing.units import ceil_div
from hybridllm.sizing.weights import tensors


@dataclass(frozen=True, slots=True)
class TrainingMemory:
    """Peak of a step, term by term."""

    terms: tuple[Term, ...]
    moment: str
    profile: FrameworkProfile
    trained_parameters: int

    @property
    def peak_bytes(self) -> int:
        """Bytes at the peak."""
        return terms_total(self.terms)


def training_memory(
    shape: ModelShape, *, run: TrainingRun, profile: FrameworkProfile | None = None
) -> TrainingMemory:
    """Return the peak of one step on the busiest GPU.

    Args:
        shape: The model.
        run: Method, lengths, optimizer and sharding.
        profile: A calibrated profile; the run's framework otherwise.

    Raises:
        UnknownKindError: The framework, optimizer or number format is not known.
    """
    profile = profile or find_profile(run.framework)
    count = Count(shape, run, profile)
    held = _held_terms(count)
    moments = {
        "start of the backward pass": (*held, *_backward_start(count)),
        "first recomputed layer": (*held, *_first_layer(count)),
        "end of the backward pass": (*held, *_backward_end(count)),
        "optimizer step": (*held, *_step(count)),
    }
    moment = max(moments, key=lambda name: terms_total(moments[name]))
    terms = moments[moment]
    slack = round(terms_total(terms) * (profile.reserved_ratio - 1))
    if slack > 0:
        terms = (*terms, Term("allocator slack", slack, f"{profile.title}: {profile.fitted}"))
    if profile.process_bytes:
        terms = (
            *terms,
            Term("process", profile.process_bytes, "CUDA context and libraries, seen from outside"),
        )
    return TrainingMemory(
        tuple(one for one in terms if one.size_bytes), moment, profile, round(count.trained())
    )


def _held_terms(count: Count) -> tuple[Term, ...]:
    """What is there at every moment: weights, adapters, states, master copies, buckets."""
    run, profile = count.run, count.profile
    optimizer = find_optimizer(run.optimizer)
    trained, width = count.trained(), count.trained_width()
    terms = [
        Term(
            "weights",
            round(count.base_bytes() / count.weight_ways),
            f"{run.method}, {count.shape.name}",
        )
    ]
    if run.method != "full":
        ways = count.weight_ways
        terms.append(
            Term("adapters", round(trained * (width + profile.adapter_cast_bytes) / ways), "LoRA")
        )
    master = run.method == "full" and run.precision == "mixed" and width == 2
    paged = run.method == "qlora" and profile.paged_when_quantised
    state = 0.0 if run.offload_optimizer or paged else optimizer.state_bytes(4 if master else width)
    terms.append(Term("optimizer states", round(trained * state / count.state_ways), run.optimizer))
    if master and not run.offload_optimizer:
        terms.append(
            Term(
                "master weights",
                round(trained * 4 / count.state_ways),
                "fp32 copy of trained weights",
            )
        )
    if profile.bucket_elements or run.sharding == "zero3":
        elements = min(profile.bucket_elements or 500_000_000, trained)
        terms.append(Term("buckets", round(2 * elements), "reduce and prefetch buckets, 16 bit"))
    if run.sharding == "ddp" and run.data_parallel_size > 1:
        # gradient_as_bucket_view is off by default: buckets are copies of the gradients.
        terms.append(Term("buckets", round(trained * width), "reduction buckets of DDP"))
    if count.run.method == "qlora" and profile.embedding_gradient_when_quantised:
        embedding = 2 * count.shape.vocab * count.shape.hidden
        terms.append(Term("embedding gradient", embedding, "embedding set anew"))
    return tuple(terms)


def _backward_start(count: Count) -> tuple[Term, ...]:
    """Activations of all layers and the logits; gradients that earlier micro-batches left."""
    run = count.run
    terms = [
        Term(
            "activations",
            round(_activations(count)),
            f"{run.tokens:,} tokens, {run.gradient_checkpointing} recompute",
        ),
        Term(
            "logits",
            round(_logits(count)),
            f"{run.tokens:,} tokens x {count.shape.vocab:,} entries",
        ),
        Term("gathered units", round(_gathered(count)), "parameters that sharding gathers"),
    ]
    if run.method == "qlora" and count.profile.quantised_head:
        terms.append(
            Term(
                "head made 16 bit",
                2 * count.shape.vocab * count.shape.hidden,
                "a 4-bit head at work",
            )
        )
    return (*terms, *_earlier_gradients(count))


def _first_layer(count: Count) -> tuple[Term, ...]:
    """The last layer is made again while all checkpoints are still there; logits are gone."""
    if count.run.gradient_checkpointing == "none":
        return ()
    return (
        Term("activations", round(_activations(count)), "checkpoints of all layers"),
        Term("live layer", round(_live_layer(count)), "activations and gradients of one layer"),
        Term("gathered units", round(_gathered(count)), "parameters that sharding gathers"),
        *_earlier_gradients(count),
    )


def _earlier_gradients(count: Count) -> tuple[Term, ...]:
    if not count.accumulates or count.run.optimizer_in_backward:
        return ()
    return (Term("gradients", round(_gradients(count)), "of the micro-batches before"),)


def _backward_end(count: Count) -> tuple[Term, ...]:
    """All gradients; one layer and the embedding are still at work."""
    shape, run = count.shape, count.run
    live = _live_layer(count)
    gathered = _gathered(count)
    terms = [
        Term("gradients", round(_gradients(count)), "one per trained parameter"),
        Term("live layer", round(live), "activations and gradients of one layer"),
        Term("gathered units", round(gathered), "parameters that sharding gathers"),
    ]
    if run.shards_weights and run.method == "full":
        terms.append(
            Term(
                "whole root gradient",
                round(2 * _root(count)),
                "embedding and head before reduction",
            )
        )
    quantised_anew = run.method == "qlora" and count.profile.embedding_gradient_when_quantised
    if quantised_anew:
        terms.append(
            Term("new embedding gradient", 2 * shape.vocab * shape.hidden, "before it is added")
        )
    return tuple(terms)


def _step(count: Count) -> tuple[Term, ...]:
    """Gradients and the temporaries of the optimizer."""
    run, optimizer = count.run, find_optimizer(count.run.optimizer)
    if run.optimizer_in_backward:
        return ()
    foreach = (
        optimizer.foreach
        and count.profile.foreach
        and not run.compiled
        and not run.offload_optimizer
    )
    temporary = count.trained() * count.trained_width() / count.state_ways if foreach else 0.0
    return (
        Term("gradients", round(_gradients(count)), "one per trained parameter"),
        Term(
            "step temporary",
            round(temporary),
            "foreach AdamW: one more value per trained parameter",
        ),
    )


def _gradients(count: Count) -> float:
    run = count.run
    if run.optimizer_in_backward:
        return 0.0
    return count.trained() * count.trained_width() / count.gradient_ways


def _root(count: Count) -> float:
    """Bytes of the root unit: embedding, and head unless it is the same matrix."""
    shape = count.shape
    tied = shape.tied_embeddings and not count.profile.untied_head
    return shape.vocab * shape.hidden * (1 if tied else 2) * 2 / count.run.tensor_parallel_size


def _gathered(count: Count) -> float:
    """Two layers and the root unit in 16 bit (FSDP), two layers (ZeRO-3)."""
    run = count.run
    if not run.shards_weights:
        return 0.0
    share = (
        quantise(run.quantisation).bits("mlp", dtype="bf16") / 16 if run.method == "qlora" else 1.0
    )
    largest = max(
        _layer_parameters(count.shape, index) / group.count
        for index, group in enumerate(count.shape.layers)
    )
    layers = 2 * 2 * largest * share / run.tensor_parallel_size
    return layers + (_root(count) if run.sharding == "fsdp" else 0.0)


def _layer_parameters(shape: ModelShape, index: int) -> int:
    return sum(one.parameters for one in tensors(shape) if one.layer == index)


def _activations(count: Count) -> float:
    """Bytes of all layers on one GPU, and of the last norm.

    With pipeline stages the first one holds as many micro-batches as there are stages, each of its
    share of the layers, so the sum stays the same.
    """
    shape, run = count.shape, count.run
    saving = Saving(run, count.profile)
    last = final_norm_bytes(shape, saving=saving)
    if run.gradient_checkpointing == "full":
        kept = shape.layer_count * checkpoint_bytes(shape, saving=saving)
        return (kept + last) * run.tokens
    full = sum(g.count * layer_bytes(g, shape=shape, saving=saving) for g in shape.layers)
    if run.gradient_checkpointing == "selective":
        # Published runs that recompute by operation saved less than half.
        full = max(shape.layer_count * checkpoint_bytes(shape, saving=saving), full / 2)
    return (full + last) * run.tokens


def _live_layer(count: Count) -> float:
    """One layer made again, gradients of its widest tensors, a 4-bit matrix in 16 bit."""
    shape, run = count.shape, count.run
    saving = Saving(run, count.profile)
    widest = max(layer_bytes(group, shape=shape, saving=saving) for group in shape.layers)
    flow = 4.0 * shape.hidden + 4.0 * shape.intermediate
    matrix = 2 * max(one.largest for one in tensors(shape)) if run.method == "qlora" else 0
    return (widest + flow / run.tensor_parallel_size) * run.tokens + matrix


def _logits(count: Count) -> float:
    """Bytes of logits and of what the loss keeps of them, on the last pipeline stage."""
    run, profile = count.run, count.profile
    if run.loss == "fused":
        return 0.0
    each = profile.logits_bytes
    if run.loss == "chunked":
        each = profile.logits_chunked_bytes or profile.logits_bytes / 8
    elif run.method == "full":
        each = profile.logits_full_bytes or each
    elif run.method == "qlora":
        each = profile.logits_qlora_bytes or each
    vocab = ceil_div(count.shape.vocab, by=run.tensor_parallel_size)
    return each * run.tokens * vocab

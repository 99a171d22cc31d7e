"""The fewest cards of a fleet that hold a model.

Answers: how many GPUs, which of them, how split?
Not here: the verdict on given cards (`sizing.verdict`), questions the other way round
(`sizing.reverse`).

Card sets are tried in growing size. Of each size these are tried: the cards with most memory among
those that are free enough for the engine's own share, and equal cards that are in use alike. A
fleet that contains another offers at least the same sets, so a plan for the smaller one stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from hybridllm.sizing.answers import Answer
from hybridllm.sizing.fleet import Card, Fleet
from hybridllm.sizing.serving import EngineSettings, Workload
from hybridllm.sizing.shape import ModelShape
from hybridllm.sizing.training.profiles import FrameworkProfile
from hybridllm.sizing.training.run import TrainingRun
from hybridllm.sizing.verdict import divides_heads, serve_on, train_on
from hybridllm.sizing.weights import weights_bytes

_TENSOR_SIZES: Final = (1, 2, 4, 8, 16, 32)
_READY: Final = 0.93  # an engine takes 0.9 of the card, and graphs come on top


def plan(
    shape: ModelShape,
    *,
    fleet: Fleet,
    workload: Workload | TrainingRun | None = None,
    settings: EngineSettings | None = None,
    profile: FrameworkProfile | None = None,
) -> Answer:
    """Return the plan with the fewest cards that fits, or the nearest one that does not.

    Args:
        shape: The model.
        fleet: The cards that may be used.
        workload: Requests at once, or a training run; one user with 8,192 tokens otherwise.
        settings: Engine and settings for serving. Parallelism above 1 is kept as given.
        profile: A calibrated training profile.

    Raises:
        SizingError: A setting contradicts the model.
    """
    if isinstance(workload, TrainingRun):
        return _plan_training(shape, fleet, workload, profile)
    return _plan_serving(shape, fleet, workload or Workload(), settings or EngineSettings())


def fits(
    shape: ModelShape,
    *,
    fleet: Fleet,
    workload: Workload | TrainingRun | None = None,
    settings: EngineSettings | None = None,
) -> bool:
    """Return whether some of the fleet's cards hold the model for this workload."""
    return plan(shape, fleet=fleet, workload=workload, settings=settings).fits


def _plan_serving(
    shape: ModelShape, fleet: Fleet, workload: Workload, settings: EngineSettings
) -> Answer:
    if settings.gpus > 1:
        shapes = [(settings.tensor_parallel_size, settings.pipeline_parallel_size)]
    else:
        shapes = list(_splits(shape, fleet, settings.engine))
    best: Answer | None = None
    shapes = [split for split in shapes if split[0] * split[1] <= len(fleet.cards)]
    for ranks, stages in shapes:
        if (ranks, stages) != shapes[-1] and not _may_fit(shape, fleet, ranks, stages):
            continue
        split = replace(settings, tensor_parallel_size=ranks, pipeline_parallel_size=stages)
        for cards in _card_sets(fleet, ranks * stages):
            for partition in _partitions(shape, cards, split):
                parted = replace(split, layer_partition=partition)
                answer = serve_on(shape, cards=cards, workload=workload, settings=parted)
                if answer.fits:
                    return answer
                best = _nearer(best, answer)
    if best is None:
        best = serve_on(shape, cards=fleet.cards[:1], workload=workload, settings=_single(settings))
    return replace(best, advice=_serving_advice(best, workload))


def _single(settings: EngineSettings) -> EngineSettings:
    return replace(settings, tensor_parallel_size=1, pipeline_parallel_size=1)


def _splits(shape: ModelShape, fleet: Fleet, engine: str) -> Iterator[tuple[int, int]]:
    """Yield tensor and pipeline sizes, fewest cards first, tensor parallelism before pipelines."""
    count = len(fleet.cards)
    found = [
        (ranks, stages)
        for ranks in _TENSOR_SIZES
        if ranks <= min(count, fleet.cards_per_node) and divides_heads(shape, ranks=ranks)
        for stages in range(1, min(count // ranks, shape.layer_count) + 1)
    ]
    if engine == "transformers":
        found = [(1, stages) for stages in range(1, min(count, shape.layer_count) + 1)]
    return iter(sorted(found, key=lambda split: (split[0] * split[1], split[1])))


def _may_fit(shape: ModelShape, fleet: Fleet, ranks: int, stages: int) -> bool:
    """Weights alone must fit; spares the search most of its work."""
    largest = max(card.free_bytes for card in fleet.cards)
    return weights_bytes(shape) / (ranks * stages) <= largest


def _card_sets(fleet: Fleet, count: int) -> Iterator[tuple[Card, ...]]:
    ready = [card for card in fleet.cards if card.free_bytes >= _READY * card.gpu.usable_bytes]
    ready.sort(key=lambda card: (-card.gpu.usable_bytes, -card.free_bytes, card.index))
    if len(ready) >= count:
        yield tuple(ready[:count])
    classes: dict[tuple[str, int, int], list[Card]] = {}
    for card in fleet.cards:
        classes.setdefault((card.gpu.name, card.gpu.usable_bytes, card.free_bytes), []).append(card)
    if len(classes) > 1 or not ready:
        for cards in classes.values():
            if len(cards) >= count:
                yield tuple(cards[:count])
        if len(ready) < count <= len(fleet.cards):
            by_free = sorted(fleet.cards, key=lambda card: (-card.free_bytes, card.index))
            yield tuple(by_free[:count])


def _partitions(
    shape: ModelShape, cards: Sequence[Card], settings: EngineSettings
) -> Iterator[tuple[int, ...]]:
    """Yield even stages, then stages in proportion to the memory of unlike cards (vLLM only)."""
    yield settings.layer_partition
    stages, ranks = settings.pipeline_parallel_size, settings.tensor_parallel_size
    if stages == 1 or settings.engine != "vllm" or settings.layer_partition:
        return
    rooms = [min(c.gpu.usable_bytes for c in cards[i * ranks :][:ranks]) for i in range(stages)]
    if len(set(rooms)) == 1:
        return
    total, layers = sum(rooms), shape.layer_count
    parts = [max(1, layers * room // total) for room in rooms]
    for index in sorted(range(stages), key=lambda i: -rooms[i])[: max(0, layers - sum(parts))]:
        parts[index] += 1
    if sum(parts) == layers:
        yield tuple(parts)


def _nearer(best: Answer | None, answer: Answer) -> Answer:
    if best is None or answer.tightest.margin_bytes > best.tightest.margin_bytes:
        return answer
    return best


def _plan_training(
    shape: ModelShape, fleet: Fleet, run: TrainingRun, profile: FrameworkProfile | None
) -> Answer:
    cards = sorted(fleet.cards, key=lambda card: (-card.free_bytes, card.index))
    if run.gpus > 1 or run.sharding != "none":
        sizes = [run.gpus] if run.gpus <= len(cards) else []
    else:
        sizes = list(range(1, len(cards) + 1))
    best: Answer | None = None
    for count in sizes:
        spread = (
            run if run.gpus == count else replace(run, sharding="fsdp", data_parallel_size=count)
        )
        answer = train_on(shape, cards=cards[:count], run=spread, profile=profile)
        if answer.fits:
            return answer
        best = _nearer(best, answer)
    if best is None:
        single = replace(
            run,
            sharding="none",
            data_parallel_size=1,
            tensor_parallel_size=1,
            pipeline_parallel_size=1,
        )
        best = train_on(shape, cards=cards[:1], run=single, profile=profile)
        note = f"the run asks for {run.gpus} GPUs; the fleet has {len(cards)}"
        return replace(best, advice=(note,))
    return replace(best, advice=_training_advice(best, run))


def _serving_advice(answer: Answer, workload: Workload) -> tuple[str, ...]:
    limiting = answer.limiting_term
    if limiting == "KV cache":
        return (
            f"fewer than {workload.users} users or less than {workload.context_tokens:,} tokens",
            "kv_cache_dtype fp8 halves the cache",
            "more cards share the cache",
        )
    if limiting == "activation":
        return ("a lower max_num_seqs shrinks the sampler's peak", "a lower max_num_batched_tokens")
    return (
        "a 4-bit checkpoint (AWQ, GPTQ, NVFP4) takes about a third of bf16",
        "more or larger cards",
    )


def _training_advice(answer: Answer, run: TrainingRun) -> tuple[str, ...]:
    found = {
        "activations": (
            "gradient_checkpointing full",
            "a smaller micro_batch or shorter sequences",
        ),
        "logits": ("loss chunked or fused", "shorter sequences"),
        "optimizer states": ("optimizer paged-adamw-8bit or adamw-8bit", "fsdp over more GPUs"),
        "weights": ("method qlora", "fsdp over more GPUs")
        if run.method != "qlora"
        else ("fsdp over more GPUs",),
        "gradients": ("method lora", "optimizer_in_backward"),
    }
    return found.get(answer.limiting_term, ("method lora or qlora", "more GPUs"))

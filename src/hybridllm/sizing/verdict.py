"""Does it fit on exactly these cards?

Answers: what does every card hold under given parallelism, and is that within what it allows?
Not here: choosing cards and parallelism (`sizing.planner`).

Units: bytes per card.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from hybridllm.sizing.answers import Answer, Capacity, CardAnswer
from hybridllm.sizing.engines import engine_memory
from hybridllm.sizing.engines.vllm import page_plan
from hybridllm.sizing.errors import SizingError
from hybridllm.sizing.fleet import Card
from hybridllm.sizing.kv_cache import CacheFormat, bytes_per_token
from hybridllm.sizing.margins import SERVING_MARGIN, training_margin
from hybridllm.sizing.memory_terms import terms_total
from hybridllm.sizing.serving import EngineSettings, ServingMemory, Workload
from hybridllm.sizing.shape import FullAttention, LatentAttention, ModelShape
from hybridllm.sizing.throughput import speed_bounds
from hybridllm.sizing.training.memory import training_memory
from hybridllm.sizing.training.profiles import FrameworkProfile
from hybridllm.sizing.training.run import TrainingRun


def serve_on(
    shape: ModelShape, *, cards: Sequence[Card], workload: Workload, settings: EngineSettings
) -> Answer:
    """Return the verdict for serving on exactly these cards, in this order of pipeline stages.

    Cards may be unlike: each is judged by its own memory. vLLM has one `gpu_memory_utilization` for
    all, so the share is lowered to what the least free card allows.

    Raises:
        SizingError: The number of cards is not what the settings' parallelism occupies.
    """
    if len(cards) != settings.gpus:
        raise SizingError(
            f"{len(cards)} cards for tensor_parallel_size {settings.tensor_parallel_size} x "
            f"pipeline_parallel_size {settings.pipeline_parallel_size}; these need {settings.gpus}."
        )
    check_parallelism(shape, settings=settings)
    memories = _memories(shape, cards, workload, settings)
    share = _share(cards, memories, settings)
    if share is not None:
        settings = replace(settings, gpu_memory_utilization=share)
        memories = _memories(shape, cards, workload, settings)
    judged = tuple(
        _serving_card(card, memory) for card, memory in zip(cards, memories, strict=True)
    )
    return Answer(
        shape.name,
        "serving",
        judged,
        settings,
        workload,
        memories[0].error_band,
        (
            *shape.assumptions,
            *memories[0].assumptions,
            f"{SERVING_MARGIN:.0%} of the need is kept free",
        ),
        shape,
        capacity=_capacity(shape, judged, workload, settings, memories),
        bounds=speed_bounds(shape, cards=cards, workload=workload, settings=settings),
    )


def train_on(
    shape: ModelShape,
    *,
    cards: Sequence[Card],
    run: TrainingRun,
    profile: FrameworkProfile | None = None,
) -> Answer:
    """Return the verdict for a training run on exactly these cards.

    Raises:
        SizingError: The number of cards is not what the run's parallelism occupies.
    """
    if len(cards) != run.gpus:
        raise SizingError(f"{len(cards)} cards for a run that occupies {run.gpus}.")
    memory = training_memory(shape, run=run, profile=profile)
    safety = training_margin(memory.profile)
    outside = tuple(term for term in memory.terms if term.name == "process")
    needed = tuple(term for term in memory.terms if term.name != "process")
    judged = tuple(
        CardAnswer(card, needed, outside, card.free_bytes - terms_total(outside), 0, safety)
        for card in cards
    )
    return Answer(
        shape.name,
        "training",
        judged,
        run,
        None,
        memory.profile.error_band,
        (
            *shape.assumptions,
            f"{memory.profile.title} ({memory.profile.versions})",
            (
                f"{run.method}, {run.optimizer}, {run.precision} precision, "
                f"{run.gradient_checkpointing} recompute"
            ),
            (
                f"{run.micro_batch} x {run.sequence_tokens:,} tokens per GPU, "
                f"{run.sharding} over {run.gpus} GPU(s)"
            ),
            f"{safety:.0%} of the need is kept free",
        ),
        shape,
        moment=memory.moment,
    )


def check_parallelism(shape: ModelShape, *, settings: EngineSettings) -> None:
    """Refuse tensor parallelism that does not divide the heads, and more stages than layers.

    Raises:
        SizingError: With the numbers.
    """
    ranks = settings.tensor_parallel_size
    if not divides_heads(shape, ranks=ranks):
        raise SizingError(
            f"{shape.name}: tensor_parallel_size {ranks} does not divide the attention heads."
        )
    if settings.pipeline_parallel_size > shape.layer_count:
        raise SizingError(
            f"{shape.name}: pipeline_parallel_size {settings.pipeline_parallel_size} is more "
            f"than its {shape.layer_count} layers."
        )


def divides_heads(shape: ModelShape, *, ranks: int) -> bool:
    """Return whether the heads of every attention layer can be split over so many ranks."""
    mixers = [group.mixer for group in shape.layers]
    heads = [mixer.heads for mixer in mixers if isinstance(mixer, FullAttention | LatentAttention)]
    return all(count % ranks == 0 for count in heads)


def _memories(
    shape: ModelShape, cards: Sequence[Card], workload: Workload, settings: EngineSettings
) -> list[ServingMemory]:
    ranks, known = settings.tensor_parallel_size, {}
    found = []
    for position, card in enumerate(cards):
        key = (card.gpu, position // ranks)
        if key not in known:
            known[key] = engine_memory(
                shape, workload=workload, settings=settings, gpu=card.gpu, stage=position // ranks
            )
        found.append(known[key])
    return found


def _share(
    cards: Sequence[Card], memories: Sequence[ServingMemory], settings: EngineSettings
) -> float | None:
    """Return the share of memory that the least free card allows, when it is below the engine's."""
    if settings.engine not in ("vllm", "sglang"):
        return None
    lowest = None
    for card, memory in zip(cards, memories, strict=True):
        allowed = card.free_bytes - (memory.outside_bytes if settings.engine == "vllm" else 0)
        if settings.engine == "sglang":
            allowed -= card.gpu.usable_bytes - memory.budget_bytes
        if memory.budget_bytes > allowed:
            share = math.floor(100 * max(0, allowed) / card.gpu.usable_bytes) / 100
            lowest = share if lowest is None else min(lowest, share)
    return None if lowest is None else max(0.01, lowest)


def _serving_card(card: Card, memory: ServingMemory) -> CardAnswer:
    budget = min(memory.budget_bytes, max(0, card.free_bytes - memory.outside_bytes))
    taken = max(0, min(memory.pool_bytes, budget - memory.fixed_bytes) - memory.cache_bytes)
    return CardAnswer(card, memory.needed, memory.outside, budget, taken, SERVING_MARGIN)


def _capacity(
    shape: ModelShape,
    judged: Sequence[CardAnswer],
    workload: Workload,
    settings: EngineSettings,
    memories: Sequence[ServingMemory],
) -> Capacity | None:
    """Return what the smallest pool holds."""
    pools = [
        max(0, card.budget_bytes - memory.fixed_bytes)
        for card, memory in zip(judged, memories, strict=True)
    ]
    pool, context = min(pools), max(1, workload.context_tokens)
    each = bytes_per_token(
        shape,
        cache=CacheFormat(settings.kv_cache_dtype),
        tensor_parallel_size=settings.tensor_parallel_size,
    )
    if settings.engine != "vllm":
        tokens = pool * settings.pipeline_parallel_size // each if each else 0
        return Capacity(tokens, tokens, tokens / context, each)
    scarce, scarce_pool = None, 0
    for position, (card, room) in enumerate(zip(judged, pools, strict=True)):
        stage = position // settings.tensor_parallel_size
        pages = page_plan(shape, settings=settings, gpu=card.card.gpu, stage=stage)
        if scarce is None or pages.blocks(room) < scarce.blocks(scarce_pool):
            scarce, scarce_pool = pages, room
    if scarce is None:
        return None
    return Capacity(
        scarce.capacity_tokens(scarce_pool),
        scarce.logged_tokens(scarce_pool, max_model_len=context),
        scarce.concurrency(scarce_pool, tokens=context),
        each,
    )

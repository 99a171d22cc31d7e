"""The questions the other way round.

Answers: the longest context, the most users, the largest batch, the largest model, the smallest GPU
that still fits.
Not here: the verdict on one case (`sizing.planner`).

Every search halves an interval; it is right because a larger case never needs less memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from hybridllm.sizing.answers import Answer
from hybridllm.sizing.fleet import Fleet, uniform_fleet
from hybridllm.sizing.gpus import Gpu, catalogue
from hybridllm.sizing.models import known_model, known_models
from hybridllm.sizing.planner import plan
from hybridllm.sizing.serving import EngineSettings, Workload
from hybridllm.sizing.shape import ModelShape
from hybridllm.sizing.training.run import TrainingRun
from hybridllm.sizing.weights import parameter_count

MOST_USERS: Final = 65_536
MOST_TOKENS: Final = 1 << 24
MOST_SEQUENCES: Final = 4_096


@dataclass(frozen=True, slots=True)
class Largest:
    """The largest value that fits, with its plan; 0 and no plan when none does.

    `is_limit` says that the search stopped at the model's or the search's own limit, not at memory.
    """

    value: int
    answer: Answer | None
    is_limit: bool = False


def longest_context(
    shape: ModelShape, *, fleet: Fleet, users: int = 1, settings: EngineSettings | None = None
) -> Largest:
    """Return the longest context for so many users at once, at most what the model was made for.

    Raises:
        SizingError: `users` is negative.
    """
    most = shape.max_position or MOST_TOKENS

    def ask(tokens: int) -> Answer:
        return plan(shape, fleet=fleet, workload=Workload(tokens, users), settings=settings)

    return _largest(ask, most)


def most_users(
    shape: ModelShape,
    *,
    fleet: Fleet,
    context_tokens: int = 8192,
    settings: EngineSettings | None = None,
) -> Largest:
    """Return the most requests of this length that run at once on one copy of the model.

    Raises:
        SizingError: `context_tokens` is negative.
    """

    def ask(users: int) -> Answer:
        return plan(shape, fleet=fleet, workload=Workload(context_tokens, users), settings=settings)

    return _largest(ask, MOST_USERS)


def largest_batch(shape: ModelShape, *, fleet: Fleet, run: TrainingRun) -> Largest:
    """Return the most sequences per GPU and step for a training run."""

    def ask(batch: int) -> Answer:
        return plan(shape, fleet=fleet, workload=replace(run, micro_batch=batch))

    return _largest(ask, MOST_SEQUENCES)


def largest_model(
    *,
    fleet: Fleet,
    workload: Workload | TrainingRun | None = None,
    settings: EngineSettings | None = None,
    among: Iterable[ModelShape] | None = None,
) -> Answer | None:
    """Return the plan of the largest model that fits, among known ones or those given."""
    shapes = list(among) if among is not None else [known_model(name) for name in known_models()]
    shapes.sort(key=parameter_count, reverse=True)
    for shape in shapes:
        answer = plan(shape, fleet=fleet, workload=workload, settings=settings)
        if answer.fits:
            return answer
    return None


def smallest_gpu(
    shape: ModelShape,
    *,
    workload: Workload | TrainingRun | None = None,
    settings: EngineSettings | None = None,
    count: int = 1,
    among: Iterable[Gpu] | None = None,
) -> Answer | None:
    """Return the plan on the card with least memory of which `count` are enough."""
    cards = among if among is not None else (g for g in catalogue().values() if g.vendor != "cpu")
    for gpu in sorted(cards, key=lambda gpu: (gpu.usable_bytes, gpu.name)):
        fleet = uniform_fleet(gpu.name, count=count)
        answer = plan(shape, fleet=fleet, workload=workload, settings=settings)
        if answer.fits:
            return answer
    return None


def _largest(ask: Callable[[int], Answer], most: int) -> Largest:
    """Return the largest value from 1 to `most` whose plan fits."""
    first = ask(1)
    if not first.fits:
        return Largest(0, first)
    low, held = 1, first
    high = 2
    while high < most:
        answer = ask(high)
        if not answer.fits:
            break
        low, held, high = high, answer, high * 2
    else:
        answer = ask(most)
        if answer.fits:
            return Largest(most, answer, is_limit=True)
        high = most
    while high - low > 1:
        middle = (low + high) // 2
        answer = ask(middle)
        if answer.fits:
            low, held = middle, answer
        else:
            high = middle
    return Largest(low, held)

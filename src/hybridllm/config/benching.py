"""Backends to be measured: a model in this process, `generate` beside it, and attached engines.

Answers: what does `hybridllm engine bench` measure, and in which order?
Not here: the measuring (`backends.bench`), showing it (`cli.engine_bench`).

Units: tokens, seconds.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir
from urllib.parse import urlsplit

from hybridllm.addresses import DeclaredNetworks
from hybridllm.backends.bench import Speed, measure_all, questions
from hybridllm.backends.openai_compatible import OpenAICompatibleBackend
from hybridllm.backends.providers import PROVIDERS
from hybridllm.backends.settings import BaseUrl, HttpSettings
from hybridllm.errors import ConfigurationError
from hybridllm.types import Place

__all__ = ["Attached", "BenchPlan", "Speed", "bench_attached", "bench_model"]

_SEQUENTIAL = 2
"""Callers of plain `generate`: one after the other, more take longer and are no faster."""


@dataclass(frozen=True, slots=True)
class BenchPlan:
    """What to measure.

    Attributes:
        callers: Numbers of callers at once.
        tokens: Of each answer.
        threads: On a CPU.
        dtype: Of a model in this process.
    """

    callers: tuple[int, ...] = (1, 8, 32, 64)
    tokens: int = 48
    threads: int | None = None
    dtype: str = "auto"


@dataclass(frozen=True, slots=True)
class Attached:
    """An engine that runs already.

    Attributes:
        name: To show.
        provider: As `hybridllm.toml` calls its kind.
        url: Its base URL.
        model: As it calls the model.
        key: Its key; empty for none.
    """

    name: str
    provider: str
    url: str
    model: str
    key: str = ""

    def __repr__(self) -> str:
        return f"Attached({self.name!r}, {self.url!r})"


def bench_model(path: Path, *, plan: BenchPlan) -> Iterator[Speed]:
    """Measure plain `generate`, then the engine of this process.

    Raises:
        ConfigurationError: The model cannot be loaded.
        MissingExtraError: torch is not installed.
    """
    from hybridllm.backends.in_process import InProcessBackend

    threads = plan.threads or max(1, (os.cpu_count() or 2) - 1)
    backend = InProcessBackend(
        "this engine", model_path=path, dtype=plan.dtype, threads=threads,
        cache_dir=Path(gettempdir()) / "hybridllm-bench",
    )  # fmt: skip
    found = Speed("generate, in turn", 1, tokens=_SEQUENTIAL * plan.tokens)
    found.seconds = backend.time_generate(questions(_SEQUENTIAL), tokens=plan.tokens)
    yield found
    yield from asyncio.run(
        measure_all(backend, model="bench", callers=plan.callers, tokens=plan.tokens)
    )


def bench_attached(engine: Attached, *, plan: BenchPlan) -> Iterator[Speed]:
    """Measure an engine that runs already. It gets made-up texts alone.

    Raises:
        BackendError: It does not answer.
    """
    host = urlsplit(engine.url).hostname or ""
    try:
        declared = DeclaredNetworks.of(engine.name, networks=[host])
    except ValueError:
        raise ConfigurationError(
            f"the address of {engine.name} is a name; attach it by its number to measure it"
        ) from None
    backend = OpenAICompatibleBackend(
        engine.name,
        place=Place.ON_PREMISES,
        provider=PROVIDERS[engine.provider],
        settings=HttpSettings(
            base_url=BaseUrl.parse(engine.url),
            declared=declared,
            api_key=engine.key or None,
            max_connections=max(plan.callers),
        ),
    )
    yield from asyncio.run(
        measure_all(backend, model=engine.model, callers=plan.callers, tokens=plan.tokens)
    )

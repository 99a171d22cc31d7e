"""How busy an engine is, as plain numbers.

Answers: how many requests run and wait, how full is the memory for keys and values, how many
tokens a second?
Not here: fetching the text (`managed.probe`), what each server calls its numbers
(`managed.servers`).

Units: requests, tokens, seconds; `kv_usage` from 0 to 1.
Source: the text format of Prometheus, version 0.0.4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hybridllm.managed.servers import Names


@dataclass(frozen=True, slots=True)
class EngineMetrics:
    """What an engine says of itself at one moment; `None`: it does not say.

    Attributes:
        running: Requests that are being answered.
        waiting: Requests in its queue.
        kv_usage: How full the memory for keys and values is.
        prompt_tokens: Read since the start.
        generated_tokens: Written since the start.
    """

    running: float | None = None
    waiting: float | None = None
    kv_usage: float | None = None
    prompt_tokens: float | None = None
    generated_tokens: float | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs or waits. An engine that does not say so is not idle."""
        return self.running == 0 and not self.waiting


def read_metrics(text: str, *, names: Names) -> EngineMetrics:
    """Return the numbers of one server.

    Several series of one name, such as those of several cards, are added up; how full the
    memory is, is the fullest one's.
    """
    found = _series(text)
    usage = _first(found, names.kv_usage)
    return EngineMetrics(
        running=_sum(_first(found, names.running)),
        waiting=_sum(_first(found, names.waiting)),
        kv_usage=max(usage) if usage else None,
        prompt_tokens=_sum(_first(found, names.prompt_tokens)),
        generated_tokens=_sum(_first(found, names.generated_tokens)),
    )


def tokens_per_second(
    before: EngineMetrics, *, after: EngineMetrics, seconds: float
) -> float | None:
    """Return how many tokens were written in a second, between two readings."""
    if before.generated_tokens is None or after.generated_tokens is None or seconds <= 0:
        return None
    return max(after.generated_tokens - before.generated_tokens, 0.0) / seconds


def _series(text: str) -> dict[str, list[float]]:
    """Return the values by name; lines that are no sample are left out."""
    found: dict[str, list[float]] = {}
    for line in text.splitlines():
        name = line.partition("{")[0].partition(" ")[0]
        rest = line.rpartition("}")[2] if "{" in line else line[len(name) :]
        words = rest.split()
        if not name or name.startswith("#") or not words:
            continue
        try:
            value = float(words[0])
        except ValueError:
            continue
        if math.isfinite(value):
            found.setdefault(name, []).append(value)
    return found


def _first(found: dict[str, list[float]], names: tuple[str, ...]) -> list[float]:
    return next((found[name] for name in names if name in found), [])


def _sum(values: list[float]) -> float | None:
    return sum(values) if values else None

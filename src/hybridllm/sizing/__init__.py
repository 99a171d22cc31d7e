"""Does a model fit, on how many GPUs, with what headroom, and what starts it?

Answers: memory of serving and training, plans for fleets, the questions the other way round, cost,
and commands for engines.
Not here: running a model (`hybridllm.engine`), choosing one (`hybridllm.catalog`).

Three layers stay apart: facts of a model (shape, weights, checkpoint, quantisation, kv_cache),
engine models (engines, vllm_pages) and framework profiles (training). Importing this package loads
none of them.

    from hybridllm import sizing

    model = sizing.load_model("meta-llama/Llama-3.1-8B")
    answer = sizing.plan(model, fleet=sizing.parse_fleet("1xL40S-48GB"))
    answer.fits, answer.limiting_term, answer.reason
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hybridllm.sizing.accuracy import judge_table
    from hybridllm.sizing.answers import Answer, CardAnswer
    from hybridllm.sizing.cost import Prices, monthly_cost
    from hybridllm.sizing.emitters import emit
    from hybridllm.sizing.engines import engine_memory
    from hybridllm.sizing.errors import FactsError, FleetError, SizingError, UnknownKindError
    from hybridllm.sizing.fleet import Fleet, parse_fleet, read_fleet, uniform_fleet
    from hybridllm.sizing.from_config import shape_from_config
    from hybridllm.sizing.gpus import Gpu, find_gpu
    from hybridllm.sizing.kv_cache import bytes_per_token
    from hybridllm.sizing.live import live_fleet
    from hybridllm.sizing.load import load_model
    from hybridllm.sizing.models import known_models
    from hybridllm.sizing.planner import fits, plan
    from hybridllm.sizing.plot import memory_plot
    from hybridllm.sizing.quantisation import quantise
    from hybridllm.sizing.reverse import (
        largest_batch,
        largest_model,
        longest_context,
        most_users,
        smallest_gpu,
    )
    from hybridllm.sizing.serving import EngineSettings, Workload
    from hybridllm.sizing.shape import ModelShape, dense_shape
    from hybridllm.sizing.table import rule_table
    from hybridllm.sizing.training.calibrate import calibrate
    from hybridllm.sizing.training.memory import training_memory
    from hybridllm.sizing.training.run import LoraSettings, TrainingRun
    from hybridllm.sizing.verdict import serve_on, train_on
    from hybridllm.sizing.vllm_pages import PageSettings, plan_pages
    from hybridllm.sizing.weights import parameter_count, weights_bytes

_HOMES = {
    "Answer": "answers",
    "CardAnswer": "answers",
    "EngineSettings": "serving",
    "FactsError": "errors",
    "Fleet": "fleet",
    "FleetError": "errors",
    "Gpu": "gpus",
    "LoraSettings": "training.run",
    "ModelShape": "shape",
    "PageSettings": "vllm_pages",
    "Prices": "cost",
    "SizingError": "errors",
    "TrainingRun": "training.run",
    "UnknownKindError": "errors",
    "Workload": "serving",
    "bytes_per_token": "kv_cache",
    "calibrate": "training.calibrate",
    "dense_shape": "shape",
    "emit": "emitters",
    "engine_memory": "engines",
    "find_gpu": "gpus",
    "fits": "planner",
    "judge_table": "accuracy",
    "known_models": "models",
    "largest_batch": "reverse",
    "largest_model": "reverse",
    "live_fleet": "live",
    "load_model": "load",
    "longest_context": "reverse",
    "memory_plot": "plot",
    "monthly_cost": "cost",
    "most_users": "reverse",
    "parameter_count": "weights",
    "parse_fleet": "fleet",
    "plan": "planner",
    "plan_pages": "vllm_pages",
    "quantise": "quantisation",
    "read_fleet": "fleet",
    "rule_table": "table",
    "serve_on": "verdict",
    "shape_from_config": "from_config",
    "smallest_gpu": "reverse",
    "train_on": "verdict",
    "training_memory": "training.memory",
    "uniform_fleet": "fleet",
    "weights_bytes": "weights",
}

__all__ = [
    "Answer",
    "CardAnswer",
    "EngineSettings",
    "FactsError",
    "Fleet",
    "FleetError",
    "Gpu",
    "LoraSettings",
    "ModelShape",
    "PageSettings",
    "Prices",
    "SizingError",
    "TrainingRun",
    "UnknownKindError",
    "Workload",
    "bytes_per_token",
    "calibrate",
    "dense_shape",
    "emit",
    "engine_memory",
    "find_gpu",
    "fits",
    "judge_table",
    "known_models",
    "largest_batch",
    "largest_model",
    "live_fleet",
    "load_model",
    "longest_context",
    "memory_plot",
    "monthly_cost",
    "most_users",
    "parameter_count",
    "parse_fleet",
    "plan",
    "plan_pages",
    "quantise",
    "read_fleet",
    "rule_table",
    "serve_on",
    "shape_from_config",
    "smallest_gpu",
    "train_on",
    "training_memory",
    "uniform_fleet",
    "weights_bytes",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'hybridllm.sizing' has no attribute '{name}'")
    found = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = found  # found once, kept
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

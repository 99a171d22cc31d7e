"""One published measurement as a sizing question.

Answers: which model, engine or framework settings does a row of `measured.csv` describe?
Not here: statistics over rows (`sizing.accuracy`).

Units: GiB, and tokens for `inference_kv_tokens`. The engine or framework is read from the row's
flags and the repository of its source; nothing is fitted to a row.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hybridllm.sizing.accuracy_training import training_run
from hybridllm.sizing.engines.llama_cpp import PROCESS_BYTES, cache_bytes, compute_bytes
from hybridllm.sizing.engines.stage import engine_tensors_bytes, stage_weights_bytes
from hybridllm.sizing.engines.transformers import transformers_memory
from hybridllm.sizing.errors import FactsError
from hybridllm.sizing.gpus import find_gpu
from hybridllm.sizing.kv_cache import CacheFormat
from hybridllm.sizing.margins import SERVING_MARGIN, training_margin
from hybridllm.sizing.measurement import FORMATS, Row
from hybridllm.sizing.quantisation import Quantisation, quantise
from hybridllm.sizing.serving import EngineSettings, Workload
from hybridllm.sizing.shape import ModelShape
from hybridllm.sizing.training.memory import training_memory
from hybridllm.sizing.training.profiles import find_profile
from hybridllm.sizing.units import GIB
from hybridllm.sizing.vllm_pages import PageSettings, plan_pages
from hybridllm.sizing.weights import weights_bytes


@dataclass(frozen=True, slots=True)
class Prediction:
    """What is predicted for a row, and the margin that a fit decision adds."""

    value: float
    margin: float = SERVING_MARGIN


def predict(row: Row, *, shape: ModelShape) -> Prediction:
    """Return the prediction for a row, in its unit.

    Raises:
        FactsError: The task is not known.
    """
    if row.task == "inference_weights":
        return Prediction(_weights(row, shape) / GIB)
    if row.task == "inference_kv_tokens":
        return Prediction(_tokens(row, shape))
    if row.task == "inference_total":
        return Prediction(_total(row, shape) / GIB)
    if row.is_training:
        return _training(row, shape)
    raise FactsError(f"{row.id}: task '{row.task}' is not known.")


def _ways(row: Row, kind: str) -> int:
    """Return the tensor (`tp`) or pipeline (`pp`) parallelism of a row."""
    found = re.search(rf"{kind}(\d+)", row.parallelism)
    return int(found.group(1)) if found else 1


def _quantised(row: Row, shape: ModelShape) -> ModelShape:
    """The row's own format; an original configuration that names one wins, none means 16 bit."""
    name = FORMATS.get(row.quant, row.quant)
    if not name:
        return shape.with_quantisation(Quantisation())
    if shape.quantisation.formats and row.task != "inference_total":
        return shape
    return shape.with_quantisation(quantise(name))


def _weights(row: Row, shape: ModelShape) -> int:
    shape, ranks = _quantised(row, shape), _ways(row, "tp")
    held = stage_weights_bytes(
        shape, tensor_parallel_size=ranks, pipeline_parallel_size=_ways(row, "pp"), stage=0
    )
    return held + engine_tensors_bytes(shape, tensor_parallel_size=ranks)


def _tokens(row: Row, shape: ModelShape) -> int:
    states = re.search(r"state_blocks=(\d+)", row.flags)
    speculative = int(states.group(1)) - 2 if states else 0
    pages = plan_pages(
        shape,
        settings=PageSettings(
            cache=CacheFormat("fp8" if row.flag("kv_bytes") == "1.0" else "auto"),
            tensor_parallel_size=_ways(row, "tp"),
            pipeline_parallel_size=_ways(row, "pp"),
            block_size=int(row.flag("block", default="16")),
            draft_layers=1 if speculative else 0,
            speculative_tokens=speculative,
        ),
    )
    pool = round(row.pool_gib * GIB)
    if row.says("newlog"):
        return pages.logged_tokens(pool, max_model_len=int(row.flag("max_len")))
    return pages.capacity_tokens(pool)


def _total(row: Row, shape: ModelShape) -> int:
    shape = _quantised(row, shape)
    if row.says("llamacpp"):
        return _llama_cpp(row, shape)
    prompt = min(row.seq_len, int(row.flag("prefill", default="0")) or row.seq_len)
    fused = row.says("AutoAWQ")
    # A perplexity run without generation feeds token by token; AutoAWQ's benchmark allocates a
    # cache for the generated tokens only (max_seq_len=n_generate).
    prompt = 1 if row.says("no generation") else prompt
    context = max(prompt, row.seq_len - prompt) if fused else row.seq_len
    workload = Workload(context, row.batch, prompt)
    settings = EngineSettings(
        engine="transformers", flash_attention=not fused, fused_awq=fused, full_logits=fused
    )
    memory = transformers_memory(
        shape, workload=workload, settings=settings, gpu=find_gpu("A100-80GB"), stage=0
    )
    # Peaks of all cards are summed in such rows, and each card sees the prompt pass.
    prefill = sum(term.size_bytes for term in memory.needed if term.name == "prefill")
    others = row.n_gpus - 1 if row.parallelism == "device_map" else 0
    return memory.needed_bytes + others * prefill


def _llama_cpp(row: Row, shape: ModelShape) -> int:
    """Weights are the logged buffer; a process has compute buffer and context besides."""
    settings = EngineSettings(
        engine="llama.cpp",
        kv_cache_dtype=row.flag("kv", default="fp16"),
        flash_attention=not row.says("noflash"),
    )
    cache = cache_bytes(shape, workload=Workload(row.seq_len, row.batch), settings=settings)
    logged = row.flag("weights_gib")
    held = cache + (round(float(logged) * GIB) if logged else weights_bytes(shape))
    if row.says("noflash"):
        return held
    return (
        held
        + compute_bytes(shape, cells=row.seq_len * row.batch, flash_attention=True)
        + PROCESS_BYTES
    )


def _training(row: Row, shape: ModelShape) -> Prediction:
    run = training_run(row)
    memory = training_memory(shape, run=run)
    return Prediction(memory.peak_bytes / GIB, training_margin(find_profile(run.framework)))

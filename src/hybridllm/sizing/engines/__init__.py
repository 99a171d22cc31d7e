"""Serving engines, one module each.

Answers: what does this engine need on this card for this workload?
Not here: facts of a model (`sizing.shape`, `sizing.weights`), the verdict (`sizing.verdict`).
"""

from __future__ import annotations

from typing import Protocol

from hybridllm.sizing.engines.llama_cpp import llama_cpp_memory
from hybridllm.sizing.engines.sglang import sglang_memory
from hybridllm.sizing.engines.transformers import transformers_memory
from hybridllm.sizing.engines.vllm import vllm_memory
from hybridllm.sizing.gpus import Gpu
from hybridllm.sizing.serving import EngineSettings, ServingMemory, Workload
from hybridllm.sizing.shape import ModelShape


class EngineModel(Protocol):
    """What every engine module offers."""

    def __call__(
        self,
        shape: ModelShape,
        *,
        workload: Workload,
        settings: EngineSettings,
        gpu: Gpu,
        stage: int,
    ) -> ServingMemory:
        """Return what the engine needs on one card."""


_MODELS: dict[str, EngineModel] = {
    "vllm": vllm_memory,
    "sglang": sglang_memory,
    "transformers": transformers_memory,
    "llama.cpp": llama_cpp_memory,
}


def engine_memory(
    shape: ModelShape, *, workload: Workload, settings: EngineSettings, gpu: Gpu, stage: int = 0
) -> ServingMemory:
    """Return what an engine needs on one card.

    Args:
        shape: The model.
        workload: Requests at once.
        settings: The engine and its settings, parallelism included.
        gpu: The card.
        stage: Pipeline stage that the card holds.
    """
    return _MODELS[settings.engine](
        shape, workload=workload, settings=settings, gpu=gpu, stage=stage
    )

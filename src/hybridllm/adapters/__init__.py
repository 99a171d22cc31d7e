"""LoRA adapters: a registry of those that may serve, and what makes one unfit.

    registry = AdapterRegistry(Path("adapters"), scale=scale)
    version = registry.import_adapter(FolderSource(Path(".")), reference="trained", wish=wish)
    reasons = registry.verify(version.version, skeleton=read_skeleton(model, id="base"))
    registry.promote(version.version, alias="manufacturing", by="reviewer", gate=Gate())
    registry.resolve("manufacturing").folder        # what an engine loads

Not here: loading adapters into an engine, and choosing one for a request.
"""

from hybridllm.adapters.base import Module, Skeleton, read_skeleton
from hybridllm.adapters.engines import ENGINES, IN_PROCESS, SGLANG, VLLM, EngineRules
from hybridllm.adapters.errors import AdapterRefusedError, UnknownAdapterError
from hybridllm.adapters.gate import Gate
from hybridllm.adapters.importing import Wish
from hybridllm.adapters.manifest import (
    BaseId,
    Canary,
    Facts,
    Licence,
    Manifest,
    Metrics,
    Status,
    TrainingData,
)
from hybridllm.adapters.reasons import Reason
from hybridllm.adapters.registry import AdapterRegistry
from hybridllm.adapters.sources import AdapterSource, FolderSource, SourceFile
from hybridllm.adapters.verifier import verify
from hybridllm.adapters.versions import AdapterVersion

__all__ = [
    "ENGINES",
    "IN_PROCESS",
    "SGLANG",
    "VLLM",
    "AdapterRefusedError",
    "AdapterRegistry",
    "AdapterSource",
    "AdapterVersion",
    "BaseId",
    "Canary",
    "EngineRules",
    "Facts",
    "FolderSource",
    "Gate",
    "Licence",
    "Manifest",
    "Metrics",
    "Module",
    "Reason",
    "Skeleton",
    "SourceFile",
    "Status",
    "TrainingData",
    "UnknownAdapterError",
    "Wish",
    "read_skeleton",
    "verify",
]

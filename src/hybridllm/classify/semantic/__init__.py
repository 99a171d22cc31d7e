"""The semantic stage: sensitive by meaning, learnt from a department's own examples.

Answers: which classifier and which judge may join the detectors?
Not here: patterns (`classify.detectors`), known documents (`classify.fingerprint`).

Off by default. Like every detector it only reports; a finding can raise a label and
never lower one. Nothing here needs torch or the network.
"""

from __future__ import annotations

from hybridllm.classify.semantic.detector import (
    SemanticDetector,
    SemanticTimeoutError,
    load_detector,
)
from hybridllm.classify.semantic.embedder import Embedder, NgramEmbedder, load_embedder
from hybridllm.classify.semantic.examples import Example, read_examples, read_lines
from hybridllm.classify.semantic.judge import JudgeAnswerError, JudgeDetector
from hybridllm.classify.semantic.model import SemanticModel, load_model
from hybridllm.classify.semantic.training import train

__all__ = [
    "Embedder",
    "Example",
    "JudgeAnswerError",
    "JudgeDetector",
    "NgramEmbedder",
    "SemanticDetector",
    "SemanticModel",
    "SemanticTimeoutError",
    "load_detector",
    "load_embedder",
    "load_model",
    "read_examples",
    "read_lines",
    "train",
]

"""Adapters: detectors of other projects, made safe to plug in.

Answers: how do Presidio and spaCy (with GiNZA) find things for this package?
Not here: running them on a short lead (`classify.guarded`), naming them (`plugins`).

Importing this package imports neither of them.
"""

from __future__ import annotations

from hybridllm.classify.adapters.kinds import GINZA_KINDS, ONTONOTES_KINDS, PRESIDIO_KINDS
from hybridllm.classify.adapters.presidio import PresidioDetector
from hybridllm.classify.adapters.spacy_entities import SpacyDetector

__all__ = [
    "GINZA_KINDS",
    "ONTONOTES_KINDS",
    "PRESIDIO_KINDS",
    "PresidioDetector",
    "SpacyDetector",
]

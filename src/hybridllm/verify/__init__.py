"""Answers checked against their sources: what do the documents carry, and what not?

The names load on first use: most clients have no documents and check nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hybridllm.verify.actions import Action, Mode, Tolerance, decide_action
    from hybridllm.verify.answerability import Answerability, DenseScale, answerable
    from hybridllm.verify.check import AnswerChecker, check_answer
    from hybridllm.verify.claims import abstention, is_abstention
    from hybridllm.verify.comparing import Thresholds
    from hybridllm.verify.model import (
        AnswerVerdict,
        Reason,
        SentenceVerdict,
        Source,
        Term,
        Verdict,
    )
    from hybridllm.verify.ports import Judge, JudgeAnswerError, ScoredChecker, SentenceChecker
    from hybridllm.verify.streaming import StreamVerifier

_HOMES = {
    "hybridllm.verify.actions": "Action Mode Tolerance decide_action",
    "hybridllm.verify.answerability": "Answerability DenseScale answerable",
    "hybridllm.verify.check": "AnswerChecker check_answer",
    "hybridllm.verify.claims": "abstention is_abstention",
    "hybridllm.verify.comparing": "Thresholds",
    "hybridllm.verify.model": "AnswerVerdict Reason SentenceVerdict Source Term Verdict",
    "hybridllm.verify.ports": "Judge JudgeAnswerError ScoredChecker SentenceChecker",
    "hybridllm.verify.streaming": "StreamVerifier",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = [
    "Action",
    "AnswerChecker",
    "AnswerVerdict",
    "Answerability",
    "DenseScale",
    "Judge",
    "JudgeAnswerError",
    "Mode",
    "Reason",
    "ScoredChecker",
    "SentenceChecker",
    "SentenceVerdict",
    "Source",
    "StreamVerifier",
    "Term",
    "Thresholds",
    "Tolerance",
    "Verdict",
    "abstention",
    "answerable",
    "check_answer",
    "decide_action",
    "is_abstention",
]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'hybridllm.verify' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value

"""Answers checked against their sources: what do the documents carry, and what not?"""

from hybridllm.verify.actions import Action, Mode, Tolerance, decide_action
from hybridllm.verify.answerable import Answerability, DenseScale, answerable
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

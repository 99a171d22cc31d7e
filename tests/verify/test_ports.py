"""A model may lower a verdict, and nothing else."""

import json

import pytest

from hybridllm.verify import (
    Judge,
    JudgeAnswerError,
    Reason,
    ScoredChecker,
    Verdict,
    check_answer,
)
from hybridllm.verify.ports import read_verdict
from tests.verify.sources import LEAVE

TRUE = "The department head approves each request [1]."
FALSE = "The fee for late requests is 2,100 yen [1]."


def answering(text: str) -> Judge:
    return Judge(lambda prompt: text)


def verdict(answer: str, checker) -> tuple[Verdict, tuple[Reason, ...]]:
    found = check_answer(answer, sources=[LEAVE], checker=checker)
    return found.verdict, found.reasons


@pytest.mark.parametrize(
    ("said", "expected", "reason"),
    [
        ("supported", Verdict.SUPPORTED, None),
        ("unverifiable", Verdict.UNVERIFIABLE, Reason.CHECKER_UNSURE),
        ("unsupported", Verdict.UNSUPPORTED, Reason.CHECKER_DENIED),
    ],
)
def test_a_judge_can_lower_what_the_checks_let_pass(said, expected, reason):
    """A model sees more than words, so its doubt counts."""
    found, reasons = verdict(TRUE, answering(json.dumps({"verdict": said})))

    assert expected is found
    assert ((reason,) if reason else ()) == reasons


def test_a_judge_cannot_raise_what_the_checks_refuse():
    """A passage that talks a model round does not get its invention supported."""
    asked = []
    judge = Judge(lambda prompt: asked.append(prompt) or '{"verdict": "supported"}')

    found, reasons = verdict(FALSE, judge)

    assert Verdict.UNSUPPORTED is found
    assert (Reason.NUMBER_ABSENT,) == reasons
    assert [] == asked


@pytest.mark.parametrize(
    "answer",
    ["supported", "", "[]", '{"verdict": "yes"}', '{"verdict": "supported", "why": "so"}',
     'Sure: {"verdict": "supported"}', '{"verdict": ["supported"]}', "null", "[" * 100_000],
)  # fmt: skip
def test_an_answer_in_another_form_is_a_doubt(answer):
    """Whatever is not exactly the agreed object says nothing."""
    with pytest.raises(JudgeAnswerError):
        read_verdict(answer)

    assert (Verdict.UNVERIFIABLE, (Reason.CHECKER_FAILED,)) == verdict(TRUE, answering(answer))


def test_a_model_that_fails_is_a_doubt():
    """An error of the caller's model neither passes nor ends the check."""

    def fails(prompt):
        raise OSError("the engine is gone")

    assert (Verdict.UNVERIFIABLE, (Reason.CHECKER_FAILED,)) == verdict(TRUE, Judge(fails))


def test_the_judge_reads_claim_and_passages_between_fences_of_their_own():
    """A passage cannot end its own quotation: the fence is drawn for each question."""
    prompts = []
    judge = Judge(lambda prompt: prompts.append(prompt) or '{"verdict": "supported"}')

    check_answer(f"{TRUE} {TRUE}", sources=[LEAVE], checker=judge)

    fences = [prompt.split("lines ")[1].split(".")[0] for prompt in prompts]
    assert 2 == len(set(fences))
    assert all(LEAVE.text in prompt for prompt in prompts)


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (0.9, Verdict.SUPPORTED),
        (0.5, Verdict.UNVERIFIABLE),
        (0.1, Verdict.UNSUPPORTED),
        (float("nan"), Verdict.UNVERIFIABLE),
    ],
)
def test_a_trained_checker_decides_by_its_thresholds(score, expected):
    """Between the two thresholds, and without a number, there is doubt."""
    checker = ScoredChecker(lambda claim, text: score, supported_from=0.7, unsupported_below=0.3)

    assert expected is verdict(TRUE, checker)[0]

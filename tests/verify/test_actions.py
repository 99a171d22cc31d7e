"""What becomes of an answer."""

import pytest

from hybridllm.verify import Action, Mode, Tolerance, decide_action
from tests.verify.sources import checked

GOOD = checked("The department head approves each request [1].")
BAD = checked("The department head approves each request [1]. The fee is 2,100 yen [1].")
NONE = checked("The documents do not mention this.")
CODE = checked("```\nx = 1\n```")


@pytest.mark.parametrize("mode", Mode)
def test_a_supported_answer_is_given_in_every_mode(mode):
    """Nothing is added to what is right."""
    assert Action.GIVE is decide_action(GOOD, mode=mode)
    assert Action.GIVE is decide_action(NONE, mode=mode)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [(Mode.ANNOTATE, Action.ANNOTATE), (Mode.RETRY, Action.RETRY), (Mode.ABSTAIN, Action.ABSTAIN)],
)
def test_an_unsupported_answer_meets_what_policy_wants(mode, expected):
    """Policy chooses between marking, trying again and abstaining."""
    assert expected is decide_action(BAD, mode=mode)


def test_without_a_retry_left_the_answer_is_withheld():
    """What failed twice is not given because it failed twice."""
    assert Action.ABSTAIN is decide_action(BAD, mode=Mode.RETRY, retries_left=0)


def test_a_tolerance_lets_a_share_of_the_claims_fail():
    """Half of the claims may be unsupported, and the answer is marked."""
    assert Action.ANNOTATE is decide_action(
        BAD, mode=Mode.ABSTAIN, tolerance=Tolerance(unsupported=0.5)
    )


def test_doubt_can_be_held_against_an_answer():
    """Whoever wants proof of everything tolerates nothing that cannot be verified."""
    strict = Tolerance(unverifiable=0.0)

    assert Action.ANNOTATE is decide_action(CODE, mode=Mode.ABSTAIN)
    assert Action.ABSTAIN is decide_action(CODE, mode=Mode.ABSTAIN, tolerance=strict)

"""Whether passages speak of what is asked."""

import pytest

from hybridllm.verify import DenseScale, Source, answerable
from tests.verify.sources import KYUKA, LEAVE, PUMP


@pytest.mark.parametrize(
    ("question", "source"),
    [
        ("How many days of leave can employees carry over?", LEAVE),
        ("Who approves the requests?", LEAVE),
        ("有給休暇は何日繰り越せますか", KYUKA),
        ("申請は誰が承認しますか", KYUKA),
    ],
)
def test_a_question_that_the_passages_speak_of_is_answerable(question, source):
    """Words of asking need not be in the passage."""
    assert answerable(question, sources=[source, PUMP]).is_answerable


@pytest.mark.parametrize(
    ("question", "source"),
    [
        ("What is the dress code at customer visits?", LEAVE),
        ("Which bank keeps the pension fund?", LEAVE),
        ("社宅の家賃はいくらですか", KYUKA),
        ("食堂の営業時間を教えてください", KYUKA),
    ],
)
def test_a_question_about_something_else_is_not(question, source):
    """Nobody has to ask a model to find out that nothing was found."""
    assert not answerable(question, sources=[source, PUMP]).is_answerable


def test_a_part_number_that_no_passage_has_counts_against_it():
    """A question about another model is not answered by this one's manual."""
    right = answerable("How much does the pump P-300 deliver?", sources=[PUMP])
    wrong = answerable("How much does the pump P-900 deliver?", sources=[PUMP])

    assert not right.has_missing
    assert wrong.has_missing
    assert wrong.score < right.score


def test_likeness_of_vectors_counts_only_on_a_known_scale():
    """A cosine says nothing until it is known what is usual for this embedder."""
    question, scale = "Who approves the requests?", DenseScale(0.82, 0.90)

    alone = answerable(question, sources=[LEAVE])
    unknown = answerable(question, sources=[LEAVE], cosine=0.83)
    low = answerable(question, sources=[LEAVE], cosine=0.82, scale=scale)
    high = answerable(question, sources=[LEAVE], cosine=0.95, scale=scale)

    assert alone == unknown
    assert low.score < high.score


def test_without_passages_nothing_is_answerable():
    """An empty search, or one whose passages may not be read, answers nothing."""
    hidden = Source("leave", "", LEAVE.text, is_readable=False)

    assert not answerable("Who approves the requests?", sources=[]).is_answerable
    assert not answerable("Who approves the requests?", sources=[hidden]).is_answerable

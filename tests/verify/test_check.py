"""An answer is compared with the passages that it cites."""

import pytest

from hybridllm.verify import AnswerChecker, Reason, Source, Term, Verdict, check_answer
from tests.verify.sources import KYUKA, LEAVE, PUMP, checked, is_supported, only, reasons

BOTH = (LEAVE, KYUKA)


def test_a_sentence_that_its_source_carries_is_supported():
    """What the cited passage says in other words passes, and the verdict names the passage."""
    found = only("Up to five days of leave can be carried over until March 31 [1].")

    assert Verdict.SUPPORTED is found.verdict
    assert ("leave",) == found.sources
    assert () == found.reasons


def test_a_japanese_sentence_that_its_source_carries_is_supported():
    """The same holds for Japanese, with full-width citations."""
    assert is_supported("有給休暇は5日まで翌年度に繰り越せます【1】。", sources=(KYUKA,))
    assert is_supported("部門長が申請を承認します［２］。", sources=BOTH)


def test_each_sentence_has_its_own_verdict():
    """One wrong sentence makes the answer unsupported and leaves the others as they are."""
    found = checked("The department head approves each request [1]. The fee is 2,100 yen [1].")

    assert [Verdict.SUPPORTED, Verdict.UNSUPPORTED] == [item.verdict for item in found.sentences]
    assert Verdict.UNSUPPORTED is found.verdict
    assert (Reason.NUMBER_ABSENT,) == found.reasons


def test_a_sentence_without_citation_is_compared_with_everything():
    """A missing citation is noted, and does not make a true sentence wrong."""
    found = only("The fee for late requests is 1,200 yen.", sources=BOTH)

    assert Verdict.SUPPORTED is found.verdict
    assert (Reason.UNCITED,) == found.reasons


@pytest.mark.parametrize("mark", ["[3]", "[0]", "【7】", "［９］", "[1, 4]"])
def test_a_citation_of_no_source_is_unsupported(mark):
    """A number that stands for nothing was invented."""
    found = only(f"The department head approves each request {mark}.", sources=BOTH)

    assert Verdict.UNSUPPORTED is found.verdict
    assert Reason.CITATION_UNKNOWN in found.reasons


def test_a_source_that_the_asker_may_not_read_carries_nothing():
    """What was readable once and is not any more cannot be cited."""
    hidden = Source("leave", LEAVE.title, LEAVE.text, is_readable=False)

    found = only("The department head approves each request [1].", sources=(hidden, PUMP))

    assert Verdict.UNSUPPORTED is found.verdict
    assert Reason.CITATION_UNREADABLE in found.reasons


def test_the_right_words_with_the_wrong_citation_are_miscited():
    """A reader who follows the citation has to find the sentence there."""
    assert {Reason.MISCITED} == reasons(
        "The pump delivers 40 litres a minute [1].", sources=(LEAVE, PUMP)
    )
    assert is_supported("The pump delivers 40 litres a minute [2].", sources=(LEAVE, PUMP))


def test_without_sources_nothing_is_supported():
    """An answer from the model's memory alone carries no proof."""
    assert {Reason.NO_SOURCES} == reasons("Water boils at 100 degrees.", sources=())


def test_what_is_only_in_the_question_proves_nothing():
    """A number that the asker brought along is neither right nor wrong."""
    found = check_answer(
        "Employees may carry over 8 days of annual leave.",
        sources=[LEAVE],
        question="May I carry over 8 days?",
    )

    assert Verdict.UNVERIFIABLE is found.verdict
    assert Reason.FROM_QUESTION in found.reasons


@pytest.mark.parametrize(
    "answer",
    ["Hello!", "According to the documents:", "Let me know if you need more.", "Go on?", "1.",
     "承知しました。", "以下のとおりです。", "ご質問はありますか？", "# Leave", "資料によると、",
     "以上、ご参考になれば幸いです。", "宿泊費についてお答えします。"],
)  # fmt: skip
def test_what_claims_nothing_is_harmless(answer):
    """Politeness needs no source."""
    found = only(answer)

    assert Verdict.UNVERIFIABLE is found.verdict
    assert found.is_harmless


def test_politeness_does_not_spoil_a_supported_answer():
    """Around a supported claim, harmless sentences do not count."""
    assert is_supported("Sure! The department head approves each request [1]. Anything else?")


def test_a_block_of_code_is_not_judged():
    """Code is neither carried nor refused by words, and the answer says so."""
    found = checked("```python\nprint(1)\n```")

    assert Verdict.UNVERIFIABLE is found.verdict
    assert (Reason.CODE,) == found.reasons


def test_a_forbidden_word_is_noticed_unless_the_source_uses_it():
    """The glossary's word is wrong in an answer, and right where it is quoted from the source."""
    terms = [Term("annual leave", ("vacation",)), Term("request", ("late requests",))]

    wrong = check_answer(
        "Vacation is approved by the department head.", sources=[LEAVE], terms=terms
    )
    right = check_answer("The fee for late requests is 1,200 yen.", sources=[LEAVE], terms=terms)

    assert Reason.TERM_FORBIDDEN in wrong.reasons
    assert Reason.TERM_FORBIDDEN not in right.reasons


def test_offsets_point_into_the_answer():
    """A verdict can be shown beside the very words it is about."""
    answer = "Sure!\n\n- The fee is 1,200 yen [1].\n- 承認は部門長です。[1]  "

    found = checked(answer).sentences

    assert [item.text for item in found] == [answer[item.start : item.end] for item in found]


def test_verdicts_show_no_text():
    """A verdict in a log says what kind of thing was found, not what the answer was."""
    found = checked("The secret fee is 9,999 yen [1].")

    assert "secret" not in repr(found)
    assert "annual" not in repr(AnswerChecker.of([LEAVE]))

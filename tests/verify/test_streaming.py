"""A sentence of a stream is shown once it has been checked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybridllm.verify import Action, AnswerChecker, Mode, StreamVerifier, Verdict
from hybridllm.verify.claims import ABSTENTION_EN, ABSTENTION_JA
from tests.verify.sources import KYUKA, LEAVE

CHECKER = AnswerChecker.of([LEAVE, KYUKA])
GOOD = "The department head approves each request [1]. "
BAD = "The fee for late requests is 2,100 yen [1]. "
MIXED = (
    "Sure!\n\n- The department head approves each request. [1]\n- Contractors have no claim to"
    " leave [1].\n\n部門長が申請を承認します。[2]"
    "手数料は1,200円です【2】。\n```py\nx = 1.5\n```\nBye."
)


def run(pieces, *, mode=Mode.ABSTAIN):
    """Feed pieces; return what was shown after each, and the verifier."""
    stream = StreamVerifier(CHECKER, mode=mode)
    return [*(stream.feed(piece) for piece in pieces), stream.finish()], stream


def test_a_sentence_waits_until_it_is_complete():
    """Nothing is shown of a sentence that is still being written."""
    shown, _ = run(["The department head ", "approves each", " request [1]. The", " end"])

    assert "" == shown[0] == shown[1]
    assert "The department head approves each request [1]." == shown[2].strip()


@pytest.mark.parametrize("mode", [Mode.ABSTAIN, Mode.RETRY])
def test_an_unsupported_sentence_is_never_shown(mode):
    """The stream ends in front of it, and nothing behind it is shown either."""
    shown, stream = run([GOOD, BAD, GOOD, GOOD], mode=mode)

    assert stream.is_stopped
    assert "2,100" not in "".join(shown)
    assert Action.ABSTAIN is stream.action
    assert f"{GOOD.strip()}\n\n{ABSTENTION_EN}" == "".join(shown)
    assert Verdict.UNSUPPORTED is stream.verdict.verdict


def test_a_stream_that_fails_at_once_can_be_tried_again():
    """As long as nobody has seen a word, a retry costs nothing."""
    shown, stream = run([BAD, GOOD], mode=Mode.RETRY)

    assert "" == "".join(shown)
    assert Action.RETRY is stream.action


def test_an_abstaining_stream_says_so_in_the_language_of_the_answer():
    """The reader of a Japanese answer is told in Japanese."""
    shown, _ = run(["手数料は2,100円です。", "次です。"])

    assert ABSTENTION_JA == "".join(shown)


def test_annotating_shows_everything_and_tells_what_it_is():
    """In this mode the verdicts stand beside the text and hold nothing back."""
    shown, stream = run([GOOD, BAD], mode=Mode.ANNOTATE)

    assert GOOD + BAD == "".join(shown)
    assert Action.ANNOTATE is stream.action
    assert [Verdict.SUPPORTED, Verdict.UNSUPPORTED] == [
        item.verdict for item in stream.verdict.sentences
    ]


@given(st.lists(st.integers(1, 12), min_size=1, max_size=60))
def test_the_cut_of_the_pieces_changes_nothing(sizes):
    """However the model's tokens fall, the verdicts are those of the whole answer."""
    pieces, position = [], 0
    for size in sizes:
        pieces.append(MIXED[position : position + size])
        position += size
    pieces.append(MIXED[position:])

    shown, stream = run(pieces)

    assert MIXED == "".join(shown)
    assert CHECKER.answer(MIXED) == stream.verdict


def test_an_answer_without_an_end_does_not_grow_for_ever():
    """A sentence of any length is checked at some point."""
    stream = StreamVerifier(CHECKER, mode=Mode.ANNOTATE)

    shown = stream.feed("word " * 5_000)

    assert shown

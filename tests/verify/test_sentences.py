"""Where sentences of an answer end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybridllm.verify.sentences import Kind, split


def texts(answer: str) -> list[str]:
    return [item.text for item in split(answer)]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Ask Dr. Mori. She knows.", ["Ask Dr. Mori.", "She knows."]),
        ("It is 3.5 mm, e.g. a nail. Next.", ["It is 3.5 mm, e.g. a nail.", "Next."]),
        ("Open until 5 p.m. The next day too.", ["Open until 5 p.m.", "The next day too."]),
        ("J. S. Bach wrote it. Yes.", ["J. S. Bach wrote it.", "Yes."]),
        ("See No. 5 of the list. Done.", ["See No. 5 of the list.", "Done."]),
        ('He said "stop." Then he left.', ['He said "stop."', "Then he left."]),
        ("Yes [1]. No.[2] Maybe. [1][3]", ["Yes [1].", "No.[2]", "Maybe. [1][3]"]),
    ],
)
def test_english_sentences_end_at_full_stops_that_end_them(answer, expected):
    """Abbreviations, initials and numbers have full stops too."""
    assert expected == texts(answer)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            "一つ目です。二つ目です！三つ目ですか？",
            ["一つ目です。", "二つ目です！", "三つ目ですか？"],
        ),
        ("「終わり。」と言った。次です。", ["「終わり。」と言った。", "次です。"]),
        ("以上です。[1]次です。【2】", ["以上です。[1]", "次です。【2】"]),
        ("値は3．5です。次。", ["値は3．5です。", "次。"]),
        ("（注。ここまで。）です。次。", ["（注。ここまで。）です。", "次。"]),
    ],
)
def test_japanese_sentences_end_without_a_space(answer, expected):
    """A full stop inside brackets or quotes goes on; citations belong to the sentence before."""
    assert expected == texts(answer)


def test_list_items_headings_and_code_are_pieces_of_their_own():
    """An answer in Markdown falls into what a reader sees."""
    answer = "# Title\nIntro:\n- first\n- second\n1. third\n```sh\na. b. c.\n```\nEnd"

    found = split(answer)

    assert ["# Title", "Intro:", "- first", "- second", "1. third"] == texts(answer)[:5]
    assert [Kind.HEADING, Kind.CODE] == [found[0].kind, found[5].kind]
    assert "End" == found[6].text


def test_a_wrapped_line_goes_on():
    """A line break inside a long sentence does not end it, one behind a short line does."""
    wrapped = "This sentence is so long that whoever wrote it broke the line\nbefore its end."

    assert [wrapped] == texts(wrapped)
    assert ["Fee: 5", "Limit: 7"] == texts("Fee: 5\nLimit: 7")


@given(st.text(alphabet="aA1 .。!？\n-「」[]`#*、い", max_size=80))
def test_no_character_is_lost(answer):
    """Sentences are in order, and only white space lies between them."""
    position, between = 0, ""
    for item in split(answer):
        between += answer[position : item.start]
        position = item.end

    left = (between + answer[position:]).replace("\n", " ")
    assert set(left) <= set(" -|:*`#") | set()

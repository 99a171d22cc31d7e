"""What counts as a word, in documents and in questions."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybridllm.rag import tokens
from hybridllm.rag.tokens import document_tokens, query_tokens
from tests.rag.store.documents import fill, names, search

needs_ja = pytest.mark.skipif(
    find_spec("sudachidict_small") is None and find_spec("sudachidict_core") is None,
    reason="needs the extra ja",
)


@pytest.fixture(params=["pairs", "words"])
def japanese(request, monkeypatch):
    """Search Japanese by pairs of characters alone, and with a dictionary where there is one."""
    if request.param == "pairs":
        monkeypatch.setattr(tokens, "_japanese_tokenizer", lambda: None)
    return request.param


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("潤滑油を交換する間隔", "潤滑油の交換"),
        ("潤滑油を交換する", "油"),
        ("契約書の第３条", "契約書の第3条"),
        ("ﾎﾟﾝﾌﾟの点検", "ポンプ"),
        ("サーバーを再起動する", "サーバー"),
        ("監査", "監"),
        ("東京都港区", "港区"),
        ("윤활유를 교환한다", "윤활유"),
    ],
)
def test_japanese_is_found_without_spaces(store, japanese, text, question):
    """A question finds a text that has no spaces, whatever the width of its characters."""
    fill(store, {"a": text, "b": "まったく別のこと", "c": "something else"})

    assert "a" == names(search(store, question))[0]


@needs_ja
def test_a_dictionary_finds_other_spellings(store):
    """With the extra `ja`, a word is found in its other spellings too."""
    fill(store, {"a": "見積りを取る", "b": "売上を見る"})

    assert ["a"] == names(search(store, "見積もり"))[:1]
    assert tokens.splits_japanese()


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("The pumps were exchanged", "pump exchanging"),
        ("part AB-1234/5 of the valve", "AB-1234/5"),
        ("part AB-1234 of the valve", "ab1234"),
        ("ＡＢ１２３４", "AB-1234"),
        ("1,000 units", "1000 units"),
        ("an RTX4090 card", "RTX 4090"),
        ("don't", "dont"),
        ("naïve café", "café"),
        ("vitamin C", "c"),
        ("Ölwechsel", "ölwechsel"),
    ],
)
def test_words_are_found_in_other_forms(store, text, question):
    """Plurals, widths and the writing of part numbers make no difference."""
    fill(store, {"a": text, "b": "nothing like it"})

    assert ["a"] == names(search(store, question))


def test_numbers_stay_apart():
    """3.14 is not 314."""
    assert not {"3.14"} & set(document_tokens("314"))
    assert "3.14" in document_tokens("3.14")


@pytest.mark.parametrize(
    "question",
    [
        '"',
        '"oil',
        "oil*",
        "NEAR(oil pump)",
        "text:oil",
        "oil) OR (1=1",
        "'; DROP TABLE passage; --",
        "^oil",
        "oil + pump",
        "{oil}",
        "-oil",
        "oil\x00pump",
        "%oil%",
        "oil\\",
        "oil AND NOT pump",
    ],
)
def test_a_question_is_words_and_never_syntax(store, question):
    """Whatever a person types is looked up as words."""
    fill(store, {"a": "oil", "b": "pump"})

    found = names(search(store, question))

    assert set(found) <= {"a", "b"}
    assert ("oil" in question) == ("a" in found)
    assert 2 == store.stats().documents


@pytest.mark.parametrize("question", ["", "   ", "。、！", "...", "\x00", "the of and"])
def test_a_question_without_words_finds_nothing(store, question):
    """Nothing was asked, so nothing is found, and it is no error."""
    fill(store, {"a": "oil the of and"})

    assert [] == search(store, question)


def test_a_long_question_takes_bounded_time(store):
    """A pasted page is a question of its first words."""
    fill(store, {"a": "oil", "b": "zebra"})
    page = "oil " + " ".join(f"word{number}" for number in range(20_000)) + " zebra"

    assert ["a"] == names(search(store, page))


@given(st.text())
def test_a_question_has_no_word_that_its_text_lacks(text):
    """Whoever asks with the very words of a passage can find it."""
    assert set(query_tokens(text)) <= set(document_tokens(text))


@given(st.text(alphabet=st.characters(codec=None)))
def test_any_text_can_be_cut(text):
    """No string breaks the search, half characters included."""
    assert all(document_tokens(text))

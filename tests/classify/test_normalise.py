"""The normaliser: what it undoes, what it leaves alone, and the way back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybridllm.classify.normalise import Shadow, normalise


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("０９０－１２３４", "090-1234"),
        ("ﾔﾏﾀﾞ ﾀﾛｳ", "ヤマダ タロウ"),
        ("t\u200ba\u200dr\u2060o", "taro"),
        ("ta\u00adro\u202e", "taro"),
        ("tаrо@exаmple.com", "taro@example.com"),
        ("①②③", "123"),
        ("٠٩٠", "090"),
        ("०९०", "090"),
        ("𝟎𝟗𝟎 𝓽𝓪𝓻𝓸", "090 taro"),
        ("〇九〇ー一二三四", "090ー1234"),
        ("taro[at]example(dot)com", "taro@example.com"),
        ("taro (at) example [dot] com", "taro@example.com"),
        ("taro at example dot com", "taro@example.com"),
        ("taroアットマークexampleドットcom", "taro@example.com"),
        ("か\u3099く", "がく"),
        ("p\u0336a\u0336ss", "pass"),
        ("090‐1234–5678", "090-1234-5678"),
        ("1\ufe0f\u20e32\ufe0f\u20e3", "12"),
        ("x\U000e0070\U000e0077\U000e003a\U000e0031", "x pw:1"),
    ],
)
def test_a_disguised_writing_is_undone(written, plain):
    """However a text is written, detectors read its plain form."""
    assert plain == normalise(written).text


@pytest.mark.parametrize(
    "text",
    [
        "Plain English text, nothing odd: 12 items at 3.50 each (see p. 4).",
        "普通の日本語の文章です。「引用」や・中黒もそのまま。",
        "Это обычный русский текст",
        "Ελληνικά κείμενα",
        "naïve café über Zürich",
        "meet me at noon",
        "一二",
    ],
)
def test_ordinary_text_is_left_alone(text):
    """Text that is not disguised is read as it stands."""
    shadow = normalise(text)

    assert text == shadow.text
    assert () == shadow.layers


def test_a_place_in_the_shadow_leads_back_to_the_original():
    """A finding points at the characters that the user wrote."""
    original = "連絡先は ０９０\u200b－１２３４ です"

    shadow = normalise(original)
    start = shadow.text.index("090-1234")
    span = shadow.original_span((start, start + len("090-1234")))

    assert "０９０\u200b－１２３４" == original[slice(*span)]


@given(st.text(max_size=200))
def test_every_place_leads_to_a_valid_span(text):
    """No text makes a finding point outside itself or run backwards."""
    shadow = normalise(text)

    for start in range(len(shadow.text)):
        first, last = shadow.original_span((start, start + 1))
        assert 0 <= first < last <= len(text)


@given(st.text(max_size=200))
def test_spans_keep_their_order(text):
    """What stands later in the shadow stands later in the original."""
    shadow = normalise(text)

    starts = [shadow.original_span((i, i + 1))[0] for i in range(len(shadow.text))]
    assert sorted(starts) == starts


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=100))
def test_ascii_without_written_out_signs_is_identical(text):
    """Plain ASCII costs nothing and changes nothing, except `[at]` and its like."""
    shadow = normalise(text.replace("[", "").replace("(", "").replace("{", "").replace("<", ""))

    assert shadow.layers == () or " dot " in text.lower()


def test_layers_stack():
    """Several passes over a text still lead back to the first writing."""
    first = Shadow("a--b").edited([(1, 3, "")])

    second = first.edited([(0, 2, "xyz")])

    assert "xyz" == second.text
    assert (0, 4) == second.original_span((0, 3))

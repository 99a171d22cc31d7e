"""Passages can be cited: they are pieces of the document, cut where a reader would cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybridllm.rag.ingest.chunking import ChunkSizes, passages
from hybridllm.rag.ingest.failures import DocumentReadError
from hybridllm.rag.ingest.lines import joined, sentences
from hybridllm.rag.ingest.reading import read_document

VERSION = "0" * 64
MARKDOWN = st.lists(
    st.sampled_from(
        [
            "# 見出し\n",
            "## Part\n",
            "\n\n",
            "これは文です。",
            "「はい。」と言った。",
            "A sentence. ",
            "| a | b |\n|---|---|\n| 1 | 2 |\n",
            "x" * 90,
            "🎉e\u0301",
        ]
    )
    | st.text(max_size=40),
    max_size=60,
).map("".join)


def chunks(text: str, *, name: str = "a.md", **sizes: int):
    """Return reading and passages of a text."""
    made = ChunkSizes(**sizes)
    reading = read_document(text.encode("utf-8"), name=name, table_chars=made.chars)
    return reading, passages(reading, document="d", version=VERSION, sizes=made)


@settings(max_examples=60, deadline=None)
@given(MARKDOWN, st.integers(50, 300), st.sampled_from(["a.md", "a.txt", "a.html", "a.csv"]))
def test_a_span_gives_the_passage_back_exactly(text, chars, name):
    """A citation leads to the very words, in every document and at every size."""
    try:
        reading, found = chunks(text, name=name, chars=chars, overlap_chars=chars // 4)
    except DocumentReadError:
        return

    assert [item.text for item in found] == [
        reading.text[item.span.start : item.span.end] for item in found
    ]
    assert all(0 < len(item.text) <= chars for item in found)


@settings(max_examples=60, deadline=None)
@given(MARKDOWN, st.integers(50, 300))
def test_no_word_is_lost(text, chars):
    """Each character that is no blank stands in a passage."""
    try:
        reading, found = chunks(text, chars=chars, overlap_chars=chars // 4)
    except DocumentReadError:
        return
    covered = {place for item in found for place in range(item.span.start, item.span.end)}

    missing = [c for at, c in enumerate(reading.text) if at not in covered and not c.isspace()]

    assert [] == missing


def test_passages_end_where_sentences_end():
    """No Japanese passage stops in mid-sentence while there is a 。 to stop at."""
    text = "この規程は調達の手続を定めるものである。" * 60

    _, found = chunks(text, name="a.txt", chars=200, overlap_chars=40)

    assert {"。"} == {item.text[-1] for item in found}


def test_passages_share_their_edges():
    """What stands at the edge of a passage is found together with what goes before it."""
    text = "".join(f"第{n}の文はここで終わります。" for n in range(40))

    _, found = chunks(text, name="a.txt", chars=120, overlap_chars=30)

    assert all(after.span.start < before.span.end for before, after in pairwise(found))


def test_a_passage_knows_its_headings():
    """A citation names chapter and section."""
    parts = [("# 規程", "前文です。"), ("## 第1章", "本文です。"), ("# 付則", "終わり。")]
    text = "\n\n".join(f"{heading}\n\n{body * 40}" for heading, body in parts)

    _, found = chunks(text, chars=150, overlap_chars=0)

    assert [("規程",), ("規程", "第1章"), ("付則",)] == list(
        dict.fromkeys(item.span.headings for item in found)
    )


def test_a_passage_does_not_cross_a_heading():
    """Two sections of some length are two passages, even where both would fit into one."""
    text = f"# A\n\n{'One sentence. ' * 12}\n\n# B\n\n{'Another one. ' * 12}"

    _, found = chunks(text, chars=700)

    assert 2 == len(found)


def test_a_tiny_section_joins_the_next():
    """A heading with half a line under it is no passage of its own."""
    _, found = chunks("# A\n\nShort.\n\n# B\n\nShort too.")

    assert ["A\n\nShort.\n\nB\n\nShort too."] == [item.text for item in found]


def test_every_group_of_rows_has_its_header():
    """A price in the middle of a long table is found with the name of its column."""
    rows = "\n".join(f"部品{n},{n * 10}" for n in range(100))

    _, found = chunks(f"品名,価格\n{rows}\n", name="a.csv", chars=200, overlap_chars=0)

    assert len(found) > 3
    assert all(item.text.startswith("品名 | 価格\n") for item in found)


def test_a_sentence_that_is_too_long_is_cut_at_a_comma():
    """A list without a full stop is cut where it pauses."""
    _, found = chunks("調達と検収と支払、" * 40, name="a.txt", chars=100, overlap_chars=0)

    assert {"、"} == {item.text[-1] for item in found}


def test_a_page_is_never_crossed():
    """The page of a citation is right for all of the passage."""
    _, found = chunks("一枚目です。\f二枚目です。", name="a.txt")

    assert [(1, "一枚目です。"), (2, "二枚目です。")] == [(i.span.page, i.text) for i in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("行く。帰る！本当？", ["行く。", "帰る！", "本当？"]),
        ("「行く。」と言った。次。", ["「行く。」と言った。", "次。"]),
        ("（終わり。）次の文。", ["（終わり。）", "次の文。"]),
        ("Dr. Who met Mr. X. He left. ok", ["Dr. Who met Mr. X. He left. ok"]),
        ("It ends. It begins.", ["It ends.", "It begins."]),
        ("Version 2.0 is out. See Fig. 3.", ["Version 2.0 is out.", "See Fig. 3."]),
        ("Use e.g. this. Really?", ["Use e.g. this.", "Really?"]),
        ("English.日本語。", ["English.", "日本語。"]),
        ("no end", ["no end"]),
    ],
)
def test_sentences_end_where_readers_see_it(text, expected):
    """Quotations, abbreviations and numbers do not end a sentence."""
    spans = sentences(text, start=0, end=len(text))

    assert expected == [text[start:end] for start, end in spans]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            ["この規程は調達の手続を定め", "るものである。", "以上"],
            "この規程は調達の手続を定めるものである。\n以上",
        ),
        (["a long line of words that", "goes on here."], "a long line of words that goes on here."),
        (["the procure-", "ment of parts"], "the procurement of parts"),
        (
            ["・ねじを五十本ほど用意する", "・ボルトを用意する"],
            "・ねじを五十本ほど用意する\n・ボルトを用意する",
        ),
        (["Address", "Some Street 5", "12345 Town"], "Address\nSome Street 5\n12345 Town"),
    ],
)
def test_broken_lines_are_joined_and_lists_are_not(lines, expected):
    """A word that a layout cut in two is found as one word."""
    assert expected == joined(lines)


def test_sizes_that_cannot_work_are_refused():
    """An overlap as long as the passage would never come to an end."""
    with pytest.raises(ValueError, match="overlap_chars"):
        ChunkSizes(chars=100, overlap_chars=80)

"""Markings raise a document's label, whatever they are called; nothing lowers it by chance."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybridllm.labels import Label, Scale
from hybridllm.rag.ingest.marks import (
    UNLISTED,
    WORDS,
    Marking,
    Markings,
    explicit,
    in_line,
    is_explicit,
    microsoft,
)

SCALE = Scale.of(["public", "internal", "confidential", "secret"], compartments=["customer"])
GUID = "12345678-1234-1234-1234-123456789abc"
MARKINGS = Markings(
    SCALE.strictest, {name: SCALE.label(name) for name in ("public", "internal", "confidential")}
)
NONE: frozenset[str] = frozenset()

markings = st.builds(
    Marking,
    st.sampled_from([word for words in WORDS.values() for word in words] + [UNLISTED, "msip:x"]),
    st.sampled_from(["header", "property", "page_edge", "line"]),
)
labels = st.builds(Label, st.sampled_from(SCALE.levels), st.just(frozenset()))


def found(line: str, *, is_marked_place: bool = True) -> set[str]:
    """Return the markings in a line of a header, or of a text."""
    return in_line(line, names=NONE, is_marked_place=is_marked_place)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("社外秘", {"社外秘"}),
        ("【極秘】第3四半期", {"極秘"}),
        ("社 外 秘", {"社外秘"}),
        ("C O N F I D E N T I A L", {"confidential"}),
        ("ACME | Confidential | 3", {"confidential"}),
        ("ＣＯＮＦＩＤＥＮＴＩＡＬ", {"confidential"}),
        ("Page 3 of 12 - Strictly Confidential", {"strictly confidential"}),
        (
            "For internal use only. Do not distribute",
            {"for internal use only", "do not distribute"},
        ),
        ("取扱注意・部外秘", {"取扱注意", "部外秘"}),
        ("（秘）", {"秘"}),
        ("㊙", {"秘"}),
        ("TLP:AMBER", {"tlp:amber"}),
    ],
)
def test_markings_are_found_in_each_form(line, expected):
    """Frames, wide type, full width and neighbours do not hide a marking."""
    assert expected == found(line)


@pytest.mark.parametrize(
    "line",
    [
        "non-confidential",
        "This is not confidential",
        "Confidentiality",
        "Confidential computing in the cloud",
        "社外秘とは何か",
        "社外秘ではない",
        "公開鍵暗号の基礎",
        "Public transport in our city",
        "Secretary of the board",
        "秘書課からのお知らせ",
        "内部監査",
        "Private sector",
        "x" * 200 + " 社外秘",
    ],
)
def test_words_about_confidentiality_are_no_marking(line):
    """A text that speaks of secrets is not marked by that."""
    assert set() == found(line)


def test_amid_a_text_only_a_whole_line_is_a_marking():
    """A sentence that names a marking does not mark the document; a stamp does."""
    assert {"社外秘"} == found("＜社外秘＞", is_marked_place=False)
    assert set() == found("社外秘の資料を扱う手順", is_marked_place=False)
    assert set() == found("Public", is_marked_place=False)


def test_a_property_for_markings_with_a_foreign_value_is_noticed():
    """A classification that nobody listed is a marking too, and its text goes nowhere."""
    assert is_explicit("Classification")
    assert is_explicit("機密区分")
    assert is_explicit("X-Protective-Marking")
    assert not is_explicit("classification_date")
    assert not is_explicit("product")
    assert UNLISTED == explicit("Level 7 blue", names=NONE)
    assert "level 7 blue" == explicit("Level 7 Blue", names=frozenset({"level 7 blue"}))
    assert "confidential" == explicit("Confidential - Finance", names=NONE)


def test_microsoft_labels_are_read_unless_taken_off():
    """A label of Purview counts by its id; one that its user removed does not."""
    on = [(f"MSIP_Label_{GUID}_Enabled", "true"), (f"MSIP_Label_{GUID}_Name", "Anything")]
    off = [(f"MSIP_Label_{GUID}_Enabled", "False"), (f"MSIP_Label_{GUID}_Name", "Anything")]

    assert {f"msip:{GUID}"} == microsoft(on)
    assert set() == microsoft(off)


def test_what_nobody_listed_is_the_strictest():
    """A foreign label could mean anything, so it means the most."""
    assert SCALE.strictest == MARKINGS.label_of(Marking(UNLISTED, "property"))
    assert SCALE.strictest == MARKINGS.label_of(Marking(f"msip:{GUID}", "msip"))
    assert SCALE.strictest == MARKINGS.label_of(Marking("極秘", "header"))


def test_a_listed_microsoft_label_is_what_the_list_says():
    """Ids are listed as they stand in the portal, in any case."""
    listed = Markings(SCALE.strictest, {GUID.upper(): SCALE.label("internal")})

    assert SCALE.label("internal") == listed.label_of(Marking(f"msip:{GUID}", "msip"))


def test_an_own_word_wins_over_its_grade():
    """An organisation may say what its own stamp means."""
    own = Markings(
        SCALE.strictest,
        {"confidential": SCALE.label("confidential"), "社外秘": SCALE.label("internal")},
    )

    assert SCALE.label("internal") == own.label_of(Marking("社外秘", "header"))
    assert SCALE.label("confidential") == own.label_of(Marking("部外秘", "header"))


def test_a_document_without_any_label_gets_the_strictest():
    """Nobody said anything, so nobody may guess."""
    assert SCALE.strictest == MARKINGS.label_for([], configured=None)
    assert SCALE.label("internal") == MARKINGS.label_for([], configured=SCALE.label("internal"))


def test_public_is_believed_only_where_it_is_stated():
    """The word public in a text does not make the text public."""
    stated = [Marking("public", "property")]
    written = [Marking("public", "page_edge")]

    assert SCALE.label("public") == MARKINGS.label_for(stated, configured=None)
    assert SCALE.strictest == MARKINGS.label_for(written, configured=None)


@settings(deadline=None)
@given(st.lists(markings, max_size=4), markings, labels)
def test_another_marking_never_lowers_a_label(some, more, configured):
    """Whoever adds a marking to a document of a labelled source can only raise it."""
    before = MARKINGS.label_for(some, configured=configured)

    after = MARKINGS.label_for([*some, more], configured=configured)

    assert before.flows_to(after)
    assert configured.flows_to(before)

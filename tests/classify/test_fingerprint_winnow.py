"""Winnowing: which few digests stand for a text."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybridllm.classify.fingerprint.front import Front
from hybridllm.classify.fingerprint.winnow import (
    GRAM_CHARACTERS,
    GUARANTEED_CHARACTERS,
    WINDOW,
    Winnower,
    _least,
    normalised,
    original_positions,
)
from hybridllm.errors import ConfigurationError

WINNOWER = Winnower(bytes(range(32)))
letters = st.text(
    alphabet="abcdefghijklmnopqrstuvwxyz0123456789監査四半期予測のはをガ𠮷", max_size=120
)


def least_one_by_one(orders):
    """Winnowing as the paper defines it, window by window."""
    windows = [orders[first : first + WINDOW] for first in range(len(orders) - WINDOW + 1)]
    return sorted({first + window.index(min(window)) for first, window in enumerate(windows)})


@given(st.binary(min_size=WINDOW, max_size=300))
def test_selection_equals_the_papers_definition(orders):
    """The fast selection chooses the same grams as the plain one."""
    assert least_one_by_one(orders) == _least(orders)


@given(st.lists(st.integers(0, 2), min_size=WINDOW, max_size=200))
def test_selection_equals_the_definition_where_grams_tie(orders):
    """Repetitive text has many equal grams; the leftmost counts in both."""
    assert least_one_by_one(bytes(orders)) == _least(bytes(orders))


@given(letters, letters, letters, letters, st.text("0123456789abcdefghij漢字", min_size=42))
def test_a_common_passage_of_42_characters_is_always_found(before, after, left, right, passage):
    """However a quote is embedded, it shares a fingerprint with its document."""
    kept = WINNOWER.fingerprints(before + passage + after)
    asked = {fingerprint for _, fingerprint in WINNOWER.probes(normalised(left + passage + right))}
    grams = (passage[first : first + GRAM_CHARACTERS] for first in range(len(passage)))

    assert kept & asked or any(len(set(gram)) < 6 for gram in grams)


@given(letters, letters)
def test_texts_without_a_common_gram_share_nothing(one, other):
    """Two texts are only alike where 24 characters of them are equal."""
    grams = [
        {text[first : first + GRAM_CHARACTERS] for first in range(len(text) - GRAM_CHARACTERS + 1)}
        for text in (normalised(one), normalised(other))
    ]
    kept = WINNOWER.fingerprints(one)
    asked = {fingerprint for _, fingerprint in WINNOWER.probes(normalised(other))}

    assert (grams[0] & grams[1]) or not (kept & asked)


def test_the_guarantee_is_that_of_the_paper():
    """Section 3.2: a common text of window plus gram minus one is found."""
    assert GUARANTEED_CHARACTERS == WINDOW + GRAM_CHARACTERS - 1 == 42


def test_a_part_boundary_hides_no_passage():
    """Long texts are worked on in parts; a quote across a seam is found."""
    filler = "".join(chr(0x4E00 + n * 7919 % 20000) for n in range(70_000))
    kept = WINNOWER.fingerprints(filler)
    for first in range(65_470, 65_560, 9):
        passage = normalised(filler)[first : first + GUARANTEED_CHARACTERS]
        asked = {fingerprint for _, fingerprint in WINNOWER.probes(passage)}

        assert kept & asked


def test_positions_are_right_across_parts():
    """A probe says where its gram stands, also far into a long text."""
    text = normalised("".join(chr(0x4E00 + n * 7919 % 20000) for n in range(140_000)))
    probes = WINNOWER.probes(text)

    for position, fingerprint in probes[:: len(probes) // 50]:
        alone = text[position : position + GRAM_CHARACTERS]
        assert [(0, fingerprint)] == WINNOWER.probes(alone)


@pytest.mark.parametrize("text", ["0" * 500, "-=" * 300, "1,0,0,1\n" * 100, " \n" * 50, "", "a"])
def test_rows_of_few_signs_are_no_fingerprint(text):
    """A table of zeros or a ruler says nothing about a document."""
    assert set() == WINNOWER.fingerprints(text)


def test_another_key_gives_other_fingerprints():
    """Fingerprints are useless without the key."""
    text = "The forecast for the northern region was revised after the audit of the branch."

    assert not WINNOWER.fingerprints(text) & Winnower(bytes(32)).fingerprints(text)


@pytest.mark.parametrize("key", [b"", b"short", bytes(65)])
def test_a_weak_key_is_refused(key):
    """A guessable key would make passages guessable."""
    with pytest.raises(ConfigurationError, match="expected 16 to 64"):
        Winnower(key)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Net-Revenue: ４２ 億円", "netrevenue42億円"),
        ("ｶﾞｲﾄﾞ・ライン_①", "ガイドライン1"),
        ("Straße\u200b\u00ad", "strasse"),
        ("㈱サンプル", "株サンプル"),
    ],
)
def test_normalising_keeps_letters_and_digits(text, expected):
    """Width, case, spacing, punctuation and invisible signs don't matter."""
    assert expected == normalised(text)


@given(st.text(max_size=80))
def test_positions_point_into_the_text(text):
    """Every normalised character comes from a place in the original."""
    positions = list(original_positions(text))

    assert positions == sorted(positions)
    assert all(0 <= place < len(text) for place in positions)


@given(letters)
def test_each_character_of_common_text_has_its_place(text):
    """English, Japanese and rare kanji map one to one."""
    spaced = " ".join(text)

    assert [2 * number for number in range(len(text))] == list(original_positions(spaced))


def test_hostile_text_takes_linear_time():
    """No text of 20 KB stalls the look-up."""
    costs = {}
    for size in (20_000, 40_000):
        falling = "".join(chr(0x9FFF - n % 20_000) for n in range(size))
        worst = 0.0
        for text in ("a" * size, falling, "ab" * (size // 2)):
            best = float("inf")
            for _ in range(3):
                start = time.process_time()
                WINNOWER.probes(text)
                best = min(best, time.process_time() - start)
            worst = max(worst, best)
        costs[size] = worst

    assert costs[20_000] < 0.2
    assert costs[40_000] < 4 * costs[20_000]


@given(st.sets(st.integers(-(2**63), 2**63 - 1), max_size=200), st.integers(-(2**63), 2**63 - 1))
def test_the_bitmap_never_denies_what_was_added(fingerprints, other):
    """The shortcut in memory may ask the file for nothing, and never skips it wrongly."""
    front = Front(0)
    front.add(fingerprints)

    assert fingerprints <= front.possible([(0, number) for number in fingerprints]).keys()
    assert front.possible([(7, other)]) in ({}, {other: [7]})


def test_a_full_bitmap_still_answers_most_questions():
    """At its capacity it sends about one absent fingerprint in 20 to the file."""
    chance = random.Random(1)
    front = Front(0)
    front.add(chance.getrandbits(64) - 2**63 for _ in range(front.capacity))

    asked = [(0, chance.getrandbits(64) - 2**63) for _ in range(20_000)]

    assert 0.03 < len(front.possible(asked)) / len(asked) < 0.07

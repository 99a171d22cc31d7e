"""Words are found in one pass, the same by both ways of looking."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybridllm.classify.detectors.engine import FAMILIES
from hybridllm.classify.detectors.literals import (
    AutomatonLiterals,
    HyperscanLiterals,
    build_literals,
    is_fast,
)
from hybridllm.classify.detectors.scanning import CueScanner

needs_hyperscan = pytest.mark.skipif(not is_fast(), reason="needs the extra 'fast'")
LETTERS = "ab1 -株式社さ\u0301\U0001f600\udc80\0"
WORDS = st.dictionaries(st.text("ab1株式さ", min_size=1, max_size=4), st.integers(), max_size=8)


def naive(words, text):
    found = [
        (last, not word.isascii(), -len(word), value)
        for word, value in words.items()
        for last in range(len(text))
        if text[: last + 1].endswith(word)
    ]
    return [(last, value) for last, _, _, value in sorted(found, key=lambda item: item[:3])]


@given(words=WORDS, text=st.text(LETTERS, max_size=60))
def test_every_place_of_every_word_is_found(words, text):
    """No word is missed, however words overlap."""
    assert naive(words, text) == list(AutomatonLiterals(words).iter(text))


@needs_hyperscan
@given(words=WORDS, text=st.text(LETTERS, max_size=60))
def test_hyperscan_finds_the_same_places_in_the_same_order(words, text):
    """Installing the extra changes the time that reading takes, and nothing else."""
    assert naive(words, text) == list(HyperscanLiterals(words).iter(text))


@needs_hyperscan
def test_all_cues_are_found_alike_in_the_development_set():
    """The built-in cues give the same hits by both ways, in both languages."""
    from importlib import import_module

    from tests.classify.devset.generator import prompts

    tables = [import_module(f"hybridllm.classify.detectors.{name}").CUES for name in FAMILIES]
    slow, fast = CueScanner(tables, fast=False), CueScanner(tables, fast=True)

    for prompt in islice(prompts(), 400):
        assert slow.scan(prompt.text).hits == fast.scan(prompt.text).hits


@needs_hyperscan
def test_threads_share_one_set_of_words():
    """Requests that are read at the same time do not disturb one another."""
    words = HyperscanLiterals({"secret": 1, "社外秘": 2})
    texts = [f"{'x' * number}社外秘 secret" for number in range(50)]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda text: list(words.iter(text)), texts * 20))

    assert [[(n + 2, 2), (n + 9, 1)] for n in range(50)] * 20 == found


def test_without_hyperscan_there_is_another_way(monkeypatch):
    """The core install finds everything."""
    monkeypatch.setattr("hybridllm.classify.detectors.literals.find_spec", lambda _: None)

    assert isinstance(build_literals({"a": 1}), AutomatonLiterals)

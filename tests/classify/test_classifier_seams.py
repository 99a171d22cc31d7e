"""Reading across the joints of a request, and reading a text only once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybridllm.classify.cache import VerdictCache
from hybridllm.classify.classifier import Classifier
from hybridllm.classify.detector import Match
from tests.model.reading import CARD, KIND, FakeDetector, ask, literal


@given(st.integers(1, len(CARD) - 1))
def test_a_value_split_over_two_messages_is_found(cut):
    """Half a number in each message is a number."""
    found = Classifier([FakeDetector(literal)]).classify(ask(CARD[:cut], CARD[cut:]))

    assert ((KIND, 1),) == found.kinds


@given(st.integers(1, len(CARD) - 1))
def test_a_value_split_over_two_parts_is_found(cut):
    """Two text parts of one message are read as one text."""
    parts = [{"type": "text", "text": CARD[:cut]}, {"type": "text", "text": CARD[cut:]}]

    found = Classifier([FakeDetector(literal)]).classify(ask(parts))

    assert ((KIND, 1),) == found.kinds


@pytest.mark.parametrize("size", [1, 2, 4, 7])
def test_a_value_split_over_many_parts_is_found(size):
    """Token by token is no way out."""
    pieces = [CARD[i : i + size] for i in range(0, len(CARD), size)]
    parts = [{"type": "text", "text": piece} for piece in pieces]

    for fields in (ask(parts), ask(*pieces), {"input": pieces}):
        assert {KIND} == {
            kind for kind, _ in Classifier([FakeDetector(literal)]).classify(fields).kinds
        }


def test_a_value_that_stands_whole_in_one_text_is_counted_once():
    """Reading the joints again invents no second finding."""
    found = Classifier([FakeDetector(literal)]).classify(ask("before", f"x {CARD} y", "after"))

    assert ((KIND, 1),) == found.kinds


def test_a_value_at_the_very_edge_of_a_text_is_counted_once():
    """What ends where the next message begins is found in its own message alone."""
    for contents in ((f"x {CARD}", "after"), ("before", f"{CARD} y")):
        found = Classifier([FakeDetector(literal)]).classify(ask(*contents))
        assert ((KIND, 1),) == found.kinds


def test_a_text_is_read_once_and_its_verdict_kept():
    """A long history that comes again with each turn costs no second reading."""
    reads: list[str] = []

    def reading(text: str) -> Iterator[Match]:
        reads.append(text)
        return literal(text)

    classifier = Classifier([FakeDetector(reading)], cache=VerdictCache())

    first, second = (classifier.classify(ask(f"card {CARD}")) for _ in range(2))

    assert 1 == sum(text == f"card {CARD}" for text in reads)
    assert ((KIND, 1),) == first.kinds == second.kinds


def test_a_verdict_with_a_doubt_is_never_kept():
    """A detector that failed once is asked again, and its text is not taken for clean."""
    answers = iter([None, *[literal] * 9])

    def flaky(text: str) -> Iterable[Match]:
        return next(answers)(text)  # the first answer is none at all

    classifier = Classifier([FakeDetector(flaky)], cache=VerdictCache())

    first, second = (classifier.classify({"user": CARD}) for _ in range(2))

    assert {"detector_failed"} == set(first.doubts)
    assert ((KIND, 1),) == second.kinds

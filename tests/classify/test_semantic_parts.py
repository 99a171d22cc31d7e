"""The parts of the semantic stage: embedder, regression, windows and example files."""

from __future__ import annotations

import json
import math
import sys
from itertools import pairwise
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybridllm.classify.detector import Match
from hybridllm.classify.semantic import (
    Example,
    NgramEmbedder,
    load_embedder,
    read_examples,
    read_lines,
)
from hybridllm.classify.semantic.embedder import sparse
from hybridllm.classify.semantic.logistic import Sparse, fit, probability
from hybridllm.classify.semantic.windows import OVERLAP_CHARACTERS, joined, windows
from hybridllm.errors import ConfigurationError


def likeness(first, second):
    """Return the scalar product of two texts' vectors; 1 means the same."""
    one, other = NgramEmbedder().embed([first, second])
    return sum(value * other.get(place, 0.0) for place, value in one.items())


def test_width_case_spaces_and_digits_make_no_difference():
    """ＡＢＣ　12 and abc 99 are the same text to the classifier."""
    assert pytest.approx(1.0) == likeness("Ｐｌａｎ　Ｂ 2026年", "plan  b 1999年")


@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("layoffs in the northern plant", "the plant lays people off", "a recipe for apple pie"),
        ("北工場の人員削減について", "人員削減の対象となる工場", "林檎の皮の剥き方を教えて"),
    ],
)
def test_related_texts_are_nearer_than_others(text, near, far):
    """Without a tokenizer, English and Japanese texts on one matter resemble each other."""
    assert likeness(text, far) < likeness(text, near)


@given(st.text())
def test_every_text_has_a_vector_of_length_one(text):
    """No text breaks the embedder, not even an empty one or half a surrogate pair."""
    (vector,) = NgramEmbedder().embed([text])

    assert pytest.approx(1.0) == sum(value * value for value in vector.values())
    assert all(0 <= place < NgramEmbedder().dimensions for place in vector)


def test_the_vector_is_the_same_on_every_machine():
    """A model trained here works there: hashing knows no seed of the process."""
    (vector,) = NgramEmbedder(sizes=(1,), dimensions=1000).embed(["a"])

    # CRC-32 of "a" is 0xE8B7BE43 and of " " 0xE96CCF45 (IEEE 802.3).
    assert {0xE8B7BE43 % 1000, 0xE96CCF45 % 1000} == set(vector)


@pytest.mark.parametrize(
    "vector", [[0.0, math.nan], [math.inf, 0.0], [1.0], {2: 1.0}, {-1: 1.0}], ids=repr
)
def test_a_vector_that_is_none_is_an_error(vector):
    """A broken embedder leads to a doubt and not to a score."""
    with pytest.raises(ValueError, match=r"coordinate|dimensions"):
        sparse(vector, dimensions=2)


def test_dense_and_sparse_vectors_mean_the_same():
    """An embedder may return a plain list."""
    assert sparse({2: 0.5, 0: 1.0}, dimensions=3) == sparse([1.0, 0.0, 0.5], dimensions=3)


def test_an_embedder_of_your_own_is_imported_by_its_name(monkeypatch):
    """`package.module:factory` is called without arguments."""
    module = ModuleType("own_embedder")
    module.make = NgramEmbedder
    monkeypatch.setitem(sys.modules, "own_embedder", module)

    assert isinstance(load_embedder("own_embedder:make"), NgramEmbedder)
    assert isinstance(load_embedder("ngrams"), NgramEmbedder)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("ngram", "expected 'ngrams'"),
        ("no_such_module_at_all:make", "cannot be made: ModuleNotFoundError"),
        ("json:no_such_function", "cannot be made: AttributeError"),
        ("builtins:object", "makes no embedder"),
        ("hybridllm.errors:MissingExtraError", "cannot be made: TypeError"),
    ],
)
def test_an_embedder_that_cannot_be_used_stops_the_start(name, complaint):
    """The message names the setting and what went wrong."""
    with pytest.raises(ConfigurationError, match=complaint) as raised:
        load_embedder(name, file="hybridllm.toml")

    assert str(raised.value).startswith("hybridllm.toml: ")


ROWS = [
    (Sparse((0,), (1.0,)), True),
    (Sparse((0, 1), (0.8, 0.3)), True),
    (Sparse((1,), (1.0,)), False),
    (Sparse((0, 1), (0.2, 0.9)), False),
    (Sparse((0, 1), (0.5, 0.5)), False),
]


def fitted(rows=ROWS, *, cost=2.0, **settings):
    return fit(
        [row for row, _ in rows], positive=[flag for _, flag in rows], dimensions=2, cost=cost,
        **{"tolerance": 1e-12, "max_rounds": 10_000} | settings,
    )  # fmt: skip


def test_the_weights_are_the_minimum():
    """At the minimum the gradient of loss and penalty together is zero."""
    weights = fitted()

    gradient = [*weights.values, weights.bias]
    for row, flag in ROWS:
        cost = 2.0 * len(ROWS) / (2 * (2 if flag else 3))
        sign = 1.0 if flag else -1.0
        slope = -sign * cost * probability(-sign * weights.score(row))
        for place, value in zip((*row.places, 2), (*row.values, 1.0), strict=True):
            gradient[place] += slope * value
    assert [pytest.approx(0.0, abs=1e-6)] * 3 == gradient


def test_the_order_of_examples_does_not_matter():
    """The minimum is one; where the search starts makes no difference."""
    forward, backward = fitted(), fitted(ROWS[::-1])

    assert pytest.approx(forward.values, abs=1e-6) == backward.values


def test_a_rare_class_weighs_as_much_as_a_frequent_one():
    """Ten times as many ordinary texts do not drown the confidential ones."""
    many = ROWS + [row for row in ROWS if not row[1]] * 9

    weights = fitted(many, cost=100.0)

    assert weights.score(ROWS[0][0]) > 0 > weights.score(ROWS[2][0])


def test_one_class_alone_teaches_nothing():
    """Without ordinary examples there is nothing to tell apart."""
    with pytest.raises(ValueError, match="both classes"):
        fitted([row for row in ROWS if row[1]])


@pytest.mark.parametrize(("score", "expected"), [(0.0, 0.5), (1000.0, 1.0), (-1000.0, 0.0)])
def test_log_odds_become_probabilities_without_overflow(score, expected):
    """However sure the classifier is, the confidence is a number from 0 to 1."""
    assert expected == probability(score)


@given(st.integers(0, 5000), st.integers(OVERLAP_CHARACTERS + 1, 1500))
def test_windows_cover_a_text_and_overlap(length, size):
    """Nothing stands between two windows, and a sentence at a cut is whole in one of them."""
    spans = list(windows("x" * length, size=size))

    assert (0, length) == (spans[0][0], spans[-1][1])
    assert all(end - start == min(size, length) for start, end in spans)
    for (_, end), (start, _) in pairwise(spans):
        assert end - start >= OVERLAP_CHARACTERS


def test_overlapping_matches_of_one_kind_become_one():
    """A name that two pieces show is one finding, as sure as the surer of them."""
    found = [Match("b", 3, 9, 0.5), Match("a", 0, 5, 0.2), Match("a", 4, 8, 0.9), Match("a", 8, 9)]

    assert [Match("a", 0, 8, 0.9), Match("b", 3, 9, 0.5), Match("a", 8, 9)] == joined(found)


def write(path, *rows):
    text = "\n".join(
        row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows
    )
    path.write_text(text, encoding="utf-8")
    return path


def test_examples_are_read_with_their_places(tmp_path):
    """Line separators inside a text end no line, and repetitions are dropped."""
    file = write(
        tmp_path / "legal.jsonl",
        {"text": "買収の件\u2028極秘", "label": "confidential"},
        "",
        {"text": "Hello  there", "label": "ordinary"},
        {"text": "hello there", "label": "ordinary"},
    )

    first, second = read_examples(file)

    assert Example("買収の件\u2028極秘", True, "legal.jsonl: line 1") == first
    assert "legal.jsonl: line 3" == second.place
    assert "買収" not in repr(first)


def test_two_plain_files_do_as_well(tmp_path):
    """One example a line needs no JSON."""
    secret = write(tmp_path / "secret.txt", "the merger plan", "合併の計画")
    plain = write(tmp_path / "plain.txt", "a cake recipe")

    examples = read_lines(confidential=secret, ordinary=plain)

    assert [True, True, False] == [example.is_confidential for example in examples]


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("{", "line 2: is no valid JSON"),
        ("[" * 100_000, "line 2: is no valid JSON"),
        ('"SECRETTEXT"', "line 2: must be an object"),
        ({"text": "SECRETTEXT"}, "line 2: must be an object"),
        ({"text": "SECRETTEXT", "label": "ordinary", "x": 1}, "line 2: must be an object"),
        ({"text": " ", "label": "ordinary"}, "line 2: text must be a string"),
        ({"text": "x", "label": "confidental"}, "Did you mean 'confidential'"),
        ({"text": "x", "label": ["SECRETTEXT"]}, "line 2: label is 'list'"),
        ({"text": "x", "label": "SECRETTEXT that is long"}, "line 2: label is 'str'"),
        ({"text": "FIRST", "label": "ordinary"}, "line 2: is the same text as .*line 1"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_named_and_not_shown(tmp_path, row, complaint):
    """People find the line; what stands there is in no message."""
    file = write(tmp_path / "legal.jsonl", {"text": "first", "label": "confidential"}, row)

    with pytest.raises(ConfigurationError, match=complaint) as raised:
        read_examples(file)

    assert "SECRETTEXT" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_a_file_in_another_encoding_is_refused(tmp_path):
    """Shift_JIS read as something else would teach nonsense."""
    file = tmp_path / "legal.jsonl"
    file.write_bytes("買収".encode("cp932"))

    with pytest.raises(ConfigurationError, match=r"legal\.jsonl: is not UTF-8 \(byte 0\)"):
        read_examples(file)

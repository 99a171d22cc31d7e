"""Questions with known answers give scores with intervals."""

import json

import pytest

from hybridllm.errors import ConfigurationError
from hybridllm.rag.evaluation import (
    Claim,
    Outcome,
    Piece,
    Question,
    balanced_accuracy,
    comparison,
    difference,
    load_questions,
    ndcg,
    score,
    share,
)

A, B, C = Piece("a", 0, 100), Piece("b", 0, 100), Piece("c", 0, 100)
ONE = Question("q1", "en", "?", (A,))
TWO = Question("q2", "en", "?", (A, B))
NONE = Question("q3", "en", "?", ())


def test_scores_say_what_was_found_and_when_it_abstained():
    """Recall counts answerable questions, abstention the others."""
    found = score(
        [ONE, TWO, NONE],
        outcomes=[
            Outcome((C, A), latency_s=0.1),
            Outcome((C,), has_abstained=True, latency_s=0.3),
            Outcome((C,), has_abstained=True, latency_s=0.2),
        ],
        depths=(1, 5),
    )

    assert (0.0, 0.5) == (found.recall[1].value, found.recall[5].value)
    assert 1.0 == found.abstention.value
    assert 0.5 == found.wrong_abstention.value
    assert (0.2, 0.3) == (found.latency_p50_s, found.latency_p95_s)


def test_gain_falls_with_the_place_and_counts_each_piece_once():
    """Two passages of the same answer are one find; check: 1/log2(3) at place 2."""
    assert 1.0 == ndcg(ONE, found=[A])
    assert 0.6309 == pytest.approx(ndcg(ONE, found=[C, A]), abs=1e-4)
    assert ndcg(TWO, found=[A, A]) < ndcg(TWO, found=[A, B]) == 1.0


def test_a_piece_is_found_where_texts_overlap():
    """A passage that holds part of the answer's place counts, its neighbour does not."""
    question = Question("q", "en", "?", (Piece("a", 50, 60),))

    assert 1.0 == ndcg(question, found=[Piece("a", 55, 200)])
    assert 0.0 == ndcg(question, found=[Piece("a", 60, 200)])
    assert 1.0 == ndcg(Question("q", "en", "?", (Piece("a"),)), found=[Piece("a", 60, 200)])


def test_the_interval_of_a_share_is_that_of_wilson():
    """Check: 81 of 263 -> 0.2553 to 0.3662 (Newcombe 1998, table I)."""
    found = share([True] * 81 + [False] * 182)

    assert (0.2553, 0.3662) == pytest.approx((found.low, found.high), abs=1e-4)
    assert 263 == found.count


def test_grounding_is_the_mean_of_both_kinds():
    """Calling everything supported is worth no more than a coin."""
    question = Question("q", "en", "?", (A,), (Claim("x", True), Claim("y", False)))

    blind = score([question], outcomes=[Outcome((A,), supported=(True, True))])
    right = balanced_accuracy([(True, True)] * 30 + [(False, False)] * 10)

    assert 0.5 == blind.grounding.value
    assert (1.0, 1.0, 1.0) == (right.value, right.low, right.high)


def test_a_difference_is_measured_question_by_question():
    """Two configurations that differ on each question alike differ surely."""
    found = difference([0.9, 0.5, 0.7], other=[0.8, 0.4, 0.6])

    assert (0.1, 0.1, 0.1) == pytest.approx((found.value, found.low, found.high))


def test_configurations_stand_beside_each_other():
    """A table has a column for each, and says where nothing was measured."""
    scores = score([ONE], outcomes=[Outcome((A,), latency_s=0.0123)])

    rows = comparison({"words": scores, "mixed": scores})

    assert ["", "words", "mixed"] == rows[0]
    assert "R@1" == rows[1][0]
    assert rows[1][1].startswith("1.000 (")
    assert ["grounding, balanced", "-", "-"] in rows
    assert ["p50 ms", "12.3", "12.3"] in rows


def test_nothing_measured_is_no_score():
    """Without questions there are no numbers."""
    assert None is score([], outcomes=[]).ndcg_10.value


def test_a_file_of_questions_is_read(tmp_path):
    """Documents by name, pieces by place, claims with what a person said."""
    path = tmp_path / "questions.jsonl"
    lines = [
        {"id": "a", "language": "ja", "question": "何日?", "relevant": ["x.md"]},
        {"question": "?", "relevant": [{"document": "y.md", "start": 3, "end": 9}],
         "claims": [{"text": "Five.", "supported": True}]},
        {"question": "??", "relevant": []},
    ]  # fmt: skip
    path.write_text("\n\n".join(json.dumps(line) for line in lines), encoding="utf-8")

    first, second, third = load_questions(path)

    assert ("a", "ja", (Piece("x.md"),)) == (first.id, first.language, first.relevant)
    assert ("3", (Piece("y.md", 3, 9),)) == (second.id, second.relevant)
    assert (Claim("Five.", True),) == second.claims
    assert not third.is_answerable


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{", "line 1: is no JSON"),
        ("[]", "line 1: is no JSON object"),
        ('{"relevant": []}', "'question' must be a text"),
        ('{"question": "secret?"}', "'relevant' must be a list"),
        ('{"question": "secret?", "relevant": [3]}', "'relevant' holds ids"),
        ('{"question": "secret?", "relevant": [], "claims": ["x"]}', "'claims' holds objects"),
        ('{"question": "secret?", "relevant": [], "secret": 1}', "has an unknown key"),
        ("", "holds no question"),
    ],
)
def test_a_wrong_line_is_named_and_its_text_is_not(tmp_path, line, expected):
    """The message says where to look, and shows no question."""
    path = tmp_path / "questions.jsonl"
    path.write_text(line, encoding="utf-8")

    with pytest.raises(ConfigurationError) as raised:
        load_questions(path)

    assert expected in str(raised.value)
    assert "secret" not in str(raised.value).replace("'secret'", "")

"""The semantic detector: what is confidential by meaning is learnt from examples."""

from __future__ import annotations

import json
import os
from itertools import count, product

import pytest

from hybridllm.classify.classifier import Classifier
from hybridllm.classify.semantic import (
    Example,
    NgramEmbedder,
    SemanticDetector,
    SemanticTimeoutError,
    load_detector,
    load_model,
    train,
)
from hybridllm.classify.semantic.training import _threshold
from hybridllm.errors import ConfigurationError
from tests.support.tripwire import AuditHookTripwire

SECRETS = [
    *product(
        ["Summarise", "Translate", "Check", "Shorten"],
        ["the merger talks", "the planned layoffs", "our unreleased quarterly loss",
         "the plan to close the northern plant", "the price we will offer for the rival"],
        ["for the board", "before it is announced"],
    ),
    *product(
        ["未発表の", "社内で検討中の", "取締役会向けの"],
        ["人員削減案", "買収交渉", "工場閉鎖の計画", "赤字の見通し"],
        ["を要約して", "の文面を直して"],
    ),
]  # fmt: skip
ORDINARY = [
    *product(
        ["Explain", "Write", "Show", "Find"],
        ["a sorting algorithm", "a birthday poem", "the history of tea",
         "a recipe for lentil soup", "the rules of chess"],
        ["for a child", "with an example"],
    ),
    *product(
        ["やさしい", "短い", "面白い"],
        ["料理の作り方", "自己紹介の例文", "英語の歌", "表計算の関数"],
        ["を教えて", "を書いて"],
    ),
]  # fmt: skip


def examples():
    made = [Example(" ".join(parts), True) for parts in SECRETS]
    return made + [Example(" ".join(parts), False) for parts in ORDINARY]


@pytest.fixture(scope="module")
def model():
    return train(examples(), max_false_alarms=0.05)


def ask(text):
    return {"messages": [{"role": "user", "content": text}]}


@pytest.mark.parametrize(
    "text",
    [
        "Rewrite the note on the planned layoffs and the plant that will close",
        "買収交渉の計画について、取締役会向けに直して",
        "ｔｈｅ　ｐｌａｎｎｅｄ　ｌａｙｏｆｆｓ　ａｎｄ　ｔｈｅ　ｐｌａｎｔ",
        "the plan\u200bned lay\u200boffs bef\u200bore it is ann\u200bounced",
    ],
)
def test_what_reads_like_the_confidential_examples_is_found(model, text):
    """No word of it stands in a list; width and invisible characters are no way out."""
    (match,) = SemanticDetector(model).detect(text)

    assert ("semantic.confidential", 0, len(text)) == (match.kind, match.start, match.end)
    assert 0.5 < match.confidence <= 1.0


@pytest.mark.parametrize(
    "text", ["Explain the history of chess with a poem", "短い料理の例文を教えて", "", "user"]
)
def test_ordinary_texts_are_left_alone(model, text):
    """Everyday questions and names of fields raise nothing."""
    assert [] == SemanticDetector(model).detect(text)


def test_the_threshold_keeps_to_the_stated_rate(model):
    """At most the stated share of the ordinary examples lay above it when they were unseen."""
    calibration = model.calibration

    assert (64, 64) == (calibration.confidential, calibration.ordinary)
    assert calibration.false_alarms <= 0.05 * calibration.ordinary
    assert calibration.recognised >= 0.8 * calibration.confidential
    assert 0.95 < calibration.area <= 1.0


def test_the_threshold_lies_in_the_middle_of_its_gap():
    """Of 19 ordinary scores, 5 % may lie above: none, and the gap is shared fairly."""
    ordinary = [float(score) for score in range(1, 20)]

    threshold = _threshold([21.0, 3.0], ordinary=ordinary, max_false_alarms=0.05)

    assert 20.0 == threshold
    assert 18.0 == _threshold([3.0], ordinary=ordinary, max_false_alarms=0.1)


def test_a_lower_rate_never_makes_a_lower_threshold(model):
    """Fewer false alarms are bought with a higher threshold."""
    stricter = train(examples(), max_false_alarms=0.02)

    assert model.threshold <= stricter.threshold


def test_training_is_repeatable_in_any_order(model):
    """The same examples make the same model, to the last digit."""
    assert model.digest == train(examples()[::-1]).digest


def test_a_passage_in_a_long_text_is_found_where_it_stands(model):
    """Ten pages of ordinary text do not hide a paragraph."""
    filler = "Explain the rules of chess with an example. Show a recipe for soup. " * 60
    secret = "Check the planned layoffs and the merger talks before it is announced. " * 10

    found = SemanticDetector(model).detect(filler + secret + filler)

    assert any(m.start < len(filler) + len(secret) and len(filler) < m.end for m in found)
    assert sum(m.end - m.start for m in found) < len(filler)


def test_a_text_that_takes_too_long_is_a_doubt(model):
    """What was not read to the end counts as unread."""
    ticks = count(0, 0.2)
    detector = SemanticDetector(model, timeout_s=0.5, clock=lambda: next(ticks))

    with pytest.raises(SemanticTimeoutError):
        detector.detect("ordinary words " * 10_000)

    found = Classifier([detector]).classify(ask("ordinary words " * 10_000))
    assert {"detector_failed"} == set(found.doubts)


def test_its_findings_are_findings_like_all_others(model):
    """The classifier takes it for one more detector, so a policy can label its kind."""
    found = Classifier([SemanticDetector(model)]).classify(
        ask("the planned layoffs, before it is announced")
    )

    assert (("semantic.confidential", 1),) == found.kinds
    assert frozenset() == found.doubts


class Broken(NgramEmbedder):
    """An embedder that does what a test says."""

    def __init__(self, result):
        super().__init__()
        self.result = result

    def embed(self, texts):
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


@pytest.mark.parametrize(
    "result", [RuntimeError("down"), [], [[0.0]], [[float("nan")] * 16_384], None, [None]], ids=repr
)
def test_an_embedder_that_fails_is_a_doubt(model, result):
    """A model that cannot be asked has not said that a text is ordinary."""
    detector = SemanticDetector(model, embedder=Broken(result))

    found = Classifier([detector]).classify(ask("Explain the rules of chess"))

    assert "detector_failed" in found.doubts


def test_another_embedder_than_that_of_the_training_is_refused(model):
    """Weights over other coordinates mean nothing."""
    with pytest.raises(ConfigurationError, match="was trained with the embedder 'ngrams-1:1-2-3-4"):
        SemanticDetector(model, embedder=NgramEmbedder(sizes=(2,)))


def test_a_model_is_kept_in_a_file(model, tmp_path):
    """Trained once, it is read at every start; it is JSON and runs no code."""
    file = tmp_path / "legal.json"

    model.save(file)
    model.save(file)

    assert model == load_model(file)
    assert [] != load_detector(file).detect("the planned layoffs, before it is announced")
    document = json.loads(file.read_text(encoding="utf-8"))
    assert (model.digest, 64) == (document["digest"], len(document["digest"]))
    assert [file] == list(tmp_path.iterdir())
    if os.name == "posix":
        assert 0o600 == file.stat().st_mode & 0o777


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda d: d.update(threshold=1e9), "damaged or edited"),
        (lambda d: d.update(bias=d["bias"] - 1), "damaged or edited"),
        (lambda d: d["weights"].pop(), "damaged or edited"),
        (lambda d: d["weights"].append(True), "no semantic model"),
        (lambda d: d.update(threshold=float("nan")), "no semantic model"),
        (lambda d: d.update(threshold="1"), "no semantic model"),
        (lambda d: d.update(format="other"), "no model of format"),
        (lambda d: d.update(kind="personal.name"), "no semantic model"),
        (lambda d: d.update(window_characters=0), "no semantic model"),
        (lambda d: d.update(calibration=[]), "no semantic model"),
        (lambda d: d.pop("digest"), "no semantic model"),
        (lambda d: d.pop("weights"), "no semantic model"),
    ],
)  # fmt: skip
def test_a_damaged_file_stops_the_start(model, tmp_path, change, complaint):
    """A model that was changed finds something else, or nothing; it is not used."""
    file = tmp_path / "legal.json"
    model.save(file)
    document = json.loads(file.read_text(encoding="utf-8"))
    change(document)
    file.write_text(json.dumps(document), encoding="utf-8")

    with pytest.raises(ConfigurationError, match=complaint):
        load_model(file)


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff\xfe", b"{" * 5000, b"[" * 100_000, b"null"])
def test_a_file_that_is_no_model_stops_the_start(tmp_path, data):
    """Whatever stands there, the message is one line about the file."""
    file = tmp_path / "legal.json"
    file.write_bytes(data)

    with pytest.raises(ConfigurationError, match=r"legal\.json: is no semantic model"):
        load_model(file)


def test_a_missing_file_stops_the_start(tmp_path):
    """A guard that is configured is there, or nothing runs."""
    with pytest.raises(ConfigurationError, match=r"legal\.json: cannot be read"):
        load_model(tmp_path / "legal.json")


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"examples": examples()[:70]}, "64 confidential and 6 ordinary examples"),
        ({"max_false_alarms": 0.01}, "64 ordinary examples cannot show .* at least 99"),
        ({"max_false_alarms": 0.0}, "between 0 and 1"),
        ({"max_false_alarms": 1.0}, "between 0 and 1"),
        ({"folds": 1}, "folds must lie"),
        ({"kind": "personal.name"}, "the kind must be 'semantic.'"),
        ({"window_characters": 100}, "window_characters must be more"),
        ({"embedder": Broken([[0.0] * 16_384] * 2)}, "another number of vectors"),
    ],
)
def test_training_refuses_what_would_mean_nothing(settings, complaint):
    """Too few examples for a rate, or a kind of somebody else: say so at once."""
    with pytest.raises(ConfigurationError, match=complaint):
        train(**{"examples": examples()} | settings)


def test_each_department_has_a_kind_of_its_own():
    """Its findings count for the departments whose files label that kind."""
    seen = []

    model = train(
        examples(),
        kind="semantic.legal",
        folds=2,
        progress=lambda done, of: seen.append((done, of)),
    )

    assert frozenset({"semantic.legal"}) == SemanticDetector(model).kinds
    assert "semantic.legal" == SemanticDetector(model).name
    assert [(1, 3), (2, 3), (3, 3)] == seen


def test_reading_and_training_ask_no_other_machine(model):
    """Everything happens here."""
    with AuditHookTripwire() as tripwire:
        train(examples(), folds=2)
        SemanticDetector(model).detect("the planned layoffs, before it is announced")

    assert [] == tripwire.strays


def test_no_text_stands_in_what_is_shown(model):
    """Neither model nor detector shows what it learnt from."""
    shown = repr(model) + repr(SemanticDetector(model))

    assert "layoffs" not in shown
    assert len(shown) < 300

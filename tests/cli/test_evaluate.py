"""`hybridllm eval detection`: any labelled set is scored, and no prompt is shown."""

from __future__ import annotations

import json
import sys

import pytest

from hybridllm.classify.classifier import Classification
from hybridllm.cli import status
from hybridllm.errors import ConfigurationError
from hybridllm.evaluation.detection import score_detection
from hybridllm.evaluation.examples import read_labelled
from hybridllm.evaluation.intervals import Rate
from hybridllm.types import Finding

MAIL = "hanako.mori@example.co.jp"


def row(number, text, *spans, label=None, language="en", **more):
    marked = [
        {"kind": kind, "start": text.index(value), "end": text.index(value) + len(value)}
        for kind, value in spans
    ]
    label = label or ("sensitive" if spans else "ordinary")
    return {"id": f"p{number}", "language": language, "text": text, "label": label} | (
        {"spans": marked} if marked else {}
    ) | more  # fmt: skip


ROWS = [
    row(1, f"Write to {MAIL} please", ("personal.email", MAIL)),
    row(2, "携帯は090-0000-1234です", ("personal.phone", "090-0000-1234"), language="ja"),
    row(3, "Explain tea"),
    row(4, "お茶の歴史を教えて", language="ja"),
    row(5, "the plan nobody may know of", label="sensitive"),
    row(6, f"name MARKEDWRONG and {MAIL}", ("vendor.thing", MAIL), note="SECRETNOTE"),
]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "set.jsonl"
    path.write_text("\n".join(json.dumps(item, ensure_ascii=False) for item in ROWS), "utf-8")
    return path


def scores(run, *argv):
    ended = run("eval", "detection", *argv, "--json")
    assert status.OK == ended.status, ended.err
    return json.loads(ended.out)


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_intervals_are_those_of_the_literature(hits, total, low, high):
    """Newcombe 1998, table I, method 3."""
    assert pytest.approx((low, high), abs=5e-5) == Rate(hits, total).interval


def test_nothing_counted_has_no_rate():
    """A set without ordinary prompts says nothing of false alarms."""
    assert (None, None) == (Rate(0, 0).share, Rate(0, 0).interval)


def test_a_set_is_scored_by_language(run, file):
    """Recall, false alarms and entities stand for themselves in each language."""
    document = scores(run, file)

    english, japanese = document["scores"]
    assert ("en", "ja", 6) == (english["language"], japanese["language"], document["examples"])
    assert (2, 3) == (english["request_recall"]["hits"], english["request_recall"]["total"])
    assert (0, 1) == (english["false_alarms"]["hits"], english["false_alarms"]["total"])
    assert (1, 1) == (japanese["request_recall"]["hits"], japanese["request_recall"]["total"])
    assert 1 == japanese["kinds"]["personal.phone"]["named"]["hits"]
    assert ["p5"] == english["missed_ids"]
    assert 0 < english["p50_ms_per_kib"]


def test_kinds_of_another_vocabulary_are_found_and_not_named(run, file):
    """A set that calls a mail address something else still tells that it was found."""
    other = scores(run, file)["scores"][0]["kinds"]["vendor.thing"]

    assert (1, 0) == (other["found"]["hits"], other["named"]["hits"])


def test_people_get_tables_with_intervals(run, file):
    """Rates come with their uncertainty and their counts."""
    ended = run("eval", "detection", file, "--ids")

    assert status.OK == ended.status, ended.err
    for word in ("personal.email", "2/3", "[", "all kinds", "missed: p5", "'note'"):
        assert word in ended.out


@pytest.mark.parametrize("option", ["--json", "--ids"])
def test_no_prompt_is_shown(run, file, option):
    """Reports name ids and kinds, whatever was asked for."""
    ended = run("eval", "detection", file, option)

    for secret in (MAIL, "090-0000", "MARKEDWRONG", "SECRETNOTE", "nobody", "お茶"):
        assert secret not in ended.out + ended.err


def test_messages_are_read_like_a_request(run, tmp_path):
    """A conversation is one example; a span says which string it lies in."""
    path = tmp_path / "set.jsonl"
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": f"ask {MAIL}"},
    ]
    span = {
        "kind": "personal.email",
        "path": "/messages/1/content",
        "start": 4,
        "end": 4 + len(MAIL),
    }
    item = {"id": 7, "language": "en", "messages": messages, "label": "sensitive", "spans": [span]}
    path.write_text(json.dumps(item) + "\n\n", encoding="utf-8")

    (score,) = scores(run, path)["scores"]

    assert 1 == score["kinds"]["personal.email"]["named"]["hits"]


def test_a_configuration_brings_its_lexicons(run, file, tmp_path):
    """With --config the company's own terms count, and no key and no backend is needed."""
    (tmp_path / "names.csv").write_text("term,group\nplan nobody,code_name\n", encoding="utf-8")
    config = tmp_path / "hybridllm.toml"
    config.write_text(
        """
version = 1
[labels]
levels = ["public", "secret"]
default = "public"
[backends.cloud]
place = "cloud"
provider = "openai"
clearance = "public"
api_key_env = "A_VARIABLE_THAT_NO_TEST_SETS"
[models.assistant]
candidates = [{ backend = "cloud", model = "big" }]
[detection]
lexicons = ["names.csv"]
""",
        encoding="utf-8",
    )

    english = scores(run, file, "--config", config)["scores"][0]

    assert [] == english["missed_ids"]
    assert {"hybridllm.toml", "names.csv", "set.jsonl"} == {
        path.name for path in tmp_path.iterdir()
    }


def test_presidio_is_scored_on_the_same_prompts(run, file):
    """The comparison says which of its models took part."""
    pytest.importorskip("presidio_analyzer")

    document = scores(run, file, "--compare", "presidio")

    detectors = [score["detector"] for score in document["scores"]]
    assert ["hybridllm", "hybridllm"] == detectors[:2]
    assert all(name.startswith("presidio (") for name in detectors[2:])


def test_without_presidio_the_message_says_what_to_install(run, file, monkeypatch):
    """One line, and the exit status of a wrong set-up."""
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)

    ended = run("eval", "detection", file, "--compare", "presidio")

    assert status.CONFIGURATION == ended.status
    assert "hybridllm[presidio]" in ended.err


GOOD = {"id": "a", "language": "en", "text": "SECRETTEXT", "label": "sensitive"}


@pytest.mark.parametrize(
    ("item", "complaint"),
    [
        ("{", "is no valid JSON"),
        ("[1]", "must be a JSON object"),
        (GOOD | {"label": "sensitiv"}, r"label is 'sensitiv'; .*Did you mean 'sensitive'\?"),
        (GOOD | {"label": "SECRETTEXT of somebody"}, "label is 'str'"),
        (GOOD | {"label": None}, "label is 'NoneType'"),
        (GOOD | {"id": ""}, "id must be a name"),
        (GOOD | {"id": "a\x1b[2J"}, "id must be a name"),
        (GOOD | {"id": True}, "id must be a name"),
        (GOOD | {"language": 5.0}, "language must be a name"),
        (GOOD | {"text": 5}, "must have either text"),
        (GOOD | {"messages": []}, "must have either text"),
        (GOOD | {"text": None, "messages": ["SECRETTEXT"]}, "messages must be a list of objects"),
        (GOOD | {"spans": 5}, "spans must be a list"),
        (GOOD | {"spans": ["SECRETTEXT"]}, r"spans\[0\] must be an object"),
        (GOOD | {"spans": [{"kind": "k", "start": 0, "end": 11}]}, "a string of 10 characters"),
        (GOOD | {"spans": [{"kind": "k", "start": 3, "end": 3}]}, "start and end must be"),
        (GOOD | {"spans": [{"kind": "k", "start": True, "end": 3}]}, "start and end must be"),
        (GOOD | {"spans": [{"kind": "k", "path": "/x", "start": 0, "end": 3}]}, "path must name"),
        (GOOD | {"spans": [{"start": 0, "end": 3}]}, "kind must be a name"),
        (GOOD | {"label": "ordinary", "spans": [{}]}, "an ordinary example has no spans"),
        (GOOD | {"id": "p1"}, "has the same id as line 1"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_named_and_not_shown(run, tmp_path, item, complaint):
    """File and line say where to look; what stands there is in no message."""
    path = tmp_path / "set.jsonl"
    second = item if isinstance(item, str) else json.dumps(item)
    path.write_text(f"{json.dumps(ROWS[0])}\n{second}\n", encoding="utf-8")

    with pytest.raises(ConfigurationError, match=rf"^set\.jsonl: line 2: {complaint}|{complaint}"):
        read_labelled(path.read_text(encoding="utf-8"), file="set.jsonl")

    ended = run("eval", "detection", path)
    assert status.CONFIGURATION == ended.status
    assert ended.err.startswith("error: set.jsonl: line 2: ")
    assert "SECRETTEXT" not in ended.err


def test_an_empty_file_is_no_set(run, tmp_path):
    """No example, no rate."""
    path = tmp_path / "set.jsonl"
    path.write_text("\n\n", encoding="utf-8")

    ended = run("eval", "detection", path)

    assert (status.CONFIGURATION, "error: set.jsonl: holds no example\n") == (
        ended.status,
        ended.err,
    )


def test_line_separators_inside_a_text_end_no_line():
    """A paragraph separator of Unicode may stand in a JSON string as it is."""
    item = json.dumps(GOOD | {"text": "one\u2028two\u0085three"}, ensure_ascii=False)

    assert 1 == len(read_labelled(item, file="set.jsonl").examples)


def test_a_prompt_that_could_not_be_read_counts_as_noticed():
    """A client keeps it inside, so that is what the score says; its spans were not found."""
    labelled = read_labelled(json.dumps(ROWS[0]), file="set.jsonl")

    (score,) = score_detection(
        labelled.examples,
        classify=lambda language: lambda fields: Classification(doubts=frozenset({"x"})),
    )

    assert (Rate(1, 1), 1, Rate(0, 1)) == (score.recall, score.doubts, score.entities.found)


def test_time_is_the_median_for_a_kibibyte():
    """One slow prompt does not spoil the figure, and reading twice does not count."""
    labelled = read_labelled("\n".join(json.dumps(item) for item in ROWS), file="set.jsonl")
    examples = [item for item in labelled.examples if item.language == "en"][:3]
    ticks = iter([0.0, 0.001, 1.0, 1.001, 2.0, 9.0])
    finding = Finding("vendor.thing", "/messages/0/content", 0, 1)

    (score,) = score_detection(
        examples,
        classify=lambda language: lambda fields: Classification((finding,)),
        clock=lambda: next(ticks),
    )

    smaller = min(examples[0].size_bytes, examples[1].size_bytes)
    assert pytest.approx(1.0 / (smaller / 1024), rel=1e-6) == score.ms_per_kib
    assert Rate(1, 1) == score.false_alarms

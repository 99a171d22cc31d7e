"""Predictions stay as close to published measurements as they were: a regression fails the build.

Rows of one table are correlated, so sources stand apart. Nothing is fitted to rows; the thresholds
are the figures that counting reached, with a little room.
"""

import csv

import pytest

from hybridllm.sizing.accuracy import error_lines, fit_decisions, judge_table
from hybridllm.sizing.errors import FactsError
from tests.sizing.facts import DATA

JUDGED = judge_table(DATA / "measured.csv", configs=DATA / "configs")
LINES = {(line.task, line.source): line for line in error_lines(JUDGED)}


def with_row_facts():
    """Return the lines with what the runs' own configurations say beside the table."""
    with (DATA / "row_facts.csv").open(encoding="utf-8", newline="") as handle:
        facts = {row["id"]: row for row in csv.DictReader(handle)}
    known = {
        key: {name: row[name] for name in ("n_gpus", "gradient_accumulation")}
        for key, row in facts.items()
    }
    judged = judge_table(DATA / "measured.csv", configs=DATA / "configs", facts=known)
    return {(line.task, line.source): line for line in error_lines(judged)}


@pytest.mark.parametrize(
    ("task", "target", "reached"),
    [
        ("inference_weights", 0.5, 0.2),
        ("inference_kv_tokens", 0.5, 0.1),
        ("inference_total", 3.0, 2.0),
        ("train_lora", 10.0, 2.5),
        ("train_qlora", 10.0, 4.0),
        ("train_full", 12.0, 8.0),
    ],
)
def test_the_median_error_of_a_task_does_not_grow(task, target, reached):
    """The promised target, and below it the figure that was reached."""
    line = LINES[task, "all"]

    assert reached <= target
    assert line.median_percent <= reached


@pytest.mark.parametrize(
    ("task", "source", "most"),
    [
        ("inference_total", "QW25", 5.0),
        ("inference_total", "AWQ", 5.0),
        ("inference_total", "GPQ", 5.0),
        ("inference_total", "HFD", 5.0),
        ("inference_total", "LCP", 5.0),
        ("inference_weights", "VLW", 1.0),
        ("inference_kv_tokens", "VLK", 0.5),
        ("train_lora", "LGL", 2.0),
        ("train_lora", "LGC", 3.0),
        ("train_lora", "QFT", 8.0),
        ("train_lora", "TTN", 10.0),
        ("train_qlora", "LGL", 4.0),
        ("train_qlora", "LGC", 4.0),
        ("train_qlora", "QFT", 8.0),
        ("train_full", "LGC", 12.0),
    ],
)
def test_the_mean_error_of_a_source_does_not_grow(task, source, most):
    """One bad table does not hide behind the median of all."""
    assert LINES[task, source].mean_percent <= most


def test_facts_of_the_runs_own_files_explain_full_fine_tuning():
    """Two rows ran on two cards, not four, and three accumulated gradients: then 4 % remain."""
    lines = with_row_facts()

    assert lines["train_full", "LGC"].mean_percent <= 4.0
    assert lines["train_full", "all"].median_percent <= 5.0


def test_borderline_fits_of_inference_are_judged_right():
    """Near the edge of a card, at least 96 % right and at most 5 % false hopes."""
    found = fit_decisions(JUDGED, training=False)

    assert 70 <= found.cases
    assert 96.0 <= found.right_percent
    assert found.false_fit_percent <= 5.0


def test_borderline_fits_of_training_are_judged_right():
    """Near the edge of a card, at least 88 % right and at most 5 % false hopes."""
    found = fit_decisions(JUDGED, training=True)

    assert 90 <= found.cases
    assert 88.0 <= found.right_percent
    assert found.false_fit_percent <= 5.0


def test_every_row_is_judged():
    """None of the 182 published measurements is left out."""
    assert 182 == len(JUDGED)
    assert all(0 < one.prediction.value for one in JUDGED)


def test_a_table_without_its_configuration_is_refused(tmp_path):
    """The message names the file that is missing."""
    with pytest.raises(FactsError, match="is missing"):
        judge_table(DATA / "measured.csv", configs=tmp_path)


def test_a_table_without_a_column_is_refused(tmp_path):
    """The message names the column."""
    (tmp_path / "rows.csv").write_text("id,task\nX-1,train_full\n", encoding="utf-8")

    with pytest.raises(FactsError, match=r"config_id|measured_tokens"):
        judge_table(tmp_path / "rows.csv", configs=DATA / "configs")


def test_a_row_that_is_not_modelled_is_told_and_the_others_are_judged(tmp_path):
    """One new architecture in a table of others stops nothing."""
    lines = (DATA / "measured.csv").read_text(encoding="utf-8").splitlines()
    changed = lines[1].replace("openai/gpt-oss-120b", "nobody/knows-this")
    rows = tmp_path / "rows.csv"
    rows.write_text("\n".join((lines[0], changed, lines[2])), encoding="utf-8")
    refused = []

    judged = judge_table(
        rows, configs=DATA / "configs", on_refusal=lambda row, error: refused.append(row)
    )

    assert ["VLW-04"] == [one.row.id for one in judged]
    assert ["VLW-02"] == refused

"""Finding records in the audit log."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from hybridllm.audit.log import Rhythm
from hybridllm.audit.search import Query, Threshold, recorded_levels, search
from hybridllm.audit.times import Span, span
from hybridllm.errors import ConfigurationError
from tests.audit.reading import intent, log_in, segments, ticking


@pytest.fixture
def folder(tmp_path) -> Path:
    """Return a log of five calls; the clock goes on an hour with each record."""
    folder = tmp_path / "audit"
    log = log_in(folder, clock=ticking(step_s=3600.0), signs=False)
    log.write(intent(1, level="public"))
    log.write(intent(2, level="internal", place="on_premises", rules=["No names (rules[0])"]))
    log.write(intent(3, level="confidential", kinds={"marking.secret": 1}))
    log.write({**intent(4, department="sales"), "event": "denied", "effect": "deny"})
    log.note({"event": "outcome", "call": "c1", "attempt": 1, "backend": "cloud", "result": "ok"})
    log.write(
        intent(5, label={"level": "confidential", "compartments": ["personal"]}, place="in_process")
    )
    log.close()
    return folder


def found(folder: Path, **asked: object) -> list[str]:
    """Return the calls of the records that fit."""
    return [record["call"] for record in search(segments(folder), query=Query(**asked))]


def test_without_a_question_every_record_is_found(folder):
    """Checkpoints are the log's own and no records."""
    assert ["c1", "c2", "c3", "c4", "c1", "c5"] == found(folder)


@pytest.mark.parametrize(
    ("asked", "calls"),
    [
        ({"call": "c1"}, ["c1", "c1"]),
        ({"department": "sales"}, ["c4"]),
        ({"backend": "cloud"}, ["c1", "c3", "c4", "c1"]),
        ({"place": "on_premises"}, ["c2"]),
        ({"effect": "deny"}, ["c4"]),
        ({"kind": "marking.secret"}, ["c3"]),
        ({"kind": "personal.*"}, ["c1", "c2", "c4", "c5"]),
        ({"kind": "person.*"}, []),
        ({"rule": "names"}, ["c2"]),
        ({"label_at_least": Threshold("internal")}, ["c2", "c3", "c4", "c5"]),
        ({"label_at_least": Threshold("confidential")}, ["c3", "c5"]),
        ({"label_at_least": Threshold("public", frozenset({"personal"}))}, ["c5"]),
        ({"place": "cloud", "kind": "marking.*"}, ["c3"]),
    ],
    ids=str,
)
def test_each_question_finds_its_records(folder, asked, calls):
    """A compliance officer asks for a department, a label, a place, a finding or a rule."""
    assert calls == found(folder, **asked)


def test_a_stretch_of_time_has_its_beginning_and_not_its_end(folder):
    """The same record is never in two reports that follow each other."""
    times = [record["time"] for record in search(segments(folder), query=Query())]

    assert ["c2", "c3"] == found(folder, span=Span(times[1], times[3]))


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (
            "2026-01-31",
            "2026-01-31",
            ("2026-01-31T00:00:00.000000Z", "2026-02-01T00:00:00.000000Z"),
        ),
        (
            "2026-01-31T09:00+09:00",
            "2026-02-01T09:00+09:00",
            ("2026-01-31T00:00:00.000000Z", "2026-02-01T00:00:00.000000Z"),
        ),
        ("2026-01-31T08:30", None, ("2026-01-31T08:30:00.000000Z", "9999-12-31T23:59:59.999999Z")),
    ],
)
def test_days_and_times_are_understood(since, until, expected):
    """A day as an end is the whole day; a time without an offset is UTC."""
    assert Span(*expected) == span(since, until=until)


@pytest.mark.parametrize(
    ("since", "until"), [("yesterday", None), ("2026-02-01", "2026-01-31"), (None, "2026-13-01")]
)
def test_a_time_that_is_none_is_said(since, until):
    """A mistyped date gives no empty result."""
    with pytest.raises(ConfigurationError):
        span(since, until=until)


def test_a_label_that_nothing_can_compare_is_shown(tmp_path):
    """What cannot be compared is never overlooked."""
    folder = tmp_path / "audit"
    log = log_in(folder, levels=(), signs=False)
    log.write(intent(1, level="public"))
    log.close()

    assert ["c1"] == found(folder, label_at_least=Threshold("confidential"))


def test_the_levels_of_the_log_are_known_without_a_configuration(folder):
    """A mistyped level can be told from one that nothing reached."""
    assert ["public", "internal", "confidential"] == recorded_levels(segments(folder))


@pytest.mark.parametrize(
    "line", [b"\n", b"\xff\n", b"[]\n", b"[" * 9999, b'{"seq":1,"kinds":5,"mac":"a"}\n'], ids=repr
)
def test_a_damaged_line_is_left_out(folder, line):
    """Searching a broken log still shows what is there."""
    path = segments(folder)[0]
    path.write_bytes(path.read_bytes() + line)

    assert ["c3"] == found(folder, kind="marking.secret")


def test_the_size_of_the_log_does_not_matter(tmp_path):
    """A year's log is searched in the memory of a few lines."""
    folder = tmp_path / "audit"
    log = log_in(folder, rhythm=Rhythm(segment_bytes=10**9, checkpoint_s=1e9), signs=False)
    for number in range(4_000):
        log.note(intent(number))
    log.close()

    tracemalloc.start()
    try:
        count = sum(1 for _ in search(segments(folder), query=Query()))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert 4_000 == count
    assert segments(folder)[0].stat().st_size > 1_000_000
    assert peak < 200_000

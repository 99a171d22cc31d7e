"""`hybridllm audit search` finds records, and needs no key for it."""

from __future__ import annotations

import json

import pytest

from hybridllm.cli import status


@pytest.fixture
def log(run, config):
    """The log of two commands; only the first one went to the cloud."""
    assert 0 == run("ask", "Name three rivers, please.").status
    assert 0 == run("ask", "社外秘です").status
    return config.parent / ".hybridllm" / "audit"


def calls(ended):
    return [record["event"] for record in json.loads(ended.out)]


def test_without_a_question_everything_is_found(run, log):
    """Each attempt and its outcome, one JSON list for machines."""
    assert ["intent", "outcome", "intent", "outcome"] == calls(run("audit", "search", "--json"))


def test_a_label_and_all_above_it_are_found(run, log):
    """The marked request is found by its label, its finding and its place."""
    for asked in (
        ("--label-at-least", "confidential"),
        ("--kind", "marking.*"),
        ("--place", "on_premises"),
        ("--backend", "local", "--effect", "permit"),
    ):
        ended = run("audit", "search", "--json", *asked)
        assert 0 == ended.status
        found = [record for record in json.loads(ended.out) if record["event"] == "intent"]
        assert ["on_premises"] == [record["place"] for record in found], asked


def test_people_read_one_line_a_record(run, log):
    """Who, which label, where to and what was found; never a text."""
    ended = run("audit", "search", "--place", "on_premises")

    (line,) = ended.out.splitlines()
    assert "to=local (on_premises)" in line
    assert "found=marking." in line
    assert "社外秘" not in ended.out


def test_one_call_is_found_with_its_outcome(run, log):
    """The audit id of an error leads to all that is known."""
    (first, *_) = json.loads(run("audit", "search", "--json").out)

    assert ["intent", "outcome"] == calls(run("audit", "search", "--json", "--call", first["call"]))


def test_nothing_found_is_an_empty_list(run, log):
    """Machines get valid JSON in any case."""
    ended = run("audit", "search", "--json", "--until", "2001-01-01")

    assert (0, []) == (ended.status, json.loads(ended.out))
    assert "" == run("audit", "search", "--department", "nobody").out


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (("--label-at-least", "confidental"), "Did you mean 'confidential'?"),
        (("--compartment", "personal"), "--compartment needs --label-at-least"),
        (("--from", "monday"), "--from is no date or time"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(run, log, asked, words):
    """A mistyped level does not look like an empty log."""
    ended = run("audit", "search", *asked)

    assert status.CONFIGURATION == ended.status
    assert words in ended.err


def test_the_log_alone_is_enough(run, log, config):
    """A copy is searched where there is no configuration."""
    config.unlink()

    assert 4 == len(json.loads(run("audit", "search", "--json", log).out))

"""`hybridllm audit verify` finds every change of the log."""

from __future__ import annotations

import json

import pytest

from hybridllm.cli import status


@pytest.fixture
def segments(run, config):
    """The log of two commands: two segments, each of several lines."""
    assert 0 == run("ask", "Name three rivers, please.").status
    assert 0 == run("ask", "社外秘です").status
    return sorted((config.parent / ".hybridllm" / "audit").glob("*.jsonl"))


def test_an_untouched_log_is_whole(run, segments):
    """The log of the configuration is found by itself; each segment is named."""
    ended = run("audit", "verify")

    assert 0 == ended.status, ended.err
    for segment in segments:
        assert f"ok     {segment.name}: 4 lines" in ended.out
    assert "2 segments, 0 with a fault" in ended.out


def drop(lines):
    return [lines[0], *lines[2:]]


def swap(lines):
    return [lines[0], lines[2], lines[1], *lines[3:]]


def alter(lines):
    return [lines[0], lines[1].replace(b'"intent"', b'"denied"'), *lines[2:]]


def repeat(lines):
    return [*lines[:2], lines[1], *lines[2:]]


@pytest.mark.parametrize("damage", [drop, swap, alter, repeat])
def test_a_changed_segment_is_a_fault(run, segments, damage):
    """Dropped, swapped, altered or repeated lines end with status 1, at the right line."""
    segments[0].write_bytes(b"".join(damage(segments[0].read_bytes().splitlines(keepends=True))))

    ended = run("audit", "verify")
    document = json.loads(run("audit", "verify", "--json").out)

    assert status.REFUSED == ended.status
    assert f"FAULT  {segments[0].name}: line" in ended.out
    assert "2 segments, 1 with a fault" in ended.out
    assert [True, False] == [bool(found["fault"]) for found in document]


def test_a_segment_without_its_end_is_said_and_is_no_fault(run, segments):
    """A process that was killed leaves such a segment; so does a cut, so it is said."""
    lines = segments[0].read_bytes().splitlines(keepends=True)
    segments[0].write_bytes(b"".join(lines[:-1]))

    ended = run("audit", "verify")

    assert 0 == ended.status
    assert "3 lines; no end: still open, killed or cut" in ended.out


def test_copies_can_be_verified_elsewhere(run, segments, config, tmp_path):
    """A reviewer needs the files and the key, not the machine."""
    copies = tmp_path / "監査"
    copies.mkdir()
    for segment in segments:
        (copies / segment.name).write_bytes(segment.read_bytes())

    by_directory = run("audit", "verify", copies, "--config", config)
    by_file = run("audit", "verify", copies / segments[0].name, "--config", config)

    assert (0, 0) == (by_directory.status, by_file.status)
    assert "1 segments" in by_file.out


def test_without_the_key_nothing_is_called_whole_or_broken(run, segments, config):
    """A lost key is said; none is made, since it would make every line look changed."""
    key = config.parent / ".hybridllm" / "key"
    key.unlink()

    ended = run("audit", "verify")

    assert status.CONFIGURATION == ended.status
    assert "holds no key file" in ended.err
    assert not key.exists()


def test_nothing_to_verify_is_an_error_and_not_a_success(run, segments, tmp_path):
    """An empty or missing directory proves nothing, so the command does not end well."""
    (tmp_path / "empty").mkdir()

    empty, missing = run("audit", "verify", "empty"), run("audit", "verify", "none")

    assert (2, 2) == (empty.status, missing.status)
    assert "holds no segment" in empty.err
    assert "none: does not exist" in missing.err

"""`hybridllm audit verify` finds every change of the log."""

from __future__ import annotations

import json
import shutil

import pytest

from hybridllm.cli import status
from hybridllm.config.files import DEFAULT_FILE

pytest.importorskip("cryptography")


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
        assert f"ok     {segment.name}: 4 lines\n" in ended.out
    assert "2 segments, 0 with a fault, 0 other faults" in ended.out


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
    assert [True, False] == [bool(found["fault"]) for found in document["segments"]]
    assert document["faults"]


def test_a_cut_and_a_removed_segment_are_faults(run, segments):
    """What is gone is missed, since the rest says what was there."""
    whole = segments[0].read_bytes()
    segments[0].write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    cut = run("audit", "verify")
    segments[0].write_bytes(whole)
    segments[1].unlink()
    removed = run("audit", "verify")

    assert (1, 1) == (cut.status, removed.status)
    assert f"FAULT  {segments[0].name} was cut or changed after it ended" in cut.out
    assert f"FAULT  segment 2 ({segments[1].name}) is missing" in removed.out


def test_a_segment_alone_without_its_end_is_said_and_is_no_fault(run, segments):
    """A process that was killed leaves such a file; so does a cut, so it is said."""
    lines = segments[0].read_bytes().splitlines(keepends=True)
    segments[0].write_bytes(b"".join(lines[:-1]))

    ended = run("audit", "verify", segments[0])

    assert 0 == ended.status
    assert "3 lines; 2 of them not signed yet; no end: still open, killed or cut" in ended.out


def test_copies_can_be_verified_elsewhere(run, segments, config, tmp_path):
    """A reviewer needs the files and the key, not the machine."""
    copies = tmp_path / "監査"
    shutil.copytree(segments[0].parent, copies)

    by_directory = run("audit", "verify", copies, "--config", config)
    by_file = run("audit", "verify", copies / segments[0].name, "--config", config)

    assert (0, 0) == (by_directory.status, by_file.status)
    assert "1 segments" in by_file.out


def test_a_stranger_needs_the_public_key_and_no_configuration(run, segments, config, tmp_path):
    """The log and one small file are enough; a changed log is found with them."""
    key = tmp_path / "public.pem"
    key.write_text(run("audit", "public-key").out, encoding="ascii")
    log = segments[0].parent.rename(tmp_path / "log")
    config.unlink()

    whole = run("audit", "verify", "--public-key", key, log)
    (log / segments[1].name).unlink()
    broken = run("audit", "verify", "--public-key", key, log)

    assert 0 == whole.status, whole.out + whole.err
    assert f"ok     {segments[0].name}: 4 lines\n" in whole.out
    assert 1 == broken.status
    assert not (tmp_path / DEFAULT_FILE).exists()


def test_with_a_public_key_the_log_must_be_named(run, segments, tmp_path):
    """A stranger's check never looks at a configuration that happens to be there."""
    key = tmp_path / "public.pem"
    key.write_text(run("audit", "public-key").out, encoding="ascii")

    ended = run("audit", "verify", "--public-key", key)

    assert status.CONFIGURATION == ended.status
    assert "name the directory" in ended.err


def test_archived_segments_need_not_be_there(run, segments):
    """Whoever keeps old segments elsewhere says which is the first one here."""
    segments[0].unlink()

    assert 1 == run("audit", "verify").status
    assert 0 == run("audit", "verify", "--first", "2").status


def test_that_signatures_were_not_checked_is_said(run, segments, config, monkeypatch):
    """Without the package the check goes as far as it can, and says how far."""
    (config.parent / ".hybridllm" / "audit-signing-key.pem").unlink()

    ended = run("audit", "verify")

    assert 0 == ended.status
    assert "signatures were not checked" in ended.out


def test_the_public_key_is_printed_once_there_is_one(run, config):
    """Looking for it makes none."""
    before = run("audit", "public-key")
    run("ask", "Name three rivers, please.")
    after = run("audit", "public-key")
    document = json.loads(run("audit", "public-key", "--json").out)

    assert status.CONFIGURATION == before.status
    assert "made with the first record" in before.err
    assert after.out.startswith("-----BEGIN PUBLIC KEY-----")
    assert after.out == document["pem"]


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


def test_a_log_of_which_every_segment_was_removed_is_missed(run, segments):
    """The head alone still tells how many there were."""
    for segment in segments:
        segment.unlink()

    ended = run("audit", "verify")

    assert status.REFUSED == ended.status
    assert "FAULT  segment 1" in ended.out
    assert "FAULT  segment 2" in ended.out

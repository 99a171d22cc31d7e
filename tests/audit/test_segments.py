"""Segments hold together: one that is removed or cut is found."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from itertools import chain, repeat
from pathlib import Path

import pytest

from hybridllm.audit import log as log_module
from hybridllm.audit.log import Rhythm
from tests.audit.reading import (
    KEY,
    faults,
    inspected,
    intent,
    log_in,
    records,
    segments,
    ticking,
    verified,
)

pytest.importorskip("cryptography")

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")
BY_TWO = Rhythm(checkpoint_lines=10, checkpoint_s=1e9, segment_bytes=1)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Return the log's directory, which does not exist yet."""
    return tmp_path / "audit"


@pytest.fixture
def five(folder) -> list[Path]:
    """Write a log of five segments; the third one's process was killed."""
    for number in range(5):
        log = log_in(folder, clock=ticking(f"2026-01-0{number + 1}T00:00:00+00:00"))
        log.write(intent(number))
        log.write(intent(number))
        log._segment.close() if number == 2 else log.close()
    return segments(folder)


def test_a_segment_that_is_full_is_followed_by_another(folder):
    """No file grows without end, and no record is lost on the way."""
    log = log_in(folder, rhythm=Rhythm(checkpoint_s=1e9, segment_bytes=3_000))
    for number in range(40):
        log.write(intent(number))
    log.close()

    assert 6 <= len(segments(folder))
    assert max(path.stat().st_size for path in segments(folder)) < 5_000
    assert 40 == len({item["call"] for item in records(folder) if "call" in item})
    assert inspected(folder).valid
    assert all(item.closed for item in inspected(folder).segments)


def test_a_segment_that_is_old_is_followed_by_another(folder, monkeypatch):
    """A day's log can be archived as files of that day."""
    now = [0.0]
    monkeypatch.setattr("hybridllm.audit.segment.time.monotonic", lambda: now[0])
    log = log_in(folder, rhythm=Rhythm(segment_age_s=100.0))
    log.write(intent(1))
    now[0] = 101.0
    log.write(intent(2))
    log.close()

    assert [3, 3] == [item.lines for item in inspected(folder).segments]
    assert inspected(folder).valid


def test_an_outcome_never_waits_for_a_new_segment(folder):
    """Only what is durable anyway may take the time to change files."""
    log = log_in(folder, rhythm=BY_TWO)
    log.note({"event": "outcome"})
    log.note({"event": "outcome"})

    assert 1 == len(segments(folder))


def test_the_whole_log_is_valid(five, folder):
    """What follows is found because it was done, and not because of anything else."""
    assert [] == faults(folder)
    assert [] == faults(folder, stranger=True)
    assert [1, 2, 3, 4, 5] == [item.number for item in inspected(folder).segments]


@pytest.mark.parametrize("stranger", [False, True], ids=["keys", "stranger"])
@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_a_segment_that_was_removed_is_missed(five, folder, number, stranger):
    """A file cannot vanish unseen, be it the first, a killed or the last one."""
    name = five[number - 1].name
    five[number - 1].unlink()

    assert f"segment {number} ({name}) is missing" == faults(folder, stranger=stranger)[0]


@pytest.mark.parametrize("stranger", [False, True], ids=["keys", "stranger"])
@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_a_segment_that_was_cut_is_found(five, folder, number, stranger):
    """Whole lines that are gone from the end show, also after a crash."""
    path = five[number - 1]
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))

    assert [f"{path.name} was cut or changed after it ended"] == faults(folder, stranger=stranger)


@pytest.mark.parametrize("stranger", [False, True], ids=["keys", "stranger"])
def test_a_head_that_is_gone_is_found(five, folder, stranger):
    """Without the head the newest segments could be gone as well."""
    five[4].unlink()
    (folder / "head.json").unlink()

    (fault,) = faults(folder, stranger=stranger)
    assert fault.startswith("head.json is missing")


def test_a_head_that_is_lost_is_on_record_for_good(five, folder):
    """Taking the newest segment and the head away is found after the next start, too."""
    five[4].unlink()
    (folder / "head.json").unlink()
    log = log_in(folder)
    log.write(intent(6))
    log.close()

    (fault,) = faults(folder, stranger=True)
    assert fault.startswith("head.json was missing when")


@pytest.mark.parametrize("data", [b"", b"{}\n", b"\xff", b'{"event":"head","mac":"0"}\n'], ids=repr)
def test_a_head_that_is_damaged_is_found(five, folder, data):
    """Neither the check nor the next start trusts it."""
    (folder / "head.json").write_bytes(data)

    assert faults(folder)
    log = log_in(folder)
    log.write(intent(6))
    log.close()
    (fault,) = faults(folder)
    assert fault.startswith("head.json was damaged when")


def test_a_head_that_was_put_back_is_found(five, folder, tmp_path):
    """An older head does not know of the newest segment."""
    old = (folder / "head.json").read_bytes()
    log = log_in(folder)
    log.write(intent(6))
    log.close()
    (folder / "head.json").write_bytes(old)

    assert any(fault.startswith("head.json is older than") for fault in faults(folder))


def test_a_copy_of_a_segment_is_found(five, folder):
    """Nothing can be counted twice."""
    shutil.copy(five[1], folder / "copy.jsonl")

    assert "there are several segments with the number 2" in faults(folder)


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("stranger", [False, True], ids=["keys", "stranger"])
def test_a_killed_segment_that_was_cut_before_the_next_start_is_found(folder, stranger, restarted):
    """The head knows how far a process had come before it was killed."""
    log = log_in(folder, rhythm=Rhythm(checkpoint_lines=2, checkpoint_s=1e-9))
    for number in range(5):
        log.write(intent(number))
    log._segment.close()
    (path,) = segments(folder)
    assert [] == faults(folder, stranger=stranger)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:4]))
    if restarted:
        log = log_in(folder)
        log.write(intent(6))
        log.close()

    (fault,) = faults(folder, stranger=stranger)
    assert fault.startswith(f"{path.name} was cut or changed")


def test_older_segments_may_be_kept_elsewhere(five, folder):
    """Whoever archives says where the rest begins."""
    five[0].unlink()
    five[1].unlink()

    assert inspected(folder, first=3).valid
    assert not inspected(folder, first=2).valid


def test_a_segment_that_is_still_written_is_no_fault(folder):
    """A log can be checked while it is used, by two processes too."""
    one, two = log_in(folder), log_in(folder)
    one.write(intent(1))
    two.write(intent(2))

    assert [] == faults(folder)
    one.close()
    two.close()
    assert [] == faults(folder)
    assert [1, 2] == [item.number for item in inspected(folder).segments]


@posix
def test_two_processes_share_a_directory(folder):
    """Both keep one log, whichever begins and ends first."""
    program = f"""
import sys
from pathlib import Path
from hybridllm.audit.log import FileAuditLog, Rhythm
rhythm = Rhythm(segment_bytes=2_000, checkpoint_lines=3)
log = FileAuditLog(Path({str(folder)!r}), key=bytes(range(32)), rhythm=rhythm,
                   signing_key=Path({str(folder.parent / "signing.pem")!r}))
for number in range(60):
    log.write({{"event": "intent", "call": f"{{sys.argv[1]}}-{{number}}"}})
log.close()
"""
    started = [subprocess.Popen([sys.executable, "-c", program, name]) for name in "ab"]

    assert [0, 0] == [process.wait() for process in started]
    found = inspected(folder)
    assert () == found.faults
    assert len(found.segments) >= 10
    assert 120 == len({item["call"] for item in records(folder) if "call" in item})


def test_names_are_fit_for_every_system(folder):
    """A log can be copied to Windows."""
    log = log_in(folder)
    log.write(intent(1))
    log.close()

    names = [path.name for path in folder.iterdir()]
    assert [] == [name for name in names if not re.fullmatch(r"[A-Za-z0-9.\-]{1,80}", name)]


def test_a_clock_that_goes_backwards_breaks_nothing(folder):
    """Order is the order of the lines; the auditor is told that the clock went back."""
    late, early = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    log = log_in(folder, clock=chain([late, late, late], repeat(early)))
    log.write(intent(1))
    log.write(intent(2))
    log.close()

    (checked,) = inspected(folder).segments
    assert checked.valid
    assert checked.steps_back >= 1
    assert "2026-03-01T00:00:00.000000Z" == checked.last


CRASHING = """
import os, sys
from pathlib import Path
from hybridllm.audit.log import FileAuditLog, Rhythm
folder, signing = Path(sys.argv[1]), Path(sys.argv[2])
def run(deadly):
    calls = 0
    def wrapped(function):
        def call(*arguments, **named):
            nonlocal calls
            calls += 1
            if calls == deadly:
                os._exit(9)
            return function(*arguments, **named)
        return call
    for name in ("open", "write", "fsync", "fdatasync", "replace", "rename", "close", "link"):
        setattr(os, name, wrapped(getattr(os, name)))
    log = FileAuditLog(folder, key=bytes(range(32)), signing_key=signing,
                       rhythm=Rhythm(segment_bytes=1))
    for number in range(3):
        log.write({"event": "intent", "call": f"{deadly}-{number}"})
        print(f"{deadly}-{number}", flush=True)
    log.close()
    os._exit(0)
def status(deadly):
    child = os.fork()
    if child == 0:
        run(deadly)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
for deadly in range(1, 500):
    ended = status(deadly)
    assert 0 == status(-deadly)
    if ended == 0:
        break
"""


@posix
def test_a_crash_at_any_call_of_the_system_leaves_a_log_that_goes_on(folder):
    """Wherever a process dies while it begins or ends a segment, nothing acknowledged is lost."""
    signing = folder.parent / "signing.pem"
    command = [sys.executable, "-c", CRASHING, str(folder), str(signing)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, encoding="ascii")
    said = set(done.stdout.split())

    log = log_in(folder)
    log.write(intent(1))
    log.close()

    assert said <= {item.get("call") for item in records(folder)}
    assert len(segments(folder)) > 50
    assert [] == faults(folder)
    assert [] == faults(folder, stranger=True)


def test_a_segment_that_cannot_begin_leaves_nothing(folder, monkeypatch):
    """A full disk does not fill the directory with empty files."""

    def fail(directory: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(log_module, "sync_directory", fail)
    log = log_in(folder)
    for _ in range(3):
        with pytest.raises(log_module.AuditError, match="No space left on device"):
            log.write(intent(1))

    assert [] == segments(folder)


def test_old_readers_still_read_a_segment_alone(five):
    """One file can be checked without the others."""
    assert [True] * 5 == [item.valid for item in verified(five[0].parent, key=KEY)]


@pytest.mark.parametrize("left", [b"", b'{"seq":0,"ti'])
def test_a_segment_whose_first_line_never_came_is_no_fault(left, folder):
    """A process that dies before its first record has lost none; a segment that was cut has."""
    log = log_in(folder)
    log.write(intent(0))
    log.close()
    (whole,) = segments(folder)
    (folder / whole.name.replace("-00000001-", "-00000002-")).write_bytes(left)

    assert [] == list(faults(folder))

    whole.write_bytes(left)
    assert [] != list(faults(folder))


def test_a_program_that_ends_without_closing_ends_its_segment(folder):
    """A script that never calls `close` leaves a log that is whole and signed to its end."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from pathlib import Path\n"
        "from tests.audit.reading import intent, log_in\n"
        "log = log_in(Path(sys.argv[1]))\n"
        "log.write(intent(0))\n"
    )
    root = Path(__file__).parents[2]

    subprocess.run([sys.executable, "-c", code, str(folder), str(root)], check=True)

    assert [True] == [found.closed for found in verified(folder)]
    assert [] == faults(folder)

"""The audit log: durable before anything is sent, and verifiable afterwards."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hybridllm.audit import segment as module
from hybridllm.audit.log import FileAuditLog
from hybridllm.errors import AuditError
from tests.audit.reading import KEY, records, segments, verified

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")


@pytest.fixture
def folder(tmp_path) -> Path:
    """Return the log's directory, which does not exist yet."""
    return tmp_path / "audit"


@pytest.fixture
def syncs(monkeypatch) -> list[int]:
    """Count the syncs; each takes five milliseconds, as a slow disk's does."""
    done: list[int] = []

    def sync(descriptor: int) -> None:
        time.sleep(0.005)
        done.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr(module, "_SYNC", sync)
    return done


def log_in(folder: Path) -> FileAuditLog:
    """Return a log with a fixed clock."""
    return FileAuditLog(folder, key=KEY, clock=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


def test_a_record_is_synced_before_its_writer_goes_on(folder, syncs):
    """When a request is sent, its record has left the machine's memory for the disk."""
    log = log_in(folder)

    log.write({"event": "intent", "call": "c1"})

    assert [segments(folder)[0].stat().st_size] == syncs
    assert ["start", "intent"] == [record["event"] for record in records(folder)]


def test_a_note_is_handed_over_without_a_sync(folder, syncs):
    """An outcome delays no reply, and a crash of the process does not lose it."""
    log_in(folder).note({"event": "outcome", "call": "c1"})

    assert [] == syncs
    assert ["start", "outcome"] == [record["event"] for record in records(folder)]


def test_a_closed_log_ends_in_a_stop_line(folder):
    """Whoever verifies sees that nothing is missing at the end."""
    log = log_in(folder)
    log.write({"event": "intent"})
    log.close()

    (checked,) = verified(folder)
    assert checked.valid
    assert checked.closed
    assert 3 == checked.lines


def test_a_log_that_was_never_used_leaves_nothing(folder):
    """A client that only explains writes no file."""
    log_in(folder).close()

    assert not folder.exists()


def test_a_log_goes_on_in_a_new_segment_after_it_was_closed(folder):
    """A late outcome is not lost."""
    log = log_in(folder)
    log.write({"event": "intent"})
    log.close()
    log.close()
    log.note({"event": "outcome"})
    log.close()

    assert [True, True] == [checked.closed for checked in verified(folder)]


def test_sixteen_threads_share_their_syncs(folder, syncs):
    """Many callers at once wait for few disk operations, and each one's record is durable."""
    log, threads_count, each = log_in(folder), 16, 20
    durable: list[str] = []
    barrier = threading.Barrier(threads_count)

    def work(number: int) -> None:
        barrier.wait()
        for turn in range(each):
            log.write({"event": "intent", "call": f"{number}-{turn}"})
            durable.append(f"{number}-{turn}")

    run(work, threads_count)
    log.close()

    total = threads_count * each
    (checked,) = verified(folder)
    assert checked.valid
    assert total + 2 == checked.lines
    assert sorted(durable) == sorted(item["call"] for item in records(folder) if "call" in item)
    assert len(syncs) < total / 4


def test_notes_and_writes_of_many_threads_keep_one_chain(folder):
    """Outcomes and intents that arrive together are each written once."""
    log = log_in(folder)

    def work(number: int) -> None:
        for turn in range(50):
            add = log.write if turn % 5 == 0 else log.note
            add({"event": "x", "call": f"{number}-{turn}"})

    run(work, 16)
    log.close()

    (checked,) = verified(folder)
    assert checked.valid
    assert checked.closed
    assert 16 * 50 == len({item["call"] for item in records(folder) if "call" in item})


def test_closing_while_others_write_loses_nothing(folder):
    """A record that was acknowledged is in one of the segments, whoever closed in between."""
    log = log_in(folder)

    def work(number: int) -> None:
        for turn in range(20):
            log.write({"event": "x", "call": f"{number}-{turn}"})
            if number == 0:
                log.close()

    run(work, 6)
    log.close()

    assert all(checked.valid and checked.closed for checked in verified(folder))
    assert 120 == len({item["call"] for item in records(folder) if "call" in item})


def run(work: Callable[[int], None], count: int) -> None:
    """Run the work in that many threads; a failure in one fails the test."""
    failures: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [] == failures


@pytest.mark.parametrize("call", ["write", "_SYNC"])
def test_a_disk_that_fails_stops_the_request(folder, monkeypatch, call):
    """Without a record nothing is sent; the error says what to check and holds no content."""
    log = log_in(folder)
    log.write({"event": "intent", "call": "before"})

    def fail(*arguments: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((os, call) if call == "write" else (module, call)), fail)
    with pytest.raises(AuditError) as caught:
        log.write({"event": "intent", "principal": "社外秘"})

    assert "No space left on device" in str(caught.value)
    assert "nothing was sent" in str(caught.value)
    assert "社外秘" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_after_a_failure_a_new_segment_is_started(folder, monkeypatch):
    """A disk that has room again is used again, and the broken segment is left alone."""
    log = log_in(folder)
    log.write({"event": "intent", "call": "a"})
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", failing_write)
        with pytest.raises(AuditError):
            log.write({"event": "intent", "call": "b"})

    log.write({"event": "intent", "call": "c"})
    log.close()

    assert ["a", "c"] == sorted(item["call"] for item in records(folder) if "call" in item)
    assert [True, True] == [checked.valid for checked in verified(folder)]
    assert [False, True] == sorted(checked.closed for checked in verified(folder))


def failing_write(descriptor: int, data: object) -> int:
    """Write nothing."""
    raise OSError(28, "No space left on device")


def test_a_short_write_is_completed(folder, monkeypatch):
    """A system that takes a few bytes at a time gets the rest as well."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:7]))
    log = log_in(folder)

    log.write({"event": "intent", "call": "人事"})
    log.close()

    assert verified(folder)[0].valid


def test_everybody_who_waits_for_a_failed_sync_is_refused(folder, monkeypatch):
    """When one sync fails, no waiting caller believes that its record is durable."""
    log, barrier = log_in(folder), threading.Barrier(8)
    refused, passed = [], []

    def fail(descriptor: int) -> None:
        time.sleep(0.005)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(module, "_SYNC", fail)

    def work(number: int) -> None:
        barrier.wait()
        try:
            log.write({"event": "intent", "call": number})
        except AuditError:
            refused.append(number)
        else:
            passed.append(number)

    run(work, 8)

    assert [] == passed
    assert 8 == len(refused)


@posix
def test_a_directory_that_cannot_be_made_stops_the_request(tmp_path):
    """A wrong path is found by the first request, which is not sent."""
    (tmp_path / "audit").write_text("", encoding="utf-8")

    with pytest.raises(AuditError, match="cannot open"):
        log_in(tmp_path / "audit").write({"event": "intent"})


@posix
def test_the_log_is_readable_by_its_owner_alone(folder):
    """Other users of the machine do not learn who asked what kind of thing."""
    log_in(folder).write({"event": "intent"})

    assert 0o700 == stat.S_IMODE(folder.stat().st_mode)
    assert 0o600 == stat.S_IMODE(segments(folder)[0].stat().st_mode)


def test_text_that_is_no_unicode_is_a_typed_error_and_keeps_the_chain(folder):
    """Half a character in a principal's name refuses that request alone."""
    log = log_in(folder)
    log.write({"event": "intent", "principal": "p-1"})

    with pytest.raises(AuditError):
        log.write({"event": "intent", "principal": "\ud83d"})
    log.write({"event": "intent", "principal": "p-2"})
    log.close()

    assert all(checked.valid for checked in verified(folder))


@posix
def test_a_forked_process_writes_a_segment_of_its_own(folder):
    """A server that forks after its client was made keeps every chain whole."""
    program = f"""
import os
from pathlib import Path
from hybridllm.audit.log import FileAuditLog
log = FileAuditLog(Path({str(folder)!r}), key=bytes(range(32)))
log.write({{"event": "intent", "call": "parent"}})
child = os.fork()
if child == 0:
    log.write({{"event": "intent", "call": "child"}})
    log.close()
    os._exit(0)
os.waitpid(child, 0)
log.write({{"event": "intent", "call": "parent again"}})
log.close()
"""
    subprocess.run([sys.executable, "-c", program], check=True)

    assert 2 == len(segments(folder))
    assert all(checked.valid and checked.closed for checked in verified(folder))


def test_a_log_shows_its_place_and_not_its_key(folder):
    """A debugger shows no secret."""
    assert KEY.hex() not in repr(log_in(folder))
    assert repr(KEY) not in repr(log_in(folder))


def test_every_line_has_the_time_in_utc_and_its_number(folder):
    """An auditor orders lines without knowing the server's time zone."""
    log = log_in(folder)
    log.write({"event": "intent"})
    log.close()

    assert [0, 1, 2] == [record["seq"] for record in records(folder)]
    assert {"2026-01-02T03:04:05.000000Z"} == {record["time"] for record in records(folder)}

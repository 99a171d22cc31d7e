"""Whoever changes the log without its key is found out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from hybridllm.audit.log import FileAuditLog
from hybridllm.audit.verify import verify_segment
from tests.audit.reading import KEY, segments

SEED = 20261123
LINES = 20


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> bytes:
    """Return a closed segment of some twenty lines."""
    folder = tmp_path_factory.mktemp("audit")
    log = FileAuditLog(folder, key=KEY)
    for number in range(LINES):
        log.note({"event": "intent", "call": f"c{number}", "principal": "担当\ufffd者"})
    log.close()
    return segments(folder)[0].read_bytes()


def check(tmp_path: Path, data: bytes, *, key: bytes = KEY):
    """Verify a segment with these bytes."""
    path = tmp_path / "segment.jsonl"
    path.write_bytes(data)
    return verify_segment(path, key=key)


def found(tmp_path: Path, data: bytes) -> bool:
    """Say whether verifying notices anything: a fault, or a missing end."""
    checked = check(tmp_path, data)
    return bool(checked.fault) or not checked.closed


def test_the_original_is_valid(tmp_path, original):
    """What follows is found because it was done, and not because of anything else."""
    checked = check(tmp_path, original)

    assert (LINES + 2, "", True) == (checked.lines, checked.fault, checked.closed)


def test_another_key_verifies_nothing(tmp_path, original):
    """A log that was written anew with another key is not taken for the first one."""
    checked = check(tmp_path, original, key=bytes(32))

    assert "line 1 was changed" == checked.fault


def test_every_flipped_bit_is_found(tmp_path, original):
    """One thousand random flips, each found; and the line is named."""
    random = Random(SEED)
    for _ in range(1_000):
        position, bit = random.randrange(len(original)), 1 << random.randrange(8)
        data = bytearray(original)
        data[position] ^= bit
        assert found(tmp_path, bytes(data)), f"byte {position}, bit {bit}"


def test_a_flip_names_its_line(tmp_path, original):
    """The auditor learns how far the log can be trusted."""
    lines = original.splitlines(keepends=True)
    lines[7] = lines[7].replace(b'"c6"', b'"c9"')

    checked = check(tmp_path, b"".join(lines))

    assert "line 8 was changed" == checked.fault
    assert 7 == checked.lines


def drop(lines: list[bytes], random: Random) -> None:
    """Remove a line that is not the last one."""
    del lines[random.randrange(len(lines) - 1)]


def swap(lines: list[bytes], random: Random) -> None:
    """Exchange two lines."""
    one, two = random.sample(range(len(lines)), 2)
    lines[one], lines[two] = lines[two], lines[one]


def insert(lines: list[bytes], random: Random) -> None:
    """Repeat a line somewhere else."""
    lines.insert(random.randrange(len(lines)), random.choice(lines))


def blank(lines: list[bytes], random: Random) -> None:
    """Insert an empty line."""
    lines.insert(random.randrange(len(lines)), b"\n")


def merge(lines: list[bytes], random: Random) -> None:
    """Take away a line's end."""
    position = random.randrange(len(lines))
    lines[position] = lines[position].removesuffix(b"\n")


def append(lines: list[bytes], random: Random) -> None:
    """Add something after the end."""
    lines.append(random.choice([b"\n", b"x", b"{}\n", lines[3]]))


def forge(lines: list[bytes], random: Random) -> None:
    """Move one line's hash to another line."""
    one, two = random.sample(range(len(lines)), 2)
    body, _, _ = lines[one].rpartition(b',"mac":')
    _, _, mac = lines[two].rpartition(b',"mac":')
    lines[one] = body + b',"mac":' + mac


@pytest.mark.parametrize("tamper", [drop, swap, insert, blank, merge, append, forge])
def test_every_tampering_with_lines_is_found(tmp_path, original, tamper: Callable):
    """Lines that were dropped, swapped, inserted or stitched together do not verify."""
    random = Random(SEED)
    for _ in range(60):
        lines = original.splitlines(keepends=True)
        tamper(lines, random)
        data = b"".join(lines)
        assert data == original or found(tmp_path, data)


def test_a_cut_at_any_byte_is_found(tmp_path, original):
    """A tail that is gone shows, be it half a line or whole ones."""
    for size in range(0, len(original), 5):
        checked = check(tmp_path, original[:size])
        assert not (checked.valid and checked.closed), f"cut at {size}"
        assert checked.lines <= original[:size].count(b"\n")


def test_a_cut_between_lines_is_told_from_a_change(tmp_path, original):
    """A killed process leaves whole lines and no end; that is no forgery."""
    lines = original.splitlines(keepends=True)

    checked = check(tmp_path, b"".join(lines[:-1]))

    assert checked.valid
    assert not checked.closed
    assert LINES + 1 == checked.lines


def test_bytes_that_are_no_utf8_count_as_a_change(tmp_path, original):
    """A replacement character in the log cannot be exchanged for bytes that look like it."""
    at = original.index("\ufffd".encode())
    data = original[:at] + b"\xff" + original[at + 3 :]

    assert found(tmp_path, data)


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b"\x00" * 100, b"{}\n", b'{"mac":"x"}\n', b'",mac":"\n', b"\xff" * 50, b"[" * 99],
    ids=repr,
)
def test_a_file_that_is_no_segment_is_a_fault_and_no_crash(tmp_path, data):
    """A verifier that crashes could be silenced by a damaged file."""
    assert check(tmp_path, data).fault


def test_a_very_long_line_is_a_fault_and_no_crash(tmp_path, original):
    """Five megabytes without a line end are read and refused."""
    assert check(tmp_path, original + b"x" * 5_000_000).fault

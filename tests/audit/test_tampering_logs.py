"""Whoever changes a log of several segments is found out, with the key and without it."""

from __future__ import annotations

import copy
import hmac
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest

from hybridllm.audit.inspect import inspect_log
from hybridllm.audit.line import MAC_FIELD, chain
from hybridllm.audit.log import Rhythm
from hybridllm.audit.reading import Keys, SegmentReader
from tests.audit.reading import KEY, inspected, intent, log_in, public_key, segments, verified

pytest.importorskip("cryptography")

SEED = 20261125
Files = dict[str, bytes]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Return a log of five segments; the third one's process was killed, all others ended."""
    folder = tmp_path_factory.mktemp("log") / "audit"
    for number in range(5):
        log = log_in(folder, rhythm=Rhythm(checkpoint_lines=3, checkpoint_s=1e9))
        for turn in range(5):
            log.write(intent(turn, principal="担当者"))
        log._segment.close() if number == 2 else log.close()
    return folder


@pytest.fixture
def files(folder) -> Files:
    """Return what stands in the files of the log, and put it back afterwards."""
    found = {path.name: path.read_bytes() for path in [*segments(folder), folder / "head.json"]}
    return dict(found)


def some(files: Files, random: Random) -> tuple[str, list[bytes]]:
    """Return the name and the lines of a random segment."""
    name = random.choice(sorted(name for name in files if name.endswith(".jsonl")))
    return name, files[name].splitlines(keepends=True)


def flip(files: Files, random: Random) -> None:
    """Change one bit of any file."""
    name = random.choice(sorted(files))
    data = bytearray(files[name])
    data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    files[name] = bytes(data)


def drop(files: Files, random: Random) -> None:
    """Take a line away."""
    name, lines = some(files, random)
    del lines[random.randrange(len(lines))]
    files[name] = b"".join(lines)


def swap(files: Files, random: Random) -> None:
    """Exchange two lines."""
    name, lines = some(files, random)
    one, two = random.sample(range(len(lines)), 2)
    lines[one], lines[two] = lines[two], lines[one]
    files[name] = b"".join(lines)


def insert(files: Files, random: Random) -> None:
    """Put a line of any segment somewhere."""
    name, lines = some(files, random)
    _, others = some(files, random)
    lines.insert(random.randrange(len(lines) + 1), random.choice(others))
    files[name] = b"".join(lines)


def cut(files: Files, random: Random) -> None:
    """Cut the end off at any byte."""
    name, _ = some(files, random)
    files[name] = files[name][: random.randrange(len(files[name]))]


def remove(files: Files, random: Random) -> None:
    """Remove a segment, or the head."""
    del files[random.choice(sorted(files))]


def exchange(files: Files, random: Random) -> None:
    """Give two segments each other's lines."""
    one, two = random.sample(sorted(name for name in files if name.endswith(".jsonl")), 2)
    files[one], files[two] = files[two], files[one]


def splice(files: Files, random: Random) -> None:
    """Let a segment go on as another one did."""
    name, lines = some(files, random)
    _, others = some(files, random)
    at = random.randrange(1, len(lines))
    files[name] = b"".join([*lines[:at], *others[at:]])


def rewrite(files: Files, random: Random) -> None:
    """Change a record, and chain all lines anew without the key; digests are made to fit."""
    name, lines = some(files, random)
    at = random.randrange(1, len(lines))
    lines[at] = lines[at].replace(b'"cloud"', b'"local"').replace(b'"count":', b'"count": ')
    mac, done, digest = "", [], sha256()
    for raw in lines:
        text, _, _ = raw.decode().rpartition(MAC_FIELD)
        record = json.loads(text + "}")
        body = text + "}"
        if "digest" in record:
            body = body.replace(record["digest"], digest.hexdigest()).replace(record["head"], mac)
        mac = chain(b"no key", previous=mac, body=body) if done or at == 0 else raw[-68:-4].decode()
        done.append(f'{body[:-1]}{MAC_FIELD}{mac}"}}\n'.encode())
        digest.update(done[-1])
    files[name] = b"".join(done)


TAMPERINGS = [flip, drop, swap, insert, cut, remove, exchange, splice, rewrite]


@pytest.mark.parametrize("stranger", [False, True], ids=["keys", "stranger"])
def test_a_thousand_tamperings_are_all_found(folder, files, tmp_path, stranger):
    """Whatever is done to a log that has ended, the check says that it is not what it was."""
    random = Random(SEED)
    keys = Keys(None, (public_key(folder),)) if stranger else Keys(KEY)
    changed, unseen = 0, []
    for turn in range(1_000):
        tampered = dict(files)
        tamper: Callable[[Files, Random], None] = random.choice(TAMPERINGS)
        tamper(tampered, random)
        if tampered == files:
            continue
        changed += 1
        if tampering_is_unseen(tampered, files, tmp_path, keys=keys):
            unseen.append((turn, tamper.__name__))

    assert [] == unseen
    assert changed > 950


def tampering_is_unseen(tampered: Files, files: Files, folder: Path, *, keys: Keys) -> bool:
    """Write what differs from the turn before, and check the log."""
    for name in files:
        if name not in tampered:
            (folder / name).unlink(missing_ok=True)
        elif not (folder / name).exists() or (folder / name).read_bytes() != tampered[name]:
            (folder / name).write_bytes(tampered[name])
    return inspect_log(folder, keys=keys).valid


@pytest.mark.parametrize("stranger", [False, True], ids=["keys", "stranger"])
def test_the_log_itself_is_whole(folder, stranger):
    """What was found was found because it was done."""
    assert inspected(folder, stranger=stranger).valid


def test_an_insider_with_the_hash_key_cannot_rewrite_what_is_signed(folder, files, tmp_path):
    """Whoever holds the key of the hashes alone fails at the first checkpoint after a change."""
    name = min(name for name in files if name.endswith(".jsonl"))
    mac, done = "", []
    for raw in files[name].replace(b'"cloud"', b'"local"').splitlines(keepends=True):
        body = raw.decode().rpartition(MAC_FIELD)[0] + "}"
        mac = hmac.new(KEY, f"{mac}\n{body}".encode(), sha256).hexdigest()
        done.append(f'{body[:-1]}{MAC_FIELD}{mac}"}}\n'.encode())
    (tmp_path / name).write_bytes(b"".join(done))

    (checked,) = verified(tmp_path)
    assert "the checkpoint in line 5 does not fit the lines before it" == checked.fault


def test_a_cut_at_every_byte_is_found_after_the_next_start(tmp_path):
    """A log that ended and was cut anywhere is not whole, and half a line crashes nothing."""
    folder = tmp_path / "audit"
    for number in range(2):
        log = log_in(folder)
        log.write(intent(number))
        log.close()
    first = segments(folder)[0]
    data = first.read_bytes()
    keys = Keys(KEY)
    for size in range(len(data)):
        first.write_bytes(data[:size])
        assert not inspect_log(folder, keys=keys).valid, f"cut at {size}"


def test_a_log_that_a_power_cut_shortened_goes_on(tmp_path):
    """Half a line at the end of a killed segment is no fault, and the next start vouches for it."""
    for size in range(1, 40):
        folder = tmp_path / f"{size}" / "audit"
        folder.parent.mkdir()
        log = log_in(folder)
        log.write(intent(1))
        log.write(intent(2))
        log._segment.close()
        (path,) = segments(folder)
        path.write_bytes(path.read_bytes()[:-size])
        after = log_in(folder)
        after.write(intent(3))
        after.close()

        found = inspected(folder, stranger=True)
        assert () == found.faults
        assert (True, 2, 2) == (
            found.segments[0].torn,
            found.segments[0].lines,
            found.segments[0].covered,
        )


@pytest.mark.slow
def test_a_cut_at_every_byte_of_a_megabyte_is_handled(tmp_path):
    """Wherever a large segment ends, what stands before it is read and the end is told apart."""
    folder = tmp_path / "audit"
    log = log_in(folder, rhythm=Rhythm(checkpoint_lines=100, checkpoint_s=1e9))
    while not segments(folder) or segments(folder)[0].stat().st_size < 1_000_000:
        log.note(intent(1))
    log.close()
    reader = SegmentReader(segments(folder)[0], keys=Keys(KEY))
    cuts = 0
    for raw in segments(folder)[0].read_bytes().splitlines(keepends=True):
        for size in range(1, len(raw) if reader.result.lines else 0):
            shortened = copy.copy(reader)
            shortened._hash = reader._hash.copy()
            assert shortened._take(raw[:size]) is None
            assert shortened.result.torn
            assert not shortened.result.closed
            cuts += 1
        assert reader._take(raw) is not None

    assert cuts > 990_000

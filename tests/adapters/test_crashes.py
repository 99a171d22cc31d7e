"""Whatever ends in the middle, the registry is whole: power, disk, rivals."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from hybridllm.adapters import AdapterRefusedError, UnknownAdapterError, durable
from hybridllm.adapters.locking import locked
from hybridllm.errors import StoreError
from tests.adapters.made import WEIGHTS

CHILD = Path(__file__).with_name("busy_child.py")
ROOT = Path(__file__).parents[2]
KILLS = 12


def start(shop, *, rounds: int = 10_000) -> subprocess.Popen:
    """Start a process that changes the registry; return when it does."""
    words = [shop.root / "registry", shop.root / "trained", shop.root / "base", rounds]
    paths = os.pathsep.join([str(ROOT), *(path for path in sys.path if path)])
    child = subprocess.Popen(
        [sys.executable, str(CHILD), *(str(word) for word in words)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert child.stdout is not None
    assert b"ready" in child.stdout.readline()
    return child


def assert_whole(shop) -> None:
    """Every version that may serve is byte for byte one that was trained."""
    trained = {path.read_bytes() for path in (shop.root / "trained").glob(f"*/{WEIGHTS}")}
    registry = shop.again()
    assert () == registry.damaged()
    for found in registry.versions():
        with suppress(FileNotFoundError):  # removed by another process since it was listed
            assert (found.folder / WEIGHTS).read_bytes() in trained
    try:
        with suppress(FileNotFoundError):
            assert (registry.resolve("legal").folder / WEIGHTS).read_bytes() in trained
    except (UnknownAdapterError, AdapterRefusedError) as error:
        reasons = getattr(error, "reasons", ())
        assert {"not_verified"} >= {reason.code for reason in reasons}


def test_a_killed_process_leaves_a_whole_registry(shop):
    """Kill it at any moment; the next one reads and writes as if nothing had happened."""
    rng = random.Random(7)
    for seed in (2, 3, 4):
        shop.make(seed)

    for _ in range(KILLS):
        child = start(shop)
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(timeout=rng.uniform(0.0, 0.05))
        child.kill()
        child.communicate()
        assert_whole(shop)

    version = shop.promote("sales", seed=5)
    assert version.version == shop.again().resolve("sales").version
    registry = shop.root / "registry"
    assert [] == [*(registry / "incoming").iterdir(), *(registry / "trash").iterdir()]
    assert [] == list(registry.glob("*/.draft-*"))


def test_processes_that_write_at_once_do_not_mix(shop):
    """Three processes and a reader on one registry: no error and no foreign bytes."""
    for seed in (2, 3):
        shop.make(seed)
    children = [start(shop, rounds=6) for _ in range(3)]

    try:
        while any(child.poll() is None for child in children):
            assert_whole(shop)
    finally:
        for child in children:
            child.communicate()
    assert [0, 0, 0] == [child.returncode for child in children]
    assert_whole(shop)


@pytest.mark.parametrize("write", range(6))
def test_a_full_disk_leaves_nothing_half_imported(shop, monkeypatch, write):
    """Each write of an import in turn meets a full disk; all of it is undone."""
    before = shop.promote("legal", seed=2)
    shop.make(3)
    real, count = os.fsync, iter(range(1000))

    def full(descriptor: int) -> None:
        if next(count) == write:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(durable.os, "fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        shop.add(seed=3)
    monkeypatch.setattr(durable.os, "fsync", real)

    assert before.version == shop.registry.resolve("legal").version
    assert () == shop.registry.damaged()
    assert shop.promote("legal", seed=3).version == shop.registry.resolve("legal").version


@pytest.mark.skipif(sys.platform == "win32", reason="needs the limits of POSIX")
def test_a_write_that_the_system_cuts_short_is_undone(shop):
    """The system itself refuses the bytes, after it has taken some."""
    shop.make(2)
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048));"
        "sys.argv = sys.argv[1:]; import runpy; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    words = [shop.root / "registry", shop.root / "trained", shop.root / "base", 1]
    paths = os.pathsep.join([str(ROOT), *(path for path in sys.path if path)])

    done = subprocess.run(
        [sys.executable, "-c", code, str(CHILD), *(str(word) for word in words)],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"},
    )

    assert 1 == done.returncode
    assert "StoreError" in done.stderr
    assert () == shop.registry.versions()
    assert [] == list((shop.root / "registry" / "incoming").iterdir())


def test_a_writer_that_does_not_end_is_named(tmp_path):
    """Nobody waits for ever, and the message says for what."""
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with locked(tmp_path / "lock", timeout_s=1.0):
            held.set()
            done.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(10)
    try:
        with (
            pytest.raises(StoreError, match="another process"),
            locked(tmp_path / "lock", timeout_s=0.0),
        ):
            pass
    finally:
        done.set()
        thread.join()

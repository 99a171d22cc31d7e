"""A writer exchanges two whole policies while readers decide."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest

from hybridllm.config import sources
from hybridllm.testing import RecordingSink, client_for_tests
from tests.reload.company import FILE, STAFF, faked, organisation, put, write

# The two policies differ in each file, so that half of one would show: by the first the
# request is secret and the cloud may see what is public, by the second it is internal and so
# is the cloud's clearance.
ONE = {FILE: organisation(cloud="public"), STAFF: 'version = 1\ndefault = "secret"\n'}
TWO = {FILE: organisation(cloud="internal"), STAFF: "version = 1\n"}
ASK = {"model": "assistant", "messages": [{"role": "user", "content": "Hello"}]}
READERS = 3


@pytest.fixture
def quick_switches() -> Iterator[None]:
    """Let threads take turns often: more interleavings, and no reader holds up the writer."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("quick_switches")
@pytest.mark.parametrize("swaps", [100, pytest.param(10_000, marks=pytest.mark.slow)])
def test_each_decision_is_of_one_whole_policy(tmp_path, swaps):
    """Readers see the old files or the new files, and never some of both."""
    file, sink = write(tmp_path), RecordingSink()
    client = client_for_tests(file, audit=sink)
    whole, decided = set(), set()
    counts = [0] * READERS
    done = threading.Event()

    def decide() -> tuple[object, ...]:
        decision = client.chat.completions.explain(**ASK).decision
        against = {(item.backend, str(item.reasons)) for item in decision.rejected}
        return decision.label, decision.candidates, frozenset(against), decision.policy_digest

    def read(number: int) -> None:
        while not done.is_set():
            decided.add(decide())
            counts[number] += 1

    def swap(files: dict[str, str]) -> None:
        for name, text in files.items():
            put(tmp_path / name, text)
        client.reload()

    for files in (ONE, TWO):
        swap(files)
        whole.add(decide())
    readers = [threading.Thread(target=read, args=(number,)) for number in range(READERS)]
    for reader in readers:
        reader.start()
    try:
        for number in range(swaps):
            swap(TWO if number % 2 else ONE)
    finally:
        done.set()
        for reader in readers:
            reader.join()
        client.close()

    assert 2 == len(whole)
    assert whole == decided
    assert min(counts) >= swaps / 50
    assert swaps + 2 == sum(item["event"] == "policy_loaded" for item in sink.records)


def test_files_that_are_exchanged_while_they_are_read_are_read_again(tmp_path, monkeypatch):
    """The old first file and the new second file are never put together."""
    file = write(tmp_path, text=ONE[FILE], staff=ONE[STAFF])
    reloader, _ = faked(file)
    read, swapped = sources.read_file, []

    def read_and_swap(path, **more):
        found = read(path, **more)
        if not swapped:
            swapped.append(path.name)
            for name, text in TWO.items():
                put(tmp_path / name, text)
        return found

    monkeypatch.setattr(sources, "read_file", read_and_swap)
    reloader.reload()
    policy = reloader.latest().policy

    assert [FILE] == swapped
    assert "internal" == policy.destinations["cloud"].clearance.level.name
    assert "internal" == policy.departments["staff"].default.level.name

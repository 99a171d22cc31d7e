"""A plugged-in detector on a short lead: whatever it does, the request is not let out by it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import repeat
from queue import Empty, SimpleQueue

import pytest

from hybridllm.classify.classifier import Classifier
from hybridllm.classify.detector import Detector, Match
from hybridllm.classify.guarded import DetectorHungError, GuardedDetector

KIND = "vendor.thing"
SHORT_S = 0.05
LONG_S = 30.0


@dataclass(frozen=True)
class Fake:
    """A detector of somebody else that does what a test says."""

    find: Callable[[str], Iterable[Match]]
    name: str = "fake"
    kinds: frozenset[str] = frozenset({KIND})

    def detect(self, text: str) -> Iterable[Match]:
        return self.find(text)


@pytest.fixture
def gate():
    """A detector waits at it; it is opened at the end, so that no thread is left."""
    gate = threading.Event()
    yield gate
    gate.set()


def found(find, *, timeout_s=LONG_S, text="hello"):
    guarded = GuardedDetector(Fake(find), timeout_s=timeout_s)
    return Classifier([guarded]).classify({"messages": [{"content": text}]})


def test_a_guarded_detector_is_a_detector():
    """Name and kinds are those of the detector behind it."""
    guarded = GuardedDetector(Fake(lambda text: []), timeout_s=LONG_S)

    assert isinstance(guarded, Detector)
    assert ("fake", frozenset({KIND})) == (guarded.name, guarded.kinds)


def test_what_it_finds_is_handed_on():
    """A plug-in that works is just one more detector."""
    classification = found(lambda text: [Match(KIND, 0, 5)] if text == "hello" else [])

    assert ((KIND, 1),) == classification.kinds
    assert frozenset() == classification.doubts


def test_a_detector_that_hangs_is_a_doubt(gate):
    """The caller goes on after the time-out, and the request stays inside."""
    assert {"detector_failed"} == set(found(lambda text: gate.wait(), timeout_s=SHORT_S).doubts)


def test_a_detector_that_still_hangs_is_not_asked_again(gate):
    """One hanging thread stays one; every request until it returns is in doubt at once."""
    asked = []

    def hang(text):
        asked.append(text)
        gate.wait()
        return []

    guarded = GuardedDetector(Fake(hang), timeout_s=SHORT_S)
    for text in ("one", "two", "three"):
        with pytest.raises(DetectorHungError):
            guarded.detect(text)

    assert ["one"] == asked


def test_a_detector_that_comes_back_is_asked_again(gate):
    """A slow moment is no end: when the late call has returned, all is well again."""
    workers = []

    def hang_once(text):
        workers.append(threading.current_thread())
        if len(workers) == 1:
            gate.wait()
        return [Match(KIND, 0, 1)]

    guarded = GuardedDetector(Fake(hang_once), timeout_s=SHORT_S)
    with pytest.raises(DetectorHungError):
        guarded.detect("one")
    gate.set()
    workers[0].join()

    assert [Match(KIND, 0, 1)] == guarded.detect("two")


def test_a_late_answer_is_nobodys_answer(gate):
    """What a late call found is not taken for an answer about the next text."""
    workers = []

    def late(text):
        workers.append(threading.current_thread())
        if text == "one":
            gate.wait()
            return [Match(KIND, 0, 3)]
        return []

    guarded = GuardedDetector(Fake(late), timeout_s=SHORT_S)
    with pytest.raises(DetectorHungError):
        guarded.detect("one")
    gate.set()
    workers[0].join()

    assert [] == guarded.detect("two")


def test_a_call_that_ends_well_does_not_excuse_one_that_hangs(gate, monkeypatch):
    """Of two calls at once one returns; the other still hangs, and the detector rests."""
    impatient = threading.current_thread()

    class Queue(SimpleQueue):
        def get(self, *, timeout):
            if threading.current_thread() is impatient:
                raise Empty
            return super().get(timeout=timeout)

    monkeypatch.setattr("hybridllm.classify.guarded.SimpleQueue", Queue)
    started, go_on, asked = threading.Event(), threading.Event(), []

    def find(text):
        asked.append(text)
        started.set()
        (go_on if text == "good" else gate).wait()
        return []

    guarded = GuardedDetector(Fake(find), timeout_s=LONG_S)
    good = threading.Thread(target=guarded.detect, args=("good",))
    good.start()
    started.wait()
    with pytest.raises(DetectorHungError):
        guarded.detect("hangs")
    go_on.set()
    good.join()

    with pytest.raises(DetectorHungError):
        guarded.detect("next")
    assert ["good", "hangs"] == asked


@pytest.mark.parametrize(
    "find",
    [
        lambda text: 1 / 0,
        lambda text: list(text)[9],
        lambda text: None,
        lambda text: 5,
        lambda text: (_ for _ in ()).throw(MemoryError()),
        lambda text: (_ for _ in ()).throw(RecursionError()),
    ],
    ids=["division", "index", "none", "number", "memory", "recursion"],
)
def test_a_detector_that_raises_is_a_doubt(find):
    """A crash in the plug-in's thread reaches the classifier."""
    assert {"detector_failed"} == set(found(find).doubts)


def test_a_detector_that_ends_its_thread_is_a_doubt():
    """`sys.exit` in a plug-in ends neither the program nor the guard."""

    def leave(text):
        raise SystemExit(0)

    assert {"detector_failed"} == set(found(leave, timeout_s=SHORT_S).doubts)


@pytest.mark.parametrize(
    "match",
    [Match(KIND, 0, 99), Match(KIND, 3, 3), Match("other.kind", 0, 1), Match(KIND, 0, 1, 2.0), "x"],
    ids=repr,
)
def test_nonsense_is_a_doubt(match):
    """A match outside the text or of a kind never announced is not believed."""
    assert "detector_nonsense" in found(lambda text: [match]).doubts


def test_a_detector_that_never_stops_finding_is_a_doubt():
    """An endless answer neither fills the memory nor leaves a thread running for ever."""
    workers = []
    most = 3_000_000

    def endless(text):
        workers.append(threading.current_thread())
        yield from repeat(Match(KIND, 0, 1), most)
        raise AssertionError("asked for everything")

    classification = found(endless, timeout_s=LONG_S)
    for worker in workers:
        worker.join()

    assert {"detector_nonsense"} == set(classification.doubts)


def test_many_threads_may_ask_at_once():
    """Each caller gets the answer to its own text."""
    guarded = GuardedDetector(Fake(lambda text: [Match(KIND, 0, len(text))]), timeout_s=LONG_S)
    answers = {}

    def work(length):
        answers[length] = [guarded.detect("x" * length)[0].end for _ in range(20)]

    threads = [threading.Thread(target=work, args=(length,)) for length in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {length: [length] * 20 for length in range(1, 9)} == answers

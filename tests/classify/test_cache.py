"""The verdict cache: a text that was read before is not read again."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest

from hybridllm.classify.cache import VerdictCache
from hybridllm.classify.classifier import Classifier
from hybridllm.classify.detector import Match

KIND = "personal.name"
VERDICT = (("fake", Match(KIND, 0, 3)),)


@dataclass
class Counting:
    """A detector that keeps what it was asked."""

    name: str = "counting"
    kinds: frozenset[str] = frozenset({KIND})
    asked: list[str] = field(default_factory=list)
    failing: bool = False

    def detect(self, text):
        self.asked.append(text)
        if self.failing:
            raise RuntimeError("down")
        start = text.find("Mori")
        return [Match(KIND, start, start + 4)] if start >= 0 else []


def chat(*contents):
    return {"messages": [{"role": "user", "content": content} for content in contents]}


def test_a_growing_chat_pays_for_the_new_turn_alone():
    """The second request of a conversation reads its new message and the joint before it."""
    detector = Counting()
    classifier = Classifier([detector], cache=VerdictCache())
    first, second = "first question " * 20, "second question " * 20
    classifier.classify(chat(first))
    detector.asked.clear()

    classifier.classify(chat(first, second))

    assert first not in detector.asked
    assert second in detector.asked
    assert len(detector.asked) <= 2


def test_what_was_found_before_is_found_again():
    """A verdict from the cache is worth a fresh one, findings and places included."""
    classifier = Classifier([Counting()], cache=VerdictCache())

    first = classifier.classify(chat("Mr Mori called"))
    second = classifier.classify(chat("Mr Mori called"))

    assert ((KIND, 1),) == second.kinds
    assert first == second


def test_a_doubt_is_not_kept():
    """A detector that failed once is asked again, and its recovery counts."""
    detector = Counting(failing=True)
    classifier = Classifier([detector], cache=VerdictCache())

    first = classifier.classify(chat("Mr Mori called"))
    detector.failing = False
    second = classifier.classify(chat("Mr Mori called"))

    assert {"detector_failed"} == set(first.doubts)
    assert frozenset() == second.doubts
    assert ((KIND, 1),) == second.kinds


def test_a_good_verdict_does_not_outlive_a_change_of_text():
    """One character more is another text."""
    detector = Counting()
    classifier = Classifier([detector], cache=VerdictCache())
    classifier.classify(chat("Mr M"))

    found = classifier.classify(chat("Mr Mori"))

    assert ((KIND, 1),) == found.kinds


def test_a_text_that_was_never_read_has_no_verdict():
    """Nothing found and never read are different answers."""
    cache = VerdictCache()
    cache.put(cache.key("read"), verdict=())

    assert () == cache.get(cache.key("read"))
    assert cache.get(cache.key("unread")) is None


def test_the_cache_is_bounded_and_drops_what_was_used_longest_ago():
    """Memory stays bounded however many texts pass."""
    cache = VerdictCache(max_entries=2)
    keys = [cache.key(text) for text in ("a", "b", "c")]
    cache.put(keys[0], verdict=VERDICT)
    cache.put(keys[1], verdict=())
    cache.get(keys[0])

    cache.put(keys[2], verdict=())

    assert [VERDICT, None, ()] == [cache.get(key) for key in keys]


def test_threads_share_a_cache():
    """Requests of many threads neither break it nor exceed its bound."""
    cache = VerdictCache(max_entries=10)
    failed = []

    def work(seed):
        try:
            for number in range(300):
                key = cache.key(str((seed * number) % 40))
                cache.put(key, verdict=VERDICT)
                assert cache.get(key) in (VERDICT, None)
        except Exception as error:  # told to the test
            failed.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(1, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [] == failed
    assert "VerdictCache(entries=10)" == repr(cache)


def test_nobody_can_test_a_guess_against_the_cache():
    """The key is drawn for each cache: the same text has another hash in another one."""
    one, other = VerdictCache(), VerdictCache()

    assert one.key("社外秘") != other.key("社外秘")
    assert one.key("社外秘") == one.key("社外秘")
    assert 16 == len(one.key("社外秘"))


def test_the_cache_shows_neither_texts_nor_its_key():
    """Nothing in it can be read in a log or a dump of its fields."""
    cache = VerdictCache()
    Classifier([Counting()], cache=cache).classify(chat("Mr Mori called"))

    assert "Mori" not in repr(cache) + repr(vars(cache)["_verdicts"])
    assert repr(vars(cache)["_key"]) not in repr(cache)


@pytest.mark.parametrize("text", ["\ud800 Mori", "Mori \udfff"])
def test_half_a_surrogate_pair_does_not_silence_the_detectors(text):
    """A text that is no UTF-8 is still read by every detector."""
    found = Classifier([Counting()], cache=VerdictCache()).classify(chat(text))

    assert ((KIND, 1),) == found.kinds

"""The classifier: whatever goes wrong while reading becomes a doubt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import count

import pytest

from hybridllm.classify.classifier import Classifier, message_texts, reply_texts
from hybridllm.classify.detector import Match
from tests.model.reading import CARD, KIND, SCALE, FakeDetector, FakeMemory, ask, literal


def doubts(find: Callable[[str], Iterable[Match]], **kwargs: object) -> set[str]:
    """Return the doubts that a detector raises on a plain request."""
    return set(Classifier([FakeDetector(find)], **kwargs).classify(ask("hello")).doubts)


def test_findings_say_kind_place_and_span_and_never_the_thing():
    """People see that a card number stands in the second message, and not its digits."""
    found = Classifier([FakeDetector(literal)]).classify(ask("hello", f"card {CARD}!"))

    (finding,) = found.findings
    assert (KIND, "/messages/1/content", 5, 21) == (
        finding.kind,
        finding.path,
        finding.start,
        finding.end,
    )
    assert (0.9, "fake") == (finding.confidence, finding.detector)
    assert ((KIND, 1),) == found.kinds
    assert frozenset() == found.doubts
    assert CARD not in repr(found)


def raises(text: str) -> Iterable[Match]:
    """Fail as a regular expression might."""
    raise RecursionError(text)


def raises_midway(text: str) -> Iterator[Match]:
    """Find something, then fail."""
    yield Match(KIND, 0, 1)
    raise RuntimeError(text)


@pytest.mark.parametrize(
    "find",
    [
        raises,
        raises_midway,
        lambda text: None,
        lambda text: 5,
        lambda text: {}["nothing"],
        lambda text: (_ for _ in ()).throw(MemoryError()),
    ],
    ids=["raises", "raises midway", "none", "number", "lookup", "memory"],
)
def test_a_detector_that_fails_is_a_doubt(find):
    """A crash of a detector keeps the request inside; it never counts as "nothing found"."""
    assert {"detector_failed"} == doubts(find)


@pytest.mark.parametrize(
    "match",
    [
        Match(KIND, -1, 2),
        Match(KIND, 2, 2),
        Match(KIND, 3, 1),
        Match(KIND, 0, 99),
        Match("never.announced", 0, 1),
        Match(KIND, 0, 1, float("nan")),
        Match(KIND, 0, 1, 1.01),
        Match(KIND, 0, 1, -0.01),
        Match(KIND, 0.5, 1.5),
        Match(KIND, False, True),
        Match(KIND, 0, 1, True),
        Match(KIND, "0", "1"),
        Match(KIND, 0, 1, "high"),
        Match(KIND, None, None),
        Match(None, 0, 1),
        Match([KIND], 0, 1),
        (KIND, 0, 1, 1.0),
        KIND,
        None,
        type("Copy", (Match,), {})(KIND, 0, 1),
    ],
    ids=repr,
)
def test_nonsense_from_a_detector_is_a_doubt(match):
    """A span outside the text or a kind it never announced: such a detector is not believed."""
    found = Classifier([FakeDetector(lambda text: [match])]).classify(ask("hello"))

    assert {"detector_nonsense"} == set(found.doubts)
    assert () == found.findings


def test_what_a_detector_found_before_it_talked_nonsense_still_counts():
    """Good findings raise the label even when others are doubtful."""
    both = [Match(KIND, 0, 1), Match("never.announced", 0, 1)]

    found = Classifier([FakeDetector(lambda text: both)]).classify(ask("hello"))

    assert (KIND,) == tuple({finding.kind for finding in found.findings})
    assert {"detector_nonsense"} == set(found.doubts)


def test_one_broken_detector_silences_no_other():
    """The others still read everything."""
    found = Classifier([FakeDetector(raises), FakeDetector(literal)]).classify(ask(CARD))

    assert ((KIND, 1),) == found.kinds
    assert {"detector_failed"} == set(found.doubts)


def test_a_detector_without_announced_kinds_is_a_doubt():
    """A plugin that is no detector at all does not pass for a quiet one."""

    class Hollow:
        name = "hollow"

        def detect(self, text: str) -> list[Match]:
            return [Match(KIND, 0, 1)]

    assert set() != set(Classifier([Hollow()]).classify(ask("hello")).doubts)
    assert set() != set(Classifier([object()]).classify(ask("hello")).doubts)


def test_reading_that_takes_too_long_is_a_doubt():
    """What was not read in time was not read."""
    ticks = count(0, 4.0)

    found = Classifier([FakeDetector(literal)], timeout_s=5.0, clock=lambda: next(ticks)).classify(
        ask("one", "two", "three", CARD)
    )

    assert {"classifier_timeout"} == set(found.doubts)


def test_a_slow_detector_is_a_doubt_although_it_is_the_last_one():
    """A budget that one detector alone has used up is a budget that is over."""
    now = [0.0]

    def slow(text: str) -> list[Match]:
        now[0] += 3.0
        return []

    found = Classifier(
        [FakeDetector(slow), FakeDetector(slow), FakeDetector(slow)],
        timeout_s=5.0,
        clock=lambda: now[0],
    ).classify(ask("one"))

    assert {"classifier_timeout"} == set(found.doubts)


def test_a_detector_without_an_end_is_stopped():
    """A generator that goes on for ever neither hangs the caller nor fills the memory."""
    ticks = count(0, 0.001)
    yielded = 0

    def endless(text: str) -> Iterator[Match]:
        nonlocal yielded
        while yielded < 200_000:  # without a stop the test fails instead of hanging
            yielded += 1
            yield Match(KIND, 0, 1)

    found = Classifier([FakeDetector(endless)], timeout_s=5.0, clock=lambda: next(ticks)).classify(
        ask("hello")
    )

    assert yielded < 200_000
    assert set() != set(found.doubts)


def test_a_memory_that_fails_is_a_doubt():
    """If nobody knows what the history was, it may have been anything."""
    found = Classifier([], memory=FakeMemory(broken=True)).classify(ask("hello"))

    assert {"memory_failed"} == set(found.doubts)
    assert found.inherited is None


def test_a_known_message_brings_its_label_along():
    """Pasting yesterday's confidential text makes today's request confidential."""
    memory = FakeMemory({"yesterday": SCALE.strictest})

    found = Classifier([], memory=memory).classify(ask("new", "yesterday"))

    assert SCALE.strictest == found.inherited


def test_instructions_are_read_but_not_remembered():
    """One system prompt stands in front of every question and must not taint them all."""
    fields = ask("question")
    fields["messages"].insert(0, {"role": "system", "content": f"{CARD} be brief"})
    fields["messages"].insert(1, {"role": "developer", "content": "in Japanese"})

    found = Classifier([FakeDetector(literal)], memory=FakeMemory()).classify(fields)

    assert ((KIND, 1),) == found.kinds
    assert "question" in message_texts(fields)
    assert not {"in Japanese", f"{CARD} be brief"} & set(message_texts(fields))


def test_tool_calls_and_results_are_remembered():
    """What a tool brought in is part of the history."""
    call = {"id": "c1", "function": {"name": "f", "arguments": '{"q": "inner"}'}}
    fields = {
        "messages": [
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "rows"},
        ]
    }

    assert {"rows", "inner", '{"q": "inner"}'} <= set(message_texts(fields))


def test_every_text_of_a_reply_can_be_remembered():
    """Text, refusal and tool arguments of a reply may all be sent back later."""
    call = {"function": {"name": "look_up", "arguments": '{"顧客": "北"}'}}
    reply = {
        "id": "chatcmpl-1",
        "choices": [{"message": {"content": "answer", "refusal": "no", "tool_calls": [call]}}],
    }

    texts = reply_texts(reply)

    assert {"answer", "no", "北"} <= set(texts)
    assert "chatcmpl-1" not in texts


@pytest.mark.parametrize(
    "fields", [None, 5, [], "text", {"messages": object()}, {1: 2}, {None: "x"}], ids=repr
)
def test_classifying_never_raises(fields):
    """A request of no known shape is a doubt or empty, and never a crash."""
    found = Classifier([FakeDetector(literal)], memory=FakeMemory()).classify(fields)

    assert () == found.findings


def test_a_request_that_cannot_be_walked_is_a_doubt():
    """If reading itself fails, nothing was read."""
    assert {"classifier_failed"} == set(Classifier([]).classify(None).doubts)


@pytest.mark.parametrize("confidence", [0.0, 0, 0.5, 1, 1.0])
def test_every_confidence_from_nothing_to_certain_is_believed(confidence):
    """Both ends of the scale belong to it."""
    sure = [Match(KIND, 0, 1, confidence)]

    found = Classifier([FakeDetector(lambda text: sure)]).classify(ask("hello"))

    assert frozenset() == found.doubts
    assert {confidence} == {finding.confidence for finding in found.findings}


def test_what_the_walker_cannot_read_is_a_doubt_of_the_classifier():
    """An image is a doubt however quiet the detectors are."""
    picture = {"type": "image_url", "image_url": {"url": "x"}}

    assert "unreadable:image_url" in Classifier([]).classify(ask([picture])).doubts


def test_a_classifier_remembers_through_its_memory():
    """What the flow wants kept is kept with its label."""
    memory = FakeMemory()

    Classifier([], memory=memory).remember(["a text"], label=SCALE.strictest)

    assert {"a text": SCALE.strictest} == memory.known


def test_the_time_limit_is_a_limit_and_not_a_moment_before_it():
    """Reading that ends exactly in time is complete."""
    now = [0.0]

    def slow(text: str) -> list[Match]:
        now[0] += 5.0
        return []

    quick = Classifier([FakeDetector(slow)] * 2, timeout_s=5.0, clock=lambda: now[0])

    assert frozenset() == quick.classify({"model": "m"}).doubts


def test_without_a_memory_nothing_is_kept():
    """A classifier without memory can be asked to remember and does nothing."""
    Classifier([]).remember(["x"], label=SCALE.strictest)

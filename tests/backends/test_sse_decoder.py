"""Server-sent events, cut at every byte, in odd line ends, endless and broken."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybridllm.backends import sse
from hybridllm.backends.sse import EventDecoder, EventTooLargeError

_STREAM = (
    b": a comment\n\n"
    b'data: {"a": "\xe6\x9d\xb1"}\n\n'
    b"event: x\r\nid: 1\r\ndata: one\r\ndata: two\r\n\r\n"
    b"retry: 5\ndata:no blank\n\n"
    b"data\n\n"
    b"data: [DONE]\n\n"
)
_EVENTS = [b'{"a": "\xe6\x9d\xb1"}', b"one\ntwo", b"no blank", b"[DONE]"]


def _all(pieces: list[bytes]) -> list[bytes]:
    decoder = EventDecoder()
    return [event for piece in pieces for event in decoder.feed(piece) if event]


def test_a_cut_at_any_byte_changes_no_event() -> None:
    """TCP cuts where it likes, in the middle of a character too."""
    cuts = range(len(_STREAM) + 1)

    assert [] == [at for at in cuts if _EVENTS != _all([_STREAM[:at], _STREAM[at:]])]


@given(st.lists(st.integers(0, len(_STREAM)), max_size=12))
def test_cuts_anywhere_change_no_event(cuts: list[int]) -> None:
    """Whatever the pieces, the events are the same."""
    edges = [0, *sorted(cuts), len(_STREAM)]

    assert _EVENTS == _all([_STREAM[a:b] for a, b in pairwise(edges)])


@given(st.binary(max_size=300))
def test_any_bytes_are_read_without_an_error(data: bytes) -> None:
    """A server that sends nonsense gets no exception out of the decoder."""
    whole = _all([data])

    assert whole == _all([bytes((byte,)) for byte in data])


def _feed_for_long(decoder: EventDecoder, piece: bytes) -> None:
    for _ in range(2_000):
        list(decoder.feed(piece))


@pytest.mark.parametrize(
    "piece",
    [b"data: " + b"x" * 60, b"x" * 60, b"data: xxxxxxxxxxxxxxxxxxxxx\n" * 3, b"data:\n" * 20],
    ids=["one line", "no field", "many lines", "empty lines"],
)
def test_an_event_without_an_end_is_given_up(piece: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither one endless line nor endless empty lines fill the memory."""
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 10_000)
    decoder = EventDecoder()

    with pytest.raises(EventTooLargeError):
        _feed_for_long(decoder, piece)


def test_many_ordinary_events_are_no_large_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit holds for one event, not for the stream."""
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 1_000)
    decoder = EventDecoder()

    events = [event for _ in range(500) for event in decoder.feed(b"data: 0123456789\n\n")]

    assert 500 == len(events)

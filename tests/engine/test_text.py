"""Text leaves as soon as it is final, and never later than a stop string allows."""

from hypothesis import given
from hypothesis import strategies as st

from hybridllm.engine.text import TextStream


def decode(tokens):
    """Read each token as one byte, as the byte-level tokenizers do."""
    return bytes(tokens).decode("utf-8", errors="replace")


def shown(text, *, stops=()):
    """Return the pieces that a reader sees, and whether a stop string was met."""
    stream = TextStream(decode, stops=stops)
    pieces = []
    for token in text.encode():
        pieces.append(stream.push(token))
        if stream.stopped:
            return pieces, True
    return [*pieces, stream.finish()], stream.stopped


def test_a_japanese_character_is_shown_whole():
    """A reader never sees half a character, although it takes three tokens."""
    pieces, _ = shown("請求")

    assert ["", "", "請", "", "", "求", ""] == pieces


def test_a_stop_string_is_not_shown_although_it_spans_tokens():
    """The answer ends before the stop string, and nothing of it is ever shown."""
    pieces, stopped = shown("ab END cd", stops=["END"])

    assert stopped
    assert "ab " == "".join(pieces)


def test_text_that_only_starts_like_a_stop_string_is_shown():
    """Held-back text is not lost when the stop string does not come."""
    pieces, stopped = shown("EN route", stops=["END"])

    assert not stopped
    assert ["", "", "EN ", "r"] == pieces[:4]


def test_only_what_may_become_a_stop_string_is_held_back():
    """A long stop string delays nothing that cannot become it."""
    pieces, _ = shown("abc", stops=["Observation:"])

    assert ["a", "b", "c", ""] == pieces


def test_the_earliest_of_several_stop_strings_ends_the_text():
    """With several stop strings, the one that stands first counts."""
    pieces, stopped = shown("one two three", stops=["three", "two"])

    assert stopped
    assert "one " == "".join(pieces)


def test_a_broken_character_at_the_end_is_shown_as_unreadable():
    """When the tokens run out in the middle of a character, nothing is lost silently."""
    stream = TextStream(decode)

    pieces = [stream.push(token) for token in "a請".encode()[:-1]]

    assert "a\ufffd" == "".join([*pieces, stream.finish()])


@given(text=st.text(max_size=40), stops=st.lists(st.text(min_size=1, max_size=4), max_size=3))
def test_the_pieces_are_the_text_before_the_first_stop_string(text, stops):
    """However the text is cut into tokens, the reader gets exactly what stands before the stop."""
    places = [place for place in (text.find(stop) for stop in stops) if place >= 0]

    pieces, stopped = shown(text, stops=stops)

    # A stop string may be complete before an earlier-starting, longer one is.
    if not places:
        assert (text, False) == ("".join(pieces), stopped)
    else:
        assert stopped
        assert text.startswith("".join(pieces))
        assert not any(stop in "".join(pieces) for stop in stops)


@given(st.binary(max_size=40))
def test_any_bytes_become_the_text_that_decoding_them_at_once_gives(data):
    """Broken bytes neither stop the stream nor change what follows them."""
    stream = TextStream(decode)

    pieces = [stream.push(token) for token in data]

    whole = "".join([*pieces, stream.finish()])
    assert decode(data).replace("\ufffd", "") == whole.replace("\ufffd", "")

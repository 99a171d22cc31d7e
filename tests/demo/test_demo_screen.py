"""What the demo shows fits a terminal, and no text can command it."""

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from hybridllm.demo.bytes_shown import escaped, shown_lines
from hybridllm.demo.outcome import Evidence, Outcome, is_kept
from hybridllm.demo.screen import Screen
from hybridllm.demo.story import REQUESTS
from hybridllm.types import Place

CONFIDENTIAL = next(request for request in REQUESTS if request.is_confidential)
ORDINARY = next(request for request in REQUESTS if not request.is_confidential)
REPLY = "A reply with a\x1b[31m colour\r\nand a bell\x07, " + "日本語の長い文章です。" * 9


def outcome(request, **values):
    """Return an outcome of a request, with labels filled in."""
    level = "confidential" if request.is_confidential else "internal"
    return Outcome(request, label=level, level=level, why="email", **values)


def shown(width, *, encoding="utf-8"):
    """Play every part of the screen into a file of this width and return the text."""
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, errors="replace", newline="\n")
    screen = Screen(Console(file=file, width=width, highlight=False))
    outcomes = [
        outcome(ORDINARY, place=Place.CLOUD, backend="cloud", text=REPLY),
        outcome(CONFIDENTIAL, error="APIConnectionError", detail="gone", engine_is_down=True),
        outcome(REQUESTS[9], place=Place.ON_PREMISES, backend="local", text=REPLY),
    ]
    screen.intro(cloud="a stand-in", local="a toy", count=3)
    for item in outcomes:
        screen.asked(item.request)
        screen.judged(label=item.label, why=item.why)
        if not item.error:
            screen.answering(place=item.place, backend=item.backend)
            for character in item.text:
                screen.token(character)
        screen.answered(item)
    screen.table(outcomes, seconds=12.3)
    evidence = Evidence((b'{"a": "\xe7\xb4\x8d\xe6\x9c\x9f"}\r\n\r\n\x00\x1b' * 9,), 0, 5, 9)
    screen.recording(evidence)
    screen.verdict(evidence, kept=True)
    file.flush()
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize("width", [60, 80, 100])
def test_no_line_is_wider_than_the_terminal(width):
    """The demo is readable on 80 columns, also with Japanese text."""
    too_wide = [line for line in shown(width).splitlines() if cell_len(line) > width]

    assert [] == too_wide


def test_text_of_a_model_cannot_command_the_terminal():
    """Control characters of an answer or of the recording are never printed."""
    controls = {character for character in shown(80) if not character.isprintable()}

    assert {"\n"} == controls


def test_a_terminal_without_unicode_is_enough():
    """On an old console the demo replaces what it cannot show, and goes on."""
    assert "confidential bytes received by the cloud: 0" in shown(80, encoding="ascii")


def test_every_byte_is_told_apart_when_shown():
    """Bytes that are no text stand as their number; text stays readable."""
    assert "納期\\x00\\xff\\x1b" == escaped("納期".encode() + b"\x00\xff\x1b")


def test_what_does_not_fit_is_counted():
    """The screen says how many lines of the recording it leaves out."""
    lines, omitted = shown_lines([b"a\n" * 50], width=40, limit=10)

    assert 10 == len(lines)
    assert 41 == omitted


def test_a_broken_search_does_not_count_as_clean():
    """If the control finds nothing, a count of zero proves nothing."""
    outcomes = [outcome(ORDINARY, place=Place.CLOUD)]

    assert is_kept(outcomes, evidence=Evidence((b"x",), 0, 5, control_bytes=9))
    assert not is_kept(outcomes, evidence=Evidence((b"x",), 0, 5, control_bytes=0))
    assert not is_kept(outcomes, evidence=Evidence((b"x",), 3, 5, control_bytes=9))


def test_a_request_in_the_wrong_place_breaks_the_promise():
    """A confidential request at the cloud, or an ordinary one unanswered, is a failure."""
    evidence = Evidence()

    assert not is_kept([outcome(CONFIDENTIAL, place=Place.CLOUD)], evidence=evidence)
    assert not is_kept([outcome(CONFIDENTIAL, error="DemoError")], evidence=evidence)
    assert not is_kept([outcome(ORDINARY, error="APIConnectionError")], evidence=evidence)
    assert is_kept([outcome(CONFIDENTIAL, error="E", engine_is_down=True)], evidence=evidence)

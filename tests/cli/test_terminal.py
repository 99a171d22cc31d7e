"""The command line on any terminal, in any encoding."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from hybridllm.cli import terminal

MARKED = "社外秘: 来期の販売計画"
MAIN = "import sys; from hybridllm.cli import main; sys.exit(main())"


def in_process_of_its_own(*argv, stdin=b"", **environment):
    """Run the command line as a shell does, and return the finished process."""
    return subprocess.run(
        [sys.executable, "-c", MAIN, *argv],
        input=stdin,
        capture_output=True,
        env={**os.environ, **environment},
        check=False,
    )


@pytest.mark.usefixtures("config")
@pytest.mark.parametrize("encoding", ["ascii", "cp932"])
def test_documents_are_utf8_in_every_environment(on_premises, encoding):
    """A program that reads --json need not know the system's encoding."""
    on_premises.say(lambda request: "隅田川 🗼")

    done = in_process_of_its_own(
        "ask", "-", "--json", stdin=MARKED.encode(), PYTHONIOENCODING=encoding
    )

    assert 0 == done.returncode, done.stderr
    assert "隅田川 🗼" == json.loads(done.stdout.decode("utf-8"))["text"]


@pytest.mark.usefixtures("config")
@pytest.mark.parametrize("encoding", ["cp932", "cp1252"])
def test_a_terminal_that_lacks_a_character_shows_another_one(on_premises, encoding):
    """An old console loses a character and not the reply."""
    on_premises.say(lambda request: "隅田川 🗼 end")

    done = in_process_of_its_own("ask", "-", stdin=MARKED.encode(), PYTHONIOENCODING=encoding)

    assert 0 == done.returncode, done.stderr
    assert b" end" in done.stdout
    assert ("隅田川" in done.stdout.decode(encoding)) == (encoding == "cp932")


@pytest.mark.skipif(sys.platform == "win32", reason="names are Unicode there")
@pytest.mark.usefixtures("config")
def test_half_a_character_in_a_name_is_no_reason_to_fail():
    """A file's name that is no Unicode stands in the message as JSON can say it."""
    done = in_process_of_its_own("ask", "--json", "--file", b"\xff.txt")

    assert 3 == done.returncode, done.stderr
    assert b"Traceback" not in done.stderr
    assert "\udcff.txt: cannot be read" in json.loads(done.stdout)["message"]


@pytest.mark.usefixtures("config")
def test_tables_are_shown_in_every_encoding():
    """The frames of tables are no reason to fail."""
    for encoding in ("ascii", "cp1252"):
        done = in_process_of_its_own("explain", "x", PYTHONIOENCODING=encoding)

        assert 0 == done.returncode, done.stderr


@pytest.mark.usefixtures("config")
def test_no_color_is_honoured(run, monkeypatch):
    """NO_COLOR takes the colours away, also where colours are forced (no-color.org)."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("OPENAI_API_KEY")

    coloured = run("doctor").out
    monkeypatch.setenv("NO_COLOR", "1")
    plain = run("doctor").out

    colour = re.compile(r"\x1b\[[0-9;]*3[0-7]m")
    assert colour.search(coloured)
    assert not colour.search(plain)


def test_what_a_model_wrote_cannot_command_a_terminal():
    """Escape sequences in a reply would clear the screen or set the clipboard."""
    said = "一行目\n\tred \x1b[31m, clipboard \x1b]52;c;eA==\x07, \x9b2J, \x7f\r"

    shown = terminal.without_commands(said)

    assert shown.startswith("一行目\n\tred \N{REPLACEMENT CHARACTER}[31m")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", shown)
    assert len(said) == len(shown)

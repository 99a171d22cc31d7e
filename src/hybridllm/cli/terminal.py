"""The terminal, and the pipes that stand in for it.

Answers: how does text get to people and documents to machines, on every system?
Not here: what is shown (the verbs).

Documents for machines are UTF-8 whatever the system's own encoding is. Text for people
keeps the terminal's encoding, and a character that it lacks becomes a question mark
instead of an error. What a model wrote is shown without control characters, since some
of them command the terminal.
"""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_KEPT = "\n\t"
_COMMANDS = {
    code: "\N{REPLACEMENT CHARACTER}"
    for code in (*range(0x20), *range(0x7F, 0xA0))
    if chr(code) not in _KEPT
}


def prepare_streams(*, as_json: bool) -> None:
    """Make standard output and error fit for any text."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            if as_json and stream is sys.stdout:
                # Half a character of a file's name becomes the escape that JSON has for it.
                stream.reconfigure(encoding="utf-8", errors="backslashreplace")
            else:
                stream.reconfigure(errors="replace")


def make_console(*, as_json: bool = False) -> Console:
    """Return a console for people; beside a JSON document they read standard error."""
    from rich.console import Console

    return Console(stderr=as_json, highlight=False, emoji=False, markup=False)


def make_table(*columns: str, title: str | None = None) -> Table:
    """Return a table that cuts nothing off: what is too wide goes on in the next line."""
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def write_json(document: object) -> None:
    """Write one document to standard output."""
    json.dump(document, sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")


def without_commands(text: str) -> str:
    """Return text of which nothing commands the terminal."""
    return text.translate(_COMMANDS)


def write_text(text: str) -> None:
    """Write what a model said; to a pipe as it is, to a terminal without commands."""
    sys.stdout.write(without_commands(text) if sys.stdout.isatty() else text)
    sys.stdout.flush()

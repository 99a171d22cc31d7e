"""`hybridllm doctor`: what is here, what is missing, and what brings it.

Answers: which versions and extras are installed, which configuration is in force, are its
keys, engines and directories there?
Not here: looking (`cli.checkup`).

Without `--connect` nothing is sent. With it each backend gets one GET without content.
Keys are never shown, only whether they are set.

Exit status: 0 all is well, 1 something is missing, 2 the configuration does not load.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from hybridllm.cli import status
from hybridllm.cli.calls import add_common_options
from hybridllm.cli.terminal import make_console, write_json

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rich.console import Console

    from hybridllm.cli.row import Row

_STATE_WIDTH: Final = 11


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "doctor",
        help="say what is installed, reachable and missing",
        description="Say what is installed, which configuration is in force and what it lacks."
        " Nothing is sent, unless --connect asks for it. Keys are never shown.",
    )
    add_common_options(parser)
    parser.add_argument(
        "--connect",
        action="store_true",
        help="send each backend one GET without content, to see whether it answers",
    )
    parser.add_argument(
        "--timeout", type=float, default=5.0, metavar="SECONDS", help="for each backend (default 5)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Look, show what was found and return the exit status."""
    from hybridllm.cli.checkup import examine
    from hybridllm.cli.row import State

    rows = examine(args.config, connect=args.connect, timeout_s=args.timeout)
    states = {row.state for row in rows}
    ended = status.OK
    if State.FAULT in states or State.MISSING in states:
        ended = status.REFUSED
    if any(row.area == "configuration" and row.state.is_bad for row in rows):
        ended = status.CONFIGURATION
    if args.json:
        write_json({"rows": [asdict(row) for row in rows], "exit_status": ended})
    else:
        _show(make_console(), rows)
    return ended


def _show(console: Console, rows: Sequence[Row]) -> None:
    for row in rows:
        console.print(
            f"{row.state.value:<{_STATE_WIDTH}}{row.area} {row.subject}: {row.detail}",
            style="bold red" if row.state.is_bad else None,
            soft_wrap=True,
        )
        if row.remedy:
            console.print(f"{'':<{_STATE_WIDTH}}-> {row.remedy}", soft_wrap=True)

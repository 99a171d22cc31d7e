"""`hybridllm audit`: can the audit log be trusted?

Answers: is every line of these segments whole and in its place?
Not here: the chain itself (`hybridllm.audit.verify`).

Works offline, on copies too; it needs the key of the installation that wrote them.
A segment without its last line was cut, or its process was killed or still runs; that is
said and is no fault, since a power cut leaves the same.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from hybridllm.cli import status
from hybridllm.cli.calls import add_common_options
from hybridllm.cli.terminal import make_console, write_json
from hybridllm.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rich.console import Console

    from hybridllm.audit.verify import Verification


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "audit", help="verify the audit log", description="Work with the audit log, offline."
    )
    verbs = parser.add_subparsers(dest="audit_verb", required=True, metavar="VERB")
    verify = verbs.add_parser(
        "verify",
        help="check that no line was changed, dropped, swapped or inserted",
        description="Check that no line was changed, dropped, swapped or inserted."
        " Exit status 1 means that one was.",
    )
    verify.add_argument(
        "paths",
        nargs="*",
        metavar="DIR|FILE",
        help="segments, or directories of them (default: the log of the configuration)",
    )
    add_common_options(verify)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Verify, show the result and return the exit status."""
    from hybridllm.audit.verify import verify_segment
    from hybridllm.config.survey import audit_key

    directory, key = audit_key(args.config)
    segments = _segments([Path(path) for path in args.paths] or [directory])
    checked: list[tuple[Path, Verification]] = []
    for segment in segments:
        try:
            checked.append((segment, verify_segment(segment, key=key)))
        except OSError as error:
            raise ConfigurationError(
                f"cannot be read ({error.strerror})", file=str(segment)
            ) from None
    if args.json:
        write_json([{"path": str(path), **asdict(found)} for path, found in checked])
    else:
        _show(make_console(), checked)
    return status.OK if all(found.valid for _, found in checked) else status.REFUSED


def _segments(paths: Sequence[Path]) -> list[Path]:
    """Return all segments that the paths mean, oldest first (their names begin with the time).

    Raises:
        ConfigurationError: There is none, so nothing would have been verified.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(path.glob("*.jsonl"))
        elif path.exists():
            found.append(path)
        else:
            raise ConfigurationError("does not exist", file=str(path))
    if not found:
        shown = ", ".join(str(path) for path in paths)
        raise ConfigurationError("holds no segment (*.jsonl) of an audit log", file=shown)
    return list(dict.fromkeys(found))


def _show(console: Console, checked: Sequence[tuple[Path, Verification]]) -> None:
    faults = 0
    for path, found in checked:
        if found.valid:
            end = "" if found.closed else "; no end: still open, killed or cut"
            console.print(f"ok     {path.name}: {found.lines} lines{end}", soft_wrap=True)
        else:
            faults += 1
            console.print(
                f"FAULT  {path.name}: {found.fault}; {found.lines} lines before it are whole",
                style="bold red",
                soft_wrap=True,
            )
    console.print(f"{len(checked)} segments, {faults} with a fault", style="bold")

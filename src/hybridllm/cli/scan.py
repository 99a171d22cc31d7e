"""`hybridllm scan`: find sensitive data in files.

Answers: what do these files hold that a policy would want to know about, and where?
Not here: the rules (`classify.detectors`), sending anything.

The terminal shows the lines of your own files, with what was found marked. The JSON
document holds places and kinds only; the values come with `--show-values`. Exit status 1
means that something was found or that a file could not be read.
"""

from __future__ import annotations

import os
import re
import sys
from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hybridllm.cli import status
from hybridllm.cli.terminal import make_console, make_table, without_commands, write_json
from hybridllm.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from rich.console import Console
    from rich.text import Text

    from hybridllm.classify.detector import Detector, Match

_MAX_BYTES: Final = 64 * 2**20
_PIECE: Final = 200_000
_OVERLAP: Final = 2_000
"""Pieces of a long file overlap by this much, so that a cue and its value stay together."""

_CONTEXT: Final = 48
_LINE_BREAK: Final = re.compile("\n")


@dataclass(slots=True)
class _Scanned:
    """What one file holds, or why it could not be read."""

    path: Path
    text: str = field(default="", repr=False)
    matches: list[Match] = field(default_factory=list)
    skipped: str = ""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "scan",
        help="find sensitive data in files",
        description="Find sensitive data in text files. Nothing is sent and nothing is kept.",
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a file or a folder")
    parser.add_argument(
        "--lexicon", action="append", default=[], type=Path, metavar="FILE",
        help="also find the terms of this CSV file (may be repeated)",
    )  # fmt: skip
    parser.add_argument(
        "--kind", action="append", default=[], metavar="KIND",
        help="only kinds that start like this (may be repeated)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="write one JSON document to stdout")
    parser.add_argument(
        "--show-values", action="store_true", help="put what was found into the JSON document"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Scan the files and return the exit status."""
    detectors = _detectors(args.lexicon)
    kinds = tuple(args.kind)
    console = make_console(as_json=args.json)
    scanned: list[_Scanned] = []
    for file in _with_progress(_files(args.paths)):
        result = _scan(file, detectors, kinds)
        scanned.append(result)
        if not args.json:
            _show(console, result)
    if args.json:
        write_json(_document(scanned, show_values=args.show_values))
    else:
        _sum_up(console, scanned)
    clean = all(not result.matches and not result.skipped for result in scanned)
    return status.OK if clean else status.REFUSED


def _detectors(lexicons: Sequence[Path]) -> list[Detector]:
    from hybridllm.classify.detectors import builtin_detectors
    from hybridllm.classify.lexicon import LexiconDetector, load_lexicon

    return [*builtin_detectors(), *(LexiconDetector(load_lexicon(path)) for path in lexicons)]


def _files(paths: Sequence[Path]) -> list[Path]:
    from hybridllm.classify.fingerprint.files import find_files

    files: list[Path] = []
    for path in paths:
        try:
            files += find_files(path)
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise ConfigurationError(f"cannot be read ({reason})", file=str(path)) from None
    return files


def _with_progress(files: Sequence[Path]) -> Iterator[Path]:
    """Yield the files; a terminal shows how far it is."""
    if len(files) < 2 or not sys.stderr.isatty():
        yield from files
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(files, "scanning", console=Console(stderr=True), transient=True)


def _scan(file: Path, detectors: Sequence[Detector], kinds: tuple[str, ...]) -> _Scanned:
    from hybridllm.classify.fingerprint.files import decoded

    try:
        if file.stat().st_size > _MAX_BYTES:
            return _Scanned(file, skipped=f"larger than {_MAX_BYTES // 2**20} MiB")
        text = decoded(file.read_bytes())
    except OSError as error:
        return _Scanned(file, skipped=f"cannot be read ({os.strerror(error.errno or 0)})")
    if text is None:
        return _Scanned(file, skipped="no text that can be read here")
    found = {match for detector in detectors for match in _matches(detector, text)}
    chosen = [match for match in found if not kinds or match.kind.startswith(kinds)]
    return _Scanned(file, text, sorted(chosen, key=lambda match: (match.start, -match.end)))


def _matches(detector: Detector, text: str) -> Iterator[Match]:
    """Yield the findings of a text, read in overlapping pieces if it is long."""
    from hybridllm.classify.detector import Match

    start = 0
    while True:
        piece = text[start : start + _PIECE]
        for match in detector.detect(piece):
            yield Match(match.kind, match.start + start, match.end + start, match.confidence)
        if start + _PIECE >= len(text):
            return
        start += _PIECE - _OVERLAP


def _document(scanned: Sequence[_Scanned], *, show_values: bool) -> dict[str, object]:
    files = []
    for result in scanned:
        places = _Places(result.text)
        findings = []
        for match in result.matches:
            line, column = places.line_and_column(match.start)
            finding: dict[str, object] = {
                "kind": match.kind, "line": line, "column": column, "start": match.start,
                "end": match.end, "confidence": match.confidence,
            }  # fmt: skip
            if show_values:
                finding["value"] = result.text[match.start : match.end]
            findings.append(finding)
        files.append(
            {"path": str(result.path), "findings": findings, "skipped": result.skipped or None}
        )
    return {"files": files, "findings": sum(len(result.matches) for result in scanned)}


def _show(console: Console, result: _Scanned) -> None:
    name = without_commands(str(result.path))
    if result.skipped:
        console.print(f"{name}: not read, {result.skipped}", style="yellow")
        return
    places = _Places(result.text)
    for match in result.matches:
        line, column = places.line_and_column(match.start)
        console.print(f"{name}:{line}:{column}  {match.kind}", style="bold")
        console.print(_marked(result.text, match), soft_wrap=True)


def _marked(text: str, match: Match) -> Text:
    """Return the line of a finding, shortened, with the finding marked."""
    from rich.text import Text

    first = max(text.rfind("\n", 0, match.start) + 1, match.start - _CONTEXT)
    stop = text.find("\n", match.end)
    last = min(len(text) if stop < 0 else stop, match.end + _CONTEXT)
    line = Text("    ")
    line.append(without_commands(text[first : match.start]))
    line.append(without_commands(text[match.start : match.end]), style="black on yellow")
    line.append(without_commands(text[match.end : last]))
    return line


def _sum_up(console: Console, scanned: Sequence[_Scanned]) -> None:
    counts: dict[str, tuple[int, int]] = {}
    for result in scanned:
        for kind in {match.kind for match in result.matches}:
            times, files = counts.get(kind, (0, 0))
            here = sum(match.kind == kind for match in result.matches)
            counts[kind] = (times + here, files + 1)
    if counts:
        table = make_table("kind", "found", "in files")
        for kind, (times, files) in sorted(counts.items()):
            table.add_row(kind, str(times), str(files))
        console.print(table)
    skipped = sum(bool(result.skipped) for result in scanned)
    read = len(scanned) - skipped
    left_out = f", {skipped} not read" if skipped else ""
    found = "" if counts else "nothing found in "
    console.print(f"{found}{read} file{'' if read == 1 else 's'}{left_out}")


class _Places:
    """Lines and columns of a text, counted from 1."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(found.end() for found in _LINE_BREAK.finditer(text))]

    def line_and_column(self, place: int) -> tuple[int, int]:
        line = bisect_right(self._starts, place)
        return line, place - self._starts[line - 1] + 1

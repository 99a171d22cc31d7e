"""`hybridllm audit search`: which records fit a question?

Answers: how are they asked for and shown?
Not here: what fits (`hybridllm.audit.search`).

Needs no key and verifies nothing. Each record is written as soon as it is found.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from hybridllm.cli import status
from hybridllm.cli.audit_opening import add_log_options, segment_paths
from hybridllm.cli.terminal import without_commands
from hybridllm.errors import ConfigurationError, expected_one_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hybridllm.audit.search import Query, Threshold

_EXACT = {
    "call": ("ID", "one call, with its outcomes; the audit id of replies and errors"),
    "department": ("NAME", "for whom the call was made"),
    "backend": ("NAME", "where the attempt went"),
    "place": ("PLACE", "where that backend runs: cloud, on_premises or in_process"),
    "effect": ("EFFECT", "what was decided: permit, deny or indeterminate"),
    "kind": ("KIND", "what was found, such as personal.email or personal.*"),
    "rule": ("TEXT", "part of the name of a rule that took part"),
}


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to `hybridllm audit`."""
    parser = verbs.add_parser(
        "search",
        help="find records",
        description="Find records that fit all of what is asked. Verifies nothing.",
    )
    add_log_options(parser)
    add_span_options(parser)
    add_threshold_options(parser, name="--label-at-least", required=False)
    for name, (shown, meaning) in _EXACT.items():
        parser.add_argument(f"--{name}", metavar=shown, help=meaning)
    parser.set_defaults(run=run)


def add_span_options(parser: argparse.ArgumentParser) -> None:
    """Add from when until when."""
    parser.add_argument(
        "--from",
        dest="since",
        metavar="TIME",
        help="a day or a time, such as 2026-01-31 or 2026-01-31T09:00+09:00; UTC if it says none",
    )
    parser.add_argument(
        "--until", metavar="TIME", help="up to this time, or to the end of this day (UTC)"
    )


def add_threshold_options(parser: argparse.ArgumentParser, *, name: str, required: bool) -> None:
    """Add the label that counts, together with all above it."""
    parser.add_argument(
        name, dest="label", required=required, metavar="LEVEL", help="this level or a higher one"
    )
    parser.add_argument(
        "--compartment",
        action="append",
        default=[],
        metavar="NAME",
        help="and with this compartment (may be repeated)",
    )


def threshold(args: argparse.Namespace, *, paths: Sequence[Path]) -> Threshold:
    """Return the label that was named.

    Raises:
        ConfigurationError: No scale in the log has such a level.
    """
    from hybridllm.audit.search import Threshold, recorded_levels

    levels = recorded_levels(paths)
    if args.label not in levels:
        raise ConfigurationError(f"the level {expected_one_of(args.label, allowed=levels)}")
    return Threshold(args.label, frozenset(args.compartment))


def run(args: argparse.Namespace) -> int:
    """Search and show what is found."""
    from hybridllm.audit.search import search

    paths = segment_paths(args)
    found = search(paths, query=_query(args, paths=paths))
    if args.json:
        _write_documents(found)
    else:
        for record in found:
            sys.stdout.write(without_commands(_line(record)) + "\n")
    return status.OK


def _query(args: argparse.Namespace, *, paths: Sequence[Path]) -> Query:
    from hybridllm.audit.search import Query
    from hybridllm.audit.times import span

    if args.compartment and args.label is None:
        raise ConfigurationError("--compartment needs --label-at-least")
    return Query(
        span=span(args.since, until=args.until),
        label_at_least=None if args.label is None else threshold(args, paths=paths),
        **{name: getattr(args, name) for name in _EXACT},
    )


def _write_documents(found: Iterator[dict[str, Any]]) -> None:
    """Write one JSON list, one record a line, without ever holding all of it."""
    separator = "["
    for record in found:
        sys.stdout.write(f"{separator}\n{json.dumps(record, ensure_ascii=False)}")
        separator = ","
    sys.stdout.write("[]\n" if separator == "[" else "\n]\n")


def _line(record: dict[str, Any]) -> str:
    label = record.get("label") or {}
    compartments = ", ".join(label.get("compartments", ()))
    parts = {
        "": f"{record.get('time')} {record.get('event')} {record.get('call')}",
        "department": record.get("department"),
        "label": f"{label.get('level')} ({compartments})" if compartments else label.get("level"),
        "effect": record.get("effect"),
        "to": _target(record),
        "found": " ".join(f"{kind}:{times}" for kind, times in record.get("kinds", {}).items()),
        "rules": "; ".join(record.get("rules", ())),
        "result": record.get("result"),
    }
    return "  ".join(
        f"{name}={text}" if name else str(text) for name, text in parts.items() if text
    )


def _target(record: dict[str, Any]) -> str:
    backend, place = record.get("backend"), record.get("place")
    return f"{backend} ({place})" if place else str(backend or "")

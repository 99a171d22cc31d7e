"""`hybridllm audit report`, `verify-statement` and `public-key`: proof for strangers.

Answers: how is a statement made, shown and checked?
Not here: what it says (`hybridllm.audit.report`), its signature (`audit.statement`).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybridllm.cli import status
from hybridllm.cli.audit_opening import add_log_options, log_paths, read_keys, segment_paths
from hybridllm.cli.audit_search import add_span_options, add_threshold_options, threshold
from hybridllm.cli.calls import add_common_options
from hybridllm.cli.terminal import make_console, without_commands, write_json
from hybridllm.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

_PLACES = ("cloud", "on_premises", "in_process")


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verbs to `hybridllm audit`."""
    report = verbs.add_parser(
        "report",
        help="show that no request of a label reached a place",
        description="Show that no request of this label or above reached a place between two"
        " times, and under which policy. Exit status 1 means that one did, or that the log has"
        " a gap there.",
    )
    add_log_options(report)
    add_span_options(report)
    add_threshold_options(report, name="--label", required=True)
    report.add_argument("--place", choices=_PLACES, default="cloud", help="default: cloud")
    report.add_argument("--out", metavar="FILE", help="write the signed statement to this file")
    report.set_defaults(run=run)
    check = verbs.add_parser(
        "verify-statement",
        help="check a statement with a public key",
        description="Check a statement with a public key; needs nothing else. Exit status 1 means"
        " that the signature is wrong, or that the statement does not prove its claim.",
    )
    check.add_argument("statement", metavar="FILE", help="the statement")
    check.add_argument(
        "--public-key", action="append", required=True, metavar="FILE", help="whose it has to be"
    )
    check.add_argument("--log", metavar="DIR", help="also check that this log still holds it all")
    check.add_argument("--json", action="store_true", help="write one JSON document to stdout")
    check.set_defaults(run=verify_statement)
    public = verbs.add_parser("public-key", help="print the key that checks signatures")
    add_common_options(public)
    public.add_argument("--out", metavar="FILE", help="write it to this file instead")
    public.set_defaults(run=public_key)


def run(args: argparse.Namespace) -> int:
    """Go through the log, show what it proves and write the statement."""
    from hybridllm.audit.report import Claim, is_proven, report
    from hybridllm.audit.signing import can_sign, load_signing_key
    from hybridllm.audit.statement import signed_statement
    from hybridllm.audit.times import as_text, span
    from hybridllm.config.survey import survey

    directories = log_paths(args)
    if len(directories) != 1 or not directories[0].is_dir():
        raise ConfigurationError("a report goes through one directory, with all its segments")
    now = as_text(datetime.now(UTC))
    claim = Claim(
        threshold(args, paths=segment_paths(args)),
        args.place,
        span(args.since, until=args.until or now),
    )
    try:
        made = report(directories[0], claim=claim, keys=read_keys(args), now=now)
    except OSError as error:
        raise ConfigurationError(
            f"cannot be read ({error.strerror})", file=str(directories[0])
        ) from None
    key = survey(args.config).signing_key
    signer = load_signing_key(key) if key.exists() and can_sign() else None
    statement = signed_statement(made, signer=signer)
    if args.out is not None:
        text = json.dumps(statement, ensure_ascii=False, indent=2) + "\n"
        _write(Path(args.out), text=text)
    _show(statement, as_json=args.json, signed=signer is not None)
    if args.json:
        write_json(statement)
    return status.OK if is_proven(statement) else status.REFUSED


def verify_statement(args: argparse.Namespace) -> int:
    """Check a statement, show it and return the exit status."""
    from hybridllm.audit.report import is_proven
    from hybridllm.audit.signing import read_public_keys
    from hybridllm.audit.statement import is_signed, missing_segments, read_statement

    statement = read_statement(Path(args.statement))
    signed = is_signed(statement, keys=read_public_keys(map(Path, args.public_key)))
    missing: list[str] = []
    if signed and args.log is not None:
        try:
            missing = missing_segments(statement, directory=Path(args.log))
        except OSError as error:
            raise ConfigurationError(
                f"cannot be read ({error.strerror})", file=str(error.filename)
            ) from None
    if args.json:
        write_json({"signed": signed, "proven": signed and is_proven(statement),
                    "missing_segments": missing})  # fmt: skip
    elif signed:
        _show(statement, as_json=False, signed=True)
        console = make_console()
        for name in missing:
            console.print(f"FAULT  {name} is missing, cut or changed", style="bold red")
    else:
        make_console().print("FAULT  the signature is not of this key", style="bold red")
    return status.OK if signed and is_proven(statement) and not missing else status.REFUSED


def public_key(args: argparse.Namespace) -> int:
    """Print or write the public key, which everybody may have."""
    from hybridllm.audit.signing import load_signing_key
    from hybridllm.config.survey import survey

    path = survey(args.config).signing_key
    if not path.exists():
        raise ConfigurationError(
            "there is no key pair yet; it is made with the first record, if the extra 'audit' is "
            "installed",
            file=str(path),
        )
    key = load_signing_key(path).public
    if args.out is not None:
        _write(Path(args.out), text=key.pem)
    elif args.json:
        write_json({"id": key.id, "pem": key.pem})
    else:
        print(key.pem, end="")
    return status.OK


def _show(statement: Mapping[str, Any], *, as_json: bool, signed: bool) -> None:
    console = make_console(as_json=as_json)
    for line in _lines(statement):
        console.print(without_commands(line), soft_wrap=True)
    if signed:
        console.print(f"signed by {statement['signer']}", soft_wrap=True)
    else:
        console.print("not signed: the extra 'audit' is not installed, or there is no key pair yet")


def _lines(statement: Mapping[str, Any]) -> Iterator[str]:
    claim, found = statement["claim"], statement["at_or_above"]
    label, place = _label(claim["label"]), claim["place"]
    count = found.get(place, 0)
    if not statement["holds"]:
        verdict = f"{count} attempts with requests"
    elif statement["gaps"]:
        verdict = "NOT SHOWN, since the log has gaps: that no request"
    elif not statement["segments"]:
        verdict = "NOT SHOWN, since the log has nothing of that time: that no request"
    else:
        verdict = "No request"
    yield f"{verdict} of {label} or above reached {place}"
    yield f"  from {claim['from']} up to {claim['until']}"
    for where, number in found.items():
        if where != place:
            yield f"  of this label or above: {number} to {where}"
    for policy in statement["policies"]:
        yield (
            f"  policy {policy['digest'][:16]}: {policy['decisions']} decisions, "
            f"{policy['first']} to {policy['last']}"
        )
    lines = sum(item["lines"] for item in statement["segments"])
    yield f"  {len(statement['segments'])} segments with {lines} lines were checked"
    if statement["clock_steps_back"]:
        yield f"  the clock went back {statement['clock_steps_back']} times"
    for gap in statement["gaps"]:
        yield f"GAP    {gap}"
    if statement["faults_elsewhere"]:
        yield f"  {statement['faults_elsewhere']} faults of the log touch other times only"


def _label(label: Mapping[str, Any]) -> str:
    compartments = ", ".join(label["compartments"])
    return f"{label['level']} ({compartments})" if compartments else str(label["level"])


def _write(path: Path, *, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise ConfigurationError(f"cannot be written ({error.strerror})", file=str(path)) from None

"""`hybridllm audit`: can the audit log be trusted, what does it say, what does it prove?

Answers: is every segment there, and every line of it whole and in its place?
Not here: searching (`cli.audit_search`), statements (`cli.audit_report`), the check
itself (`hybridllm.audit.inspect`).

Works offline, on copies too: with the installation's key, or with a public key and no
configuration. A segment without its last line was cut, or its process was killed or still
runs; that is said and is no fault on its own, since a power cut leaves the same.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybridllm.cli import audit_report, audit_search, status
from hybridllm.cli.audit_opening import add_log_options, log_paths, read_keys
from hybridllm.cli.terminal import make_console, write_json
from hybridllm.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rich.console import Console

    from hybridllm.audit.inspect import Inspection
    from hybridllm.audit.reading import Keys, Verification


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "audit",
        help="verify, search and prove",
        description="Work with the audit log, offline.",
    )
    verbs = parser.add_subparsers(dest="audit_verb", required=True, metavar="VERB")
    verify = verbs.add_parser(
        "verify",
        help="check that no line was changed, dropped, swapped or inserted, and no file removed",
        description="Check that no line was changed, dropped, swapped or inserted, and that no"
        " segment was cut or removed. Exit status 1 means that one was.",
    )
    add_log_options(verify)
    verify.add_argument(
        "--public-key",
        action="append",
        default=[],
        metavar="FILE",
        help="check signatures with this key; needs no configuration (may be repeated)",
    )
    verify.add_argument(
        "--first",
        type=int,
        default=1,
        metavar="NUMBER",
        help="number of the oldest segment that has to be there (default 1)",
    )
    verify.set_defaults(run=run)
    audit_search.register(verbs)
    audit_report.register(verbs)


def run(args: argparse.Namespace) -> int:
    """Verify, show the result and return the exit status."""
    keys = read_keys(args)
    try:
        checked = [(path, _checked(path, keys=keys, first=args.first)) for path in log_paths(args)]
    except OSError as error:
        raise ConfigurationError(
            f"cannot be read ({error.strerror})", file=str(error.filename)
        ) from None
    if args.json:
        write_json(_document(checked, keys=keys))
    else:
        _show(make_console(), [found for _, found in checked], keys=keys)
    return status.OK if all(found.valid for _, found in checked) else status.REFUSED


def _checked(path: Path, *, keys: Keys, first: int) -> Inspection:
    from hybridllm.audit.inspect import Fault, Inspection, inspect_log
    from hybridllm.audit.verify import verify_segment

    if path.is_dir():
        return inspect_log(path, keys=keys, first=first)
    found = verify_segment(path, key=keys.key, public_keys=keys.public)
    fault = (Fault(f"{found.file}: {found.fault}"),) if found.fault else ()
    return Inspection((found,), fault)


def _document(checked: Sequence[tuple[Path, Inspection]], *, keys: Keys) -> dict[str, Any]:
    segments = []
    for path, inspection in checked:
        folder = path if path.is_dir() else path.parent
        for found in inspection.segments:
            item = asdict(found)
            del item["ended"], item["open"]
            segments.append({"path": str(folder / found.file), **item})
    faults = [fault.text for _, inspection in checked for fault in inspection.faults]
    return {"segments": segments, "faults": faults, "signatures_checked": bool(keys.public)}


def _show(console: Console, checked: Sequence[Inspection], *, keys: Keys) -> None:
    segments = [found for inspection in checked for found in inspection.segments]
    for found in segments:
        if found.valid:
            console.print(f"ok     {_described(found, keys=keys)}", soft_wrap=True)
    for inspection in checked:
        for fault in inspection.faults:
            console.print(f"FAULT  {fault.text}", style="bold red", soft_wrap=True)
    for found in segments:
        if not found.valid:
            console.print(f"       {found.file}: {found.lines} lines before it are whole")
    broken = sum(not found.valid for found in segments)
    others = sum(len(item.faults) for item in checked) - broken
    console.print(
        f"{len(segments)} segments, {broken} with a fault, {others} other faults", style="bold"
    )
    if not keys.public:
        console.print(
            "signatures were not checked: there is no key pair yet, or the extra 'audit' is missing"
        )


def _described(found: Verification, *, keys: Keys) -> str:
    parts = [f"{found.file}: {found.lines} lines"]
    if keys.public and found.covered < found.lines:
        parts.append(f"{found.lines - found.covered} of them not signed yet")
    if found.torn:
        parts.append("half a line at the end")
    if not found.closed:
        parts.append("no end: still open, killed or cut")
    if found.steps_back:
        parts.append(f"the clock went back {found.steps_back} times")
    return "; ".join(parts)

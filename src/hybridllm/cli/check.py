"""`hybridllm check`: is the whole configuration sound?

Answers: do all files load together, and what do they add up to?
Not here: the checks (`hybridllm.config`); a start makes the very same ones.

No backend is asked anything; `hybridllm doctor --connect` does that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hybridllm.cli import status
from hybridllm.cli.calls import add_common_options
from hybridllm.cli.decisions import label_document
from hybridllm.cli.terminal import make_console, make_table, write_json

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rich.console import Console

    from hybridllm.policy.model import Policy


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "check",
        help="validate all configuration files",
        description="Load all configuration files as a start does and say what they add up to."
        " Exit status 2 means that something in them is wrong; the message says what.",
    )
    add_common_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check, show the result and return the exit status."""
    from hybridllm.config import open_config
    from hybridllm.config.survey import survey

    wiring = open_config(args.config)
    wiring.close_stores()
    policy = wiring.runtime.policy
    found = survey(args.config)
    folder = found.file.parent
    files = [
        path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.as_posix()
        for path in (found.file, *found.departments, *found.lexicons)
    ]
    default = wiring.runtime.default_department
    if args.json:
        write_json(_document(policy, files=files, default_department=default))
    else:
        _show(make_console(), policy=policy, files=files, default_department=default)
    return status.OK


def _document(policy: Policy, *, files: Sequence[str], default_department: str) -> dict[str, Any]:
    return {
        "files": list(files),
        "policy_digest": policy.digest,
        "levels": [level.name for level in policy.scale.levels],
        "compartments": sorted(policy.scale.compartments),
        "default_label": label_document(policy.default),
        "default_department": default_department or None,
        "backends": {
            item.name: {
                "place": item.place.value,
                "clearance": label_document(item.clearance),
                "endpoints": sorted(item.endpoints),
                "data_residency": item.data_residency,
            }
            for item in policy.destinations.values()
        },
        "models": {
            alias: [{"backend": target.backend, "model": target.model} for target in targets]
            for alias, targets in policy.aliases.items()
        },
        "rules": [rule.title for rule in policy.rules],
        "departments": {
            item.name: {
                "default": label_document(item.default),
                "findings": len(item.finding_labels),
                "rules": [rule.title for rule in item.rules],
            }
            for item in policy.departments.values()
        },
    }


def _show(
    console: Console, *, policy: Policy, files: Sequence[str], default_department: str
) -> None:
    for file in files:
        console.print(f"ok  {file}", soft_wrap=True)
    console.print()
    backends = make_table("backend", "place", "cleared up to", "serves")
    for item in policy.destinations.values():
        serves = ", ".join(sorted(item.endpoints))
        backends.add_row(item.name, item.place.value, str(item.clearance), serves)
    models = make_table("model", "candidates, in order")
    for alias, targets in policy.aliases.items():
        models.add_row(alias, "\n".join(f"{item.backend}: {item.model}" for item in targets))
    departments = make_table("department", "starts at", "own rules", "own findings")
    for department in policy.departments.values():
        mark = " (default)" if department.name == default_department else ""
        departments.add_row(
            f"{department.name}{mark}",
            str(department.default),
            str(len(department.rules)),
            str(len(department.finding_labels)),
        )
    for table in (backends, models, departments):
        console.print(table)
    console.print(f"sound; policy {policy.digest[:12]}", style="bold")

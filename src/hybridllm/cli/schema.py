"""`hybridllm schema`: the JSON Schema of the configuration files.

Answers: what may an editor complete and check?
Not here: names that refer to each other; `hybridllm check` knows those.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hybridllm.cli import status
from hybridllm.cli.terminal import prepare_streams, write_json

if TYPE_CHECKING:
    import argparse


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "schema",
        help="print the JSON Schema of the configuration files",
        description="Print the JSON Schema of hybridllm.toml or of a department's file, for"
        " editors that complete and check.",
    )
    parser.add_argument(
        "file",
        nargs="?",
        choices=("organisation", "department"),
        default="organisation",
        help="which file (default: organisation)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the schema and return the exit status."""
    # Standard output is for machines here, so it is UTF-8 on every system.
    prepare_streams(as_json=True)
    from hybridllm.config.schema import OrganisationFile
    from hybridllm.policy.json_schema import json_schema
    from hybridllm.policy.schema import DepartmentConfig

    if args.file == "department":
        title = "departments/NAME.toml"
        schema = json_schema(DepartmentConfig, title=title, part="department")
    else:
        schema = json_schema(OrganisationFile, title="hybridllm.toml", part="organisation")
    write_json(schema)
    return status.OK

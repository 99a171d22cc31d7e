"""`hybridllm detectors`: name what is looked for.

Answers: which kinds does detection know, what does one look like, where does its rule
come from?
Not here: finding any (`cli.scan`), what a kind means for the label (`policy`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hybridllm.classify.detectors import KINDS, is_available
from hybridllm.cli import status
from hybridllm.cli.terminal import make_console, make_table, write_json

if TYPE_CHECKING:
    import argparse

_LEXICON = "lexicon.<group>: your own terms, from the lists that the configuration names."
_NAMES = "Japanese names: by cues and frequent names; `pip install 'hybridllm[ja]'` finds more."
_NAMES_TAGGED = "Japanese names: by cues, frequent names and the dictionary of SudachiPy."


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "detectors",
        help="name what is looked for",
        description="Name the kinds of sensitive data that are looked for, with examples."
        " All examples are made up.",
    )
    parser.add_argument("kind", nargs="*", metavar="KIND", help="only kinds that start like this")
    parser.add_argument("--json", action="store_true", help="write one JSON document to stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Show the kinds and return the exit status; 1 if none is called like that."""
    wanted = tuple(args.kind)
    kinds = [kind for kind in KINDS if not wanted or kind.name.startswith(wanted)]
    if args.json:
        write_json(
            {
                "kinds": [
                    {
                        "kind": kind.name,
                        "description": kind.description,
                        "example": kind.example,
                        "source": kind.source,
                    }
                    for kind in kinds
                ],
                "japanese_dictionary": is_available(),
            }
        )
    else:
        console = make_console()
        table = make_table("kind", "what it is", "example", "source")
        for kind in kinds:
            table.add_row(kind.name, kind.description, _shortened(kind.example), kind.source)
        console.print(table)
        console.print(_LEXICON)
        console.print(_NAMES_TAGGED if is_available() else _NAMES)
    return status.OK if kinds else status.REFUSED


def _shortened(example: str) -> str:
    return example if len(example) <= 60 else f"{example[:57]}..."

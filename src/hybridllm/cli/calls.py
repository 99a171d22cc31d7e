"""What `ask` and `explain` have in common: who asks, which model, which text.

Answers: which client, model and messages does the command line mean?
Not here: the calls themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hybridllm.cli.texts import STANDARD_INPUT, read_text
from hybridllm.errors import RequestError

if TYPE_CHECKING:
    import argparse

    from hybridllm.client import HybridLLM


def add_call_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what a call is."""
    parser.add_argument("text", nargs="?", metavar="TEXT", help="the text; - reads standard input")
    parser.add_argument(
        "--file",
        action="append",
        default=[],
        metavar="FILE",
        help="put the text of a file below it (UTF-8; may be repeated)",
    )
    parser.add_argument(
        "--model", metavar="ALIAS", help="alias of a model; needed if there are several"
    )
    parser.add_argument("--department", metavar="NAME", help="for whom the call is made")
    parser.add_argument("--label", metavar="LEVEL", help="raise the label; it is never lowered")
    parser.add_argument(
        "--compartment",
        action="append",
        default=[],
        metavar="NAME",
        help="add a compartment to the label (may be repeated)",
    )
    add_common_options(parser)


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that every verb with a configuration has."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="default: hybridllm.toml, or the one that HYBRIDLLM_CONFIG names",
    )
    parser.add_argument("--json", action="store_true", help="write one JSON document to stdout")


def open_client(args: argparse.Namespace) -> HybridLLM:
    """Return the client that the command line describes."""
    from hybridllm.client import HybridLLM

    client = HybridLLM(config=args.config)
    try:
        return client.with_options(
            department=args.department,
            application="hybridllm-cli",
            label=args.label,
            compartments=tuple(args.compartment),
        )
    except BaseException:
        client.close()
        raise


def chosen_model(client: HybridLLM, *, named: str | None) -> str:
    """Return the alias that the user named, or the only one that there is.

    Raises:
        RequestError: There are several, and none was named.
    """
    if named is not None:
        return named
    aliases = [model.id for model in client.models.list()]
    if len(aliases) > 1:
        raise RequestError(f"no model was named; choose with --model: {', '.join(sorted(aliases))}")
    return aliases[0]


def read_messages(args: argparse.Namespace) -> list[Any]:
    """Return the messages that the command line means: one, of the user.

    Raises:
        RequestError: There is no text, or it cannot be read.
    """
    parts = []
    if args.text is not None:
        parts.append(read_text(args.text) if args.text == STANDARD_INPUT else args.text)
    parts += [read_text(name) for name in args.file]
    text = "\n\n".join(part.rstrip("\r\n") for part in parts)
    if not text.strip():
        raise RequestError("there is no text; give one, a file with --file, or - and a pipe")
    return [{"role": "user", "content": text}]

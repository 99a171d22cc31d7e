"""`hybridllm lexicon hash`: keep a list of names as hashes.

Answers: how does a list of customers become a file that names none of them?
Not here: what the file holds (`classify.lexicon_hashed`), the key (`config.lexicons`).
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from hybridllm.cli import status
from hybridllm.cli.calls import add_common_options
from hybridllm.cli.terminal import make_console, write_json
from hybridllm.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "lexicon",
        help="keep lists of names as hashes",
        description="Keep a list of names as keyed hashes. Its terms are still found; without "
        "the key of this installation the file names none of them.",
    )
    parser.set_defaults(run=run)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    hashing = verbs.add_parser("hash", help="write the hashes of a list to another file")
    hashing.add_argument("source", type=Path, metavar="CSV", help="the list, or a query file")
    hashing.add_argument("target", type=Path, metavar="OUT", help="where the hashes go")
    hashing.add_argument("--force", action="store_true", help="replace OUT if it exists")
    add_common_options(hashing)


def run(args: argparse.Namespace) -> int:
    """Write the file and return the exit status."""
    from hybridllm.config.lexicons import hash_lexicon_file

    if args.target.exists() and not args.force:
        raise ConfigurationError("exists; --force replaces it", file=str(args.target))
    hashed = hash_lexicon_file(args.source, config=args.config)
    _write(args.target, hashed.content)
    if args.json:
        write_json({"terms": hashed.terms, "bytes": len(hashed.content), "file": str(args.target)})
        return status.OK
    console = make_console()
    console.print(
        f"{hashed.terms:,} terms in {args.target}; name it in detection.lexicons in place of the "
        "list, and keep the list elsewhere",
        soft_wrap=True,
    )
    return status.OK


def _write(target: Path, content: bytes) -> None:
    """Write the file whole: a client that starts meanwhile reads the old one or the new one."""
    draft = target.with_name(f"{target.name}.{secrets.token_hex(8)}")
    try:
        try:
            draft.write_bytes(content)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise ConfigurationError(f"cannot be written ({reason})", file=str(target)) from None

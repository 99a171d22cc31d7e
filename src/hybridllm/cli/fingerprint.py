"""`hybridllm fingerprint`: tell the index which documents are sensitive.

Answers: how are documents added, listed and removed from a terminal?
Not here: the index (`classify.fingerprint`), which file it is (`config`).

Exit status 1 means that nothing was read or found. After an interruption what was
added stays, and the same command goes on where it stopped.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hybridllm.cli import status
from hybridllm.cli.calls import add_common_options
from hybridllm.cli.terminal import make_console, make_table, write_json
from hybridllm.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from rich.console import Console
    from rich.progress import Progress

    from hybridllm.classify.fingerprint import FingerprintIndex
    from hybridllm.labels import Label

_BATCH_CHARACTERS: Final = 1_000_000
"""Stored in one transaction: about a second of work, so little is lost by an interruption."""

_COUNTS: Final = ("documents", "fingerprints", "memory_bytes", "file_bytes")

_SHOWN_SKIPPED: Final = 20
"""Skipped files named in the terminal; `--json` names all."""


@dataclass(slots=True)
class _Added:
    """What became of the files of one `add`."""

    documents: int = 0
    fingerprints: int = 0
    unchanged: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "fingerprint",
        help="recognise passages of your documents in prompts",
        description="Keep keyed fingerprints of documents, so that a prompt that quotes one"
        " gets the document's label. No text is kept; names of files are.",
    )
    parser.set_defaults(run=run)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    add = verbs.add_parser("add", help="add files and folders under a label")
    add.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    add.add_argument(
        "--label", required=True, metavar="LEVEL", help="the lowest level marks public texts"
    )
    add.add_argument("--compartment", action="append", default=[], metavar="NAME")
    remove = verbs.add_parser("remove", help="delete documents from the index")
    remove.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    listing = verbs.add_parser("list", help="name all documents with their labels")
    stats = verbs.add_parser("stats", help="show how large the index is")
    for verb in (add, remove, listing, stats):
        add_common_options(verb)


def run(args: argparse.Namespace) -> int:
    """Do what the command line says and return the exit status."""
    console = make_console(as_json=args.json)
    index = _open_index(args.config)
    try:
        return _VERBS[args.verb](args, index, console)
    except KeyboardInterrupt:
        _say(console, "stopped; what was added stays, run it again to go on")
        return status.INTERRUPTED
    finally:
        index.close()


def _open_index(config: str | None) -> FingerprintIndex:
    from hybridllm.config import open_fingerprint_index

    return open_fingerprint_index(config)


def _add(args: argparse.Namespace, index: FingerprintIndex, console: Console) -> int:
    label = index.scale.label(args.label, compartments=args.compartment)
    files = _files(args.paths)
    before = {document.document_id for document in index.documents()}
    added = _Added()
    with _progress(console) as progress:
        task = progress.add_task("reading", total=len(files))
        batch: list[tuple[str, str, Label]] = []
        waiting = 0
        for file in files:
            text = _new_text(file, index=index, label=label, added=added)
            if text is not None:
                batch.append((document_id(file), text, label))
                waiting += len(text)
            if waiting >= _BATCH_CHARACTERS:
                _store(index, batch, added)
                batch, waiting = [], 0
            progress.advance(task)
        _store(index, batch, added)
    if before & added.names:
        # The older versions are to leave the file too.
        index.compact()
    if args.json:
        write_json(_report(added))
    else:
        _show_added(console, added=added, label=label)
    return status.OK if added.documents or added.unchanged else status.REFUSED


def _report(added: _Added) -> dict[str, object]:
    return {
        "added": added.documents,
        "fingerprints": added.fingerprints,
        "unchanged": added.unchanged,
        "skipped": [{"path": path, "reason": reason} for path, reason in added.skipped],
    }


def _remove(args: argparse.Namespace, index: FingerprintIndex, console: Console) -> int:
    wanted = [document_id(path) for path in args.paths]
    # A folder stands for all documents that were read from below it.
    names = [
        document.document_id
        for document in index.documents()
        if any(
            document.document_id == name or _is_below(document.document_id, name) for name in wanted
        )
    ]
    index.remove_documents(names)
    if args.json:
        write_json({"removed": names})
    else:
        _say(console, f"removed {len(names)} documents")
    return status.OK if names else status.REFUSED


def _list(args: argparse.Namespace, index: FingerprintIndex, console: Console) -> int:
    documents = index.documents()
    if args.json:
        write_json(
            [
                {
                    "document_id": document.document_id,
                    "label": str(document.label),
                    "fingerprints": document.fingerprints,
                }
                for document in documents
            ]
        )
        return status.OK
    table = make_table("document", "label", "fingerprints")
    for document in documents:
        table.add_row(document.document_id, str(document.label), f"{document.fingerprints:,}")
    console.print(table)
    return status.OK


def _stats(args: argparse.Namespace, index: FingerprintIndex, console: Console) -> int:
    stats = index.stats()
    labels = {str(label): count for label, count in stats.labels}
    if args.json:
        write_json({name: getattr(stats, name) for name in _COUNTS} | {"labels": labels})
        return status.OK
    table = make_table("of the index", "")
    for name in _COUNTS:
        table.add_row(name.replace("_", " "), f"{getattr(stats, name):,}")
    for label, count in labels.items():
        table.add_row(f"documents: {label}", f"{count:,}")
    console.print(table)
    return status.OK


_VERBS: Final = {"add": _add, "list": _list, "remove": _remove, "stats": _stats}


def document_id(path: Path) -> str:
    """Return the name under which a file stands in the index: its whole path."""
    # A name that is not UTF-8 is written with escapes, since the index keeps text.
    return os.fsencode(path.resolve().as_posix()).decode("utf-8", "backslashreplace")


def _is_below(name: str, folder: str) -> bool:
    return name.startswith(folder.rstrip("/") + "/")


def _files(paths: Iterable[Path]) -> list[Path]:
    from hybridllm.classify.fingerprint.files import find_files

    found: dict[Path, None] = {}
    for path in paths:
        try:
            found.update(dict.fromkeys(find_files(path)))
        except OSError as error:
            raise ConfigurationError(
                "is no file or folder that can be read", file=str(path)
            ) from error
    return list(found)


def _new_text(file: Path, *, index: FingerprintIndex, label: Label, added: _Added) -> str | None:
    """Return the text of a file that is not in the index yet."""
    from hybridllm.classify.fingerprint.files import Skipped, read_file

    read = read_file(file)
    if isinstance(read, Skipped):
        added.skipped.append((str(file), read.reason))
        return None
    if index.has_document(document_id(file), text=read.text, label=label):
        added.unchanged += 1
        return None
    return read.text


def _store(index: FingerprintIndex, batch: list[tuple[str, str, Label]], added: _Added) -> None:
    added.names.update(name for name, *_ in batch)
    for (name, *_), fingerprints in zip(batch, index.add_documents(batch), strict=True):
        if fingerprints:
            added.documents += 1
            added.fingerprints += fingerprints
        else:
            added.skipped.append((name, "too short or too uniform to be recognised"))


def _show_added(console: Console, *, added: _Added, label: Label) -> None:
    _say(
        console,
        f"{added.documents} documents added as {label} ({added.fingerprints:,} fingerprints),"
        f" {added.unchanged} unchanged, {len(added.skipped)} skipped",
    )
    for path, reason in added.skipped[:_SHOWN_SKIPPED]:
        _say(console, f"  skipped {path}: {reason}")
    if (more := len(added.skipped) - _SHOWN_SKIPPED) > 0:
        _say(console, f"  and {more} more; --json names them all")


def _progress(console: Console) -> Progress:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _say(console: Console, message: str) -> None:
    console.print(message, soft_wrap=True)

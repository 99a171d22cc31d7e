"""`hybridllm rag`: read documents in, search them, forget them.

Answers: how does a vector store of the configuration get its documents, from a terminal?
Not here: reading folders in (`rag_reading`), scoring (`rag_scoring`), the store (`rag`).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hybridllm.cli import status
from hybridllm.cli.calls import add_common_options
from hybridllm.cli.rag_opening import Opened, opened
from hybridllm.cli.terminal import make_console, make_table, without_commands, write_json

if TYPE_CHECKING:
    import argparse

_SHOWN_CHARACTERS: Final = 400


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "rag",
        help="read documents in, and search them",
        description="Keep the documents that questions are answered from. What is found is"
        " decided by its readers, its departments and its label.",
    )
    parser.set_defaults(run=run)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_reading(
        verbs.add_parser("sync", help="make a store equal to its folders"),
        verbs.add_parser("add", help="read a folder in that the configuration does not name"),
    )
    search = verbs.add_parser("search", help="show what a question finds, and for whom")
    search.add_argument("question", metavar="QUESTION")
    search.add_argument("-k", type=int, default=5, metavar="N", help="passages to show")
    search.add_argument("--department", metavar="NAME", help="who asks")
    search.add_argument("--principal", default="", metavar="ID", help="who asks")
    search.add_argument("--ceiling", metavar="LEVEL", help="nothing above it")
    erase = verbs.add_parser("erase", help="delete documents for good, with a receipt")
    erase.add_argument("documents", nargs="+", metavar="DOCUMENT", help="SOURCE/NAME")
    verbs.add_parser("stats", help="show how much a store holds")
    scoring = verbs.add_parser("eval", help="score retrieval on a set of questions")
    scoring.add_argument("questions", type=Path, metavar="QUESTIONS.jsonl")
    scoring.add_argument("--department", metavar="NAME", help="who asks")
    for verb in verbs.choices.values():
        verb.add_argument("--store", metavar="NAME", help="needed if there are several")
        add_common_options(verb)


def _add_reading(sync: argparse.ArgumentParser, add: argparse.ArgumentParser) -> None:
    sync.add_argument("source", nargs="*", metavar="SOURCE", help="default: all of the store")
    add.add_argument("folder", type=Path, metavar="FOLDER")
    add.add_argument("--source", required=True, metavar="NAME", help="what to call it")
    add.add_argument("--label", metavar="LEVEL", help="of everything in it, at least")
    add.add_argument(
        "--reader",
        action="append",
        default=[],
        metavar="WHO",
        help="public, group:NAME or user:ID; may be repeated",
    )
    add.add_argument(
        "--for-department",
        action="append",
        default=[],
        metavar="NAME",
        help="whose requests find it; may be repeated",
    )
    for verb in (sync, add):
        verb.add_argument("--force", action="store_true", help="delete even if much would go")
        verb.add_argument("--rebuild", action="store_true", help="read everything anew")
        verb.add_argument(
            "--no-fingerprints", action="store_true", help="do not recognise passages in prompts"
        )


def run(args: argparse.Namespace) -> int:
    """Do what the command line says and return the exit status."""
    with opened(args) as found:
        return _VERBS[args.verb](args, found)


def _read(args: argparse.Namespace, found: Opened) -> int:
    from hybridllm.cli.rag_reading import add, sync

    return sync(args, found=found) if args.verb == "sync" else add(args, found=found)


def _score(args: argparse.Namespace, found: Opened) -> int:
    from hybridllm.cli.rag_scoring import score_store

    return score_store(args, found=found)


def _search(args: argparse.Namespace, found: Opened) -> int:
    client = found.client.with_options(
        department=args.department, principal=args.principal or None, ceiling=args.ceiling
    )
    passages = client.vector_stores.search(
        found.place.name, query=args.question, max_num_results=args.k
    )
    if args.json:
        write_json(
            {
                "passages": [passage.model_dump(mode="json") for passage in passages],
                "label": None if passages.label is None else str(passages.label),
                "withheld": passages.withheld,
            }
        )
        return status.OK if passages else status.REFUSED
    console = make_console()
    for number, passage in enumerate(passages, 1):
        attributes = passage.attributes or {}
        page = f", p. {attributes['page']}" if "page" in attributes else ""
        head = f"[{number}] {passage.file_id}{page} ({attributes['label']}), {passage.score:.2f}"
        console.print(without_commands(head), style="bold", markup=False, soft_wrap=True)
        text = without_commands(passage.content[0].text)
        cut = text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
        console.print(f"{cut}\n", markup=False, soft_wrap=True)
    if passages:
        text = f"label of a request that takes them along: {passages.label}"
    else:
        text = "nothing, or nothing that this department and principal may read (--department)"
    console.print(text, soft_wrap=True)
    if passages.withheld:
        console.print("the ceiling keeps more back", style="yellow")
    return status.OK if passages else status.REFUSED


def _erase(args: argparse.Namespace, found: Opened) -> int:
    from hybridllm.config.vector_stores import forget_documents

    receipt = found.library.store.erase(args.documents)
    forget_documents(found.place, documents=receipt.documents)
    forgotten: list[str] = []
    if found.index is not None and receipt.documents:
        forgotten = found.index.remove_documents(receipt.documents)
    document: dict[str, Any] = {
        "documents": list(receipt.documents),
        "missing": list(receipt.missing),
        "passages": receipt.passages,
        "level": receipt.level.value,
        "fingerprints_removed": forgotten,
    }
    if args.json:
        write_json(document)
    else:
        console = make_console()
        console.print(
            f"erased {len(receipt.documents)} documents with {receipt.passages} passages; "
            f"level reached: {receipt.level.value}",
            soft_wrap=True,
        )
        for name in receipt.missing:
            console.print(without_commands(f"not there: {name}"), style="yellow", markup=False)
        console.print("backups and copies of the files are not reached", style="dim")
        for name in receipt.documents:
            if _still_there(found, name):
                console.print(
                    without_commands(f"{name} is still in its folder; the next sync reads it in"),
                    style="yellow",
                    markup=False,
                )
    return status.OK if receipt.documents else status.REFUSED


def _still_there(found: Opened, name: str) -> bool:
    source, _, path = name.partition("/")
    config = found.place.config.sources.get(source)
    return config is not None and (found.place.sources.file.parent / config.folder / path).is_file()


def _stats(args: argparse.Namespace, found: Opened) -> int:
    stats, capabilities = found.library.store.stats(), found.library.store.capabilities
    rows = {
        "store": found.place.name,
        "documents": stats.documents,
        "passages": stats.passages,
        "size_bytes": stats.size_bytes,
        "dimensions": capabilities.dimensions,
        "exact": capabilities.exact,
        "erase_level": capabilities.erase_level.value,
    }
    if args.json:
        write_json(rows)
        return status.OK
    table = make_table("of the store", "")
    for name, value in rows.items():
        shown = f"{value:,}" if type(value) is int else str(value)
        table.add_row(name.replace("_", " "), shown)
    make_console().print(table)
    return status.OK


_VERBS: Final[dict[str, Callable[[argparse.Namespace, Opened], int]]] = {
    "sync": _read,
    "add": _read,
    "search": _search,
    "erase": _erase,
    "stats": _stats,
    "eval": _score,
}

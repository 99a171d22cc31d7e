"""`hybridllm rag sync` and `add`: folders become documents of a store.

Answers: what does somebody see while folders are read in, and afterwards?
Not here: reading them in (`rag.ingest`).

Exit status 1 means that a file could not be read, or that nobody can find a document.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from hybridllm.cli import status
from hybridllm.cli.terminal import make_console, make_table, without_commands, write_json
from hybridllm.errors import ConfigurationError, expected_one_of

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

    from hybridllm.cli.rag_opening import Opened
    from hybridllm.config.schema import SourceConfig
    from hybridllm.rag.ingest.report import FileReport, SyncProgress, SyncReport

_SHOWN_FILES: Final = 20
"""Files named in the terminal; `--json` names all."""


def sync(args: argparse.Namespace, *, found: Opened) -> int:
    """Read the store's folders in."""
    known = found.place.config.sources
    for name in args.source:
        if name not in known:
            text = expected_one_of(name, allowed=known)
            raise ConfigurationError(f"source {text}", key=f"{found.place.key}.sources")
    if not known:
        raise ConfigurationError(
            "has none; add a table such as [vector_stores.NAME.sources.SOURCE], or use rag add",
            key=f"{found.place.key}.sources",
        )
    reports = [_one(args, found, name, known[name]) for name in args.source or known]
    return _told(args, reports, known=_named(found))


def add(args: argparse.Namespace, *, found: Opened) -> int:
    """Read a folder in that the configuration does not name."""
    from hybridllm.config.schema import SourceConfig

    if args.source in found.place.config.sources:
        raise ConfigurationError(
            "is a source of the configuration; use rag sync", key=f"--source {args.source}"
        )
    config = SourceConfig(
        folder=str(args.folder.absolute()),
        label=args.label,
        readers=args.reader,
        departments=args.for_department,
    )
    return _told(args, [_one(args, found, args.source, config)], known=_named(found))


def _named(found: Opened) -> frozenset[str]:
    """Return the markings that the settings name, with all words of a grade that they name."""
    from hybridllm.rag.ingest.marks import WORDS, folded

    names = {folded(name) for name in found.place.config.markings}
    return frozenset(names.union(*(WORDS.get(name, ()) for name in names)))


def _one(args: argparse.Namespace, found: Opened, name: str, config: SourceConfig) -> SyncReport:
    from hybridllm.config.vector_stores import passage_embedder, sync_settings
    from hybridllm.rag.ingest.sync import sync_folder

    console = make_console(as_json=args.json)
    index = None if args.no_fingerprints else found.index
    with _progress(console, title=f"reading {name}") as on_progress:
        report = sync_folder(
            found.place.sources.file.parent / config.folder,
            store=found.library.store,
            settings=sync_settings(found.place, source=name, config=config),
            embedder=passage_embedder(found.place, client=found.client),
            on_document=None if index is None else index.add_document,
            on_progress=on_progress,
            force=args.force,
            rebuild=args.rebuild,
        )
    if index is not None:
        gone = [f"{name}/{file.name}" for file in report.files if file.status == "removed"]
        index.remove_documents(gone)
    return report


class _progress:  # noqa: N801 - used like a function
    """A bar that follows a sync."""

    def __init__(self, console: Console, *, title: str) -> None:
        from rich.progress import Progress

        self._bar = Progress(console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task(title, total=None)

    def __enter__(self) -> Callable[[SyncProgress], None]:
        self._bar.start()
        return self._advance

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def _advance(self, progress: SyncProgress) -> None:
        self._bar.update(self._task, completed=progress.done, total=progress.total)


def _told(args: argparse.Namespace, reports: list[SyncReport], known: frozenset[str]) -> int:
    if args.json:
        write_json({"sources": [_document(report) for report in reports]})
    else:
        console = make_console()
        for report in reports:
            _show(console, report)
            _show_unnamed(console, report, known)
    incomplete = any(report.reasons or report.without_readers for report in reports)
    return status.REFUSED if incomplete else status.OK


def _show_unnamed(console: Console, report: SyncReport, known: frozenset[str]) -> None:
    """Say which markings the settings do not name: their documents got the strictest label."""
    strange = {mark.name.removeprefix("msip:") for file in report.files for mark in file.markings}
    strange -= known
    if strange:
        console.print(
            without_commands(
                f"Markings that the settings do not name: {', '.join(sorted(strange))}. Their "
                "documents get the strictest label; name them under markings."
            ),
            style="yellow",
            markup=False,
            soft_wrap=True,
        )


def _document(report: SyncReport) -> dict[str, Any]:
    return {
        "source": report.source,
        "counts": {kind.value: count for kind, count in report.counts.items()},
        "without_readers": report.without_readers,
        "hidden": report.hidden,
        "warnings": list(report.warnings),
        "files": [_file(file) for file in report.files],
    }


def _file(file: FileReport) -> dict[str, Any]:
    return {
        "name": file.name,
        "status": file.status.value,
        "reason": file.reason.value if file.reason else None,
        "remedy": file.remedy,
        "label": None if file.label is None else str(file.label),
        "markings": [
            {"name": mark.name, "kind": mark.kind, "page": mark.page} for mark in file.markings
        ],
        "hidden": dict(file.hidden),
        "passages": file.passages,
    }


def _show(console: Console, report: SyncReport) -> None:
    counts = ", ".join(
        f"{count} {kind.value.replace('_', ' ')}" for kind, count in report.counts.items() if count
    )
    console.print(f"{report.source}: {counts or 'no files'}", style="bold", soft_wrap=True)
    failed = [file for file in report.files if file.reason]
    if failed:
        table = make_table("file", "reason", "what to do")
        for file in failed[:_SHOWN_FILES]:
            reason = file.reason.value.replace("_", " ") if file.reason else ""
            table.add_row(without_commands(file.name), reason, file.remedy)
        console.print(table)
        if len(failed) > _SHOWN_FILES:
            console.print(f"and {len(failed) - _SHOWN_FILES} more; --json names all")
    for warning in report.warnings:
        console.print(without_commands(warning), style="yellow", markup=False, soft_wrap=True)

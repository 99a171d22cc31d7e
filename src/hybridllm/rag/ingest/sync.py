"""A folder, kept in step with a store.

Answers: what is new, changed, unchanged, unreadable or gone, and who may find it?
Not here: reading a file (`reading`), passages (`chunking`), the store (`rag.store`).

The old version of everything is found until the new one is whole and committed. Work that
was cut off is taken up again. A file that cannot be read keeps its old version, and a folder
that suddenly is empty deletes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from hybridllm.errors import ConfigurationError, PolicyDeniedError
from hybridllm.labels import Label
from hybridllm.rag.ingest.access_file import AccessRules
from hybridllm.rag.ingest.chunking import passages
from hybridllm.rag.ingest.draft import Reading
from hybridllm.rag.ingest.failures import DocumentReadError, Reason
from hybridllm.rag.ingest.folder import FoundFile, Listing, list_folder, read_bytes
from hybridllm.rag.ingest.memory import Facts, SyncMemory
from hybridllm.rag.ingest.preconditions import read_rules, refuse_great_loss
from hybridllm.rag.ingest.reading import SUFFIXES, is_old_format, read_document
from hybridllm.rag.ingest.report import FileReport, FileStatus, SyncProgress, SyncReport
from hybridllm.rag.ingest.settings import DocumentListener, PassageEmbedder, SyncSettings
from hybridllm.rag.model import Document, Grant, Passage
from hybridllm.rag.store import Store, SyncRun

_BATCH: Final = 64


def sync_folder(
    folder: Path,
    *,
    store: Store,
    settings: SyncSettings,
    embedder: PassageEmbedder | None = None,
    on_document: DocumentListener | None = None,
    on_progress: Callable[[SyncProgress], None] | None = None,
    force: bool = False,
    rebuild: bool = False,
) -> SyncReport:
    """Make a store's documents of a source equal to the files of a folder.

    Args:
        folder: The folder.
        store: Where the passages go.
        settings: How the folder is read in.
        embedder: Makes the vectors; `None` for a store that holds none.
        on_document: Is told each new or changed text, and each text whose label changed,
            before it is findable.
        on_progress: Is told each file that is done.
        force: Delete even if the folder is empty or has lost most of its files.
        rebuild: Read everything anew, for another embedder or other sizes.

    Raises:
        ConfigurationError: The folder cannot be listed, its access file is broken, or
            embedder and store do not fit. Nothing was changed.
        SyncRefusedError: Too much would be deleted. Nothing was changed.
        MissingExtraError: A format needs a package that is not installed.
    """
    if (embedder is None) != (store.capabilities.dimensions == 0):
        has = "holds no vectors" if embedder else "needs an embedder"
        raise ConfigurationError(f"the store {has}", key="embedder")
    listing = list_folder(folder)
    rules = read_rules(folder, scale=settings.scale)
    with store.begin_sync(settings.source) as run:
        if not force:
            refuse_great_loss(listing, current=run.current, settings=settings, folder=folder)
        sync = _Sync(
            run, settings=settings, rules=rules, embedder=embedder, on_document=on_document,
            rebuild=rebuild,
        )  # fmt: skip
        return sync.all(listing, on_progress=on_progress)


class _Sync:
    def __init__(
        self,
        run: SyncRun,
        *,
        settings: SyncSettings,
        rules: AccessRules,
        embedder: PassageEmbedder | None,
        on_document: DocumentListener | None,
        rebuild: bool,
    ) -> None:
        self._run = run
        self._settings = settings
        self._rules = rules
        self._embedder = embedder
        self._on_document = on_document
        self._rebuild = rebuild
        self._memory = SyncMemory(
            settings.memory, source=settings.source, names=settings.markings.names
        )
        self._current = run.current
        self._pending = run.pending
        self._versions: dict[str, str] = {}

    def all(
        self, listing: Listing, *, on_progress: Callable[[SyncProgress], None] | None
    ) -> SyncReport:
        refused = [FileReport(name, FileStatus.SKIPPED, reason) for name, reason in listing.refused]
        reports = []
        try:
            for file in listing.files:
                reports.append(self._file(file))
                if on_progress is not None:
                    on_progress(SyncProgress(len(reports), len(listing.files), reports[-1]))
            reports += self._behind_closed(listing.closed)
            reports += [
                FileReport(self._name(document), FileStatus.REMOVED)
                for document in self._current.keys() - self._versions.keys()
            ]
            self._run.commit()
            self._memory.keep_only(self._versions)
        finally:
            # What was parsed before an error need not be parsed again. A memory that cannot
            # be written costs time at the next sync, and is no reason to fail this one.
            with suppress(OSError):
                self._memory.save()
        unused = self._rules.unused(file.name for file in listing.files)
        files = sorted([*reports, *refused], key=lambda report: report.name)
        return SyncReport(self._settings.source, tuple(files), unused)

    def _file(self, file: FoundFile) -> FileReport:
        document = self._id(file.name)
        if Path(file.name).suffix.casefold() not in SUFFIXES and document not in self._current:
            # Its bytes are not even looked at.
            return self._unread(file.name, error=DocumentReadError(_unsupported(file.name)))
        try:
            data = read_bytes(file.path, most=self._settings.limits.file_bytes)
            version = hashlib.sha256(data).hexdigest()
            known = self._memory.facts(document, version=version)
            is_there = version in (self._pending.get(document), self._current.get(document))
            is_kept = is_there and not self._is_due(document, version=version)
            if is_kept and known is not None and self._is_told(file.name, facts=known):
                return self._keep(file.name, version=version, facts=known)
            return self._read(file.name, data=data, version=version, is_kept=is_kept)
        except DocumentReadError as error:
            return self._unread(file.name, error=error)

    def _read(self, name: str, *, data: bytes, version: str, is_kept: bool) -> FileReport:
        reading = read_document(
            data,
            name=name,
            limits=self._settings.limits,
            names=self._settings.markings.names,
            table_chars=self._settings.sizes.chars,
        )
        facts = Facts(reading.title or Path(name).stem, reading.markings)
        grant = self._grant(name, facts=facts)
        told = "" if self._on_document is None else _told(grant.label)
        facts = Facts(facts.title, facts.markings, told)
        document = self._document(name, version=version, facts=facts, grant=grant)
        found: list[Passage] = []
        vectors = None
        if not is_kept:
            found = passages(
                reading, document=document.id, version=version, sizes=self._settings.sizes
            )
            try:
                vectors = self._vectors(found, label=grant.label)
            except PolicyDeniedError:
                # The old text stays, and under no lower label than the new one has.
                error = DocumentReadError(Reason.EMBEDDING_DENIED)
                return self._unread(name, error=error, least=grant.label)
        if self._on_document is not None:
            # First, because the text is protected sooner then, and after a crash again.
            self._on_document(document.id, text=reading.text, label=grant.label)
        self._memory.learn(document.id, version=version, facts=facts)
        if is_kept:
            return self._keep(name, version=version, facts=facts, reading=reading)
        was_there = document.id in self._current
        self._run.put(document, passages=found, vectors=vectors)
        self._versions[document.id] = version
        status = FileStatus.CHANGED if was_there else FileStatus.ADDED
        return _reported(name, status=status, grant=grant, reading=reading, passages=len(found))

    def _keep(
        self, name: str, *, version: str, facts: Facts, reading: Reading | None = None
    ) -> FileReport:
        """Leave a version as it is and give it today's title and grant."""
        grant = self._grant(name, facts=facts)
        document = self._document(name, version=version, facts=facts, grant=grant)
        self._run.keep(document)
        self._versions[document.id] = version
        status = FileStatus.UNCHANGED
        if self._current.get(document.id) != version:
            status = FileStatus.CHANGED if document.id in self._current else FileStatus.ADDED
        return _reported(name, status=status, grant=grant, reading=reading, facts=facts)

    def _unread(
        self, name: str, *, error: DocumentReadError, least: Label | None = None
    ) -> FileReport:
        """Keep the old version of a file that cannot be read, if there is one."""
        document = self._id(name)
        version = self._current.get(document)
        if version is None:
            return FileReport(name, FileStatus.SKIPPED, error.reason)
        facts = self._memory.facts(document, version=version)
        if facts is None:
            # Nobody knows what the old version said of itself: the strictest label.
            facts = Facts(Path(name).stem, ())
            least = self._settings.markings.strictest
        grant = self._grant(name, facts=facts, least=least)
        self._run.keep(self._document(name, version=version, facts=facts, grant=grant))
        self._versions[document] = version
        return FileReport(
            name,
            FileStatus.KEPT_OLD,
            error.reason,
            grant.label,
            facts.markings,
            has_readers=bool(grant.readers),
        )

    def _behind_closed(self, folders: tuple[str, ...]) -> list[FileReport]:
        """Keep what stands in folders that cannot be listed now."""
        names = sorted(self._name(document) for document in self._current)
        error = DocumentReadError(Reason.UNREADABLE)
        return [self._unread(name, error=error) for name in names if name.startswith(folders)]

    def _grant(self, name: str, *, facts: Facts, least: Label | None = None) -> Grant:
        access = self._rules.of(name)
        configured = [self._settings.label, access.label, least]
        label = None
        for item in configured:
            label = item if label is None else label if item is None else label.join(item)
        label = self._settings.markings.label_for(facts.markings, configured=label)
        readers = self._settings.readers if access.readers is None else access.readers
        departments = self._settings.departments
        if access.departments is not None:
            departments = access.departments & (departments or access.departments)
            # An empty set means all departments, and here it means that none is left.
            readers = readers if departments else frozenset()
        return Grant(label, readers, departments)

    def _vectors(self, found: list[Passage], *, label: Label) -> list[Sequence[float]] | None:
        if self._embedder is None:
            return None
        texts = [_embedded(passage) for passage in found]
        vectors: list[Sequence[float]] = []
        for start in range(0, len(texts), _BATCH):
            batch = texts[start : start + _BATCH]
            vectors += self._embedder.embed_passages(batch, label=label)
        return vectors

    def _is_due(self, document: str, *, version: str) -> bool:
        """Say whether an unchanged document is read in anew all the same."""
        return self._rebuild and self._pending.get(document) != version

    def _is_told(self, name: str, *, facts: Facts) -> bool:
        """Say whether the listener knows the document under today's label."""
        return self._on_document is None or facts.label == _told(
            self._grant(name, facts=facts).label
        )

    def _document(self, name: str, *, version: str, facts: Facts, grant: Grant) -> Document:
        settings = self._settings
        return Document(
            self._id(name), settings.source, facts.title, version, grant, settings.trust
        )

    def _id(self, name: str) -> str:
        return f"{self._settings.source}/{name}"

    def _name(self, document: str) -> str:
        return document.removeprefix(f"{self._settings.source}/")


def _reported(
    name: str,
    *,
    status: FileStatus,
    grant: Grant,
    reading: Reading | None,
    facts: Facts | None = None,
    passages: int = 0,
) -> FileReport:
    markings = reading.markings if reading else facts.markings if facts else ()
    return FileReport(
        name,
        status,
        label=grant.label,
        markings=markings,
        hidden=reading.hidden if reading else (),
        notes=reading.notes if reading else (),
        passages=passages,
        has_readers=bool(grant.readers),
    )


def _embedded(passage: Passage) -> str:
    """Return a passage with the headings that it does not begin with."""
    headings = [head for head in passage.span.headings if not passage.text.startswith(head)]
    return "\n".join([*headings, passage.text])


def _told(label: Label) -> str:
    """Return a label as the memory holds it."""
    return f"{label.level.name} {sorted(label.compartments)}"


def _unsupported(name: str) -> Reason:
    return Reason.OLD_FORMAT if is_old_format(name) else Reason.UNSUPPORTED

"""What a sync did.

Answers: what happened to each file, how much was hidden, and what should people look at?
Not here: doing it (`sync`). Files are named; nothing of their content is.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from hybridllm.labels import Label
from hybridllm.rag.ingest.failures import REMEDIES, Reason
from hybridllm.rag.ingest.marks import Marking


class FileStatus(StrEnum):
    """What happened to a file."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    KEPT_OLD = "kept_old"
    """It cannot be read now; the version that was read before is still found."""
    SKIPPED = "skipped"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class FileReport:
    """What happened to one file.

    Attributes:
        name: From the folder on, with `/`.
        status: What happened.
        reason: Why it was not read in, if it was not.
        label: Of the document, if it is found.
        markings: What it says of itself; with the place, never with text.
        hidden: Kind and number of what was left out as nobody sees it.
        notes: Kind and number of what is never read, such as attachments.
        passages: How many it was cut into, if it was read now.
        has_readers: Whether anybody may find it.
    """

    name: str = field(repr=False)
    status: FileStatus
    reason: Reason | None = None
    label: Label | None = None
    markings: tuple[Marking, ...] = ()
    hidden: tuple[tuple[str, int], ...] = ()
    notes: tuple[tuple[str, int], ...] = ()
    passages: int = 0
    has_readers: bool = True

    @property
    def remedy(self) -> str:
        """What to do about the reason; empty without one."""
        return REMEDIES[self.reason] if self.reason else ""


@dataclass(frozen=True, slots=True)
class SyncProgress:
    """How far a sync is: files done, files in all, and what happened to the last one."""

    done: int
    total: int
    last: FileReport


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What happened to all files of a source.

    Attributes:
        source: Its name.
        files: In the order of their names.
        unused_rules: Numbers, from 1, of the access rules that name no file: often a typo.
    """

    source: str
    files: tuple[FileReport, ...]
    unused_rules: tuple[int, ...] = ()

    @property
    def counts(self) -> dict[FileStatus, int]:
        """How many files had which status."""
        counts = Counter(file.status for file in self.files)
        return {status: counts[status] for status in FileStatus}

    @property
    def reasons(self) -> dict[Reason, int]:
        """How many files were not read, by reason."""
        counts = Counter(file.reason for file in self.files if file.reason)
        return dict(sorted(counts.items()))

    @property
    def hidden(self) -> dict[str, int]:
        """How much was left out as nobody sees it, by kind."""
        counts: Counter[str] = Counter()
        for file in self.files:
            counts.update(dict(file.hidden))
        return dict(sorted(counts.items()))

    @property
    def without_readers(self) -> int:
        """How many documents nobody can find, because no readers are configured for them."""
        return sum(file.label is not None and not file.has_readers for file in self.files)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What people should look at, the most important first."""
        found = []
        if self.without_readers:
            found.append(
                f"{self.without_readers} documents have no readers: NOBODY can find them. "
                "Name readers in the settings or in .hybridllm-access.toml."
            )
        if kept := self.counts[FileStatus.KEPT_OLD]:
            found.append(f"{kept} files cannot be read now; their old versions are still found.")
        if skipped := self.counts[FileStatus.SKIPPED]:
            found.append(f"{skipped} files were not read in.")
        if hidden := sum(map(bool, (file.hidden for file in self.files))):
            found.append(f"{hidden} files held text that nobody sees; it was left out.")
        if self.unused_rules:
            rules = ", ".join(map(str, self.unused_rules))
            found.append(f"Access rules that name no file: number {rules}. Look for a typo.")
        return tuple(found)

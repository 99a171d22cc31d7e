"""Checking a whole log, offline.

Answers: is every segment there, whole, and as long as it was when it ended?
Not here: lines (`audit.reading`).

Numbers show a segment that is missing, links one that was cut, and the head which are the
newest. What nobody without keys can make, nobody can exchange; what remains is to take the
newest segments away and to put back a head that is as old: only something that was kept
elsewhere, such as a signed statement, shows that.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hybridllm.audit.head import HEAD_FILE, Head, head_of, is_authentic, read_with_listing
from hybridllm.audit.links import is_as_seen, never_began, number_of
from hybridllm.audit.reading import SegmentReader, Verification

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from hybridllm.audit.line import Line
    from hybridllm.audit.links import Entry, Link
    from hybridllm.audit.reading import Keys


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as it was written.

    Attributes:
        text: What, in one sentence.
        begun: It touches no record before this time; empty if nobody knows.
        ended: It touches no record after this time; empty if nobody knows.
    """

    text: str
    begun: str = ""
    ended: str = ""

    def touches(self, since: str, *, until: str) -> bool:
        """Return whether records of that time may be missing or wrong."""
        return not ((self.ended and self.ended < since) or (self.begun and self.begun >= until))


@dataclass(frozen=True, slots=True)
class Inspection:
    """What checking a log showed.

    Attributes:
        segments: Each segment, oldest first.
        faults: What is wrong with the log, the segments' own faults included.
    """

    segments: tuple[Verification, ...]
    faults: tuple[Fault, ...]

    @property
    def valid(self) -> bool:
        """Whether everything is as it was written."""
        return not self.faults


def inspect_log(
    directory: Path,
    *,
    keys: Keys,
    first: int = 1,
    visit: Callable[[dict[str, Any], tuple[str, ...]], None] | None = None,
) -> Inspection:
    """Check all segments of a directory and how they fit together.

    Args:
        directory: The log, or a copy of it.
        keys: What to check with.
        first: Number of the oldest segment that has to be there.
        visit: Is handed each record that is whole, and the levels of its scale.

    Raises:
        OSError: Something cannot be read.
    """
    entries, line, trouble = read_with_listing(directory)
    head, faults = _judged_head(line, trouble, keys=keys)
    names = {entry.segment for entry in entries}
    entries = [entry for entry in entries if not _is_stillborn(directory, entry, head=head)]
    others = sorted(path.name for path in directory.glob("*.jsonl") if path.name not in names)
    segments = [
        _read(directory / name, keys=keys, visit=visit)
        for name in [*(entry.segment for entry in entries if entry.number >= first), *others]
    ]
    numbers = [item.number for item in segments if item.number]
    newest = max([*numbers, head.next - 1 if head else 0])
    faults += [_own_fault(item) for item in segments if item.fault]
    faults += _duplicates(numbers)
    faults += [_misnamed(item) for item in segments if item.segment not in ("", item.file)]
    links = _links(segments, head, keys=keys)
    faults += _unfit(segments, links=links, first=first, newest=newest)
    faults += _shortened(directory, segments, entries=head.open if head else ())
    faults += _unaccounted(segments, known=set(links), head=head)
    faults += [_found_without_head(item) for item in segments if item.after in _LOST]
    return Inspection(tuple(_vouched(item, links, keys=keys) for item in segments), tuple(faults))


def _is_stillborn(directory: Path, entry: Entry, *, head: Head | None) -> bool:
    """Return whether the process died before the segment's first line: it holds no record."""
    unknown = head is not None and entry.number >= head.next
    return unknown and never_began(directory / entry.segment)


_LOST = ("missing", "damaged")


def _read(
    path: Path, *, keys: Keys, visit: Callable[[dict[str, Any], tuple[str, ...]], None] | None
) -> Verification:
    reader = SegmentReader(path, keys=keys)
    for record in reader:
        if visit is not None:
            visit(record, reader.levels)
    return reader.result


def _judged_head(line: Line | None, trouble: str, *, keys: Keys) -> tuple[Head | None, list[Fault]]:
    lost = "so nobody can tell whether the newest segments are all here"
    if line is None:
        return None, [Fault(f"{HEAD_FILE} is {trouble}, {lost}")]
    if not is_authentic(line, key=keys.key, public_keys=keys.public):
        return None, [Fault(f"{HEAD_FILE} was changed, or is not of these keys, {lost}")]
    try:
        return head_of(line), []
    except ValueError:
        return None, [Fault(f"{HEAD_FILE} is damaged, {lost}")]


def _own_fault(found: Verification) -> Fault:
    return Fault(f"{found.file}: {found.fault}", begun=found.first)


def _misnamed(found: Verification) -> Fault:
    return Fault(f"{found.file} holds the segment {found.segment}")


def _duplicates(numbers: Sequence[int]) -> list[Fault]:
    twice = sorted(number for number, times in Counter(numbers).items() if times > 1)
    return [Fault(f"there are several segments with the number {number}") for number in twice]


def _links(segments: Iterable[Verification], head: Head | None, *, keys: Keys) -> dict[int, Link]:
    """Return what is said of each segment; of several sayings the first."""
    links: dict[int, Link] = {}
    trusted = [item for item in segments if item.covered or keys.key is not None]
    said = [link for item in trusted for link in item.ended]
    for link in [*said, *(head.ended if head else ())]:
        links.setdefault(link.number, link)
    return links


def _unfit(
    segments: Iterable[Verification], *, links: dict[int, Link], first: int, newest: int
) -> list[Fault]:
    """Return the segments that are missing or that ended otherwise than is said."""
    there = {item.number or number_of(item.file): item for item in segments}
    faults = []
    for number in range(first, newest + 1):
        link, found = links.get(number), there.get(number)
        begun, ended = (link.begun, link.ended) if link else ("", "")
        if found is None:
            name = f" ({link.segment})" if link else ""
            faults.append(Fault(f"segment {number}{name} is missing", begun, ended))
        elif link is not None and found.valid and not _fits(found, link):
            text = f"{found.file} was cut or changed after it ended"
            faults.append(Fault(text, begun, ended))
    return faults


def _fits(found: Verification, link: Link) -> bool:
    said = (link.segment, link.size, link.digest)
    return said == (found.segment, found.size, found.digest)


def _vouched(found: Verification, links: dict[int, Link], *, keys: Keys) -> Verification:
    """Return a segment with all its lines covered if a later signed line has its digest."""
    link = links.get(found.number)
    if keys.public and link is not None and found.valid and _fits(found, link):
        return replace(found, covered=found.lines)
    return found


def _shortened(
    directory: Path, segments: Iterable[Verification], *, entries: Iterable[Entry]
) -> list[Fault]:
    """Return the segments that lack what was seen of them while they were written."""
    there = {item.segment: directory / item.file for item in segments if item.valid}
    return [
        Fault(f"{entry.segment} was cut or changed since it was last seen", entry.begun)
        for entry in entries
        if entry.segment in there and not is_as_seen(there[entry.segment], entry=entry)
    ]


def _unaccounted(
    segments: Sequence[Verification], *, known: set[int], head: Head | None
) -> list[Fault]:
    """Return the segments of which neither the head nor a later segment knows how they end."""
    if head is None:
        return []
    known = known | {entry.number for entry in head.open}
    faults = []
    for item in segments:
        if item.number >= head.next:
            text = f"{HEAD_FILE} is older than {item.file}: put back, or not written any more"
            faults.append(Fault(text, begun=item.first))
        elif item.number and item.number not in known and item.valid and not item.closed:
            faults.append(Fault(f"nothing says how {item.file} ended", begun=item.first))
    return faults


def _found_without_head(item: Verification) -> Fault:
    text = f"{HEAD_FILE} was {item.after} when {item.file} began; others may be missing before it"
    return Fault(text, ended=item.first)

"""Reading one segment of the audit log, and checking it on the way.

Answers: what do its lines say, is each one whole and in its place, and who vouches for it?
Not here: segments together (`audit.inspect`).

With the installation's key every line is checked by its keyed hash. With a public key alone
the lines up to the last checkpoint are: a checkpoint signs the digest of all bytes before
it. Lines after that are read, and counted as vouched for by nobody.

Reads line by line; takes as much memory as the longest line.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from hybridllm.audit.line import MAX_LINE_BYTES, Line, parse
from hybridllm.audit.links import Entry, Link, read_entry, read_link

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hybridllm.audit.signing import PublicKeys

_CHECKPOINTS: Final = ("start", "checkpoint", "stop")


@dataclass(frozen=True, slots=True)
class Keys:
    """What a reader checks with: the installation's key, public keys, or both.

    Attributes:
        key: The secret of the keyed hashes.
        public: Whose signatures count.
    """

    key: bytes | None = field(default=None, repr=False)
    public: PublicKeys = ()


@dataclass(frozen=True, slots=True)
class Verification:
    """What checking one segment showed.

    Attributes:
        file: Name of the file.
        lines: How many lines are whole and in their place.
        fault: What is wrong with the first bad line; empty if nothing is.
        closed: Whether the segment ends in its `stop` line.
        torn: Whether half a line stands at the end, as a full disk or a power cut leaves it.
        covered: How many lines a checked signature vouches for.
        segment: What its own lines call it; empty if they do not.
        number: Its number; 0 if it has none.
        size: Bytes that were read.
        digest: SHA-256 of these.
        after: How its writer found the log: `new`, `found`, `missing` or `damaged`.
        first: Time of its first line.
        last: Latest time of any line.
        steps_back: How often the clock went backwards.
        ended: What it says of segments before it.
        open: Which segments it says were still being written.
    """

    file: str
    lines: int
    fault: str
    closed: bool
    torn: bool = False
    covered: int = 0
    segment: str = ""
    number: int = 0
    size: int = 0
    digest: str = ""
    after: str = ""
    first: str = ""
    last: str = ""
    steps_back: int = 0
    ended: tuple[Link, ...] = ()
    open: tuple[Entry, ...] = ()

    @property
    def valid(self) -> bool:
        """Whether every line is whole and in its place."""
        return not self.fault


class _FaultError(Exception):
    """A line is not what was written."""


class SegmentReader:
    """Iterates over the records of a segment, up to the first fault.

    Args:
        path: The file.
        keys: What to check with.
    """

    def __init__(self, path: Path, *, keys: Keys) -> None:
        self._path = path
        self._keys = keys
        self._hash = sha256()
        self._mac = ""
        self._found = Verification(path.name, 0, "", closed=False)
        self.levels: tuple[str, ...] = ()

    @property
    def result(self) -> Verification:
        """What was found in all that was read so far."""
        return replace(self._found, digest=self._hash.hexdigest())

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield each record that is whole and in its place.

        Raises:
            OSError: The file cannot be read.
        """
        with self._path.open("rb") as file:
            while raw := file.readline(MAX_LINE_BYTES):
                try:
                    record = self._take(raw)
                except _FaultError as fault:
                    self._note(fault=str(fault), closed=False)
                    return
                if record is None:
                    return
                yield record
        if self._found.lines == 0:
            self._note(fault="the segment is empty")

    def _take(self, raw: bytes) -> dict[str, Any] | None:
        place = self._found.lines + 1
        if self._found.closed:
            raise _FaultError(f"line {place} was added after the end")
        if self._is_torn(raw):
            self._hash.update(raw)
            self._note(torn=True, size=self._found.size + len(raw))
            return None
        line = parse(raw)
        if line is None or not self._is_ours(line):
            raise _FaultError(f"line {place} was changed")
        if line.record.get("seq") != self._found.lines:
            raise _FaultError(f"line {place} is missing")
        event = line.record.get("event")
        if event in _CHECKPOINTS and ("digest" in line.record or self._keys.key is None):
            self._check(line)
        elif place == 1 and self._keys.key is None:
            raise _FaultError("the segment has no beginning")
        self._hash.update(raw)
        self._mac = line.mac
        self._keep(line.record, size=len(raw))
        return line.record

    def _is_torn(self, raw: bytes) -> bool:
        """Return whether this is the beginning of the next line and the end of the file."""
        begins = f'{{"seq":{self._found.lines},'.encode()
        return (
            self._found.lines > 0
            and len(raw) < MAX_LINE_BYTES
            and not raw.endswith(b"\n")
            and raw.startswith(begins[: len(raw)])
        )

    def _is_ours(self, line: Line) -> bool:
        key = self._keys.key
        return key is None or line.has_mac(key, previous=self._mac)

    def _check(self, line: Line) -> None:
        """Check that a checkpoint fits what stands before it, and its signature."""
        found, record = self._found, line.record
        place = f"the checkpoint in line {found.lines + 1}"
        fits = (
            record.get("count") == found.lines
            and record.get("head") == self._mac
            and record.get("digest") == self._hash.hexdigest()
            and (not found.lines or record.get("segment") == found.segment)
            and (record.get("event") == "start") == (found.lines == 0)
        )
        if not fits:
            raise _FaultError(f"{place} does not fit the lines before it")
        if self._is_vouched(line, place=place):
            self._note(covered=found.lines + 1)
        if record["event"] == "start":
            self._begin(record)

    def _is_vouched(self, line: Line, *, place: str) -> bool:
        """Return whether a known key signed it. Without the secret key one must have."""
        signer = line.record.get("signer")
        key = next((item for item in self._keys.public if item.id == signer), None)
        if key is not None:
            if line.is_signed_by(key):
                return True
            raise _FaultError(f"{place} has a wrong signature")
        if self._keys.key is None:
            by = "another key" if signer else "nobody"
            raise _FaultError(f"{place} is signed by {by}")
        return False

    def _begin(self, record: dict[str, Any]) -> None:
        try:
            self._found = replace(
                self._found,
                ended=tuple(read_link(item) for item in record.get("ended", ())),
                open=tuple(read_entry(item) for item in record.get("open", ())),
            )
            own = read_entry(record)
        except (ValueError, TypeError, AttributeError):
            raise _FaultError("line 1 says nothing of its segment") from None
        levels = record.get("levels", ())
        if not isinstance(levels, list) or not all(isinstance(name, str) for name in levels):
            raise _FaultError("line 1 has no scale of labels")
        self.levels = tuple(levels)
        self._note(segment=own.segment, number=own.number, after=str(record.get("after", "")))

    def _keep(self, record: dict[str, Any], *, size: int) -> None:
        found, time = self._found, record.get("time")
        time = time if isinstance(time, str) else ""
        self._found = replace(
            found,
            lines=found.lines + 1,
            size=found.size + size,
            closed=record.get("event") == "stop",
            first=found.first or time,
            last=max(found.last, time),
            steps_back=found.steps_back + (time < found.last),
        )

    def _note(self, **changed: Any) -> None:
        self._found = replace(self._found, **changed)

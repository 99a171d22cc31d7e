"""Finding records in the audit log.

Answers: which records fit a question?
Not here: whether the log is whole (`audit.inspect`).

Reads line by line and keeps nothing, so that the size of the log does not matter.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hybridllm.audit.line import MAX_LINE_BYTES, parse
from hybridllm.audit.times import Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from hybridllm.audit.line import Line

_ALWAYS = Span()


@dataclass(frozen=True, slots=True)
class Threshold:
    """A label, and everything above it.

    Attributes:
        level: Name of the level.
        compartments: All of these are in the label.
    """

    level: str
    compartments: frozenset[str] = frozenset()

    def is_reached_by(self, label: object, *, levels: Sequence[str]) -> bool:
        """Return whether a recorded label is this one or above it.

        Levels compare by the scale that was recorded with the label. What cannot be
        compared counts as reached, so that nothing is overlooked.
        """
        if not isinstance(label, dict) or self.level not in levels:
            return True
        level, compartments = label.get("level"), label.get("compartments")
        if level not in levels or not isinstance(compartments, list):
            return True
        high_enough = levels.index(level) >= levels.index(self.level)
        return high_enough and self.compartments <= set(map(str, compartments))


@dataclass(frozen=True, slots=True)
class Query:
    """What records must fit, all of it. What is `None` does not matter.

    Attributes:
        span: When they were written.
        call: Id of the call.
        department: For whom the call was made.
        label_at_least: Their label is this one or above it.
        backend: Where the attempt went.
        place: Where that backend runs.
        effect: What was decided.
        kind: A kind of finding, or a category such as `personal.*`.
        rule: Part of the name of a rule that took part.
    """

    span: Span = _ALWAYS
    call: str | None = None
    department: str | None = None
    label_at_least: Threshold | None = None
    backend: str | None = None
    place: str | None = None
    effect: str | None = None
    kind: str | None = None
    rule: str | None = None

    def fits(self, record: Mapping[str, Any], *, levels: Sequence[str]) -> bool:
        """Return whether a record fits. One that lacks what is asked for does not."""
        with suppress(AttributeError, TypeError):  # no record of ours: nothing was verified
            return self._fits(record, levels)
        return False

    def _fits(self, record: Mapping[str, Any], levels: Sequence[str]) -> bool:
        for name in ("call", "department", "backend", "place", "effect"):
            wanted = getattr(self, name)
            if wanted is not None and record.get(name) != wanted:
                return False
        return (
            record.get("time") in self.span
            and (self.kind is None or self._has_kind(record))
            and (self.rule is None or any(self.rule in name for name in record.get("rules", ())))
            and (self.label_at_least is None or self._is_high(record, levels))
        )

    def _has_kind(self, record: Mapping[str, Any]) -> bool:
        kinds = record.get("kinds", {})
        if self.kind is not None and self.kind.endswith(".*"):
            return any(kind.startswith(self.kind[:-1]) for kind in kinds)
        return self.kind in kinds

    def _is_high(self, record: Mapping[str, Any], levels: Sequence[str]) -> bool:
        if self.label_at_least is None or "label" not in record:
            return False
        return self.label_at_least.is_reached_by(record["label"], levels=levels)


def search(paths: Sequence[Path], *, query: Query) -> Iterator[dict[str, Any]]:
    """Yield the records of these segments that fit, in the order of the files.

    Nothing is verified. Lines that are none are left out.

    Raises:
        OSError: A file cannot be read.
    """
    for path in paths:
        levels: tuple[str, ...] = ()
        for line in _lines(path):
            record = line.record
            event = record.get("event")
            if event == "start":
                levels = tuple(map(str, record.get("levels") or ()))
            if event not in ("start", "checkpoint", "stop") and query.fits(record, levels=levels):
                yield record


def recorded_levels(paths: Sequence[Path]) -> list[str]:
    """Return the names of all levels in the scales that these segments begin with.

    Raises:
        OSError: A file cannot be read.
    """
    names: dict[str, None] = {}
    for path in paths:
        first = next(_lines(path), None)
        levels = first.record.get("levels") if first is not None else None
        names.update(dict.fromkeys(map(str, levels if isinstance(levels, list) else ())))
    return list(names)


def _lines(path: Path) -> Iterator[Line]:
    with path.open("rb") as file:
        while raw := file.readline(MAX_LINE_BYTES):
            line = parse(raw)
            if line is not None:
                yield line

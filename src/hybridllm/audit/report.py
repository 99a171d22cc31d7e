"""What the log proves about where labelled requests went.

Answers: did a request of this label or above reach that place in that time, and under which
policy?
Not here: signing it (`audit.statement`), checking segments (`audit.inspect`).

An intent counts as reached: it is recorded before the first byte leaves, and what happened
after that does not take the byte back. Counted are attempts, so a request that was tried
twice counts twice.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from hybridllm._version import __version__
from hybridllm.audit.inspect import inspect_log
from hybridllm.audit.statement import KIND

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hybridllm.audit.reading import Keys, Verification
    from hybridllm.audit.search import Threshold
    from hybridllm.audit.statement import Statement
    from hybridllm.audit.times import Span

NOWHERE: Final = "nowhere"
"""The place of a request that was denied."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What is to be shown: that no such request reached that place in that time.

    Attributes:
        threshold: Requests of this label or above.
        place: `cloud`, or another place.
        span: From when until when.
    """

    threshold: Threshold
    place: str
    span: Span


@dataclass(slots=True)
class _Policy:
    first: str
    last: str
    decisions: int = 0


@dataclass(slots=True)
class _Tally:
    """Counts what passes by; its size depends on labels and policies, not on the log's."""

    claim: Claim
    counts: Counter[tuple[str, tuple[str, ...], str]] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)
    policies: dict[str, _Policy] = field(default_factory=dict)
    incomparable: int = 0

    def add(self, record: dict[str, Any], levels: tuple[str, ...]) -> None:
        """Count one verified record."""
        event = record.get("event")
        if event not in ("intent", "denied") or record.get("time") not in self.claim.span:
            return
        place = record["place"] if event == "intent" else NOWHERE
        label = record["label"]
        self.counts[label["level"], tuple(label["compartments"]), place] += 1
        if self.claim.threshold.is_reached_by(label, levels=levels):
            self.reached[place] += 1
        known = {self.claim.threshold.level, label["level"]} <= set(levels)
        self.incomparable += not known
        self._count_policy(record)

    def _count_policy(self, record: Mapping[str, Any]) -> None:
        time, digest = record["time"], record["policy"]
        policy = self.policies.setdefault(digest, _Policy(time, time))
        policy.first, policy.last = min(policy.first, time), max(policy.last, time)
        policy.decisions += 1


def report(directory: Path, *, claim: Claim, keys: Keys, now: str) -> Statement:
    """Go through a log and return what it shows, not signed yet.

    Args:
        directory: The log.
        claim: What is to be shown.
        keys: What to check the log with; the installation's key, and its public key.
        now: When the statement is made.

    Raises:
        OSError: Something cannot be read.
    """
    tally = _Tally(claim)
    inspection = inspect_log(directory, keys=keys, visit=tally.add)
    span = claim.span
    gaps = [f.text for f in inspection.faults if f.touches(span.since, until=span.until)]
    elsewhere = len(inspection.faults) - len(gaps)
    if tally.incomparable:
        gaps.append(
            f"{tally.incomparable} requests have a label that the recorded scale cannot compare; "
            "they are counted as of this label or above"
        )
    if span.until > now:
        gaps.append("the time has not passed yet; requests may still come")
    covered = [item for item in inspection.segments if _touches(item, span)]
    return {
        "statement": KIND,
        "format": 1,
        "claim": {
            "label": _label(claim.threshold.level, claim.threshold.compartments),
            "place": claim.place,
            "from": span.since,
            "until": span.until,
        },
        "holds": tally.reached[claim.place] == 0,
        "complete": not gaps,
        "gaps": gaps,
        "faults_elsewhere": elsewhere,
        "at_or_above": dict(sorted(tally.reached.items())),
        "counts": _counts(tally),
        "policies": _policies(tally),
        "segments": [_segment(item) for item in covered],
        "clock_steps_back": sum(item.steps_back for item in covered),
        "made": now,
        "verifier": f"hybridllm {__version__}",
    }


def is_proven(statement: Mapping[str, Any]) -> bool:
    """Return whether the claim holds and nothing is missing that could speak against it."""
    return bool(statement.get("holds")) and bool(statement.get("complete"))


def _touches(found: Verification, span: Span) -> bool:
    return not (found.last < span.since or found.first >= span.until)


def _counts(tally: _Tally) -> list[dict[str, object]]:
    return [
        {"label": _label(level, compartments), "place": place, "count": count}
        for (level, compartments, place), count in sorted(tally.counts.items())
    ]


def _policies(tally: _Tally) -> list[dict[str, object]]:
    ordered = sorted(tally.policies.items(), key=lambda item: (item[1].first, item[0]))
    return [
        {"digest": digest, "first": found.first, "last": found.last, "decisions": found.decisions}
        for digest, found in ordered
    ]


def _segment(found: Verification) -> dict[str, object]:
    return {
        "segment": found.segment or found.file,
        "number": found.number,
        "lines": found.lines,
        "size": found.size,
        "digest": found.digest,
        "signed_lines": found.covered,
        "closed": found.closed,
    }


def _label(level: str, compartments: frozenset[str] | tuple[str, ...]) -> dict[str, object]:
    return {"level": level, "compartments": sorted(compartments)}

"""What the audit log costs: decisions per second and added latency, against no log at all.

Run: `python benchmarks/audit.py [--seconds 2] [--rounds 3] [--threads 1 8 32] [--directory DIR]`.

Each thread decides a request by a policy of 50 rules, makes its record, hands it to a sink and
goes on when the sink says that it is durable; then it notes the outcome. Three sinks take
turns in every round: one that keeps nothing, the log, and the log with a copy. The disk of
DIR decides (default: the system's temporary directory), so the time of one bare
`fdatasync` there is shown as well. Latency is what one decision takes from beginning to
end, without the outcome. The table shows medians over the rounds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hybridllm.audit import record
from hybridllm.audit.fan_out import FanOut
from hybridllm.audit.inspect import inspect_log
from hybridllm.audit.log import AuditSink, FileAuditLog
from hybridllm.audit.reading import Keys
from hybridllm.labels import Scale
from hybridllm.policy.decide import decide
from hybridllm.policy.model import (
    Condition,
    Department,
    Destination,
    FindingLabel,
    Policy,
    Rule,
    Target,
)
from hybridllm.types import Facts, Identity, Place

KEY = bytes(range(32))
SCALE = Scale.of(["public", "internal", "confidential"], compartments=["personal"])
SERVED = frozenset({"chat.completions"})
TARGET_PER_S, TARGET_ADDED_MS = 5_000, 5.0


class Nothing:
    """A sink that keeps nothing."""

    def write(self, record: record.Record) -> None:
        """Go on at once."""

    def note(self, record: record.Record) -> None:
        """Go on at once."""

    def close(self) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run showed."""

    per_s: float
    p50_ms: float
    p99_ms: float


def policy() -> Policy:
    """Return a policy of 50 rules and two backends."""
    rules = tuple(
        Rule(
            f"rule {number}",
            f"hybridllm.toml: rules[{number}]",
            Condition(purposes=frozenset({f"purpose-{number}"})),
            forbid_places=frozenset({Place.CLOUD}),
        )
        for number in range(50)
    )
    return Policy(
        scale=SCALE,
        default=SCALE.label("internal"),
        finding_labels=(FindingLabel("*", SCALE.label("internal")),),
        destinations={
            "cloud": Destination("cloud", Place.CLOUD, SCALE.label("internal"), SERVED),
            "local": Destination("local", Place.ON_PREMISES, SCALE.strictest, SERVED),
        },
        aliases={"assistant": (Target("cloud", "big"), Target("local", "small"))},
        rules=rules,
        departments={"legal": Department("legal", SCALE.label("internal"))},
        digest="0" * 64,
    )


def work(sink: AuditSink, *, judged: Policy, until: float, latencies: list[float]) -> None:
    """Decide and record until the time is over."""
    identity = Identity("legal", "p-17", "support", "crm")
    facts = Facts("assistant", "chat.completions", identity, SCALE.lowest, (("contact.email", 2),))
    while (began := time.perf_counter()) < until:
        decision = decide(judged, facts)
        candidate = decision.candidates[0]
        intent = record.intent(
            call="0" * 24,
            attempt=1,
            facts=facts,
            decision=decision,
            candidate=candidate,
            body_mac="0" * 32,
            body_bytes=900,
        )
        sink.write(intent)
        latencies.append(time.perf_counter() - began)
        sink.note(
            record.outcome(
                call="0" * 24, attempt=1, backend=candidate.backend, result="ok", duration_s=1.0
            )
        )


def measure(sink: AuditSink, *, threads: int, seconds: float) -> Figures:
    """Let that many threads decide for so long."""
    judged, latencies = policy(), [[] for _ in range(threads)]
    until = time.perf_counter() + seconds
    started = [
        threading.Thread(
            target=work, args=(sink,), kwargs={"judged": judged, "until": until, "latencies": own}
        )
        for own in latencies
    ]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    sink.close()
    found = sorted(latency for own in latencies for latency in own)
    return Figures(
        len(found) / seconds,
        found[len(found) // 2] * 1e3,
        found[min(len(found) - 1, len(found) * 99 // 100)] * 1e3,
    )


def bare_sync_ms(directory: Path) -> float:
    """Return the median time of one line and its sync, alone."""
    sync = getattr(os, "fdatasync", os.fsync)
    descriptor = os.open(directory / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    taken = []
    for _ in range(200):
        began = time.perf_counter()
        os.write(descriptor, b"x" * 700)
        sync(descriptor)
        taken.append(time.perf_counter() - began)
    os.close(descriptor)
    return statistics.median(taken) * 1e3


def median(figures: list[Figures]) -> Figures:
    """Return the medians of several runs."""
    return Figures(
        statistics.median(item.per_s for item in figures),
        statistics.median(item.p50_ms for item in figures),
        statistics.median(item.p99_ms for item in figures),
    )


def main() -> None:
    """Measure, check the logs that were written and print a table."""
    parser = argparse.ArgumentParser(description="What does the audit log cost?")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--directory", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.directory) as name:
        folder = Path(name)

        def log(part: str) -> FileAuditLog:
            return FileAuditLog(
                folder / part, key=KEY, levels=["public"], signing_key=folder / "signing.pem"
            )

        sinks: dict[str, Callable[[], AuditSink]] = {
            "none": Nothing,
            "log": lambda: log("log"),
            "log + copy": lambda: FanOut([log("log"), log("copy")]),
        }
        print(f"one line and its sync alone: {bare_sync_ms(folder):.2f} ms (median)")
        columns = ("decisions/s", "ratio", "p50 ms", "p99 ms", "added p50", "added p99")
        print(f"{'threads':>7} {'sink':<12}" + "".join(f"{column:>12}" for column in columns))
        for threads in args.threads:
            found: dict[str, list[Figures]] = {sink: [] for sink in sinks}
            for _ in range(args.rounds):
                for sink, make in sinks.items():
                    found[sink].append(measure(make(), threads=threads, seconds=args.seconds))
            base = median(found["none"])
            for sink, runs in found.items():
                show(threads, sink, median(runs), base)
        for part in ("log", "copy"):
            assert inspect_log(folder / part, keys=Keys(KEY)).valid
    print(f"target: {TARGET_PER_S:,} decisions/s, p99 less than {TARGET_ADDED_MS} ms above none")


def show(threads: int, name: str, found: Figures, base: Figures) -> None:
    """Print one row."""
    print(
        f"{threads:>7} {name:<12}{found.per_s:>12,.0f}{found.per_s / base.per_s:>12.2f}"
        f"{found.p50_ms:>12.3f}{found.p99_ms:>12.3f}"
        f"{found.p50_ms - base.p50_ms:>12.3f}{found.p99_ms - base.p99_ms:>12.3f}"
    )


if __name__ == "__main__":
    main()

"""How long it takes to decide a recorded log again by another policy.

Run: `python benchmarks/replay.py [REQUESTS]`. With the default of 1,000,000 it writes about
1.2 GB into a temporary folder and takes a minute or two.

Each request has an intent and an outcome, as in a real log, from 3,000 different principals,
40 combinations of findings and four departments. Verifying the chain and deciding again are
timed apart. Prints seconds of wall clock and microseconds per request.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from hybridllm.audit import record
from hybridllm.audit.segment import MAC_FIELD, chain
from hybridllm.audit.verify import verify_segment
from hybridllm.flow import decide  # type: ignore[attr-defined]
from hybridllm.labels import Scale
from hybridllm.policy.model import (
    Condition,
    Department,
    Destination,
    FindingLabel,
    Policy,
    Rule,
    Target,
)
from hybridllm.policy.tools.replay import Replayer
from hybridllm.types import Facts, Identity, Place

REQUESTS, SEGMENTS, TARGET_S = 1_000_000, 4, 60.0
KEY = bytes(32)
SCALE = Scale.of(["public", "internal", "confidential", "restricted"], compartments=["personal"])
KINDS = ("personal.email", "personal.name", "marking.confidential", "financial.card")
DEPARTMENTS = ("legal", "sales", "research", "人事")
SERVED = frozenset({"chat.completions"})


def policy(*, cloud: str) -> Policy:
    """Return a policy whose cloud is cleared up to a level."""
    personal = SCALE.label("confidential", compartments=["personal"])
    rules = tuple(
        Rule(f"rule {number}", f"hybridllm.toml: rules[{number}]",
             Condition(purposes=frozenset({f"purpose-{number}"}), kinds=frozenset({"personal.*"})),
             forbid_places=frozenset({Place.CLOUD}))
        for number in range(50)
    )  # fmt: skip
    return Policy(
        scale=SCALE,
        default=SCALE.label("internal"),
        finding_labels=(
            FindingLabel("personal.*", personal),
            FindingLabel("marking.*", SCALE.label("confidential")),
            FindingLabel("financial.*", SCALE.label("restricted")),
        ),
        destinations={
            "cloud": Destination("cloud", Place.CLOUD, SCALE.label(cloud), SERVED),
            "local": Destination("local", Place.ON_PREMISES, SCALE.strictest, SERVED),
        },
        aliases={"assistant": (Target("cloud", "big"), Target("local", "small"))},
        rules=rules,
        departments={name: Department(name, SCALE.label("internal")) for name in DEPARTMENTS},
        digest="0" * 64,
    )


def pairs(policy: Policy, *, random: Random) -> list[tuple[str, str]]:
    """Return bodies of an intent and its outcome, without number, time and id."""
    made = []
    for number in range(3_000):
        kinds = tuple((kind, random.randint(1, 3)) for kind in KINDS if random.random() < 0.25)
        identity = Identity(random.choice(DEPARTMENTS), f"p-{number}", "support", "crm")
        facts = Facts("assistant", "chat.completions", identity, SCALE.lowest, kinds)
        decision = decide(policy, facts)
        intent = record.intent(
            call="@call@", attempt=1, facts=facts, decision=decision,
            candidate=decision.candidates[0], body_mac="0" * 64, body_bytes=900,
        )  # fmt: skip
        outcome = record.outcome(
            call="@call@", attempt=1, backend=decision.candidates[0].backend, result="ok",
            duration_s=1.5, usage={"prompt_tokens": 700, "completion_tokens": 200},
        )  # fmt: skip
        texts = [json.dumps(item, ensure_ascii=False, separators=(",", ":"))[1:]
                 for item in (intent, outcome)]  # fmt: skip
        made.append((texts[0], texts[1]))
    return made


def write(folder: Path, *, requests: int) -> None:
    """Write a log of so many requests, over ten days."""
    random = Random(4711)  # noqa: S311 - a log to measure with
    bodies = pairs(policy(cloud="internal"), random=random)
    start = datetime(2026, 4, 1, tzinfo=UTC)
    for segment in range(SEGMENTS):
        mac, seq = "", 0
        with (folder / f"{segment}.jsonl").open("wb") as file:
            for number in range(segment, requests, SEGMENTS):
                moment = start + timedelta(seconds=number * 864_000 / requests)
                stamp = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
                for text in random.choice(bodies):
                    body = f'{{"seq":{seq},"time":"{stamp}",' + text.replace(
                        "@call@", f"{number:024x}"
                    )
                    mac = chain(KEY, previous=mac, body=body)
                    file.write(f'{body[:-1]}{MAC_FIELD}{mac}"}}\n'.encode())
                    seq += 1


def main() -> None:
    """Write a log, verify it, decide it again, and print how long that took."""
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else REQUESTS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, requests=requests)
        segments = sorted(folder.glob("*.jsonl"))
        size = sum(segment.stat().st_size for segment in segments)
        began = time.perf_counter()
        assert all(verify_segment(segment, key=KEY).valid for segment in segments)
        verified = time.perf_counter()
        replayer = Replayer(policy(cloud="confidential"), decide=decide)
        for segment in segments:
            with segment.open("rb") as lines:
                replayer.take(lines)
        ended = time.perf_counter()
    found = replayer.result
    assert requests == found.requests
    assert 0 == found.unreadable
    moved = found.moved("local", after="cloud")
    both = ended - began
    print(f"{requests:,} requests, {2 * requests:,} lines, {size / 1e6:,.0f} MB")
    print(f"{moved:,} would move to the cloud, over {found.hours:,} clock hours")
    print(f"verifying the chain: {verified - began:.1f} s")
    print(f"deciding again:      {ended - verified:.1f} s")
    print(f"both:                {both:.1f} s, {both / requests * 1e6:.1f} µs per request")
    if requests == REQUESTS:
        print(f"target below {TARGET_S:.0f} s: {'met' if both < TARGET_S else 'MISSED'}")


if __name__ == "__main__":
    main()

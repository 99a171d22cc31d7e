"""What `doctor` says of the policy: what is in force, what is only tried, what was refused.

Answers: is each rule enforced, must files be signed, and does a client go on with old files?
Not here: everything else that `doctor` looks at (`cli.checkup`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hybridllm.cli.row import Row, State
from hybridllm.config.revision import refusals
from hybridllm.config.signatures import KEYS_VARIABLE
from hybridllm.config.trials import reported_rules
from hybridllm.policy.trial import SHADOW

if TYPE_CHECKING:
    from pathlib import Path

    from hybridllm.config import Wiring


def policy_rows(wiring: Wiring) -> Iterator[Row]:
    """Yield what the files mean for a client that starts now."""
    revision = wiring.config.revision
    text = f"{wiring.sources.digest[:12]}, revision {revision}"
    yield Row("policy", "files", State.OK, text)
    keys = wiring.opening.keys
    if keys:
        text = f"all files are signed; {len(keys)} key(s) may sign"
        yield Row("policy", "signatures", State.OK, text)
    else:
        yield Row(
            "policy", "signatures", State.ABSENT, f"not demanded ({KEYS_VARIABLE} is not set)"
        )
    for place in reported_rules(wiring.sources):
        yield Row("policy", "report", State.NOTE, f"{place} is reported and NOT enforced")
    if wiring.sources.shadow_file is not None:
        loaded = any(trial.source == SHADOW for trial in wiring.runtime.trials)
        text = f"{wiring.config.shadow.config} decides beside this policy and changes nothing"
        if loaded:
            yield Row("policy", "shadow", State.NOTE, text)
        else:
            text = f"{wiring.config.shadow.config} does not load, so it is left out"
            remedy = f"hybridllm check --config {wiring.config.shadow.config}"
            yield Row("policy", "shadow", State.FAULT, text, remedy)


def refused_rows(state: Path) -> Iterator[Row]:
    """Yield the notes of clients that go on with an old policy."""
    for path, refusal in refusals(state):
        place = ": ".join(part for part in (refusal.file, refusal.key) if part)
        text = (
            f"process {refusal.process} refused changed files at {refusal.time} "
            f"({place}: {refusal.problem}); policy {refusal.policy[:12]} stays in force there"
        )
        remedy = f"hybridllm check, correct the files; if that process is gone, delete {path}"
        yield Row("policy", "reload", State.FAULT, text, remedy)

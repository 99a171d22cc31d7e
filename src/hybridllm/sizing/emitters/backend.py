"""The entry of `hybridllm.toml` for the engine that a plan starts.

Answers: how does the client find this engine?
Not here: what the engine may receive. `clearance` is the organisation's decision, so it is written
as a comment; the configuration does not start without it.
"""

from __future__ import annotations

import json

from hybridllm.sizing.answers import Answer
from hybridllm.sizing.emitters.command import PORT, cards_label, label_name, served_name


def backend_entry(answer: Answer) -> str:
    """Return a backend and a model alias as TOML."""
    name, model = label_name(answer), json.dumps(served_name(answer))
    return "\n".join(
        (
            f"# Planned on {cards_label(answer)}.",
            f"[backends.{json.dumps(name)}]",
            'place = "on_premises"',
            'provider = "vllm"',
            f'base_url = "http://127.0.0.1:{PORT}/v1"',
            'networks = ["127.0.0.0/8"]',
            '# clearance = "internal"   # decide: the highest label that this engine may receive',
            "",
            "[models.assistant]",
            f"candidates = [{{ backend = {json.dumps(name)}, model = {model} }}]",
            "",
        )
    )

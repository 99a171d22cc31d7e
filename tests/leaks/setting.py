"""A company with one cloud backend and one on the premises, both recording.

Answers: which configuration do the leak tests use, and what does its audit log say?
Not here: requests (`places`), calls (`operations`), faults (`faults`).

The cloud is the first choice of every alias: whatever stays inside does so because
of the policy, and never because of an order.
"""

from __future__ import annotations

import json
from pathlib import Path

from hybridllm import AsyncHybridLLM, HybridLLM
from tests.support.loopback import LoopbackServer

_TOML = """
version = 1

[labels]
levels = ["public", "internal", "confidential", "restricted"]
compartments = ["personal", "customer", "credentials"]
default = "internal"

[findings]
"personal.*" = {{ level = "confidential", compartments = ["personal"] }}
"financial.*" = {{ level = "confidential", compartments = ["personal"] }}
"credentials.*" = {{ level = "restricted", compartments = ["credentials"] }}
"marking.*" = "confidential"

[backends.cloud]
place = "cloud"
base_url = "http://127.0.0.1:{cloud}/v1"
clearance = "internal"
endpoints = [
  "chat.completions", "completions", "embeddings", "responses", "responses.input_tokens",
]

[backends.on_premises]
place = "on_premises"
base_url = "http://{host}:{on_premises}/v1"
networks = ["127.0.0.0/8"]
clearance = {{ level = "restricted", compartments = "all" }}
endpoints = [
  "chat.completions", "completions", "embeddings", "responses", "responses.input_tokens",
]
{backend}
[models.assistant]
candidates = [
  {{ backend = "cloud", model = "large" }},
  {{ backend = "on_premises", model = "small" }},
]
{more}
"""


def write_config(
    folder: Path,
    *,
    cloud: LoopbackServer | int,
    on_premises: LoopbackServer | int,
    host: str = "127.0.0.1",
    backend: str = "",
    more: str = "",
) -> Path:
    """Write the company's configuration and return its file.

    Args:
        folder: Where; created if missing. The state directory lies in it too.
        cloud: The server in the cloud's place, or its port.
        on_premises: The server on the premises, or its port.
        host: How the configuration writes the host on the premises.
        backend: Further lines of the on-premises backend.
        more: Further tables.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "hybridllm.toml"
    text = _TOML.format(
        cloud=_port(cloud), on_premises=_port(on_premises), host=host, backend=backend, more=more
    )
    file.write_text(text, encoding="utf-8")
    return file


def open_client(file: Path) -> HybridLLM:
    """Return a client for threads that does not try again."""
    return HybridLLM(config=file).with_options(max_retries=0)


def open_async_client(file: Path) -> AsyncHybridLLM:
    """Return a client for event loops that does not try again."""
    return AsyncHybridLLM(config=file).with_options(max_retries=0)


def audit_text(file: Path) -> str:
    """Return all that the audit log of a configuration says."""
    folder = file.parent / ".hybridllm" / "audit"
    return "".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.jsonl")))


def audit_records(file: Path) -> list[dict[str, object]]:
    """Return the records of the audit log, without those of its segments."""
    records = [json.loads(line) for line in audit_text(file).splitlines()]
    return [record for record in records if record["event"] not in {"start", "stop"}]


def outcomes(file: Path) -> list[object]:
    """Return the results of all attempts, in order."""
    return [record["result"] for record in audit_records(file) if record["event"] == "outcome"]


def unfinished(file: Path) -> list[tuple[object, object]]:
    """Return the attempts, by call and number, whose intent has no outcome."""
    ended = {
        (record["call"], record["attempt"])
        for record in audit_records(file)
        if record["event"] == "outcome"
    }
    return [
        (record["call"], record["attempt"])
        for record in audit_records(file)
        if record["event"] == "intent" and (record["call"], record["attempt"]) not in ended
    ]


def _port(server: LoopbackServer | int) -> int:
    return server if isinstance(server, int) else server.port

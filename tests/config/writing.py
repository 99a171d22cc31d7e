"""Configuration files on disk, for tests: a whole valid one, and changes to it.

Answers: how does a test get a configuration that is valid but for one thing?
"""

from __future__ import annotations

from pathlib import Path

FILE = "hybridllm.toml"
LEGAL = "departments/legal.toml"
SALES = "departments/sales.toml"

ORGANISATION = """\
version = 1

[organisation]
name = "見本商事"
default_department = "sales"

[labels]
levels = ["public", "internal", "confidential", "restricted"]
compartments = ["personal", "customer", "credentials"]
default = "internal"

[findings]
"personal.*" = { level = "confidential", compartments = ["personal"] }
"credentials.*" = { level = "restricted", compartments = ["credentials"] }
"marking.*" = "confidential"

[backends.cloud]
place = "cloud"
provider = "openai"
clearance = "internal"
api_key_env = "CLOUD_KEY"
parameters = ["prompt_cache_key"]
data_residency = "jp"

[backends.local]
place = "on_premises"
provider = "vllm"
base_url = "http://127.0.0.1:9/v1"
networks = ["127.0.0.0/8", "10.20.0.0/16"]
clearance = { level = "restricted", compartments = "all" }
endpoints = ["chat.completions", "embeddings"]

[models.assistant]
candidates = [
  { backend = "cloud", model = "big" },
  { backend = "local", model = "small" },
]

[[rules]]
name = "no exports of customers"
when = { kinds = ["business.customer"], departments = ["sales"] }
then = { forbid_places = ["cloud"] }

[[rules]]
name = "legal stays inside"
when = { level_at_least = "confidential", models = ["assistant"], endpoints = ["embeddings"] }
then = { only_backends = ["local"] }

[detection]
timeout_s = 5.0

[detection.memory]
persistent = false

[limits]
max_request_bytes = 1_000_000
timeout_s = 60.0
max_retries = 2

[state]
directory = ".state"
"""

DEPARTMENTS = {
    LEGAL: """\
version = 1
description = "法務部"
default = "confidential"

[findings]
"personal.*" = { level = "restricted", compartments = ["personal", "customer"] }

[[rules]]
name = "contracts are the customer's"
when = { purposes = ["contract"] }
then = { label = { level = "confidential", compartments = ["customer"] } }
""",
    SALES: "version = 1\n",
}

TEXTS = {FILE: ORGANISATION} | DEPARTMENTS

ENVIRONMENT = {"CLOUD_KEY": "not-a-real-key-0123456789"}


def write(folder: Path, files: dict[str, str | bytes] | None = None) -> Path:
    """Write the valid configuration, with some files replaced; return the organisation's file."""
    for name, content in (TEXTS | (files or {})).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content.encode() if isinstance(content, str) else content
        path.write_bytes(data)
    return folder / FILE


def changed(name: str, old: str, new: str) -> dict[str, str | bytes]:
    """Return one file with one piece replaced; the piece must be there once."""
    text = TEXTS[name]
    assert 1 == text.count(old), f"{old!r} stands {text.count(old)} times in {name}"
    return {name: text.replace(old, new)}

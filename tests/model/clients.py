"""A configuration for two recording servers, and clients on it.

Answers: how does a test get a client whose cloud and engine it can look into?
"""

from __future__ import annotations

from pathlib import Path

from tests.support.server import RecordingServer

SECRET = "社外秘 Kestrel-4711"
CONFIG = """\
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
base_url = "{cloud}"
clearance = "internal"

[backends.local]
place = "on_premises"
provider = "vllm"
base_url = "{local}"
networks = ["127.0.0.0/8"]
clearance = {{ level = "restricted", compartments = "all" }}

[models.assistant]
candidates = [
  {{ backend = "cloud", model = "big" }},
  {{ backend = "local", model = "small" }},
]

[models.cloudy]
candidates = [{{ backend = "cloud", model = "big" }}]

[limits]
timeout_s = 20.0
max_retries = 0
"""


def configure(
    folder: Path, *, cloud: RecordingServer, local: RecordingServer, departments: bool = True
) -> Path:
    """Write the configuration; return its file."""
    file = folder / "hybridllm.toml"
    file.write_text(CONFIG.format(cloud=cloud.base_url, local=local.base_url), encoding="utf-8")
    if departments:
        (folder / "departments").mkdir()
        for name, text in (
            ("sales", "version = 1\n"),
            ("legal", 'version = 1\ndefault = "confidential"\n'),
        ):
            (folder / "departments" / f"{name}.toml").write_text(text, encoding="utf-8")
    return file


def ask(content: object = "What is a good name for a cat?", **changes: object) -> dict:
    """Return the arguments of a chat completion."""
    return {
        "model": "assistant",
        "messages": [{"role": "user", "content": content}],
        **changes,
    }

"""A small configuration for the examples: one cloud, one engine on the premises."""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp

ORGANISATION = """
version = 1

[labels]
levels = ["public", "internal", "confidential", "restricted"]
compartments = ["personal", "credentials"]
default = "internal"

[findings]
"personal.*" = { level = "confidential", compartments = ["personal"] }
"marking.*" = "confidential"

[backends.cloud]
place = "cloud"
base_url = "https://cloud.invalid/v1"
clearance = "internal"

[backends.engine]
place = "on_premises"
base_url = "http://127.0.0.1:8000/v1"
networks = ["127.0.0.0/8"]
clearance = { level = "restricted", compartments = "all" }

[models.assistant]
candidates = [
  { backend = "cloud", model = "a-cloud-model" },
  { backend = "engine", model = "a-local-model" },
]
"""

LEGAL = """
version = 1

[[rules]]
name = "contracts stay inside"
when = { purposes = ["contract"] }
then = { forbid_places = ["cloud"] }
"""


def write_configuration() -> Path:
    """Write the files into a fresh folder and return the organisation's file."""
    folder = Path(mkdtemp(prefix="hybridllm-example-"))
    (folder / "departments").mkdir()
    (folder / "departments" / "general.toml").write_text("version = 1\n", encoding="utf-8")
    (folder / "departments" / "legal.toml").write_text(LEGAL, encoding="utf-8")
    file = folder / "hybridllm.toml"
    file.write_text(
        f'{ORGANISATION}\n[organisation]\ndefault_department = "general"\n', encoding="utf-8"
    )
    return file

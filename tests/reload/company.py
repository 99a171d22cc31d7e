"""A configuration that changes while a client lives.

Answers: how does a test exchange the files of a running client and see what is in force?
"""

from __future__ import annotations

from pathlib import Path

from hybridllm.config.reload import Reloader
from hybridllm.config.start import open_config
from hybridllm.config.wiring import Fakes
from hybridllm.testing import EchoBackend, RecordingSink

FILE = "hybridllm.toml"
STAFF = "departments/staff.toml"

ORGANISATION = """\
version = 1
{top}
[labels]
levels = ["public", "internal", "secret"]
compartments = ["personal"]
default = "internal"

[findings]
"personal.*" = {{ level = "secret", compartments = ["personal"] }}

[backends.cloud]
place = "cloud"
base_url = "https://api.example/v1"
clearance = "{cloud}"

[backends.local]
place = "on_premises"
base_url = "http://127.0.0.1:9/v1"
networks = ["127.0.0.0/8"]
clearance = {{ level = "secret", compartments = "all" }}

[models.assistant]
candidates = [
  {{ backend = "cloud", model = "big" }},
  {{ backend = "local", model = "small" }},
]

{more}
"""


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def organisation(*, cloud: str = "internal", top: str = "", more: str = "") -> str:
    """Return an organisation's file."""
    return ORGANISATION.format(cloud=cloud, top=top, more=more)


def write(folder: Path, *, text: str | None = None, staff: str = "version = 1\n") -> Path:
    """Write the files, each whole at once, and return the organisation's."""
    (folder / "departments").mkdir(parents=True, exist_ok=True)
    put(folder / FILE, organisation() if text is None else text)
    put(folder / STAFF, staff)
    return folder / FILE


def put(path: Path, text: str) -> None:
    """Exchange one file whole."""
    draft = path.with_name(path.name + ".new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def opened(file: Path, *, clock: Clock | None = None, environment: dict[str, str] | None = None):
    """Return the holder of a real configuration, which dials nobody."""
    wiring = open_config(file, environment=environment or {})
    return Reloader(wiring, clock=clock or Clock())


def faked(file: Path, *, environment: dict[str, str] | None = None, **more):
    """Return a holder with a sink to look into, and backends that answer."""
    sink = RecordingSink()
    fakes = Fakes(backend=lambda name, place: EchoBackend(name, place=place), audit=sink)
    wiring = open_config(file, environment=environment or {}, fakes=fakes, **more)
    return Reloader(wiring), sink


def clearance(reloader: Reloader) -> str:
    """Return up to which level the cloud is cleared for a call that begins now."""
    return reloader.latest().policy.destinations["cloud"].clearance.level.name


def log_of(file: Path) -> list[dict]:
    """Return the audit log's records."""
    from tests.audit.reading import records

    return records(file.parent / ".hybridllm" / "audit")

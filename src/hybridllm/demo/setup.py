"""The configuration that the demo runs with, written as a user would write it.

Answers: which files does the demo's organisation have?
Not here: reading them (`config`), the servers they name (`cloud`, `llama`).

The files stay after the demo, so that they can be read and changed.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path

from hybridllm.demo.story import CODE_NAMES, CUSTOMERS

CLOUD_KEY_VARIABLE = "HYBRIDLLM_DEMO_CLOUD_KEY"
LOCAL_KEY_VARIABLE = "HYBRIDLLM_DEMO_LOCAL_KEY"


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach one side of the demo.

    Attributes:
        title: What the screen says of it.
        model: The model's name there.
        base_url: Where it listens; `None` for the provider's own address, or in process.
        model_path: Folder of a model that runs in this process.
        key_variable: The variable that holds its key; empty for none.
        key: The key. Never shown.
    """

    title: str
    model: str
    base_url: str | None = None
    model_path: Path | None = None
    key_variable: str = ""
    key: str = ""

    def __repr__(self) -> str:
        return f"Access(title={self.title!r})"


def write_configuration(folder: Path, *, cloud: Access, local: Access) -> Path:
    """Write all files and return the path of `hybridllm.toml`."""
    backends = f"{_cloud_table(cloud)}\n{_local_table(local)}"
    models = _MODELS.format(cloud=json.dumps(cloud.model), local=json.dumps(local.model))
    _write(folder / "hybridllm.toml", f"{_ORGANISATION}\n{backends}\n{models}")
    (folder / "departments").mkdir()
    _write(folder / "departments" / "sales.toml", _SALES)
    _write(folder / "departments" / "legal.toml", _LEGAL)
    _write(folder / "names.csv", _lexicon())
    return folder / "hybridllm.toml"


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _cloud_table(cloud: Access) -> str:
    lines = ["[backends.cloud]", 'place = "cloud"', 'clearance = "internal"  # and no higher']
    if cloud.base_url:
        lines += [f"base_url = {json.dumps(cloud.base_url)}  # the stand-in on this machine"]
    else:
        lines += ['provider = "openai"']
    return "\n".join([*lines, f"api_key_env = {json.dumps(cloud.key_variable)}", ""])


def _local_table(local: Access) -> str:
    lines = ["[backends.local]"]
    if local.model_path:
        lines += ['place = "in_process"', f"model_path = {json.dumps(str(local.model_path))}"]
    else:
        lines += [
            'place = "on_premises"',
            'provider = "llama_server"',
            f"base_url = {json.dumps(local.base_url)}",
            'networks = ["127.0.0.0/8"]  # a connection to anywhere else is refused',
            f"api_key_env = {json.dumps(local.key_variable)}",
        ]
    clearance = 'clearance = { level = "confidential", compartments = "all" }'
    return "\n".join([*lines, clearance, ""])


def _lexicon() -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["term", "group"])
    writer.writerows([name, "project"] for name in CODE_NAMES)
    writer.writerows([name, "customer"] for name in CUSTOMERS)
    return file.getvalue()


_ORGANISATION = """\
# The organisation's file of the demo. What is not said here is not allowed.
version = 1

[organisation]
name = "The demo's company"

[labels]
levels = ["public", "internal", "confidential"]  # least sensitive first
compartments = ["personal", "customer", "credentials"]
default = "internal"  # for text that nobody labelled

# What a finding means. A kind that is not named here counts as the strictest.
[findings]
"personal.*" = { level = "confidential", compartments = ["personal"] }
"financial.*" = { level = "confidential", compartments = ["customer"] }
"credentials.*" = { level = "confidential", compartments = ["credentials"] }
"lexicon.customer" = { level = "confidential", compartments = ["customer"] }
"lexicon.project" = "confidential"
"marking.internal" = "internal"
"marking.*" = "confidential"

[detection]
lexicons = ["names.csv"]

[limits]
timeout_s = 60.0
max_retries = 1
"""

_MODELS = """\
# Applications ask for "assistant". The first backend that may see the request answers.
[models.assistant]
candidates = [
    {{ backend = "cloud", model = {cloud} }},
    {{ backend = "local", model = {local} }},
]
"""

_SALES = """\
# A department's file can only make things stricter.
version = 1
description = "Sales"
"""

_LEGAL = """\
version = 1
description = "Legal"

[[rules]]
name = "What names a customer stays with us, whatever the organisation says"
when = { compartments = ["customer"] }
then = { forbid_places = ["cloud"] }
"""

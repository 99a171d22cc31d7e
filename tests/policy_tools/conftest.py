"""Fixtures: a command line in this process, and the files of an organisation."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from hybridllm.cli import main
from hybridllm.cli.init import write_configuration


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def document(self):
        return json.loads(self.out)


@pytest.fixture
def run(capsys):
    """Return a function that runs `hybridllm` with these words."""

    def run_command(*words: object) -> Ended:
        try:
            status = main([str(word) for word in words])
        except SystemExit as left:  # argparse leaves like this
            status = int(left.code or 0)
        written = capsys.readouterr()
        return Ended(status, written.out, written.err)

    return run_command


@pytest.fixture
def company(tmp_path, monkeypatch) -> Path:
    """The files that `init` writes, in the current directory; no key is set."""
    write_configuration(tmp_path, language="en", replace=False)
    for name in ("HYBRIDLLM_CONFIG", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path

"""Fixtures: a command line that is run in this process, and a configuration for it."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from hybridllm.cli import main
from hybridllm.cli.init import write_configuration
from tests.support.server import RecordingServer


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and what it wrote."""

    status: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def run(capsys, monkeypatch) -> Run:
    """Return a function that runs the command line: `run("ask", "-", stdin=b"...")`."""

    def run_command(*argv: str | Path, stdin: bytes = b"") -> Ended:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), "ascii"))
        try:
            status = main([str(word) for word in argv])
        except SystemExit as left:  # argparse leaves like this
            status = int(left.code or 0)
        written = capsys.readouterr()
        return Ended(status, written.out, written.err)

    return run_command


@pytest.fixture
def config(tmp_path, monkeypatch, cloud: RecordingServer, on_premises: RecordingServer) -> Path:
    """The configuration that `init` writes, with its two backends played by stubs."""
    write_configuration(tmp_path, language="en", replace=False)
    file = tmp_path / "hybridllm.toml"
    text = file.read_text(encoding="utf-8")
    text = text.replace(
        'provider = "openai"', f'provider = "openai"\nbase_url = "{cloud.base_url}"'
    )
    text = text.replace("http://127.0.0.1:8000/v1", on_premises.base_url)
    file.write_text(text.replace("max_retries = 2", "max_retries = 0"), encoding="utf-8")
    monkeypatch.setenv("OPENAI_API_KEY", "no-real-key")
    monkeypatch.delenv("HYBRIDLLM_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    return file

"""The examples run as they stand, print something, and stay short."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples"
EXAMPLES = sorted(FOLDER.glob("[!_]*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_prints(example: Path):
    """A reader who types the command sees what the docstring promises."""
    done = subprocess.run(
        [sys.executable, str(example)],
        capture_output=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )

    assert (0, b"") == (done.returncode, done.stderr)
    assert done.stdout.strip()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_one_idea(example: Path):
    """One idea a file, explained at its top, in at most 60 lines."""
    text = example.read_text(encoding="utf-8")

    assert len(text.splitlines()) <= 60
    assert all(word in text for word in ("Shows:", "Needs:", "Prints:"))

"""A whole run where every packet is seen: none goes astray, and nothing is left behind."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.leaks.company_run import TEXT
from tests.leaks.residue import fold
from tests.support.namespace import NamespaceRun, NamespaceSkip, namespace_run
from tests.support.search import contains

pytestmark = pytest.mark.jail

_SCRIPT = Path(__file__).with_name("company_run.py")
_SOURCE = Path(__file__).parents[2] / "src"


def _run(argv: list[str], *, folder: Path, more: Mapping[str, str] | None = None) -> NamespaceRun:
    home = folder / "home"
    home.mkdir(exist_ok=True)
    paths = {"HOME": str(home), "TMPDIR": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    if "PYTHONPATH" in os.environ:
        paths["PYTHONPATH"] = str(_SOURCE)
    run = namespace_run(argv, env={**os.environ, **paths, **(more or {})}, cwd=home)
    if isinstance(run, NamespaceSkip):
        pytest.skip(run.reason)
    return run


def test_a_whole_run_sends_no_packet_to_anybody_else(tmp_path: Path) -> None:
    """Client, engine and cloud stub in one process: every packet stays on loopback."""
    run = _run([str(_SCRIPT), str(tmp_path / "company")], folder=tmp_path)

    assert (0, ()) == (run.returncode, run.strays), run.stderr[-2000:]
    assert run.stayed_inside
    assert ["on_premises", "True", "cloud 0 inner True"] == run.stdout.splitlines()


def test_the_loudest_logging_leaves_no_text_in_output_or_files(tmp_path: Path) -> None:
    """With OPENAI_LOG=debug and all loggers open, neither terminal nor home holds the question."""
    run = _run(
        [str(_SCRIPT), str(tmp_path / "company")],
        folder=tmp_path,
        more={"OPENAI_LOG": "debug", "PYTHONASYNCIODEBUG": "1", "PYTHONWARNINGS": "always"},
    )

    assert 0 == run.returncode, run.stderr[-2000:]
    assert "application" in run.stderr
    assert fold(TEXT) not in fold(run.stderr)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {} == {p.name: w for p in files if (w := contains(p.read_bytes(), TEXT))}


@pytest.mark.parametrize(
    "code",
    [
        "import hybridllm",
        "import hybridllm; hybridllm.HybridLLM; hybridllm.AsyncHybridLLM",
    ],
    ids=["import", "first use"],
)
def test_importing_is_mute(code: str, tmp_path: Path) -> None:
    """Neither the import nor loading the clients asks anybody anything."""
    run = _run(["-c", code], folder=tmp_path)

    assert 0 == run.returncode, run.stderr[-2000:]
    assert run.is_silent


def test_importing_loads_neither_openai_nor_torch(tmp_path: Path) -> None:
    """The package's name alone costs nothing; heavy parts come with first use."""
    heavy = ("openai", "torch", "httpx2", "httpcore2", "pydantic", "transformers")
    code = f"import sys, hybridllm; print(sorted(set(sys.modules) & set({heavy!r})))"

    run = _run(["-c", code], folder=tmp_path)

    assert "[]\n" == run.stdout

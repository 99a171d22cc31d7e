"""The examples run as they stand, offline."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("sizing_plan.py", "vllm serve meta-llama/Llama-3.1-8B"),
        ("sizing_questions.py", "smallest GPU: "),
        ("sizing_calibrate.py", "after:"),
    ],
)
def test_an_example_prints_what_it_promises(name, shown, capsys):
    """`python examples/<name>` needs no key, GPU or network."""
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")

    assert shown in capsys.readouterr().out

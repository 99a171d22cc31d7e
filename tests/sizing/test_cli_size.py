"""`hybridllm size` answers in a terminal and for machines."""

import argparse
import importlib
import json
import subprocess
import sys
import time

import pytest

from hybridllm.cli import size as command
from hybridllm.sizing.errors import FleetError
from hybridllm.sizing.fleet import parse_fleet


@pytest.fixture
def ask(capsys, monkeypatch):
    """Run `hybridllm size` with these words; return status, output and errors."""
    live = importlib.import_module("hybridllm.sizing.live")

    def no_driver(*_):
        raise FleetError("no driver here")

    monkeypatch.setattr(live, "live_fleet", no_driver)
    monkeypatch.setenv("COLUMNS", "100")

    def run(*words):
        parser = argparse.ArgumentParser()
        command.register(parser.add_subparsers())
        args = parser.parse_args(["size", *words])
        status = args.run(args)
        out, err = capsys.readouterr()
        return status, out, err

    return run


MODEL = "meta-llama/Llama-3.1-8B"


def test_an_answer_separates_needed_pre_allocated_and_margin(ask):
    """Always the same five things: needed, pre-allocated, margin, limiting term, assumptions."""
    status, out, _ = ask(MODEL, "--gpus", "1xL40S-48GB", "--users", "4")

    assert 0 == status
    for word in ("needed", "pre-allocated", "margin", "limiting term", "assumed:"):
        assert word in out
    assert "GPU 0: L40S-48GB" in out


def test_what_does_not_fit_ends_with_status_1_and_says_what_to_try(ask):
    """A script can tell; a person learns what to change."""
    status, out, _ = ask("meta-llama/Llama-3.1-70B", "--gpus", "1xL4-24GB")

    assert 1 == status
    assert "are missing" in out
    assert "try:" in out


def test_json_is_one_document(ask):
    """Machines get the same answer, in numbers."""
    status, out, _ = ask(MODEL, "--gpus", "1xL40S-48GB", "--json")
    answer = json.loads(out)

    assert (0, True, 1) == (status, answer["fits"], answer["gpus"])
    card = answer["cards"][0]
    assert card["needed_gib"] == pytest.approx(sum(term["gib"] for term in card["terms"]), abs=0.01)
    assert 0 < answer["upper_bounds"]["decode_tokens_s"]


def test_without_a_fleet_the_assumption_is_said(ask):
    """Nobody thinks that their own card was measured."""
    _, out, _ = ask(MODEL)

    assert "1xH100-80GB is assumed" in out


def test_the_cards_of_this_machine_are_used_where_there_are_some(ask, monkeypatch):
    """Live memory decides, not the data sheet."""
    live = importlib.import_module("hybridllm.sizing.live")
    monkeypatch.setattr(live, "live_fleet", lambda *_: parse_fleet("2xRTX-4090-24GB"))

    _, out, _ = ask(MODEL)

    assert "RTX-4090-24GB" in out
    assert "with what is free now" in out


def test_training_names_framework_and_moment(ask):
    """A peak has a moment, and a framework has an error band."""
    status, out, _ = ask(MODEL, "--gpus", "1xH100-80GB", "--train", "qlora", "--framework", "trl")

    assert 0 == status
    assert "peak at:" in out
    assert "TRL SFTTrainer" in out
    assert "error band" in out


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (("--ask", "longest-context"), "longest_context"),
        (("--ask", "most-users"), "most_users"),
        (("--ask", "largest-batch", "--train", "lora"), "largest_batch"),
        (("--ask", "smallest-gpu"), "smallest_gpu"),
        (("--ask", "largest-model"), "largest_model"),
    ],
)
def test_questions_the_other_way_round_are_answered(ask, words, key):
    """Five questions, each with its plan."""
    status, out, _ = ask(MODEL, "--gpus", "1xL40S-48GB", "--json", *words)

    assert 0 == status
    assert json.loads(out)[key]


def test_the_rule_of_thumb_is_a_table(ask):
    """3B to 70B, inference and training."""
    status, out, _ = ask("--table", "--gpus", "H100-80GB")

    assert 0 == status
    for word in ("3B", "7B", "14B", "70B", "QLoRA"):
        assert word in out


def test_the_table_is_there_for_machines_too(ask):
    """Sixteen cells."""
    _, out, _ = ask("--table", "--gpus", "H100-80GB", "--json")

    assert 16 == len(json.loads(out)["rows"])


def test_costs_stand_beside_the_cloud(ask):
    """Break-even in the same mix of tokens."""
    words = ("--gpu-hour", "2", "--cloud-prices", "1,4", "--tokens-per-month", "3e8,1e8")
    _, out, _ = ask(MODEL, "--gpus", "1xL40S-48GB", "--json", *words)
    cost = json.loads(out)["cost_per_month"]

    assert (1460.0, 700.0) == (cost["local"], cost["cloud"])


def test_costs_are_shown_to_people(ask):
    """One line."""
    words = ("--gpu-hour", "2", "--cloud-prices", "1,4", "--tokens-per-month", "3e8,1e8")
    _, out, _ = ask(MODEL, "--gpus", "1xL40S-48GB", *words)

    assert "cost per month: 1,460 here, 700 cloud" in out


def test_a_command_is_emitted_alone(ask):
    """It can be redirected into a file."""
    status, out, _ = ask(MODEL, "--gpus", "1xL40S-48GB", "--emit", "vllm")

    assert 0 == status
    assert f"vllm serve {MODEL}" in out


def test_a_plot_is_written(ask, tmp_path):
    """The path is printed."""
    status, out, _ = ask(MODEL, "--gpus", "1xL40S-48GB", "--plot", str(tmp_path / "m.svg"))

    assert 0 == status
    assert "m.svg" in out


@pytest.mark.parametrize(
    ("words", "match"),
    [
        ((), "name a model"),
        (("meta-llama/Lama-3.1-8B",), "Did you mean"),
        ((MODEL, "--context", "-1"), "context_tokens is -1"),
        ((MODEL, "--users", "-1"), "users is -1"),
        ((MODEL, "--gpus", "0xH100-80GB"), "zero H100"),
        ((MODEL, "--gpus", "8xH1000"), "not in the catalogue"),
        ((MODEL, "--quant", "fp5"), "not known"),
        ((MODEL, "--kv-cache-dtype", "fp88"), "Did you mean 'fp8'"),
        ((MODEL, "--train", "lorra"), "Did you mean 'lora'"),
        ((MODEL, "--train", "lora", "--targets", "q,w"), "lora target 'w'"),
        ((MODEL, "--train", "lora", "--plot", "x.svg"), "leave --train out"),
        ((MODEL, "--ask", "largest-batch"), "add --train"),
        ((MODEL, "--emit", "helm"), "cannot emit 'helm'"),
        ((MODEL, "--cloud-prices", "1", "--tokens-per-month", "1,2"), "two numbers"),
        (("moonshotai/Kimi-K2-Instruct", "--ask", "smallest-gpu"), "no single card"),
        (("--ask", "largest-model", "--gpus", "1xT4-16GB", "--context", "0", "--users", "0"), ""),
    ],
)
def test_a_question_that_cannot_be_answered_says_why(ask, words, match):
    """Status 2 and one helpful message, no traceback."""
    status, _, err = ask(*words)

    if match:
        assert 2 == status
        assert match in err
    else:
        assert 0 == status


def test_an_error_is_a_document_for_machines(ask):
    """With --json even a refusal can be parsed."""
    status, out, _ = ask("nothing/there", "--json")

    assert (2, "FactsError") == (status, json.loads(out)["error"])


def test_bars_need_no_unicode(monkeypatch, capsys):
    """A terminal of the last century gets plain signs."""
    from rich.console import Console

    from hybridllm.cli.size_view import show_answer
    from hybridllm.sizing.planner import plan
    from tests.sizing.facts import H100, LLAMA_8B

    class Old(Console):
        encoding = "cp437"

    show_answer(plan(LLAMA_8B, fleet=H100), console=Old(width=100, highlight=False))

    assert "####" in capsys.readouterr().out


SCRIPT = """
import argparse, sys, time
started = time.perf_counter()
from hybridllm.cli import size
parser = argparse.ArgumentParser()
size.register(parser.add_subparsers())
args = parser.parse_args(["size", "meta-llama/Llama-3.1-8B", "--gpus", "8xH100-80GB"])
status = args.run(args)
heavy = {"torch", "numpy", "transformers", "pydantic", "httpx2", "openai"} & set(sys.modules)
print(sorted(heavy), time.perf_counter() - started, file=sys.stderr)
sys.exit(status)
"""


def test_an_answer_comes_at_once_and_loads_nothing_heavy():
    """Under 0.3 s of work in a fresh process; the best of three, since machines are shared."""
    times = []
    for _ in range(3):
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
        )
        heavy, seconds = done.stderr.rsplit("]", 1)
        times.append((float(seconds), time.perf_counter() - started))

        assert "[" == heavy
    assert min(times)[0] < 0.3


def test_importing_sizing_takes_no_time_and_no_torch():
    """Under 50 ms, the best of three."""
    code = (
        "import hybridllm, time, sys; t = time.perf_counter(); import hybridllm.sizing;"
        "print(time.perf_counter() - t, 'torch' in sys.modules)"
    )
    found = []
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        seconds, torch = done.stdout.split()
        found.append(float(seconds))

        assert "False" == torch
    assert min(found) < 0.05

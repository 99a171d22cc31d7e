"""`hybridllm engine` from a terminal: start, status, measure, attach and stop."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import threading
import tomllib
from contextlib import contextmanager

import pytest

from hybridllm.cli import main
from hybridllm.managed.folder import EngineFolder
from tests.managed.running import FAKE, Running

COMMAND = shlex.join([sys.executable, str(FAKE)])


@pytest.fixture
def run(capsys):
    """Return a function that runs the command line and returns status and output."""

    def run(*words):
        status = main(["engine", *words])
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return run


@contextmanager
def attached(tmp_path):
    """Run a fake engine under one folder; yield the folder of another that may attach to it."""
    with Running(tmp_path / "elsewhere") as running:
        running.until("ready")
        yield running, str(tmp_path / "here")


def test_an_engine_is_started_and_stopped_from_two_terminals(tmp_path, run):
    """One runs it and shows what to write into the configuration; the other ends it."""
    folder = ("--folder", str(tmp_path))
    parent = subprocess.Popen(
        [sys.executable, "-m", "hybridllm", "engine", "start", "tiny", "--with", "vllm",
         "--unsized", "--command", COMMAND, "--flags=--fake well", *folder],
        stdout=subprocess.PIPE, text=True, encoding="utf-8",
    )  # fmt: skip
    shown = []
    for line in parent.stdout:
        shown.append(line)
        if line.startswith("candidates"):
            break

    status, out, _ = run("status", "tiny", "--seconds", "0", "--json", *folder)
    ended, said, _ = run("stop", "tiny", *folder)
    rest = parent.communicate(timeout=60)[0]

    entry = tomllib.loads("".join(line for line in shown if not line.startswith("tiny: ")))
    assert ("on_premises", "vllm", "TINY_KEY", ["127.0.0.0/8"]) == tuple(
        entry["backends"]["tiny"][key] for key in ("place", "provider", "api_key_env", "networks")
    )
    assert "clearance" not in entry["backends"]["tiny"]  # its owner decides
    (row,) = json.loads(out)["engines"]
    assert (0, "ready", 0.0, 0.0625) == (status, row["state"], row["running"], row["kv_usage"])
    assert (0, "tiny has ended\n") == (ended, said)
    assert (0, True) == (parent.returncode, "stopped" in rest)
    assert EngineFolder(tmp_path, "tiny").key() not in "".join(shown) + rest


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_ctrl_c_ends_the_engine_in_order(tmp_path):
    """Who presses Ctrl-C gets a stopped engine and status 0."""
    parent = subprocess.Popen(
        [sys.executable, "-m", "hybridllm", "engine", "start", "tiny", "--with", "vllm",
         "--unsized", "--command", COMMAND, "--folder", str(tmp_path)],
        stdout=subprocess.PIPE, text=True, encoding="utf-8",
    )  # fmt: skip
    for line in parent.stdout:
        if line.startswith("candidates"):
            break

    parent.send_signal(signal.SIGINT)
    parent.communicate(timeout=60)

    assert 0 == parent.returncode
    assert "stopped" == EngineFolder(tmp_path, "tiny").state().state


def test_a_running_engine_is_attached_asked_and_measured(tmp_path, run):
    """What runs elsewhere is looked after with the key that its owner hands out."""
    with attached(tmp_path) as (running, here):
        key = ("--key-file", str(running.folder.key_path))
        folder = ("--folder", here)

        status, entry, _ = run(
            "attach", "lab", "--url", running.launch.base_url, "--with", "vllm", "--model", "tiny",
            *key, *folder,
        )  # fmt: skip
        asked, out, _ = run("status", "--json", *folder)
        measured, speeds, _ = run(
            "bench", "--engine", "lab", "--callers", "1", "3", "--tokens", "2", "--json", *folder
        )

    assert (0, 0, 0) == (status, asked, measured)
    assert "api_key_env" in entry
    (row,) = json.loads(out)["engines"]
    assert ("attached", True, 0.0) == (row["state"], row["healthy"], row["tokens_per_s"])
    rows = json.loads(speeds)["speeds"]
    assert [("lab", 1), ("lab", 3)] == [(one["name"], one["callers"]) for one in rows]
    assert all(one["tokens_per_s"] > 0 and one["first_s"] > 0 for one in rows)


def test_two_engines_of_one_name_do_not_take_each_others_key(tmp_path, run):
    """A second start says how to end the first, and changes nothing."""
    with Running(tmp_path) as running:
        running.until("ready")
        before = running.folder.key()

        status, _, said = run(
            "start", "tiny", "--with", "vllm", "--unsized", "--folder", str(tmp_path)
        )

        assert 2 == status
        assert "hybridllm engine stop tiny" in said
        assert before == running.folder.key()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["start", "tiny", "--with", "vlm"], "vllm"),
        (["start", "Tiny", "--with", "vllm", "--unsized"], "name of an engine"),
        (["start", "tiny", "--with", "vllm", "--unsized", "--command", "'x"], "a quote"),
        (["stop", "tiny"], "tiny"),
        (["status", "tiny"], "tiny"),
        (["attach", "tiny", "--with", "vllm", "--url", "ftp://x"], "expected a URL"),
        (["attach", "a", "--with", "vllm", "--url", "http://x/v1", "--key-file", "no"], "read"),
        (["bench"], "--model PATH"),
        (["bench", "--engine", "tiny"], "does not run"),
        (["bench", "--engine", "tiny", "--callers", "0"], "from 1 on"),
    ],
)
def test_a_wrong_question_is_one_line(words, expected, tmp_path, run):
    """The error names what is wrong, and nothing was started."""
    status, _, said = run(*words, "--folder", str(tmp_path))

    assert 2 == status
    assert expected in said
    assert 1 == said.count("\n")


def test_a_plan_that_does_not_fit_starts_nothing(tmp_path, run):
    """An engine that would run out of memory is not started at all."""
    status, _, said = run(
        "start", "big", "--with", "vllm", "--model", "meta-llama/Llama-3.1-70B", "--gpus",
        "1xL4-24GB", "--folder", str(tmp_path),
    )  # fmt: skip

    assert 2 >= status > 0
    assert "--unsized" in said
    assert threading.active_count() < 20


@pytest.mark.parametrize("server", ["vllm", "sglang", "llama-server"])
def test_a_plan_becomes_the_servers_flags(server, tmp_path, capfd):
    """Context and users reach each server in its own words."""
    tell = tmp_path / "tell.py"
    tell.write_text("import sys, pathlib\n"
                    f"pathlib.Path({str(tmp_path / 'seen')!r}).write_text(' '.join(sys.argv))\n"
                    "sys.exit(3)\n", encoding="utf-8")  # fmt: skip

    status = main([
        "engine", "start", "m", "--with", server, "--model", "meta-llama/Llama-3.1-8B", "--gpus",
        "1xH100-80GB", "--context", "4096", "--users", "4", "--restarts", "0", "--folder",
        str(tmp_path / "engines"), "--command", shlex.join([sys.executable, str(tell)]),
    ])  # fmt: skip

    seen = (tmp_path / "seen").read_text(encoding="utf-8")
    expected = {
        "vllm": ["--max-model-len 4096", "--no-enable-prefix-caching", "--tensor-parallel-size 1"],
        "sglang": ["--context-length 4096", "--max-running-requests 4", "--disable-radix-cache"],
        "llama-server": ["--ctx-size 16384", "--parallel 4", "--no-cache-prompt"],
    }[server]
    assert 1 == status
    assert "status_3" in capfd.readouterr().out
    assert [] == [flag for flag in expected if flag not in seen]
    assert "key" not in seen or "key.config" in seen

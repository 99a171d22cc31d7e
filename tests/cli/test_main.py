"""The command line as a whole: verbs, help, errors, exit statuses."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from hybridllm import __version__
from hybridllm.cli import VERBS, ask, status
from tests.support.namespace import NamespaceSkip, namespace_run

HEAVY = {"httpcore2", "httpx2", "openai", "pydantic", "rich", "torch", "transformers"}

ALL_HELP = """
import contextlib, io, json, sys
from importlib.util import find_spec
from hybridllm.cli import VERBS, _module, main
loaded = {}
there = [verb for verb in VERBS if find_spec(_module(verb))]
for argv in [["--help"], ["--version"], *([verb, "--help"] for verb in there)]:
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):
        main(argv)
    assert out.getvalue(), argv
    loaded[argv[0]] = sorted(set(sys.modules) & set(json.loads(sys.argv[1])))
print(json.dumps(loaded))
"""


def test_help_of_every_verb_loads_nothing_heavy():
    """Help is there at once: neither the SDK nor torch nor an HTTP library is loaded for it."""
    done = subprocess.run(
        [sys.executable, "-c", ALL_HELP, json.dumps(sorted(HEAVY))],
        check=True,
        capture_output=True,
        encoding="utf-8",
    )

    loaded = json.loads(done.stdout)
    assert {} == {verb: modules for verb, modules in loaded.items() if modules}


@pytest.mark.jail
def test_help_of_every_verb_sends_no_packet():
    """Reading the help tells nobody anything."""
    done = namespace_run(["-c", ALL_HELP, "[]"])
    if isinstance(done, NamespaceSkip):
        pytest.skip(done.reason)

    assert 0 == done.returncode, done.stderr
    assert done.is_silent


def test_help_names_every_verb_and_every_exit_status(run):
    """Whoever knows nothing yet finds all verbs and what the statuses mean."""
    ended = run("--help")

    assert 0 == ended.status
    for verb in ("init", "check", "ask", "explain", "doctor", "audit"):
        assert verb in ended.out
    assert "1  denied by the policy" in ended.out


def test_no_verb_at_all_shows_the_help(run):
    """A bare `hybridllm` is not an empty line."""
    ended = run()

    assert status.CONFIGURATION == ended.status
    assert "usage: hybridllm" in ended.err


def test_a_misspelt_verb_is_answered_with_the_nearest_one(run):
    """A typing mistake costs one look."""
    ended = run("exlpain", "x")

    assert status.CONFIGURATION == ended.status
    assert "Did you mean 'explain'" in ended.err


def test_the_version_is_told(run):
    """A report of a mistake can name the version."""
    assert f"hybridllm {__version__}\n" == run("--version").out


def test_a_verb_whose_module_is_missing_is_not_offered(run, monkeypatch):
    """Only what is installed can be asked for."""
    monkeypatch.setitem(VERBS, "levitate", "float")

    assert "levitate" not in run("--help").out
    assert status.CONFIGURATION == run("levitate").status


def test_an_interrupted_command_says_so_without_a_traceback(run, monkeypatch):
    """Ctrl-C ends a command with the status that shells expect."""
    monkeypatch.setattr(ask, "run", interrupted)

    ended = run("ask", "x")

    assert (130, "", "interrupted\n") == (ended.status, ended.out, ended.err)


def interrupted(args):
    raise KeyboardInterrupt


def fails(args):
    raise ValueError("the prompt was 社外秘")


def test_a_mistake_of_ours_shows_no_content_and_no_traceback(run, monkeypatch):
    """An unexpected error may hold anything in its text, so only its class is shown."""
    monkeypatch.setattr(ask, "run", fails)

    ended = run("ask", "x", "--json")

    assert status.MISTAKE == ended.status
    assert 1 == ended.err.count("\n")
    assert "ValueError" in ended.err
    assert "社外秘" not in ended.err + ended.out
    assert "ValueError" == json.loads(ended.out)["error"]


def test_a_developer_can_have_the_traceback(run, monkeypatch):
    """With --traceback the error comes out as it is."""
    monkeypatch.setattr(ask, "run", fails)

    with pytest.raises(ValueError, match="社外秘"):
        run("--traceback", "ask", "x")


@pytest.mark.skipif(sys.platform == "win32", reason="a pipe breaks in another way there")
def test_a_reader_who_leaves_early_makes_no_noise():
    """`hybridllm ... | head` ends quietly."""
    code = (
        "import sys, hybridllm.cli as cli\n"
        "from hybridllm.cli import init\n"
        "def run(args):\n"
        "    for _ in range(100_000): print('a long line that fills the pipe')\n"
        "    return 0\n"
        "init.run = run\n"
        "sys.exit(cli.main(['init']))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read()

    assert b"" == err
    assert status.PIPE_CLOSED == process.returncode

"""The whole demo, from the first request to the figure at its end."""

import importlib.util
import io
import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from hybridllm.cli import main, status
from hybridllm.demo import DemoError, llama, setup, weights
from hybridllm.demo.cloud import StandInCloud
from hybridllm.demo.run import play
from hybridllm.demo.screen import Screen, make_console
from hybridllm.demo.stage import Options
from hybridllm.demo.story import CODE_NAME
from hybridllm.types import Place
from tests.demo import fake_llama


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A model file for an engine that answers without a model."""
    fake_llama.install(tmp_path / "packages", monkeypatch=monkeypatch)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "80")
    file = tmp_path / "model.gguf"
    file.write_bytes(b"GGUF")
    return file


def run(*arguments):
    """Run the command line and return its exit status."""
    return main(["demo", *map(str, arguments)])


def quiet():
    """Return a screen that nobody reads."""
    console = make_console()
    console.file = io.StringIO()
    return Screen(console)


@pytest.fixture
def loose_cloud(monkeypatch):
    """A configuration that clears the cloud for everything: the mistake to be noticed."""
    table = setup._cloud_table
    wrong = 'clearance = { level = "confidential", compartments = "all" }'
    right = 'clearance = "internal"  # and no higher'
    monkeypatch.setattr(setup, "_cloud_table", lambda cloud: table(cloud).replace(right, wrong))
    monkeypatch.setattr(setup, "_LEGAL", "version = 1\n")


def test_nothing_confidential_reaches_the_cloud(model):
    """The demo ends with no confidential byte at the cloud, and all requests where they belong."""
    result = play(Options(weights=model), screen=quiet())

    assert 0 == result.evidence.confidential_bytes
    assert 0 < result.evidence.control_bytes
    assert result.kept
    places = [outcome.place for outcome in result.outcomes]
    assert {Place.CLOUD: 3, Place.ON_PREMISES: 9, None: 1} == {
        place: places.count(place) for place in places
    }


def test_without_the_local_engine_a_confidential_request_fails_and_the_cloud_gets_nothing(model):
    """Availability never buys clearance: the error is typed, and no byte goes to the cloud."""
    result = play(Options(weights=model), screen=quiet())

    [down, later] = [item for item in result.outcomes if item.request is CODE_NAME]
    assert "APIConnectionError" == down.error
    assert 0 == down.cloud_bytes
    assert "Kingfisher" not in down.detail
    assert "From inside." == later.text


def test_a_leak_is_counted_and_ends_with_status_1(model, loose_cloud, capsys):
    """Positive control: with a wrong clearance the same demo finds the leak and says so."""
    ended = run("--weights", model)

    shown = capsys.readouterr().out
    assert status.REFUSED == ended
    assert "confidential bytes received by the cloud: 0" not in shown
    assert "did not go as promised" in shown


def test_the_demo_leaves_nothing_behind(model):
    """No thread and no process is left; what stays is the folder that the screen names."""
    before = set(threading.enumerate())

    result = play(Options(weights=model), screen=quiet())

    assert before == set(threading.enumerate())
    assert {"hybridllm.toml", "names.csv", "departments", "received-by-the-cloud.bin"} <= {
        item.name for item in result.folder.iterdir()
    }
    assert not any(setup.LOCAL_KEY_VARIABLE in name for name in os.environ)


def test_the_output_for_machines_is_one_json_document(model, capsys):
    """`--json` writes the results to standard output and everything else to standard error."""
    ended = run("--weights", model, "--json")

    said = capsys.readouterr()
    found = json.loads(said.out)
    assert status.OK == ended
    assert 0 == found["cloud"]["confidential_bytes"]
    assert 13 == len(found["requests"])
    assert "confidential bytes received by the cloud: 0" in said.err


def test_what_is_shown_fits_80_columns_and_ends_with_the_figure(model, capsys):
    """The screen names the figure, the recording and the way to a real model."""
    run("--weights", model, "--no-color")

    shown = capsys.readouterr().out
    assert "confidential bytes received by the cloud: 0" in shown
    assert "received-by-the-cloud.bin" in shown
    assert "toy" in shown
    assert "[backends.local]" in shown
    assert "\x1b" not in shown


def test_a_mistake_is_one_line_and_status_2(model, capsys, monkeypatch):
    """What cannot be played says why, without a traceback."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    assert status.CONFIGURATION == run("--weights", "missing.gguf")
    assert status.CONFIGURATION == run("--weights", model, "--cloud", "openai")
    assert status.CONFIGURATION == run("--weights", model, "--cloud-model", "x")
    shown = capsys.readouterr().err
    assert "OPENAI_API_KEY" in shown
    assert "missing.gguf" in shown


def test_with_the_real_cloud_the_demo_claims_no_recording(model, monkeypatch, capsys):
    """Nobody sees what a real cloud received, so the demo gives no figure for it."""
    elsewhere = StandInCloud()  # in the place of the real one, unknown to the demo
    table = setup._cloud_table
    provider = 'provider = "openai"'
    address = f'base_url = "{elsewhere.base_url}"'
    monkeypatch.setattr(setup, "_cloud_table", lambda c: table(c).replace(provider, address))
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-a-test")

    ended = run("--weights", model, "--cloud", "openai", "--json")
    elsewhere.close()

    said = capsys.readouterr()
    cloud = json.loads(said.out)["cloud"]
    assert status.OK == ended
    assert {"recording": None, "confidential_bytes": None} == {
        key: cloud[key] for key in ("recording", "confidential_bytes")
    }
    assert "recording exists only with" in " ".join(said.err.split())
    assert 3 == b"".join(elsewhere.recording.connections).count(b"POST ")


def test_an_engine_that_fails_by_itself_is_not_taken_for_the_planned_outage(model, monkeypatch):
    """An engine that dies unasked makes the demo fail, and still nothing leaks."""
    start = llama.LlamaServer.start

    def start_and_die(server):
        start(server)
        server._process.kill()
        server._process.wait()

    monkeypatch.setattr(llama.LlamaServer, "start", start_and_die)

    result = play(Options(weights=model), screen=quiet())

    assert not result.kept
    assert 0 == result.evidence.confidential_bytes


# Slow, because the fake engine answers so fast that on a busy machine the whole demo can be
# over before the signal arrives.
@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to whole consoles only")
def test_ctrl_c_stops_everything(model):
    """Interrupted in the middle, the demo ends with status 130 and leaves no process."""
    code = "import sys; from hybridllm.cli import main; sys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", code, "demo", "--weights", str(model)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )
    for line in process.stdout:
        if "Hanako" in line:
            process.send_signal(signal.SIGINT)
            break

    rest = process.communicate(timeout=30)[0]

    assert "interrupted" in rest
    assert "Traceback" not in rest
    assert status.INTERRUPTED == process.returncode


def test_the_demo_needs_weights_or_says_so(model, monkeypatch, tmp_path):
    """Without a download and without a file the demo ends with what to do."""
    monkeypatch.setenv("HYBRIDLLM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")

    with pytest.raises(DemoError, match="--weights"):
        play(Options(), screen=quiet())


@pytest.mark.slow
def test_the_real_model_plays_the_whole_demo(monkeypatch, tmp_path):
    """With llama.cpp and the real weights the promise holds, in under 30 seconds."""
    if importlib.util.find_spec("xllamacpp") is None or weights.cached() is None:
        pytest.skip("needs the extra 'demo' and its weights in the cache")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    result = play(Options(), screen=quiet())

    assert result.kept
    assert all(item.text for item in result.outcomes if not item.error)
    assert sum(item.seconds for item in result.outcomes) < 30.0

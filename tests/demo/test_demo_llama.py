"""The demo's local engine starts, really stops, and never outlives the demo."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from hybridllm.demo import DemoError, llama
from hybridllm.demo.llama import LlamaServer
from hybridllm.errors import MissingExtraError
from tests.demo import fake_llama

# Starts an engine, says so, and waits for its end.
PARENT = """
import sys
from pathlib import Path
from hybridllm.demo.llama import LlamaServer
server = LlamaServer(Path("model.gguf"))
server.start()
print(server.base_url, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """An engine package without a model, for this process and for its children."""
    fake_llama.install(tmp_path / "packages", monkeypatch=monkeypatch)


def listens(base_url):
    """Say whether somebody accepts connections there."""
    address = urlsplit(base_url)
    with socket.socket() as probe:
        return probe.connect_ex((address.hostname, address.port)) == 0


def is_closed(connection):
    """Wait until the other side has gone."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_the_engine_starts_stops_and_starts_again_on_the_same_port(packages):
    """The demo can take the local engine down, and bring it back where it was."""
    server = LlamaServer(Path("model.gguf"))
    server.start()
    first = server.base_url
    assert listens(first)

    server.stop()
    assert not listens(first)

    server.start()
    assert first == server.base_url
    assert listens(first)
    server.stop()
    server.stop()
    assert not server.is_running


def test_the_engine_ends_when_the_demo_is_killed(packages):
    """A demo that dies without a farewell leaves no engine behind."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    base_url = parent.stdout.readline().strip()
    address = urlsplit(base_url)
    with socket.create_connection((address.hostname, address.port), timeout=10.0) as engine:
        parent.kill()
        parent.communicate()

        assert is_closed(engine)
    # The system takes a dying process's sockets one after the other.
    deadline = time.monotonic() + 10
    while listens(base_url) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not listens(base_url)


def test_an_engine_that_cannot_load_says_so_without_content(packages):
    """The message names the kind of error; the engine's own words are not repeated."""
    server = LlamaServer(Path("broken.gguf"))

    with pytest.raises(DemoError, match="did not start") as caught:
        server.start()

    assert "the text of a request" not in str(caught.value)
    assert not server.is_running


def test_an_engine_that_takes_too_long_is_stopped(packages, monkeypatch):
    """A start that hangs ends in an error, and in no process."""
    monkeypatch.setattr(llama, "_STOP_TIMEOUT_S", 0.2)
    server = LlamaServer(Path("slow.gguf"))

    with pytest.raises(DemoError, match="was not ready"):
        server.start(timeout_s=0.5)

    assert not server.is_running


def test_the_key_stands_neither_in_the_arguments_nor_in_the_environment(packages, monkeypatch):
    """Who lists the processes of the machine does not see the engine's key."""
    seen = {}
    popen = subprocess.Popen

    def start(arguments, **options):
        seen.update(arguments=arguments, environment=options.get("env") or dict(os.environ))
        return popen(arguments, **options)

    monkeypatch.setattr(llama.subprocess, "Popen", start)
    server = LlamaServer(Path("model.gguf"))
    server.start()
    server.stop()

    assert server.api_key not in str(seen)
    assert server.api_key not in repr(server)


def test_a_missing_package_is_one_line(monkeypatch):
    """Without the extra, the message is the command that installs it."""
    monkeypatch.setattr(llama, "find_spec", lambda name: None)

    with pytest.raises(MissingExtraError, match=r"hybridllm\[demo\]"):
        LlamaServer(Path("model.gguf")).start()

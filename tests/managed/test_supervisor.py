"""An engine of others is started, watched, started again and stopped, and nothing of it is left."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from hybridllm.addresses import DeclaredNetworks
from hybridllm.backends.openai_compatible import OpenAICompatibleBackend
from hybridllm.backends.providers import PROVIDERS
from hybridllm.backends.settings import BaseUrl, HttpSettings
from hybridllm.errors import ConfigurationError
from hybridllm.managed.probe import check_port
from hybridllm.permit import Permit
from hybridllm.types import Place
from hybridllm.wire import BackendError, FailureKind, WireRequest
from tests.managed.running import FAKE, Running

SECRET = "Falcon"

needs_proc = pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs Linux")


@pytest.fixture
def running(tmp_path):
    with Running(tmp_path) as running:
        running.until("ready")
        yield running


def backend(running):
    """Return the backend that a configuration would make of this engine."""
    return OpenAICompatibleBackend(
        "tiny",
        place=Place.ON_PREMISES,
        provider=PROVIDERS["vllm"],
        settings=HttpSettings(
            base_url=BaseUrl.parse(running.launch.base_url),
            declared=DeclaredNetworks.of("tiny", networks=["127.0.0.0/8"]),
            api_key=running.folder.key(),
        ),
    )


def ask(client, text):
    """Yield the events of a streamed chat."""
    asked = {"model": "tiny", "messages": [{"role": "user", "content": text}], "stream": True}
    body = json.dumps(asked).encode()
    deadline = time.monotonic() + 60
    permit = Permit(backend="tiny", body=body, policy_digest="", deadline=deadline)
    request = WireRequest("chat/completions", body, deadline, stream=True)
    events = client.send(request, permit=permit).events
    while (event := events.read()) is not None:
        yield json.loads(event)


def children_of(pid):
    """Return the processes below one, with their command lines."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int(path.joinpath("stat").read_text().rpartition(")")[2].split()[1])
            found[int(path.name)] = (parent, path.joinpath("cmdline").read_bytes().decode())
        except (OSError, ValueError):
            continue
    below, wanted = {}, {pid}
    while wanted:
        wanted = {child for child, (parent, _) in found.items() if parent in wanted}
        below |= {child: found[child][1] for child in wanted}
    return below


def is_gone(pid, *, within_s=30.0):
    """Wait until a process has ended."""
    due = time.monotonic() + within_s
    while time.monotonic() < due:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        state = Path(f"/proc/{pid}/stat")
        if state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
    return False


def test_an_engine_that_is_ready_answers_who_has_its_key(running):
    """The generated key opens the engine, and without it nobody is served."""
    with closing(backend(running)) as client:
        pieces = [choice["delta"] for event in ask(client, "hi") for choice in event["choices"]]

    assert "Hello" == "".join(piece["content"] for piece in pieces)
    assert running.prober.wants_key()
    assert "ready" == running.folder.state().state


@needs_proc
def test_the_key_is_for_its_owner_alone_and_shows_nowhere(running):
    """Not in arguments, not in the log, not in the state; files are closed to others."""
    key = running.folder.key()
    engines = children_of(os.getpid()).values()

    shown = "".join((*engines, running.log, str(running.folder.state()), repr(running.prober)))

    assert len(key) >= 32
    assert key not in shown
    assert any(str(FAKE) in line for line in engines)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in running.folder.path.iterdir()}
    assert (0o600, 0o600, 0o600) == (modes["key"], modes["key.config"], modes["state.json"])


def test_what_was_asked_is_written_down_nowhere(running):
    """An engine that logs prompts is read, and its lines are dropped."""
    with closing(backend(running)) as client:
        list(ask(client, SECRET))

    assert "kv_cache" in running.log
    for path in running.folder.path.iterdir():
        assert SECRET not in path.read_text(encoding="utf-8")


def test_a_crash_in_mid_stream_is_a_typed_error_and_the_engine_comes_back(running):
    """The caller gets the piece that came, then a failure that holds nothing; then it works."""
    with closing(backend(running)) as client:
        events = ask(client, f"CRASH {SECRET}")
        first = next(events)
        with pytest.raises(BackendError) as caught:
            next(events)
        again = running.until("ready")
        whole = list(ask(client, "hi"))

    assert "Hello" == first["choices"][0]["delta"]["content"]
    assert FailureKind.CONNECTION is caught.value.kind
    assert SECRET not in str(caught.value)
    assert (1, 3) == (again.restarts, len(whole))


def test_an_engine_that_no_longer_answers_is_started_again(running):
    """A process that lives and does not answer is of no use to anybody."""
    with closing(backend(running)) as client:
        list(ask(client, "HANG"))

    restarted = running.until("restarting")

    assert "hung" == restarted.reason
    assert 1 == running.until("ready").restarts


def test_stopping_waits_for_what_runs(running):
    """A request that is being answered is finished first, when there is time for it."""
    with closing(backend(running)) as client:
        events = ask(client, "SLOW")
        next(events)
        state = running.folder.state()

        running.folder.ask_to_stop(state.run, drain_s=60)
        running.until("draining")
        busy = running.prober.metrics()
        running.prober._status("/release")
        rest = list(events)

    assert (1, False) == (busy.running, busy.is_idle)
    assert "stop" == rest[0]["choices"][0]["finish_reason"]
    assert "stopped" == running.until("stopped").state


def test_a_wish_for_an_earlier_run_stops_nothing(running):
    """Who is slow to say stop does not stop the next engine of the name."""
    running.folder.ask_to_stop("an earlier run", drain_s=0)

    assert running.folder.stop_wish(running.folder.state().run) is None
    assert running.prober.is_healthy()


@needs_proc
def test_an_engine_that_does_not_hear_is_ended_by_force(tmp_path):
    """Stopping ends the processes, whatever they think of it."""
    with Running(tmp_path, fake="stubborn") as running:
        running.until("ready")
        # Servers of other tests are children of this process too.
        below = children_of(os.getpid())
        ours = [pid for pid, line in below.items() if str(FAKE) in line or "managed.guard" in line]

    assert 2 == len(ours)
    assert [True, True] == [is_gone(pid) for pid in ours]
    assert not running.prober.is_healthy()


def test_an_engine_that_always_fails_is_given_up_with_the_reason(tmp_path):
    """Some tries, then an end; the reason is the class of the error and not its text."""
    with Running(tmp_path, fake="exit") as running:
        running._thread.join(60)

    ended = running.folder.state()
    assert ("failed", "ValueError", 2) == (ended.state, ended.reason, ended.restarts)
    assert SECRET not in running.log
    assert "社外秘" not in running.log


def test_an_engine_that_serves_without_a_key_is_refused(tmp_path):
    """A server that ignores the key is open to everybody on the machine."""
    with Running(tmp_path, fake="open") as running:
        running._thread.join(60)

    ended = running.folder.state()
    assert ("failed", "serves_without_key", 0) == (ended.state, ended.reason, ended.restarts)


ORPHAN = """
import sys
from pathlib import Path
from tests.managed.running import Running
running = Running(Path(sys.argv[1]))
running.__enter__()
running.until("ready")
print("ready", flush=True)
sys.stdin.read()
"""


@needs_proc
@pytest.mark.parametrize("killed", ["supervisor", "guard"])
def test_an_engine_does_not_outlive_who_watches_it(tmp_path, killed):
    """However the watcher ends, and be it by force, the engine ends too."""
    parent = subprocess.Popen(
        [sys.executable, "-c", ORPHAN, str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=FAKE.parents[2],
    )  # fmt: skip
    try:
        assert b"ready\n" == parent.stdout.readline()
        engines = children_of(parent.pid)
        (engine,) = [pid for pid, line in engines.items() if str(FAKE) in line]
        (guard,) = [pid for pid, line in engines.items() if "managed.guard" in line]

        os.kill(parent.pid if killed == "supervisor" else guard, signal.SIGKILL)

        assert is_gone(engine)
    finally:
        parent.kill()
        parent.communicate()


def test_a_port_that_is_taken_is_said_before_anything_starts():
    """The error names the port and the way out."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(ConfigurationError, match=f"port {port} .* leave --port out"):
            check_port("127.0.0.1", port=port)

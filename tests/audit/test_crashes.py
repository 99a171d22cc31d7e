"""A killed process loses no acknowledged record, and a full disk stops requests."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from hybridllm.audit.inspect import inspect_log
from hybridllm.audit.reading import Keys
from tests.audit.reading import records, segments, verified

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals and limits")

SEED = 20261123

WRITER = """
import sys, threading
from pathlib import Path
from hybridllm.audit.log import FileAuditLog
from hybridllm.audit.log import Rhythm
folder = Path(sys.argv[1])
rhythm = Rhythm(checkpoint_lines=7, checkpoint_s=0.05)
log = FileAuditLog(folder, key=bytes(range(32)), rhythm=rhythm, signing_key=folder / "signing.pem")
lock = threading.Lock()
def work(number):
    turn = 0
    while True:
        name = f"{sys.argv[2]}-{number}-{turn}"
        log.write({"event": "intent", "call": name, "padding": "契約" * (turn % 50)})
        log.note({"event": "outcome", "call": name})
        with lock:
            sys.stdout.write(name + "\\n")
            sys.stdout.flush()
        turn += 1
for number in range(3):
    threading.Thread(target=work, args=(number,), daemon=True).start()
threading.Event().wait()
"""


def killed_after(lines: int, folder: Path, *, name: str) -> list[str]:
    """Kill a writer as soon as it has acknowledged that many records; return all of them."""
    command = [sys.executable, "-c", WRITER, str(folder), name]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        acknowledged = [process.stdout.readline().decode().strip() for _ in range(lines)]
        process.kill()
        rest = process.stdout.read().decode().split("\n")
    # What was being printed when the process died was not acknowledged.
    return acknowledged + rest[:-1]


def check_kills(cycles: int, folder: Path) -> None:
    """Kill that many writers on one directory and compare what they said with the log."""
    random, said = Random(SEED), set()
    for cycle in range(cycles):
        said.update(killed_after(random.randint(1, 40), folder, name=f"w{cycle}"))

    recorded = {item["call"] for item in records(folder) if item["event"] == "intent"}
    assert set() == said - recorded
    assert all(checked.valid for checked in verified(folder))
    assert cycles == len(verified(folder))
    assert () == inspect_log(folder, keys=Keys(bytes(range(32)))).faults


def test_killed_processes_lose_no_acknowledged_record(tmp_path):
    """After `kill -9` every record that a request relied on is in the log, and it verifies."""
    check_kills(500, tmp_path)


@pytest.mark.slow
def test_many_killed_processes_lose_no_acknowledged_record(tmp_path):
    """The same, far more often."""
    check_kills(10_000, tmp_path)


FULL_DISK = """
import json, resource, signal, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from hybridllm import AuditError, HybridLLM
from tests.support.server import RecordingServer
with RecordingServer(name="cloud") as cloud:
    folder = Path(sys.argv[1])
    (folder / "hybridllm.toml").write_text(f'''
version = 1
labels = {{ levels = ["public"], default = "public" }}
backends.cloud = {{ place = "cloud", clearance = "public", base_url = "{cloud.base_url}" }}
models.assistant.candidates = [{{ backend = "cloud", model = "m" }}]
detection.memory.persistent = false
''', encoding="utf-8")
    client = HybridLLM(config=folder / "hybridllm.toml")
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    answered = refused = 0
    messages = [{"role": "user", "content": "hello"}]
    for stream in (False, True) * 10:
        try:
            create = client.chat.completions.create
            reply = create(model="assistant", messages=messages, stream=stream)
            answered += 1
            if stream:
                list(reply)
            if answered == 5:
                resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
        except AuditError as error:
            refused += 1
            assert "nothing was sent" in str(error), error
    print(json.dumps({"answered": answered, "refused": refused, "received": len(cloud.requests)}))
"""


def test_a_full_disk_stops_requests_and_nothing_is_sent(tmp_path):
    """With no room for the record, a request ends in an error before a byte leaves."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path), str(root)]

    done = subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8")

    counts = json.loads(done.stdout)
    assert {"answered": 5, "refused": 15, "received": 5} == counts
    (segment,) = segments(tmp_path / ".hybridllm" / "audit")
    assert 1 <= segment.read_bytes().count(b"\n")

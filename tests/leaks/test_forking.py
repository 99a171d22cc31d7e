"""A client that is forked belongs to two processes; nothing of one reaches the other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.leaks.setting import audit_records, unfinished
from tests.support.server import RecordingServer

_SCRIPT = Path(__file__).with_name("forking_run.py")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_parent_and_child_share_neither_connection_nor_log(
    tmp_path: Path, cloud: RecordingServer, on_premises: RecordingServer
) -> None:
    """Servers that load first and fork later get every answer right, and a log that is whole."""
    on_premises.say(lambda request: str(request.json()["messages"][-1]["content"]))  # type: ignore[index]
    ports = [str(cloud.port), str(on_premises.port)]

    run = subprocess.run(
        [sys.executable, str(_SCRIPT), str(tmp_path), *ports],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )

    assert 0 == run.returncode, run.stderr[-2000:]
    assert _mixed(on_premises.connections) == []
    file = tmp_path / "hybridllm.toml"
    assert [] == unfinished(file)
    calls = [record["call"] for record in audit_records(file) if record["event"] == "intent"]
    assert 51 == len(calls) == len(set(calls))


def _mixed(connections: list[bytes]) -> list[int]:
    """Return the connections on which both processes wrote."""
    return [
        position
        for position, sent in enumerate(connections)
        if b"plan child" in sent and b"plan parent" in sent
    ]

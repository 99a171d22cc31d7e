"""A supervised fake engine, for tests.

Answers: how does a test start one, wait for what it does, and be sure that it is gone?
"""

from __future__ import annotations

import queue
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from hybridllm.managed.folder import EngineFolder, EngineState
from hybridllm.managed.probe import Prober, free_port
from hybridllm.managed.servers import Wanted, server
from hybridllm.managed.supervisor import Launch, Patience, Supervisor

FAKE = Path(__file__).with_name("fake_vllm.py")
QUICK = Patience(
    start_s=60, health_every_s=0.1, answer_s=1.0, health_misses=2, grace_s=1.0, first_pause_s=0.01,
    most_restarts=2, poll_s=0.02,
)  # fmt: skip
_LONGEST_WAIT_S = 60.0


def launch(*, fake: str = "", port: int | None = None) -> Launch:
    """Return what starts the fake engine."""
    wanted = Wanted(
        model="folder/of/tiny", served_name="tiny", host="127.0.0.1",
        port=port or free_port("127.0.0.1"), flags=("--fake", fake),
    )  # fmt: skip
    return Launch(server("vllm"), wanted, command=(sys.executable, str(FAKE)))


class Running:
    """A supervisor in a thread of its own; leaving the block stops it."""

    def __init__(self, folder: Path, *, fake: str = "", patience: Patience = QUICK) -> None:
        self.launch = launch(fake=fake)
        self.folder = EngineFolder(folder, "tiny")
        self.states: queue.Queue[EngineState] = queue.Queue()
        self.supervisor = Supervisor(
            self.launch, folder=self.folder, patience=patience, tell=self.states.put
        )
        self._thread = threading.Thread(target=self.supervisor.run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.supervisor.stop()
        self._thread.join(_LONGEST_WAIT_S)
        assert not self._thread.is_alive()

    def until(self, state: str) -> EngineState:
        """Return the next state of a name; those before it are let go."""
        while True:
            found = self.states.get(timeout=_LONGEST_WAIT_S)
            if found.state == state:
                return found
            assert not found.is_over, found

    @property
    def prober(self) -> Prober:
        """Return who asks this engine."""
        return Prober(self.launch.base_url, self.folder.key(), self.launch.server)

    @property
    def log(self) -> str:
        """Return all that was written down of it."""
        return (self.folder.path / "log.jsonl").read_text(encoding="utf-8")

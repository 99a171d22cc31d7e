"""Who watches over an engine.

Answers: when is an engine ready, when is it started again, and how does it end?
Not here: its process group (`managed.guard`), its files (`managed.folder`), the questions put to
it (`managed.probe`).

An engine is ready when it is well *and* refuses callers without its key: a server that ignores
the key would serve everybody on the machine. It is started again when it ends by itself or no
longer answers, each time after a longer pause, and given up after some times; an engine that was
well for long enough begins to count anew.
Units: seconds.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import IO

from hybridllm.managed.environment import child_environment
from hybridllm.managed.folder import EngineFolder, EngineState, StateName
from hybridllm.managed.lines import read_line
from hybridllm.managed.probe import Prober
from hybridllm.managed.servers import Server, Wanted, command_line


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for what.

    Attributes:
        start_s: Until an engine must be ready; large weights take long.
        health_every_s: Between two questions whether it is well.
        answer_s: For the answer to such a question.
        health_misses: Answers that may be missing before it counts as hung.
        grace_s: For an engine to end by itself.
        first_pause_s: Before it is started again; doubled each time.
        longest_pause_s: The longest such pause.
        most_restarts: Then it is given up.
        well_after_s: After so long, restarts count anew.
        poll_s: Between two looks at everything else.
    """

    start_s: float = 1800.0
    health_every_s: float = 5.0
    answer_s: float = 5.0
    health_misses: int = 3
    grace_s: float = 20.0
    first_pause_s: float = 1.0
    longest_pause_s: float = 60.0
    most_restarts: int = 5
    well_after_s: float = 600.0
    poll_s: float = 0.1


@dataclass(frozen=True, slots=True)
class Launch:
    """What to run.

    Attributes:
        server: Which kind.
        wanted: What it shall do.
        command: In the place of its usual command.
        environment: Variables beside those that are inherited.
    """

    server: Server
    wanted: Wanted
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        """The address for clients on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.wanted.host, self.wanted.host)  # noqa: S104 - it is compared, not bound
        shown = f"[{host}]" if ":" in host else host
        return f"http://{shown}:{self.wanted.port}/v1"


class Supervisor:
    """Runs one engine until it is told to stop, or gives it up.

    Args:
        launch: What to run.
        folder: Where its key, state and log go.
        patience: How long to wait for what.
        tell: Called with each new state.
    """

    def __init__(
        self,
        launch: Launch,
        *,
        folder: EngineFolder,
        patience: Patience | None = None,
        tell: Callable[[EngineState], None] = lambda _: None,
    ) -> None:
        self._launch = launch
        self._folder = folder
        self._patience = patience or Patience()
        self._tell = tell
        self._stop = threading.Event()
        self._drain_s = 0.0
        self._state = EngineState(
            run=secrets.token_hex(8), state="starting", server=launch.server.name,
            url=launch.base_url, model=launch.wanted.served_name, supervisor_pid=os.getpid(),
        )  # fmt: skip
        self._errors: list[str] = []

    def stop(self, *, drain_s: float = 0.0) -> None:
        """Ask it to end; any thread and any signal handler may."""
        self._drain_s = drain_s
        self._stop.set()

    def run(self) -> EngineState:
        """Run the engine; return its last state, `stopped` or `failed`."""
        self._folder.create()
        self._folder.forget_wish()
        key = self._folder.new_key()
        self._folder.write_server_key(self._launch.server.key_file(key))
        prober = Prober(
            self._launch.base_url, key, self._launch.server, timeout_s=self._patience.answer_s
        )
        failures = 0
        while True:
            begun = time.monotonic()
            reason = self._one_life(key, prober)
            if self._wants_to_stop():
                return self._enter("stopped")
            if time.monotonic() - begun >= self._patience.well_after_s:
                failures = 0
            failures += 1
            if failures > self._patience.most_restarts or reason == "serves_without_key":
                return self._enter("failed", reason=reason)
            self._state = replace(self._state, restarts=self._state.restarts + 1)
            self._enter("restarting", reason=reason)
            pause = self._patience.first_pause_s * 2 ** (failures - 1)
            self._wait(min(pause, self._patience.longest_pause_s))
            if self._wants_to_stop():
                return self._enter("stopped")

    def _one_life(self, key: str, prober: Prober) -> str:
        """Start the engine and watch it to its end; return the reason for that."""
        self._errors = []
        self._enter("starting", reason=self._state.reason)
        process = self._spawn(key)
        reader = threading.Thread(target=self._read, args=(process.stdout,), daemon=True)
        reader.start()
        try:
            reason = self._watch(process, prober)
        finally:
            self._end(process)
            reader.join(1.0)
        if process.returncode and reason == "ended":
            reason = self._errors[-1] if self._errors else f"status_{process.returncode}"
        self._folder.log("ended", reason=reason, status=process.returncode or 0)
        return reason

    def _watch(self, process: subprocess.Popen[str], prober: Prober) -> str:
        patience = self._patience
        due = time.monotonic() + patience.start_s
        asked, misses, ready = 0.0, 0, False
        while process.poll() is None:
            if self._wants_to_stop():
                self._drain(process, prober)
                return "stopped"
            now = time.monotonic()
            if now - asked >= (patience.health_every_s if ready else patience.poll_s):
                asked = now
                well = prober.is_healthy()
                misses = 0 if well else misses + 1
                if well and not ready:
                    if not prober.wants_key():
                        return "serves_without_key"
                    ready = True
                    self._enter("ready")
            if ready and misses >= patience.health_misses:
                return "hung"
            if not ready and now >= due:
                return "not_ready_in_time"
            self._wait(patience.poll_s)
        return "ended"

    def _drain(self, process: subprocess.Popen[str], prober: Prober) -> None:
        """Wait for what runs and waits in the engine, as long as was asked for."""
        if not self._drain_s:
            return
        self._enter("draining")
        due = time.monotonic() + self._drain_s
        while process.poll() is None and time.monotonic() < due:
            metrics = prober.metrics()
            if metrics is not None and metrics.is_idle:
                return
            time.sleep(self._patience.poll_s)

    def _spawn(self, key: str) -> subprocess.Popen[str]:
        launch = self._launch
        command = command_line(
            launch.server, wanted=launch.wanted, key_file=self._folder.server_key_path,
            command=launch.command,
        )  # fmt: skip
        more = dict(launch.server.environment) | dict(launch.environment)
        if launch.server.key_variable:
            more[launch.server.key_variable] = key
        process = subprocess.Popen(
            [sys.executable, "-m", "hybridllm.managed.guard"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=child_environment(more),
            start_new_session=True,  # Ctrl-C is for us; the engine is told by the guard
        )
        settings = {"command": command, "grace_s": self._patience.grace_s}
        with suppress(OSError):  # if it died at once, its status says so
            assert process.stdin is not None  # noqa: S101 - told to the type checker
            process.stdin.write(json.dumps(settings) + "\n")
            process.stdin.flush()
        return process

    def _end(self, process: subprocess.Popen[str]) -> None:
        if process.poll() is None and not self._state.is_over:
            self._folder.log("stopping")
        if process.stdin:
            with suppress(OSError):
                process.stdin.close()  # the guard ends the engine on this
        try:
            process.wait(self._patience.grace_s + 5.0)
        except subprocess.TimeoutExpired:
            process.kill()  # on Linux the kernel ends the engine with it
            process.wait()

    def _read(self, stream: IO[str]) -> None:
        """Take the facts out of what the engine writes; the text itself is dropped."""
        with stream:
            for line in stream:
                fact = read_line(line)
                if fact is None:
                    continue
                if fact.code in {"error", "out_of_memory", "port_in_use", "no_gpu"}:
                    self._errors.append(fact.error or fact.code)
                with suppress(OSError):  # a full disk does not stop an engine
                    self._folder.log_fact(fact)

    def _enter(self, state: StateName, *, reason: str = "") -> EngineState:
        self._state = replace(self._state, state=state, reason=reason)
        self._folder.write_state(self._state)
        self._folder.log("state", state=state, reason=reason, restarts=self._state.restarts)
        self._tell(self._state)
        return self._state

    def _wants_to_stop(self) -> bool:
        wish = None if self._stop.is_set() else self._folder.stop_wish(self._state.run)
        if wish is not None:
            self.stop(drain_s=wish)
        return self._stop.is_set()

    def _wait(self, seconds: float) -> None:
        """Wait, but not beyond a wish to stop."""
        due = time.monotonic() + seconds
        while not self._wants_to_stop() and (left := due - time.monotonic()) > 0:
            self._stop.wait(min(left, self._patience.poll_s))

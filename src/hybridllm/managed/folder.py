"""The folder of one managed engine: its key, its state, its log, wishes to stop.

Answers: what does another process, or the next one, know of this engine?
Not here: running it (`managed.supervisor`).

    NAME/key          the generated key, for the owner's eyes only
    NAME/key.config   the same as the server wants it
    NAME/state.json   address, state and counts; replaced as a whole
    NAME/log.jsonl    facts, one a line; no text of the engine
    NAME/stop         who puts this here wants it to stop

Units: seconds; times are seconds since 1970.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hybridllm.errors import ConfigurationError

if TYPE_CHECKING:
    from hybridllm.managed.lines import Fact

StateName = Literal[
    "attached", "draining", "failed", "ready", "restarting", "starting", "stopped", "stopping"
]
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_MOST_LOG_BYTES = 1_000_000
_OVER = frozenset({"failed", "stopped"})


@dataclass(frozen=True, slots=True)
class EngineState:
    """What is known of an engine.

    Attributes:
        run: Of this start; another one has another.
        state: Where it is on its way.
        server: Such as `vllm`.
        url: Base URL for clients.
        model: How clients call the model.
        supervisor_pid: Process that watches it; 0 for an attached one.
        restarts: How often it was started again.
        since: Of this state.
        reason: Why it ended or was started again: a code.
    """

    run: str
    state: StateName
    server: str
    url: str
    model: str
    supervisor_pid: int = 0
    restarts: int = 0
    since: float = 0.0
    reason: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nobody runs it any more."""
        return self.state in _OVER


class EngineFolder:
    """The files of one engine.

    Args:
        root: Where the folders of all engines are.
        name: Of this one.

    Raises:
        ConfigurationError: The name is no plain one.
    """

    def __init__(self, root: Path, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise ConfigurationError(
                "the name of an engine has up to 40 small letters, digits, dots and dashes"
            )
        self.name = name
        self.path = root / name
        self.key_path = self.path / "key"
        self.server_key_path = self.path / "key.config"

    def create(self) -> None:
        """Make the folder, for its owner alone."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def new_key(self) -> str:
        """Return a new key; it is kept where only its owner can read it."""
        key = secrets.token_urlsafe(32)
        self.keep_key(key)
        return key

    def keep_key(self, key: str) -> None:
        """Keep a key where only its owner can read it; an empty one leaves none."""
        if key:
            _write_private(self.key_path, f"{key}\n")
        else:
            self.key_path.unlink(missing_ok=True)

    def write_server_key(self, text: str) -> None:
        """Keep the key in the form that the server reads."""
        _write_private(self.server_key_path, text)

    def key(self) -> str:
        """Return the key, empty where there is none."""
        with suppress(FileNotFoundError):
            return self.key_path.read_text(encoding="ascii").strip()
        return ""

    def state(self) -> EngineState | None:
        """Return what is known, `None` for an engine that was never started here."""
        try:
            text = (self.path / "state.json").read_text(encoding="utf-8")
            return EngineState(**json.loads(text))
        except FileNotFoundError:
            return None
        except (OSError, TypeError, ValueError):
            raise ConfigurationError(
                "cannot be read; remove it if no engine of this name runs",
                file=str(self.path / "state.json"),
            ) from None

    def write_state(self, state: EngineState) -> None:
        """Replace what is known."""
        dated = replace(state, since=time.time())
        _write_private(self.path / "state.json", json.dumps(asdict(dated)))

    def log(self, event: str, **values: float | str) -> None:
        """Add a line; values are codes and numbers."""
        path = self.path / "log.jsonl"
        with suppress(FileNotFoundError):
            if path.stat().st_size > _MOST_LOG_BYTES:
                path.replace(self.path / "log.1.jsonl")
        line = json.dumps({"time": round(time.time(), 3), "event": event, **values})
        with path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def log_fact(self, fact: Fact) -> None:
        """Add what the engine has said."""
        more = {"class": fact.error} if fact.error else {}
        self.log(fact.code, **fact.values, **more)

    def ask_to_stop(self, run: str, *, drain_s: float) -> None:
        """Leave the wish that a run ends."""
        _write_private(self.path / "stop", json.dumps({"run": run, "drain_s": drain_s}))

    def stop_wish(self, run: str) -> float | None:
        """Return how long to wait for running requests, if somebody wants this run to end."""
        try:
            wish = json.loads((self.path / "stop").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if not isinstance(wish, dict) or wish.get("run") != run:
            return None  # meant for an earlier run
        drain_s = wish.get("drain_s")
        return float(drain_s) if isinstance(drain_s, int | float) else 0.0

    def forget_wish(self) -> None:
        """Remove a wish that was fulfilled, or was meant for an earlier run."""
        (self.path / "stop").unlink(missing_ok=True)


def _write_private(path: Path, text: str) -> None:
    """Replace a file as a whole; nobody else can read it, not even for a moment."""
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise

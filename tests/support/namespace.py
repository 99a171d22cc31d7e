"""Run a command where every packet is seen and none can leave.

Answers: did this command, with all its extensions and children, send even one packet?
Not here: what happens inside the namespace (`namespace_child`).

Needs Linux with unprivileged user namespaces; elsewhere the answer is a `NamespaceSkip` that
says why. Unix sockets are not fenced in: a look-up that a daemon of the host does for the command
is prevented by giving the command name servers of its own, other daemons are not.

Units: seconds, bytes.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.support.packets import Packet, parse_packet

_FENCE = ("unshare", "--map-root-user", "--net", "--mount")
_CHILD = Path(__file__).with_name("namespace_child.py")


@dataclass(frozen=True, slots=True)
class NamespaceSkip:
    """Why no namespace could be made here."""

    reason: str


@dataclass(frozen=True, slots=True)
class NamespaceRun:
    """What a command did, and every packet that it sent.

    Attributes:
        packets: All packets, those to loopback too; but of a TCP connection within loopback
            only the ones that open it.
        lost_packets: Packets that the recorder saw pass but could not keep; must be zero.
        survivors: Children that still ran when the command had ended, and were killed.
    """

    returncode: int
    stdout: str = field(repr=False)
    stderr: str = field(repr=False)
    packets: tuple[Packet, ...] = ()
    lost_packets: int = 0
    survivors: int = 0

    @property
    def strays(self) -> tuple[Packet, ...]:
        """The packets that were meant for elsewhere, and name look-ups wherever they went."""
        return tuple(packet for packet in self.packets if packet.is_stray)

    @property
    def is_silent(self) -> bool:
        """True when it is certain that not one packet was sent."""
        return not (self.packets or self.lost_packets or self.survivors)

    @property
    def stayed_inside(self) -> bool:
        """True when it is certain that no packet left loopback."""
        return not (self.strays or self.lost_packets or self.survivors)


def namespace_run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout_s: float = 120.0,
) -> NamespaceRun | NamespaceSkip:
    """Run `python *argv` in a network namespace of its own and record what it sends.

    Every address in the world is routed to the namespace's loopback device, where a packet
    recorder listens; `outside` answers look-ups and takes connections to the web's ports.

    Raises:
        subprocess.TimeoutExpired: The command took too long. It is killed.
        RuntimeError: The namespace could be made but the recorder failed.
    """
    if (reason := why_not()) is not None:
        return NamespaceSkip(reason)
    return _run([sys.executable, *argv], env=env, cwd=cwd, timeout_s=timeout_s)


@cache
def why_not() -> str | None:
    """Return why namespaces do not work here, or None when they do."""
    if sys.platform != "linux":
        return "network namespaces exist on Linux only"
    try:
        probe = subprocess.run(
            [*_FENCE, "true"], capture_output=True, encoding="utf-8", timeout=30, check=False
        )
    except FileNotFoundError:
        return "the command `unshare` (util-linux) is not installed"
    if probe.returncode:
        return f"unprivileged namespaces are not allowed here: {probe.stderr.strip()}"
    return None


def _run(
    command: Sequence[str], *, env: Mapping[str, str] | None, cwd: Path | None, timeout_s: float
) -> NamespaceRun:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.jsonl")
        with subprocess.Popen(
            [*_FENCE, sys.executable, "-I", str(_CHILD), folder, *command],
            env=dict(os.environ if env is None else env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        ) as process:
            try:
                stdout, stderr = process.communicate(timeout=timeout_s)
            except BaseException:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                raise
        if not report.exists():
            raise RuntimeError(stderr.strip() or f"exit status {process.returncode}")
        lines = report.read_text("utf-8").splitlines()
    facts = json.loads(lines[-1])
    return NamespaceRun(
        returncode=facts["returncode"],
        stdout=stdout,
        stderr=stderr,
        packets=tuple(parse_packet(bytes.fromhex(json.loads(line))) for line in lines[:-1]),
        lost_packets=facts["lost_packets"],
        survivors=facts["survivors"],
    )

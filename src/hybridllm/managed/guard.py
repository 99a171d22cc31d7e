"""The process between us and an engine: `python -m hybridllm.managed.guard`.

Answers: how does an engine end with whoever started it, all of its processes included?
Not here: when it shall end (`managed.supervisor`).

The guard reads one line of JSON with a command from standard input and runs it in a group of its
own. It ends the group when it is told to, and when its input ends, which happens also when the
process before it is killed. First it asks, then it forces. Its exit status is the engine's. On
Linux the kernel ends the engine should the guard itself be killed.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any

_PR_SET_PDEATHSIG = 1
_POLL_S = 0.05
_NOT_STARTED = 127


def main() -> int:
    """Run the command that comes in; return its status."""
    settings = json.loads(sys.stdin.readline())
    end = threading.Event()
    with suppress(ValueError, OSError):  # not everywhere a signal
        signal.signal(signal.SIGTERM, lambda *_: end.set())
    try:
        child = _start(settings["command"])
    except OSError as error:
        # Read by `managed.lines`; the name of the program may be anything, so it is not said.
        sys.stderr.write(f"{type(error).__name__}: not started\n")
        return _NOT_STARTED
    threading.Thread(target=_watch, args=(end,), daemon=True).start()
    while child.poll() is None and not end.wait(_POLL_S):
        pass
    if child.poll() is None:
        _end(child, grace_s=settings["grace_s"])
    _signal_group(child, forced=True)  # what it has left behind
    status = child.wait()
    return status if status >= 0 else 128 - status


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    more: dict[str, Any] = {}
    if sys.platform == "linux":
        # There is no thread yet, so nothing can be held locked in the copy of this process.
        more["preexec_fn"] = _end_with_parent
    return subprocess.Popen(  # noqa: S603 - to run this command is what the guard is for
        command, stdin=subprocess.DEVNULL, start_new_session=True, **more
    )


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _watch(end: threading.Event) -> None:
    """Wait for a word, or for the end of the input."""
    sys.stdin.readline()
    end.set()


def _end(child: subprocess.Popen[bytes], *, grace_s: float) -> None:
    _signal_group(child, forced=False)
    with suppress(subprocess.TimeoutExpired):
        child.wait(grace_s)
        return
    _signal_group(child, forced=True)


def _signal_group(child: subprocess.Popen[bytes], *, forced: bool) -> None:
    if sys.platform == "win32":
        child.kill() if forced else child.terminate()
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL if forced else signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())

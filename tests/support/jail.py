"""Run tests in a jail: one packet to anybody else, and the run has failed.

Answers: did these tests, with everything they started, keep to this machine?
Not here: the jail itself (`namespace`), a single process (`tests/leaks/test_jail.py`).

    python -m tests.support.jail tests/leaks tests/test_client.py

Ends with the status of pytest; with 90 if the tests passed and a packet went astray, a packet
could not be kept or a process was left behind; with 77 if this system forbids namespaces, and
then the reason is the last line.

Inside a jail the tests that start namespaces of their own run as well, where the system allows it.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.support.namespace import NamespaceRun, NamespaceSkip, namespace_run
from tests.support.packets import Packet

# Pytest has 0 to 5; 77 means skipped, as in Automake's test driver.
STRAY, FORBIDDEN = 90, 77
TIMEOUT_S = 3600.0
_MOST_SHOWN = 20


def main(arguments: Sequence[str]) -> int:
    """Run pytest with these arguments in a jail; say what went astray; return the status."""
    root = Path(__file__).parents[2]
    argv = ["-m", "pytest", "-p", "no:cacheprovider", *arguments]
    run = namespace_run(argv, cwd=root, timeout_s=TIMEOUT_S)
    if isinstance(run, NamespaceSkip):
        sys.stdout.write(f"no jail: {run.reason}\n")
        return FORBIDDEN
    sys.stdout.write(run.stdout)
    sys.stderr.write(run.stderr)
    sys.stdout.write("\n".join([*verdict(run), ""]))
    return run.returncode or (0 if run.stayed_inside else STRAY)


def verdict(run: NamespaceRun) -> list[str]:
    """Return what there is to say about a run, in lines."""
    strays = Counter(_destination(packet) for packet in run.strays)
    counts = f"{len(run.packets)} packets kept, {len(run.strays)} of them astray"
    rest = f"{run.lost_packets} lost, {run.survivors} processes left behind"
    lines = [f"jail: {counts}, {rest}"]
    lines += [f"  {count} to {where}" for where, count in strays.most_common(_MOST_SHOWN)]
    return lines


def _destination(packet: Packet) -> str:
    asked = f", asking for {packet.dns_name}" if packet.dns_name else ""
    return f"{packet.destination} port {packet.port} ({packet.protocol}{asked})"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

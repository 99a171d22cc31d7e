"""A cloud and an engine in a process of their own, which fail in changing ways.

Answers: what does a client meet that runs for an hour, and what did the servers see of it?
Not here: the client (`test_soak`).

    python soak_servers.py SEED

Prints one line of JSON with the two ports, serves until its input ends, and prints one line
with what came. It is another process so that recordings do not count as the client's memory.

Units: seconds.
"""

from __future__ import annotations

import json
import random
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.leaks.crowd import last_text
from tests.support.behaviours import (
    BadJson,
    Behaviour,
    CutMidStream,
    EchoError,
    Garbage,
    Hang,
    Ok,
    Redirect,
    Slow,
    Status,
    StreamError,
    WrongShape,
    rate_limited,
)
from tests.support.server import RecordingServer

_CHANGE_S = 1.0


def main(seed: int) -> None:
    """Serve, and change how every second; half of the time all is well."""
    dice = random.Random(seed)
    with RecordingServer(name="cloud") as cloud, RecordingServer(name="inner") as inner:
        for server in (cloud, inner):
            server.say(last_text)
        ended = threading.Event()
        threading.Thread(target=_wait_for_the_end, args=(ended,), daemon=True).start()
        _say({"cloud": cloud.port, "on_premises": inner.port})
        while not ended.wait(_CHANGE_S):
            for server in (cloud, inner):
                server.behave(dice.choice(_faults(cloud)) if dice.random() < 0.5 else Ok())
        _say(
            {
                "cloud": len(cloud.requests),
                "on_premises": len(inner.requests),
                "inside at the cloud": cloud.received.count(b"Kestrel-inside"),
                "inside at home": inner.received.count(b"Kestrel-inside"),
            }
        )


def _faults(cloud: RecordingServer) -> list[Behaviour]:
    return [
        *(Status(code) for code in (400, 401, 404, 413, 500, 502, 503)),
        rate_limited(retry_after_s=0),
        Redirect(307, cloud.url),
        Hang("headers"),
        Hang("body"),
        Slow(pause_s=0.01, drip_bytes=20),
        CutMidStream(1, "close"),
        CutMidStream(1, "reset"),
        StreamError(1),
        EchoError(400),
        Garbage(),
        BadJson(),
        WrongShape(),
    ]


def _wait_for_the_end(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


def _say(what: dict[str, int]) -> None:
    sys.stdout.write(f"{json.dumps(what)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))

"""Do the tripwire and the namespace notice what leaves the process?"""

from __future__ import annotations

import contextlib
import socket
import sys

import pytest

from tests.support.namespace import NamespaceRun, NamespaceSkip, namespace_run, why_not
from tests.support.packets import parse_packet
from tests.support.resolver import RecordingResolver
from tests.support.server import RecordingServer
from tests.support.tripwire import AuditHookTripwire, Stray, is_inside

_skips = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

UDP = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', {address!r})"
UDP6 = UDP.replace("AF_INET", "AF_INET6")
LOOK_UP = "import socket\ntry: socket.getaddrinfo('kestrel.example', 443)\nexcept OSError: pass"
CONNECT = "import socket\nsocket.socket().connect_ex(('203.0.113.7', 443))"
GRANDCHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])"
LOCAL_TALK = """
import socket, threading
listener = socket.create_server(('127.0.0.1', 0))
sender = socket.create_connection(listener.getsockname())
receiver, _ = listener.accept()
threading.Thread(target=lambda: (sender.sendall(bytes(20_000_000)), sender.close())).start()
while receiver.recv(1 << 20): pass
"""
DAEMON = """
import subprocess, sys
hush = dict(stdin=-3, stdout=-3, stderr=-3, start_new_session=True)
subprocess.Popen([sys.executable, '-c', 'import threading; threading.Event().wait(60)'], **hush)
"""


def _run(code: str) -> NamespaceRun:
    run = namespace_run(["-I", "-c", code], timeout_s=60)
    assert isinstance(run, NamespaceRun)
    return run


@pytest.mark.jail
@_skips
def test_a_silent_command_is_found_silent() -> None:
    """The recorder itself adds no packet, and output and exit status come through."""
    run = _run("import sys; print('出力'); sys.exit(3)")

    assert ((), 0, 0) == (run.packets, run.lost_packets, run.survivors)
    assert (3, "出力\n", "") == (run.returncode, run.stdout, run.stderr)
    assert run.is_silent
    assert run.stayed_inside


@pytest.mark.jail
@_skips
@pytest.mark.parametrize(
    ("code", "protocol", "destination", "port"),
    [
        (UDP.format(address=("203.0.113.7", 9)), "udp", "203.0.113.7", 9),
        (UDP6.format(address=("2001:db8::7", 9)), "udp", "2001:db8::7", 9),
        (UDP.format(address=("224.0.0.251", 5353)), "udp", "224.0.0.251", 5353),
        (UDP.format(address=("127.0.0.53", 53)), "udp", "127.0.0.53", 53),
        (LOOK_UP, "udp", "192.0.2.53", 53),
        (CONNECT, "tcp", "203.0.113.7", 443),
        (GRANDCHILD.format(code=CONNECT), "tcp", "203.0.113.7", 443),
    ],
    ids=["udp", "udp6", "multicast", "dns on loopback", "name look-up", "tcp", "grandchild"],
)
def test_one_stray_packet_is_caught(code: str, protocol: str, destination: str, port: int) -> None:
    """Positive control: whatever the way out, a single packet shows up with its destination."""
    if destination.startswith("2001") and not socket.has_ipv6:
        pytest.skip("this Python has no IPv6")

    run = _run(code)

    assert (protocol, destination, port) in [
        (p.protocol, p.destination, p.port) for p in run.strays
    ]
    assert not run.is_silent
    assert not run.stayed_inside


@pytest.mark.jail
@_skips
def test_the_name_asked_for_is_read_from_the_packet() -> None:
    """A look-up is content too: the report says which name went out."""
    run = _run(LOOK_UP)

    assert {"kestrel.example"} == {p.dns_name for p in run.strays if p.dns_name}


@pytest.mark.jail
@_skips
def test_a_busy_local_server_is_inside_but_not_silent() -> None:
    """Twenty megabytes over loopback neither count as stray nor flood the recorder."""
    run = _run(LOCAL_TALK)

    assert 0 == run.lost_packets
    assert run.packets
    assert run.stayed_inside
    assert not run.is_silent


@pytest.mark.jail
@_skips
def test_a_process_left_behind_is_reported() -> None:
    """A daemon could send later, so a run that leaves one is not called silent."""
    run = _run(DAEMON)

    assert 1 == run.survivors
    assert not run.is_silent


def test_where_namespaces_are_missing_the_answer_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without namespaces skips with a reason instead of passing."""
    monkeypatch.setattr(sys, "platform", "darwin")
    why_not.cache_clear()

    result = namespace_run(["-c", "pass"])

    why_not.cache_clear()
    assert NamespaceSkip("network namespaces exist on Linux only") == result


@pytest.mark.parametrize("raw", [b"", b"\x45", b"\x60" + bytes(10), b"\x00" * 60])
def test_an_unreadable_packet_counts_as_stray(raw: bytes) -> None:
    """Doubt is not silence."""
    packet = parse_packet(raw)

    assert "unknown" == packet.protocol
    assert packet.is_stray


def test_the_tripwire_notes_look_ups_and_connections_to_the_outside() -> None:
    """A name and a foreign address are noted; an active tripwire refuses nothing."""
    with AuditHookTripwire() as tripwire, socket.socket(type=socket.SOCK_DGRAM) as sock:
        with contextlib.suppress(OSError):
            sock.connect(("192.0.2.1", 9))  # no packet: UDP, and nothing is sent
        with contextlib.suppress(OSError):
            socket.getaddrinfo("kestrel.invalid", 1, flags=socket.AI_NUMERICHOST)

    assert [
        Stray("socket.connect", "192.0.2.1"),
        Stray("socket.getaddrinfo", "kestrel.invalid"),
    ] == tripwire.strays


def test_the_tripwire_leaves_loopback_alone_and_ends_with_its_block() -> None:
    """Talking to a loopback server is no stray, and nothing is noted after the block."""
    with RecordingServer() as server, AuditHookTripwire() as tripwire:
        socket.create_connection(("127.0.0.1", server.port)).close()
        socket.getaddrinfo("localhost", 80)

    with contextlib.suppress(OSError):
        socket.getaddrinfo("late.invalid", 1, flags=socket.AI_NUMERICHOST)

    assert [] == tripwire.strays


@pytest.mark.parametrize(
    ("host", "inside"),
    [
        *[
            (h, True)
            for h in ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "LOCALHOST", "")
        ],
        *[
            (h, False)
            for h in ("10.0.0.1", "0.0.0.0", "localhost.example", "::ffff:10.0.0.1", "fe80::1%1")
        ],
    ],
)
def test_only_this_machine_is_inside(host: str, inside: bool) -> None:
    """Private addresses are outside too: another machine is another machine."""
    assert inside == is_inside(host)


def test_the_resolver_gives_its_answers_in_turn_and_notes_the_questions() -> None:
    """A name whose second answer differs can be played without a name server."""
    resolve = RecordingResolver({"engine.example": [["127.0.0.1"], ["192.0.2.1"]]})

    answers = [resolve("engine.example", 80)[0][4] for _ in range(3)]

    assert [("127.0.0.1", 80), ("192.0.2.1", 80), ("192.0.2.1", 80)] == answers
    assert ["engine.example"] * 3 == resolve.questions
    with pytest.raises(socket.gaierror):
        resolve("other.example", 80)

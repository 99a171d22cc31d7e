"""Does a run of tests in the jail fail when one packet goes astray?"""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.support import jail, namespace
from tests.support.namespace import NamespaceSkip, why_not
from tests.support.outside import ADDRESS, ADDRESS6, dns_answer

_skips = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

SILENT = """
import socket
def test_loopback():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
"""
ONE_PACKET = """
import socket
def test_one_packet():
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x", ("203.0.113.7", 9))
"""
LOOK_UP = """
import socket
def test_a_look_up_and_what_follows():
    with socket.create_connection(("kestrel.example", 443), timeout=20) as sock:
        sock.sendall(b"marked 7781")
"""
FAILING = "def test_false():\n    assert False\n"


def _status(folder: Path, text: str) -> int:
    file = folder / "test_inside.py"
    file.write_text(text, encoding="utf-8")
    return jail.main(["-q", "--rootdir", str(folder), "-c", str(folder / "none.ini"), str(file)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with settings of its own."""
    (tmp_path / "none.ini").write_text("[pytest]\n", encoding="utf-8")
    return tmp_path


@pytest.mark.jail
@_skips
def test_tests_that_keep_to_this_machine_pass(folder: Path, capsys) -> None:
    """Talking to a server on loopback is allowed; the run says how many packets it saw."""
    status = _status(folder, SILENT)

    assert 0 == status
    assert ", 0 of them astray" in capsys.readouterr().out


@pytest.mark.jail
@_skips
@pytest.mark.parametrize(
    ("text", "where"),
    [
        (ONE_PACKET, ["203.0.113.7 port 9 (udp)"]),
        (LOOK_UP, ["asking for kestrel.example", f"{ADDRESS} port 443 (tcp)"]),
    ],
    ids=["one packet", "look-up"],
)
def test_one_stray_packet_fails_a_run_whose_tests_pass(
    text: str, where: list[str], folder: Path, capsys
) -> None:
    """Positive control: pytest is content, the jail is not, and it names the destination."""
    status = _status(folder, text)

    said = capsys.readouterr().out
    assert "1 passed" in said
    assert jail.STRAY == status
    assert [] == [one for one in where if one not in said]


@pytest.mark.jail
@_skips
def test_a_failing_test_fails_the_run(folder: Path) -> None:
    """The status of pytest comes through."""
    assert 1 == _status(folder, FAILING)


@pytest.mark.jail
@_skips
def test_what_follows_a_look_up_is_recorded() -> None:
    """Every name has an address, and what is said there is kept byte by byte."""
    run = namespace.namespace_run(["-I", "-c", f"{LOOK_UP}\ntest_a_look_up_and_what_follows()"])

    assert not isinstance(run, NamespaceSkip)
    assert (0, "") == (run.returncode, run.stderr)
    assert any(b"marked 7781" in packet.raw for packet in run.strays)


def test_without_namespaces_there_is_no_jail(monkeypatch, capsys) -> None:
    """A system that forbids namespaces is told apart from a silent run, with its reason."""
    reason = NamespaceSkip("network namespaces exist on Linux only")
    monkeypatch.setattr(jail, "namespace_run", lambda *_, **__: reason)

    status = jail.main([])

    assert jail.FORBIDDEN == status
    assert "no jail: network namespaces exist on Linux only" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("kind", "family", "address"),
    [(1, socket.AF_INET, ADDRESS), (28, socket.AF_INET6, ADDRESS6)],
    ids=["A", "AAAA"],
)
def test_every_name_has_an_address(kind: int, family: int, address: str) -> None:
    """The answer repeats the question and ends with a documentation address."""
    name = b"\x07kestrel\x07example\x00"
    question = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + name + bytes([0, kind, 0, 1])

    answer = dns_answer(question)

    assert question[:2] == answer[:2]
    assert question[12:] in answer
    assert answer.endswith(socket.inet_pton(family, address))


def test_other_questions_get_an_empty_answer() -> None:
    """Names have no mail servers and no texts here; nobody waits for a time-out."""
    question = bytes(12) + b"\x01k\x00" + b"\x00\x10\x00\x01"

    answer = dns_answer(question)

    assert 0 == int.from_bytes(answer[6:8])
    assert answer.endswith(question[12:])

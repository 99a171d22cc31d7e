"""Everything outside, played on one machine: a name service and servers at every address.

Answers: what does a process meet in the namespace when it turns to the outside?
Not here: recording what it sends (`namespace_child`), judging that (`packets`).

Every name exists and has a documentation address, so that a look-up is followed by what would
have followed it. At every address somebody listens on the ports of the web, reads, and answers
nothing: the bytes stand in the recorded packets. It needs the standard library only.

Source: RFC 1035 section 4.1 (messages), RFC 3596 (AAAA), RFC 5737 and RFC 3849 (addresses).
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable

NAME_SERVER = "192.0.2.53"
ADDRESS, ADDRESS6 = "198.51.100.7", "2001:db8::7"
PORTS = (80, 443)

_A, _AAAA, _INTERNET = 1, 28, 1
_IS_ANSWER, _NAME_OF_QUESTION, _LIFETIME_S = 0x8180, 0xC00C, 1
_HEAD_BYTES = 12


def dns_answer(question: bytes) -> bytes:
    """Return the answer to a DNS question: an address, or nothing of the kind asked for."""
    end = question.index(b"\0", _HEAD_BYTES) + 1
    asked = question[_HEAD_BYTES : end + 4]
    (kind,) = struct.unpack_from("!H", question, end)
    data = {
        _A: socket.inet_pton(socket.AF_INET, ADDRESS),
        _AAAA: socket.inet_pton(socket.AF_INET6, ADDRESS6),
    }.get(kind)
    head = question[:2] + struct.pack("!5H", _IS_ANSWER, 1, 1 if data else 0, 0, 0)
    if data is None:
        return head + asked
    entry = struct.pack("!3HIH", _NAME_OF_QUESTION, kind, _INTERNET, _LIFETIME_S, len(data))
    return head + asked + entry + data


def play_outside() -> None:
    """Answer for the whole world, in threads that end with the process."""
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    names.bind((NAME_SERVER, 53))
    _start(_serve_names, names)
    both = socket.has_dualstack_ipv6()
    for port in PORTS:
        listener = socket.create_server(
            ("::" if both else "0.0.0.0", port),
            family=socket.AF_INET6 if both else socket.AF_INET,
            dualstack_ipv6=both,
        )
        _start(_serve_connections, listener)


def _start(work: Callable[[socket.socket], None], sock: socket.socket) -> None:
    threading.Thread(target=work, args=(sock,), daemon=True).start()


def _serve_names(sock: socket.socket) -> None:
    while True:
        question, sender = sock.recvfrom(4096)
        try:
            answer = dns_answer(question)
        except (ValueError, struct.error):
            continue  # no question: it was recorded all the same
        sock.sendto(answer, sender)


def _serve_connections(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        _start(_read_to_the_end, connection)


def _read_to_the_end(connection: socket.socket) -> None:
    with connection:
        try:
            while connection.recv(1 << 16):
                pass
        except OSError:
            return

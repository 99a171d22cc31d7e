"""The inside of `namespace.namespace_run`: route the world to loopback, record, run a command.

A script, started by `unshare --map-root-user --net --mount`. It needs the standard library and
its neighbour `outside`, which answers for all the addresses.

    python namespace_child.py FOLDER COMMAND...

Writes FOLDER/report.jsonl: one packet a line in hexadecimal, then a line of facts.

Source of the numbers: Linux headers if.h, rtnetlink.h, if_packet.h, mount.h, prctl.h.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

_ETH_P_ALL = 3
_ETHERNET_HEAD_BYTES = 14
_IP_TYPES = frozenset({0x0800, 0x86DD})
_SOL_PACKET, _PACKET_STATISTICS, _PACKET_OUTGOING = 263, 6, 4
_SIOCSIFFLAGS, _IFF_UP_RUNNING = 0x8914, 0x41
_RTM_NEWROUTE, _NLM_REQUEST_ACK_CREATE = 24, 0x1 | 0x4 | 0x400
_RT_TABLE_LOCAL, _RTPROT_STATIC, _RT_SCOPE_HOST, _RTN_LOCAL, _RTA_OIF = 255, 4, 254, 2, 4
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000
_PR_SET_CHILD_SUBREAPER = 36
_BUFFER_BYTES = 1 << 24

_LOAD_WORD, _LOAD_HALF, _LOAD_BYTE, _LOAD_BYTE_AT_X, _LOAD_IP_LENGTH = 0x20, 0x28, 0x30, 0x50, 0xB1
_JUMP_IF_EQUAL, _JUMP_IF_ANY_BIT, _RETURN = 0x15, 0x45, 0x06
_PACKET_TYPE = 0xFFFFF004  # SKF_AD_OFF + SKF_AD_PKTTYPE
_SYN = 2
_SO_ATTACH_FILTER = 26

# Keeps packets that are sent (loopback shows each twice, the second time as received). Of TCP
# within loopback only what opens a connection: a busy local server would flood the buffer.
# Each line: operation, operand, then for a jump where to go on true and on false ("" = next line).
_FILTER: tuple[tuple[int, int, str, str], ...] = (
    (_LOAD_WORD, _PACKET_TYPE, "", ""),
    (_JUMP_IF_EQUAL, _PACKET_OUTGOING, "", "drop"),
    (_LOAD_HALF, 12, "", ""),
    (_JUMP_IF_EQUAL, 0x0800, "", "ipv6"),
    (_LOAD_BYTE, 30, "", ""),  # IPv4: first byte of the destination
    (_JUMP_IF_EQUAL, 127, "", "keep"),
    (_LOAD_BYTE, 23, "", ""),
    (_JUMP_IF_EQUAL, socket.IPPROTO_TCP, "", "keep"),
    (_LOAD_IP_LENGTH, 14, "", ""),
    (_LOAD_BYTE_AT_X, 14 + 13, "", ""),
    (_JUMP_IF_ANY_BIT, _SYN, "keep", "drop"),
    (_JUMP_IF_EQUAL, 0x86DD, "", "keep"),  # the line that "ipv6" names
    *((_LOAD_WORD, 38, "", ""), (_JUMP_IF_EQUAL, 0, "", "keep")),
    *((_LOAD_WORD, 42, "", ""), (_JUMP_IF_EQUAL, 0, "", "keep")),
    *((_LOAD_WORD, 46, "", ""), (_JUMP_IF_EQUAL, 0, "", "keep")),
    *((_LOAD_WORD, 50, "", ""), (_JUMP_IF_EQUAL, 1, "", "keep")),
    (_LOAD_BYTE, 20, "", ""),
    (_JUMP_IF_EQUAL, socket.IPPROTO_TCP, "", "keep"),
    (_LOAD_BYTE, 14 + 40 + 13, "", ""),
    (_JUMP_IF_ANY_BIT, _SYN, "keep", "drop"),
    (_RETURN, 0, "", ""),  # "drop"
    (_RETURN, 1 << 18, "", ""),  # "keep"
)
_TARGETS = {"ipv6": 11, "drop": len(_FILTER) - 2, "keep": len(_FILTER) - 1}

# RFC 5737: an address for documentation, at which `outside` answers. Whoever asks it for a name
# has sent a packet outside.
_NAME_SERVICE = {
    "/etc/resolv.conf": "nameserver 192.0.2.53\noptions timeout:1 attempts:1\n",
    "/etc/nsswitch.conf": "hosts: files dns\n",
}


def main(folder: Path, command: list[str]) -> None:
    _bring_loopback_up()
    _route_everything_to_loopback(socket.AF_INET)
    if socket.has_ipv6 and Path("/proc/net/if_inet6").exists():
        _route_everything_to_loopback(socket.AF_INET6)
    _use_own_name_servers(folder)
    sys.path.append(str(Path(__file__).parent))  # isolated: nothing else is found there
    from outside import play_outside

    play_outside()
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    recorder = Recorder()
    with subprocess.Popen(command, start_new_session=False) as process:
        returncode = process.wait()
    survivors = _end_survivors()
    packets, lost = recorder.finish()
    facts = {"returncode": returncode, "lost_packets": lost, "survivors": survivors}
    lines = [*(json.dumps(packet.hex()) for packet in packets), json.dumps(facts)]
    unfinished = folder / "unfinished"
    unfinished.write_text("\n".join(lines), "utf-8")
    unfinished.rename(folder / "report.jsonl")


class Recorder:
    """Keeps every IP packet sent on any device; the kernel copies it before `send` returns."""

    def __init__(self) -> None:
        self._sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        _attach_filter(self._sock)
        self._sock.settimeout(0.05)
        self._packets: list[bytes] = []
        self._finishing = threading.Event()
        self._thread = threading.Thread(target=self._record)
        self._thread.start()

    def finish(self) -> tuple[list[bytes], int]:
        """Return the packets, and how many did not fit into the kernel's buffer."""
        self._finishing.set()
        self._thread.join()
        statistics = self._sock.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        self._sock.close()
        return self._packets, struct.unpack("II", statistics)[1]

    def _record(self) -> None:
        while True:
            finishing = self._finishing.is_set()
            try:
                frame, source = self._sock.recvfrom(1 << 17)
            except TimeoutError:
                if finishing:
                    return
                continue
            head = _ETHERNET_HEAD_BYTES if source[1] in _IP_TYPES else 0
            self._packets.append(frame[head:])


def _attach_filter(sock: socket.socket) -> None:
    lines = b"".join(
        struct.pack(
            "HBBI",
            operation,
            _TARGETS[yes] - at - 1 if yes else 0,
            _TARGETS[no] - at - 1 if no else 0,
            operand,
        )
        for at, (operation, operand, yes, no) in enumerate(_FILTER)
    )
    held = ctypes.create_string_buffer(lines)
    program = struct.pack("HP", len(_FILTER), ctypes.addressof(held))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


def _bring_loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP_RUNNING))


def _route_everything_to_loopback(family: int) -> None:
    """Do what `ip route add local default dev lo` does."""
    device = struct.pack("HHi", 8, _RTA_OIF, socket.if_nametoindex("lo"))
    route = struct.pack(
        "8BI", family, 0, 0, 0, _RT_TABLE_LOCAL, _RTPROT_STATIC, _RT_SCOPE_HOST, _RTN_LOCAL, 0
    )
    length = 16 + len(route) + len(device)
    head = struct.pack("IHHII", length, _RTM_NEWROUTE, _NLM_REQUEST_ACK_CREATE, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        sock.send(head + route + device)
        answer = sock.recv(4096)
    (error,) = struct.unpack_from("i", answer, 16)
    if error:
        raise OSError(-error, os.strerror(-error))


def _use_own_name_servers(folder: Path) -> None:
    """Lay own files over the name service's, so that no daemon outside answers for us."""
    libc = ctypes.CDLL(None, use_errno=True)
    _mount(libc, None, "/", _MS_REC | _MS_PRIVATE)
    for path, text in _NAME_SERVICE.items():
        if Path(path).exists():
            own = folder / Path(path).name
            own.write_text(text, "utf-8")
            _mount(libc, own, path, _MS_BIND)


def _mount(libc: ctypes.CDLL, source: Path | None, target: str, flags: int) -> None:
    origin = None if source is None else os.fsencode(source)
    if libc.mount(origin, os.fsencode(target), None, ctypes.c_ulong(flags), None):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), target)


def _end_survivors() -> int:
    """Kill children that the command left behind, orphans included; return how many."""
    survivors = 0
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG) != (0, 0):
                continue  # had ended by itself
        except ChildProcessError:
            return survivors
        for child in _children():
            survivors += 1
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _children() -> list[int]:
    listing = Path(f"/proc/self/task/{os.getpid()}/children")
    return [int(word) for word in listing.read_text("ascii").split()]


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])

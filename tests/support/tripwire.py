"""An audit hook that notes when Python code turns to an address outside this machine.

Answers: did anything in this process, through Python's own socket module, look up a name or
connect somewhere else than loopback?
Not here: proof. C extensions with sockets of their own (uvloop, gRPC) raise no such event;
`namespace` catches those.

Source: the table of audit events in the Python documentation.
"""

from __future__ import annotations

import ipaddress
import sys
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Self

_LOOKUPS = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})
_SENDS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_INSIDE_NAMES = frozenset({"", "localhost"})


@dataclass(frozen=True, slots=True)
class Stray:
    """One look-up or connection to the outside; `host` as the code gave it."""

    event: str
    host: str


class AuditHookTripwire:
    """Records, while it is entered, what this process does towards the outside.

    It watches all threads, and it only watches: nothing is refused. Python cannot remove an audit
    hook, so there is one for the whole process, which does nothing while no tripwire is active.
    """

    def __init__(self) -> None:
        self.strays: list[Stray] = []

    def __enter__(self) -> Self:
        _install_once()
        with _lock:
            _active.append(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with _lock:
            _active.remove(self)


_lock = threading.Lock()
_active: list[AuditHookTripwire] = []
_installed = threading.Event()


def _install_once() -> None:
    with _lock:
        if not _installed.is_set():
            sys.addaudithook(_hook)
            _installed.set()


def _hook(event: str, args: tuple[object, ...]) -> None:
    """Runs for every audit event of the process: quick, and it never raises."""
    if not _active:
        return
    if event in _LOOKUPS:
        host = args[0]
    elif event in _SENDS:
        address = args[1]
        if not isinstance(address, tuple) or not address:
            return  # a path, or a socket that is connected already
        host = address[0]
    else:
        return
    text = _text(host)
    if not is_inside(text):
        for tripwire in tuple(_active):
            tripwire.strays.append(Stray(event, text))


def is_inside(host: str) -> bool:
    """Tell whether a host is this machine without asking anybody."""
    if host.lower() in _INSIDE_NAMES:
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False  # a name: looking it up is the very thing to notice
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _text(host: object) -> str:
    if host is None:
        return ""
    if isinstance(host, bytes | bytearray):
        return host.decode("utf-8", "backslashreplace")
    return host if isinstance(host, str) else type(host).__name__

"""A fence: while it stands, nothing of this process connects to outside this machine.

Answers: did the code under test try to reach the network?
Not here: proof. Processes that it starts, and C extensions with sockets of their own
(gRPC, uvloop), are not seen; run those in a network namespace.

Built on Python's audit events, so it sees every socket of the interpreter, whichever
library opened it. Source: the table of audit events in Python's documentation.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final

_NAMED: Final = frozenset({"socket.getaddrinfo", "socket.gethostbyaddr", "socket.gethostbyname"})
_ADDRESSED: Final = frozenset({"socket.connect", "socket.sendmsg", "socket.sendto"})


class EgressForbiddenError(AssertionError):
    """Something tried to reach the network inside `forbid_egress`.

    An `AssertionError`, and not an `OSError`: a library that retries or falls back on
    failed connections must not swallow it.
    """


@contextmanager
def forbid_egress() -> Iterator[list[str]]:
    """Let every connection, datagram and name look-up raise that is not for loopback.

    It holds for all threads of the process. If something caught the error on its way,
    the end of the block raises it again.

    Yields:
        The attempts so far, each as `host` or `host:port`.

    Raises:
        EgressForbiddenError: There was an attempt.
    """
    _install_once()
    attempts: list[str] = []
    with _lock:
        _fences.append(attempts)
    try:
        yield attempts
    finally:
        with _lock:
            # By identity: two fences without attempts are equal lists.
            _fences[:] = [fence for fence in _fences if fence is not attempts]
    if attempts:
        raise EgressForbiddenError(_message(attempts))


_lock = threading.Lock()
_fences: list[list[str]] = []
_installed = False


def _install_once() -> None:
    """Add the audit hook. Python cannot remove one; without a fence it does nothing."""
    global _installed  # noqa: PLW0603 - one hook for the process
    with _lock:
        if _installed:
            return
        _installed = True
        _watch_proactor()
    sys.addaudithook(_hook)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _fences or not event.startswith("socket."):
        return
    if event in _NAMED:
        _refuse(arguments[0])
    elif event in _ADDRESSED:
        _refuse_address(arguments[1])


def _refuse_address(address: object) -> None:
    """Refuse an address outside; files, and sockets that are connected already, have none."""
    if isinstance(address, tuple) and len(address) >= 2 and isinstance(address[0], str):
        _refuse(address[0], port=address[1])


def _refuse(host: object, *, port: object = None) -> None:
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if not isinstance(name, str) or _is_here(name):
        return
    attempt = name if port is None else f"{name}:{port}"
    with _lock:
        for fence in _fences:
            fence.append(attempt)
    raise EgressForbiddenError(_message([attempt]))


def _is_here(name: str) -> bool:
    if name in {"", "localhost"}:
        return True
    try:
        address: IPv4Address | IPv6Address = ip_address(name.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback or address.is_unspecified


def _message(attempts: list[str]) -> str:
    return f"the network was used inside forbid_egress: {', '.join(dict.fromkeys(attempts))}"


def _watch_proactor() -> None:
    """Watch asyncio on Windows too: its event loop connects without an audit event."""
    if sys.platform == "win32":
        from asyncio.windows_events import IocpProactor

        connect = IocpProactor.connect

        def watched(self: IocpProactor, conn: Any, address: Any) -> Any:
            if _fences:
                _refuse_address(address)
            return connect(self, conn, address)

        IocpProactor.connect = watched  # type: ignore[method-assign]

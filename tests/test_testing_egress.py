"""`forbid_egress` lets nothing out, and lets nobody hide that something tried."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import threading

import pytest

from hybridllm.testing import EgressForbiddenError, forbid_egress

# TEST-NET-2 of RFC 5737: nobody has this address.
OUTSIDE = ("198.51.100.7", 443)


def dial(address=OUTSIDE, family=socket.AF_INET):
    with socket.socket(family) as sock:
        sock.connect(address)


@pytest.mark.parametrize(
    ("address", "family", "shown"),
    [
        (OUTSIDE, socket.AF_INET, "198.51.100.7:443"),
        (("2001:db8::1", 443, 0, 0), socket.AF_INET6, "2001:db8::1:443"),
        (("::ffff:198.51.100.7", 443, 0, 0), socket.AF_INET6, "::ffff:198.51.100.7:443"),
    ],
)
def test_a_connection_to_outside_raises(address, family, shown):
    """Inside the fence nothing connects to another machine."""
    with pytest.raises(EgressForbiddenError, match=shown.replace(".", r"\.")), forbid_egress():
        dial(address, family)


def test_a_name_is_not_even_looked_up():
    """A look-up tells a name to a server outside, so it raises as well."""
    with pytest.raises(EgressForbiddenError, match="example"), forbid_egress():
        socket.getaddrinfo("host.example", 443)


def test_a_datagram_to_outside_raises():
    """Datagrams need no connection and are fenced in too."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
        pytest.raises(EgressForbiddenError),
        forbid_egress(),
    ):
        sock.sendto(b"x", OUTSIDE)


async def test_an_event_loop_is_fenced_in():
    """Asyncio opens its connections in its own way; it raises all the same."""
    with pytest.raises(EgressForbiddenError), forbid_egress():
        await asyncio.open_connection(*OUTSIDE)


def test_another_thread_is_fenced_in():
    """The fence stands for the whole process."""
    caught = []

    def connect():
        try:
            dial()
        except EgressForbiddenError as error:
            caught.append(error)

    def use_a_thread():
        thread = threading.Thread(target=connect)
        thread.start()
        thread.join()

    with pytest.raises(EgressForbiddenError), forbid_egress():
        use_a_thread()

    assert 1 == len(caught)


def test_an_attempt_that_was_swallowed_still_fails_the_test():
    """A library that catches everything cannot hide that it tried."""
    with (
        pytest.raises(EgressForbiddenError),
        forbid_egress() as attempts,
        contextlib.suppress(AssertionError),
    ):
        dial()

    assert ["198.51.100.7:443"] == attempts


def test_a_failure_of_the_code_under_test_is_not_hidden():
    """Another error in the block stays what it is."""
    with pytest.raises(KeyError), forbid_egress():
        raise KeyError("no")


def test_loopback_is_free_and_so_is_everything_afterwards(cloud):
    """Servers on this machine can be used inside, and the fence comes down at the end."""
    with forbid_egress() as attempts:
        socket.create_connection(("127.0.0.1", cloud.port)).close()
        socket.create_connection(("localhost", cloud.port)).close()
    # The event alone, as a connection would raise it: nothing is sent.
    sys.audit("socket.connect", None, OUTSIDE)

    assert [] == attempts


def test_inner_and_outer_fences_both_notice():
    """Fences may stand within one another."""
    with (
        pytest.raises(EgressForbiddenError),
        forbid_egress() as outer,
        contextlib.suppress(EgressForbiddenError),
        forbid_egress() as inner,
    ):
        socket.getaddrinfo("host.example", 443)

    assert ["host.example"] == outer == inner

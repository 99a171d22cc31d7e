"""A permit lets one backend send one body once."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybridllm.errors import PermitError
from hybridllm.permit import Permit

BODY = '{"messages":"売上は社外秘"}'.encode()


def permit(*, body: bytes = BODY, deadline: float = 10.0) -> Permit:
    """Return a permit for backend `local`."""
    return Permit(backend="local", body=body, policy_digest="0" * 64, deadline=deadline)


def test_a_permit_is_good_for_its_own_bytes_and_backend():
    """What was judged may be sent where it was allowed, up to the last moment."""
    permit().redeem(backend="local", body=bytes(bytearray(BODY)), now=10.0)


def test_a_permit_is_good_once():
    """A retry needs a permit, and a record, of its own."""
    used = permit()
    used.redeem(backend="local", body=BODY, now=0.0)

    with pytest.raises(PermitError, match="used already"):
        used.redeem(backend="local", body=BODY, now=0.0)


@given(st.binary())
def test_no_other_bytes_may_be_sent(body):
    """A body that changed after it was judged does not leave."""
    if body != BODY:
        with pytest.raises(PermitError, match="bytes are not those"):
            permit().redeem(backend="local", body=body, now=0.0)


def test_no_other_backend_may_send():
    """A permit for the engine inside opens no cloud."""
    with pytest.raises(PermitError, match="for backend 'local', not 'cloud'"):
        permit().redeem(backend="cloud", body=BODY, now=0.0)


def test_a_permit_ends_with_the_call():
    """A body that waited too long does not leave after its caller has gone."""
    with pytest.raises(PermitError, match="deadline"):
        permit().redeem(backend="local", body=BODY, now=10.001)


@pytest.mark.parametrize(
    "wrong",
    [
        {"backend": "cloud", "body": BODY, "now": 0.0},
        {"backend": "local", "body": b"", "now": 0.0},
        {"backend": "local", "body": BODY, "now": 99.0},
    ],
)
def test_a_failed_try_uses_the_permit_up(wrong):
    """Guessing is not possible: after one wrong try nothing may be sent."""
    tried = permit()
    with pytest.raises(PermitError):
        tried.redeem(**wrong)

    with pytest.raises(PermitError, match="used already"):
        tried.redeem(backend="local", body=BODY, now=0.0)


def test_of_many_threads_one_may_send():
    """Two senders that race for one permit do not both win."""
    shared, barrier = permit(), threading.Barrier(8)
    wins: list[int] = []

    def race(number: int) -> None:
        barrier.wait()
        try:
            shared.redeem(backend="local", body=BODY, now=0.0)
        except PermitError:
            return
        wins.append(number)

    threads = [threading.Thread(target=race, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 1 == len(wins)


def test_a_permit_shows_and_keeps_no_content():
    """A permit in a log or a debugger tells which backend, and nothing of the text."""
    shown = repr(permit())

    assert "社外秘" not in shown
    assert "Permit(backend='local')" == shown
    assert not any(BODY == getattr(permit(), name, None) for name in Permit.__slots__)

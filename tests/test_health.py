"""Health: the breaker opens in time, closes in time, and retries stay within their budget."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybridllm.errors import AddressRefusedError
from hybridllm.health import PROBE_EVERY_S, Admission, Health
from hybridllm.wire import BackendError, FailureKind
from tests.model.fakes import broken, status

NOW = 1000.0
LEASE_S = 2.0


def end(health: Health, error: Exception | None = None, *, times: int = 1, lasted_s: float = 5.0):
    """Let attempts end."""
    for _ in range(times):
        health.ended(error, now=NOW, lasted_s=lasted_s, had_begun=False)


def admit(health: Health, *, now: float = NOW) -> Admission:
    """Ask for leave."""
    return health.admit(now=now, lease_s=LEASE_S)


@given(st.lists(st.booleans(), max_size=60))
def test_the_breaker_opens_within_twenty_failing_calls(before):
    """Whatever came before, a backend that is down is left alone after twenty calls at most."""
    health = Health()
    for is_well in before:
        end(health, None if is_well else broken())

    end(health, broken(), times=20)

    assert health.is_open


def test_ten_failures_in_a_row_open_it_and_nine_do_not():
    """A hiccup does not take a backend away."""
    health = Health()

    end(health, broken(), times=9)
    assert Admission.PASS is admit(health)

    end(health, broken())
    assert Admission.REFUSE is admit(health)


@pytest.mark.parametrize(
    ("error", "counts"),
    [
        (status(500), True),
        (status(503), True),
        (broken(), True),
        (broken(FailureKind.REPLY), True),
        (broken(FailureKind.TIMEOUT), True),
        (AddressRefusedError("elsewhere"), True),
        (status(400), False),
        (status(401), False),
        (status(404), False),
        (status(429), False),
        (ZeroDivisionError("a bug of our own"), False),
    ],
    ids=repr,
)
def test_only_a_backend_that_is_out_of_order_opens_it(error, counts):
    """A wrong key or a wrong request says nothing of a backend's health."""
    health = Health()

    end(health, error, times=20)

    assert counts is health.is_open


def test_callers_in_a_hurry_close_it_to_nobody():
    """A time-out of less than a second is the caller's wish, and not an outage."""
    health = Health()

    end(health, broken(FailureKind.TIMEOUT), times=20, lasted_s=0.9)

    assert not health.is_open


def test_a_stream_that_outlives_its_deadline_is_no_outage():
    """The backend was writing all the time."""
    health = Health()

    for _ in range(20):
        health.ended(broken(FailureKind.TIMEOUT), now=NOW, lasted_s=60.0, had_begun=True)

    assert not health.is_open


def test_one_probe_at_a_time():
    """Of many callers one finds out; the others do not wait for it."""
    health = Health()
    end(health, broken(), times=10)
    later = NOW + PROBE_EVERY_S

    assert [Admission.PROBE, Admission.REFUSE, Admission.REFUSE] == [
        admit(health, now=later) for _ in range(3)
    ]
    assert Admission.PROBE is admit(health, now=later + LEASE_S)  # the first prober is lost


def test_a_recovery_is_found_within_a_second():
    """After a probe that failed, the next one comes soon."""
    health = Health()
    end(health, broken(), times=10)
    health.probed(is_up=False, now=NOW + PROBE_EVERY_S)

    assert Admission.PROBE is admit(health, now=NOW + 1.0)
    health.probed(is_up=True, now=NOW + 1.0)
    assert Admission.PASS is admit(health, now=NOW + 1.0)


def test_after_a_good_probe_the_first_failure_opens_it_again():
    """A server that lists its models but cannot answer gets one request, not ten."""
    health = Health()
    end(health, broken(), times=10)
    health.probed(is_up=True, now=NOW)

    end(health, broken())

    assert health.is_open


def test_after_a_good_answer_it_takes_ten_failures_again():
    """A backend that answers has its full credit back."""
    health = Health()
    end(health, broken(), times=10)
    health.probed(is_up=True, now=NOW)
    end(health)

    end(health, broken(), times=9)

    assert not health.is_open


def test_an_answer_closes_it_without_a_probe():
    """A call that was under way when it opened, and went well, is the best proof."""
    health = Health()
    end(health, broken(), times=10)

    end(health)

    assert Admission.PASS is admit(health)


def test_a_backend_that_is_down_grants_ten_retries_and_no_more():
    """However many calls fail, they do not come back twice and thrice."""
    health = Health()

    assert 10 == sum(health.take_retry() for _ in range(1_000))


@given(st.integers(0, 500))
def test_a_retry_is_earned_by_ten_answers(answers):
    """Retries stay a tenth of what goes well, and savings are limited."""
    health = Health()
    while health.take_retry():
        pass

    end(health, times=answers)

    granted = sum(health.take_retry() for _ in range(100))
    assert min(10, answers // 10) - 1 <= granted <= min(10, answers // 10)


def test_latency_is_a_moving_mean_that_is_forgotten():
    """A slow hour yesterday does not keep calls away today."""
    health = Health()
    assert health.latency_s(now=NOW) is None

    health.answered(now=NOW, latency_s=1.0)
    health.answered(now=NOW, latency_s=2.0)

    assert 1.3 == pytest.approx(health.latency_s(now=NOW))
    assert health.latency_s(now=NOW + 60) is None


def test_nothing_of_a_request_shows():
    """What is kept of a backend can be printed by anybody."""
    assert "Health(is_open=False)" == repr(Health())
    assert BackendError is type(broken())


def test_a_child_does_not_wait_for_a_lock_of_its_parent():
    """A server that forks while a call ends is not stuck for ever."""
    health = Health()
    health._process, health._lock = -1, None  # as if a thread of the parent held it

    end(health, broken(), times=10)

    assert health.is_open

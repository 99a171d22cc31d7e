"""Several logs as one: a record is durable in all of them, or its request is not sent."""

from __future__ import annotations

import pytest

from hybridllm.audit.fan_out import FanOut
from hybridllm.errors import AuditError
from hybridllm.testing import RecordingSink
from tests.audit.reading import intent, log_in, records, verified


def test_every_sink_holds_each_record(tmp_path):
    """A disk that is lost takes no record with it."""
    both = FanOut([log_in(tmp_path / "a", signs=False), log_in(tmp_path / "b", signs=False)])
    both.write(intent(1))
    both.note({"event": "outcome"})
    both.close()

    for name in "ab":
        assert "start intent outcome stop".split() == [
            record["event"] for record in records(tmp_path / name)
        ]
        assert [True] == [item.closed for item in verified(tmp_path / name)]


@pytest.mark.parametrize("order", [1, -1])
def test_one_sink_that_fails_stops_the_request(order):
    """Two copies are promised, so one is not enough; the other one has the record all the same."""
    working, broken = RecordingSink(), RecordingSink(broken=True)
    both = FanOut([working, broken][::order])

    with pytest.raises(AuditError):
        both.write(intent(1))

    assert 1 == len(working.records)


def test_closing_reaches_every_sink():
    """A sink that cannot be closed leaves no other one open."""
    closed = []

    class Sink(RecordingSink):
        def close(self):
            closed.append(self)
            raise AuditError("cannot close")

    with pytest.raises(AuditError):
        FanOut([Sink(), Sink()]).close()

    assert 2 == len(closed)


def test_no_sink_is_no_log():
    """Without a place a record would be durable nowhere."""
    with pytest.raises(ValueError, match="at least one"):
        FanOut([])

"""Points in time, as people name them and as the log writes them.

Answers: from when until when does a question about the log go?
Not here: the log's own clock (`audit.log`).

The log writes UTC with microseconds and a `Z`, so that its times sort as text. A time
without an offset is UTC; a day alone begins at 00:00 UTC, and as an end it is the whole day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from hybridllm.errors import ConfigurationError

_BEGINNING = "0001-01-01T00:00:00.000000Z"
_END = "9999-12-31T23:59:59.999999Z"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, as the log writes it.

    Attributes:
        since: The first moment that belongs to it.
        until: The first moment that does not.
    """

    since: str = _BEGINNING
    until: str = _END

    def __contains__(self, time: object) -> bool:
        return isinstance(time, str) and self.since <= time < self.until


def as_text(moment: datetime) -> str:
    """Return a moment as the log writes it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def span(since: str | None, *, until: str | None) -> Span:
    """Return the time from one ISO 8601 date or time up to another.

    Raises:
        ConfigurationError: One is no date, or they are the wrong way round.
    """
    found = Span(
        _moment(since, name="--from", whole_day=False) if since else _BEGINNING,
        _moment(until, name="--until", whole_day=True) if until else _END,
    )
    if found.since >= found.until:
        raise ConfigurationError("--from is not before --until")
    return found


def _moment(text: str, *, name: str, whole_day: bool) -> str:
    try:
        moment = datetime.fromisoformat(text)
        if _is_day(text):
            moment += timedelta(days=1 if whole_day else 0)
        return as_text(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise ConfigurationError(
            f"{name} is no date or time, such as 2026-01-31 or 2026-01-31T09:00+09:00"
        ) from None


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True

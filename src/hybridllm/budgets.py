"""Budgets: what departments may spend at cloud backends in an hour, a day or a month.

Answers: which budgets are used up, and what did an attempt cost?
Not here: what a used-up budget means (`policy.decide`: it closes the clouds and never
the backends inside), reading the settings (`config.budgets`).

A budget is looked up before a call is decided and counted while it is answered, so
calls that run at that moment may still pass it: it bounds spending, it doesn't meter it.
A counter that cannot be read closes the clouds.

Units: whole requests and tokens, money in millionths of the organisation's currency;
windows begin at the full hour, day or month in UTC.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from hybridllm.classify.fingerprint.store import Store
from hybridllm.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

BYTES_PER_TOKEN: Final = 3
"""Where a backend states no count. On the high side for English, about right for Japanese:
three bytes a character in UTF-8, and about one token."""

MOST_TOKENS: Final = 1_000_000_000
_SCHEMA: Final = (
    "\nCREATE TABLE spent (budget TEXT, window TEXT, requests INTEGER, tokens INTEGER,"
    " micros INTEGER, PRIMARY KEY (budget, window)) WITHOUT ROWID"
)
_APPLICATION_ID: Final = 0x48425544  # "HBUD"


class Window(StrEnum):
    """How long a budget lasts before it starts anew."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"

    def at(self, moment: datetime) -> str:
        """Return the name of the window that a moment lies in, such as `2026-11`."""
        lengths = {Window.HOUR: 13, Window.DAY: 10, Window.MONTH: 7}
        return moment.astimezone(UTC).isoformat()[: lengths[self]]


@dataclass(frozen=True, slots=True)
class Amount:
    """What was spent."""

    requests: int = 0
    tokens: int = 0
    micros: int = 0

    def plus(self, other: Amount) -> Amount:
        """Return both together."""
        return Amount(
            self.requests + other.requests,
            self.tokens + other.tokens,
            self.micros + other.micros,
        )


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that departments may spend together in one window.

    Attributes:
        name: Shown in reasons.
        window: When it starts anew.
        departments: Who shares it; an empty set means everybody.
        max_requests: Requests that may be sent; `None` for any number.
        max_tokens: Tokens of prompts and replies together.
        max_micros: Money.
    """

    name: str
    window: Window
    departments: frozenset[str] = frozenset()
    max_requests: int | None = None
    max_tokens: int | None = None
    max_micros: int | None = None

    def concerns(self, department: str) -> bool:
        """Return whether a department's requests count here."""
        return not self.departments or department in self.departments

    def is_used_up(self, spent: Amount) -> bool:
        """Return whether one of its limits is reached."""
        pairs = (
            (self.max_requests, spent.requests),
            (self.max_tokens, spent.tokens),
            (self.max_micros, spent.micros),
        )
        return any(most is not None and found >= most for most, found in pairs)


@dataclass(frozen=True, slots=True)
class Price:
    """What a backend costs, in the organisation's currency for a million tokens."""

    per_million_input: float = 0.0
    per_million_output: float = 0.0

    def micros(self, *, input_tokens: int, output_tokens: int) -> int:
        """Return what an answer costs; a million tokens at 1.0 are 1,000,000 millionths."""
        cost = input_tokens * self.per_million_input + output_tokens * self.per_million_output
        return round(cost)


class Counter(Protocol):
    """Keeps what was spent. A key is the name of a budget and of a window."""

    def spent(self, keys: Sequence[tuple[str, str]]) -> list[Amount]:
        """Return what was spent under each key."""
        ...

    def add(self, keys: Sequence[tuple[str, str]], *, amount: Amount) -> None:
        """Add to each key."""
        ...

    def close(self) -> None:
        """Free everything."""
        ...


class Budgets:
    """The budgets of an organisation.

    Args:
        budgets: All of them.
        prices: By backend; any other one costs nothing.
        counter: Keeps what was spent.
        now: Wall clock.
    """

    def __init__(
        self,
        budgets: Sequence[Budget],
        *,
        prices: Mapping[str, Price],
        counter: Counter,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._budgets = tuple(budgets)
        self._prices = dict(prices)
        self._counter = counter
        self._now = now or (lambda: datetime.now(UTC))

    def used_up(self, department: str) -> frozenset[str]:
        """Return the names of a department's budgets that allow nothing more."""
        budgets = [budget for budget in self._budgets if budget.concerns(department)]
        try:
            spent = self._counter.spent(self._keys(budgets))
        except StoreError:
            return frozenset(budget.name for budget in budgets)
        return frozenset(
            budget.name
            for budget, amount in zip(budgets, spent, strict=True)
            if budget.is_used_up(amount)
        )

    def count_request(self, department: str) -> None:
        """Count one request that is about to leave."""
        self._add(department, Amount(requests=1))

    def count_reply(
        self, department: str, *, backend: str, usage: Mapping[str, int], sent: int, received: int
    ) -> None:
        """Count the tokens of one answer.

        Args:
            department: For whom it was made.
            backend: Who made it.
            usage: The counts that it states, if any.
            sent: Bytes of the request, to estimate where it states none.
            received: Bytes of the reply, likewise.
        """
        input_tokens = usage.get("prompt_tokens", usage.get("input_tokens", 0))
        output_tokens = usage.get("completion_tokens", usage.get("output_tokens", 0))
        if not usage:
            input_tokens, output_tokens = (
                -(-sent // BYTES_PER_TOKEN),
                -(-received // BYTES_PER_TOKEN),
            )
        # A backend's own numbers: none may fill a budget up again, or be too large for the file.
        input_tokens = min(max(0, input_tokens), MOST_TOKENS)
        output_tokens = min(max(0, output_tokens), MOST_TOKENS)
        price = self._prices.get(backend, Price())
        micros = price.micros(input_tokens=input_tokens, output_tokens=output_tokens)
        self._add(department, Amount(tokens=input_tokens + output_tokens, micros=micros))

    def close(self) -> None:
        """Close the counter."""
        self._counter.close()

    def _add(self, department: str, amount: Amount) -> None:
        budgets = [budget for budget in self._budgets if budget.concerns(department)]
        try:
            self._counter.add(self._keys(budgets), amount=amount)
        except StoreError:
            return  # the next call finds the counter unreadable, and stays inside

    def _keys(self, budgets: Sequence[Budget]) -> list[tuple[str, str]]:
        moment = self._now()
        return [(budget.name, budget.window.at(moment)) for budget in budgets]

    def __repr__(self) -> str:
        return f"Budgets({[budget.name for budget in self._budgets]})"


class MemoryCounter:
    """Counts in this process alone."""

    def __init__(self) -> None:
        self._spent: dict[str, tuple[str, Amount]] = {}
        self._lock = threading.RLock()

    def spent(self, keys: Sequence[tuple[str, str]]) -> list[Amount]:
        """Return what was spent under each key."""
        with self._lock:
            return [self._of(key) for key in keys]

    def add(self, keys: Sequence[tuple[str, str]], *, amount: Amount) -> None:
        """Add to each key; the window before it is forgotten."""
        with self._lock:
            for budget, window in keys:
                self._spent[budget] = (window, self._of((budget, window)).plus(amount))

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._spent.clear()

    def _of(self, key: tuple[str, str]) -> Amount:
        budget, window = key
        latest, amount = self._spent.get(budget, ("", Amount()))
        return amount if latest == window else Amount()


class FileCounter:
    """Counts in a file that all threads and processes of one machine share.

    Args:
        path: The file; made if missing.
        key_check: Digest that only the right key gives.

    Raises:
        ConfigurationError: The file cannot be used.
    """

    def __init__(self, path: Path, *, key_check: bytes) -> None:
        self._store = Store(
            path,
            purpose="budget counter",
            schema=_SCHEMA,
            application_id=_APPLICATION_ID,
            key_check=key_check,
        )

    def spent(self, keys: Sequence[tuple[str, str]]) -> list[Amount]:
        """Return what was spent under each key."""
        query = "SELECT requests, tokens, micros FROM spent WHERE budget = ? AND window = ?"
        with self._store.reading() as connection:
            rows = [connection.execute(query, key).fetchone() for key in keys]
        return [Amount(*(row or ())) for row in rows]

    def add(self, keys: Sequence[tuple[str, str]], *, amount: Amount) -> None:
        """Add to each key; windows that are over are deleted."""
        row = (amount.requests, amount.tokens, amount.micros)
        with self._store.writing() as connection:
            connection.executemany("DELETE FROM spent WHERE budget = ? AND window < ?", keys)
            connection.executemany(
                "INSERT INTO spent VALUES (?, ?, ?, ?, ?) ON CONFLICT (budget, window) DO UPDATE"
                " SET requests = requests + excluded.requests,"
                " tokens = tokens + excluded.tokens, micros = micros + excluded.micros",
                [(*key, *row) for key in keys],
            )

    def close(self) -> None:
        """Close the file."""
        self._store.close()

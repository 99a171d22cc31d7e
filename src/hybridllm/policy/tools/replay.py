"""What a policy would have done with requests that were recorded.

Answers: how many of the recorded requests would go from the premises to a cloud, the other
way, or nowhere, what does that cost, and which load would the engines have?
Not here: reading and verifying the log (the command line), deciding (handed in).

A record holds labels, kinds, counts and names, and no text, so requests are decided
again by what was found then: new word lists and detectors show no effect here.

Units: tokens as the backends counted them; money per million tokens; hours of wall clock.
A request that was denied has no tokens, so what it would add to the load is unknown;
its number is stated instead.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from hybridllm.errors import ConfigurationError
from hybridllm.types import Effect, Facts, Identity, Place

if TYPE_CHECKING:
    from hybridllm.policy.model import Policy
    from hybridllm.policy.tools import Decide

CLOUD: Final = "cloud"
LOCAL: Final = "local"
DENIED: Final = "denied"
UNKNOWN: Final = "unknown"
"""The new policy lacks a name that the record holds: a department, model, level ..."""

_MOST_CACHED: Final = 200_000
_MOST_OPEN: Final = 200_000


@dataclass(frozen=True, slots=True)
class Price:
    """What a backend costs, per million tokens, in any one currency."""

    prompt: float
    completion: float

    def of(self, prompt_tokens: int, *, completion_tokens: int) -> float:
        """Return the cost of so many tokens."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / 1e6


@dataclass(slots=True)
class Load:
    """Tokens of requests that stay on the premises, by hour of the log."""

    by_hour: Counter[str] = field(default_factory=Counter)

    @property
    def tokens(self) -> int:
        """All of them."""
        return self.by_hour.total()

    @property
    def peak_per_hour(self) -> int:
        """Tokens of the busiest hour."""
        return max(self.by_hour.values(), default=0)


@dataclass(slots=True)
class Replay:
    """What a replay counted.

    Attributes:
        requests: Requests that were decided again, each once, however often it was tried.
        moves: Department, where it went, where it would go -> requests.
        rerouted: Requests that would stay in the same kind of place, at another backend.
        load_before: Tokens on the premises as it was.
        load_after: Tokens on the premises as it would be.
        without_usage: Requests that would come to the premises, of unknown size.
        cost_before: Cost as it was, for the backends with a price.
        cost_after: Cost as it would be.
        first: Time of the first decision; empty if there is none.
        last: Time of the last one.
        unreadable: Lines that are no record of a decision, and should be.
    """

    requests: int = 0
    moves: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    rerouted: int = 0
    load_before: Load = field(default_factory=Load)
    load_after: Load = field(default_factory=Load)
    without_usage: int = 0
    cost_before: float = 0.0
    cost_after: float = 0.0
    first: str = ""
    last: str = ""
    unreadable: int = 0

    @property
    def hours(self) -> int:
        """Clock hours from the first decision to the last one, both of them counted."""
        if not self.first:
            return 0
        start, end = (datetime.fromisoformat(f"{time[:13]}:00") for time in (self.first, self.last))
        return round((end - start).total_seconds() / 3600) + 1

    def moved(self, before: str, *, after: str) -> int:
        """Return how many requests of all departments moved like this."""
        return sum(
            count
            for (_, was, would), count in self.moves.items()
            if was == before and would == after
        )


@dataclass(frozen=True, slots=True)
class _Route:
    """Where a request went and where it would go."""

    old_backend: str
    old_place: str
    new_backend: str
    new_place: str


class Replayer:
    """Decides recorded requests again, one line at a time.

    Args:
        policy: The policy to try.
        decide: Makes a decision.
        prices: By backend, for those that cost something.
    """

    def __init__(
        self, policy: Policy, *, decide: Decide, prices: Mapping[str, Price] | None = None
    ) -> None:
        self.result = Replay()
        self._policy = policy
        self._decide = decide
        self._prices = prices or {}
        self._named = _named(policy)
        self._decided: dict[tuple[object, ...], tuple[str, str]] = {}
        self._open: dict[str, _Route] = {}

    def take(self, lines: Iterable[bytes | str]) -> None:
        """Read the lines of one segment of the log, in their order."""
        for line in lines:
            try:
                record = json.loads(line)
                self._take(record)
            except (ValueError, KeyError, TypeError, AttributeError):
                self.result.unreadable += 1

    def _take(self, record: Mapping[str, Any]) -> None:
        event = record["event"]
        if event == "outcome":
            self._count_usage(record)
        elif event == "intent" and record["attempt"] > 1:
            self._follow(record)
        elif event in ("denied", "intent"):
            self._count_decision(record)

    def _count_decision(self, record: Mapping[str, Any]) -> None:
        new_backend, new_place = self._decision(record)
        if record["event"] == "denied":
            old_backend, old_place = "", DENIED
        else:
            old_backend = record["backend"]
            old_place = _kind_of_place(record["place"])
        result = self.result
        result.requests += 1
        result.moves[record.get("department", ""), old_place, new_place] += 1
        if old_place == new_place and old_backend != new_backend:
            result.rerouted += 1
        time = record["time"]
        result.first = min(result.first or time, time)
        result.last = max(result.last, time)
        if old_place == DENIED:
            result.without_usage += new_place == LOCAL
            return
        if len(self._open) >= _MOST_OPEN:  # processes that were killed never close theirs
            self._open.clear()
        self._open[record["call"]] = _Route(old_backend, old_place, new_backend, new_place)

    def _follow(self, record: Mapping[str, Any]) -> None:
        """Remember that a request went on to another backend, which has used the tokens."""
        route = self._open.get(record["call"])
        if route is not None:
            place = _kind_of_place(record["place"])
            moved = replace(route, old_backend=record["backend"], old_place=place)
            self._open[record["call"]] = moved

    def _count_usage(self, record: Mapping[str, Any]) -> None:
        if record["result"] != "ok":
            return
        route = self._open.pop(record["call"], None)
        if route is None:
            return
        usage = record.get("usage")
        if not usage:
            self.result.without_usage += route.new_place == LOCAL
            return
        prompt = usage.get("prompt_tokens", usage.get("input_tokens", 0))
        completion = usage.get("completion_tokens", usage.get("output_tokens", 0))
        hour = record["time"][:13]
        result = self.result
        if route.old_place == LOCAL:
            result.load_before.by_hour[hour] += prompt + completion
        if route.new_place == LOCAL:
            result.load_after.by_hour[hour] += prompt + completion
        result.cost_before += self._cost(route.old_backend, prompt, completion)
        result.cost_after += self._cost(route.new_backend, prompt, completion)

    def _cost(self, backend: str, prompt: int, completion: int) -> float:
        price = self._prices.get(backend)
        return 0.0 if price is None else price.of(prompt, completion_tokens=completion)

    def _decision(self, record: Mapping[str, Any]) -> tuple[str, str]:
        """Return the first backend and its kind of place, decided once for equal facts."""
        declared = record["declared"]
        key = (
            record["alias"],
            record["endpoint"],
            record.get("department", ""),
            *(
                value if (value := record.get(name, "")) in named else ""
                for name, named in self._named.items()
            ),
            declared["level"],
            *declared["compartments"],
            None,
            *record["kinds"],
            None,
            *record["parameters"],
            None,
            *record["doubts"],
            None,
            *record.get("budgets", ()),
        )
        found = self._decided.get(key)
        if found is None:
            if len(self._decided) >= _MOST_CACHED:
                self._decided.clear()
            found = self._decided[key] = self._decide_again(record)
        return found

    def _decide_again(self, record: Mapping[str, Any]) -> tuple[str, str]:
        try:
            facts = facts_of(record, policy=self._policy)
        except ConfigurationError:
            return "", UNKNOWN
        policy = self._policy
        if facts.alias not in policy.aliases or facts.identity.department not in policy.departments:
            return "", UNKNOWN
        decision = self._decide(policy, facts)
        if decision.effect is not Effect.PERMIT:
            return "", DENIED
        first = decision.candidates[0]
        return first.backend, _kind_of_place(first.place)


def facts_of(record: Mapping[str, Any], *, policy: Policy) -> Facts:
    """Return the facts of a recorded decision, on a policy's scale.

    Raises:
        ConfigurationError: The policy lacks the recorded level or a compartment.
        KeyError: The record is none of a decision.
    """
    declared = record["declared"]
    return Facts(
        alias=record["alias"],
        endpoint=record["endpoint"],
        identity=Identity(
            record.get("department", ""),
            record.get("principal", ""),
            record.get("purpose", ""),
            record.get("application", ""),
        ),
        label=policy.scale.label(declared["level"], compartments=declared["compartments"]),
        kinds=tuple(record["kinds"].items()),
        doubts=frozenset(record["doubts"]),
        parameters=frozenset(record["parameters"]),
        budgets=frozenset(record.get("budgets", ())),
    )


def _kind_of_place(place: str) -> str:
    return CLOUD if place == Place.CLOUD else LOCAL


def _named(policy: Policy) -> dict[str, frozenset[str]]:
    """Return the names that rules ask for; all others are decided alike."""
    rules = [*policy.rules]
    for department in policy.departments.values():
        rules += department.rules
    return {
        "principal": frozenset().union(*(rule.when.principals for rule in rules)),
        "purpose": frozenset().union(*(rule.when.purposes for rule in rules)),
        "application": frozenset().union(*(rule.when.applications for rule in rules)),
    }

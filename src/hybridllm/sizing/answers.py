"""The answer to a sizing question: verdict, breakdown, reason and what was assumed.

Answers: how is a verdict written down, for serving and for training alike?
Not here: reaching it (`sizing.verdict`, `sizing.planner`), printing it (`hybridllm.cli.size`).

Units: bytes per card. *Needed* is what this workload uses, *pre-allocated* what the engine takes
beyond that whether it is used or not, *margin* what stays free after the stated safety share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hybridllm.sizing.fleet import Card
from hybridllm.sizing.memory_terms import Term, terms_total
from hybridllm.sizing.serving import EngineSettings, Workload
from hybridllm.sizing.shape import ModelShape
from hybridllm.sizing.training.run import TrainingRun
from hybridllm.sizing.units import GIB, show_gib


@dataclass(frozen=True, slots=True)
class CardAnswer:
    """What one card would hold."""

    card: Card
    needed: tuple[Term, ...]
    outside: tuple[Term, ...]
    budget_bytes: int  # what the workload may use: the engine's share, less what is not free
    pre_allocated_bytes: int  # cache that is taken but not needed
    safety: float  # share of the need that is kept free

    @property
    def needed_bytes(self) -> int:
        """Bytes inside the budget that the workload uses."""
        return terms_total(self.needed)

    @property
    def outside_bytes(self) -> int:
        """Bytes beside the budget, such as graphs."""
        return terms_total(self.outside)

    @property
    def margin_bytes(self) -> int:
        """Bytes left in the budget beside the need and its safety share; negative: missing."""
        return self.budget_bytes - round(self.needed_bytes * (1 + self.safety))

    @property
    def fits(self) -> bool:
        """Whether the card holds it."""
        return self.margin_bytes >= 0

    @property
    def limiting_term(self) -> Term:
        """The largest part of the need."""
        return max(self.needed, key=lambda term: term.size_bytes)


@dataclass(frozen=True, slots=True)
class Capacity:
    """What the cache of a plan holds. Logs print `logged_tokens`; it is no capacity."""

    tokens: int
    logged_tokens: int
    concurrency: float
    bytes_per_token: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """Upper bounds of speed from bandwidth and arithmetic; measured speed is lower."""

    decode_tokens_s: float
    prefill_tokens_s: float


@dataclass(frozen=True, slots=True)
class Answer:
    """Verdict with its reasons."""

    model: str
    question: str  # "serving" or "training"
    cards: tuple[CardAnswer, ...]
    settings: EngineSettings | TrainingRun
    workload: Workload | None
    error_band: float
    assumptions: tuple[str, ...]
    shape: ModelShape
    capacity: Capacity | None = None
    bounds: Bounds | None = None
    moment: str = ""
    advice: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether every card holds its part."""
        return all(card.fits for card in self.cards)

    @property
    def gpus(self) -> int:
        """Cards in use."""
        return len(self.cards)

    @property
    def tightest(self) -> CardAnswer:
        """The card with the least margin."""
        return min(self.cards, key=lambda card: card.margin_bytes)

    @property
    def limiting_term(self) -> str:
        """The largest part of the need on the tightest card."""
        return self.tightest.limiting_term.name

    @property
    def reason(self) -> str:
        """One sentence: why it fits, or what is missing."""
        card = self.tightest
        need, budget = show_gib(card.needed_bytes), show_gib(card.budget_bytes)
        part = f"{card.limiting_term.name} is {show_gib(card.limiting_term.size_bytes)} of it"
        if card.fits:
            return f"{need} of {budget} are needed on {card.card.name}; {part}."
        missing = show_gib(-card.margin_bytes)
        return (
            f"{need} are needed on {card.card.name}, which allows {budget}; "
            f"with {card.safety:.0%} kept free "
            f"{missing} are missing. {part[0].upper()}{part[1:]}."
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the answer as plain values, for JSON."""
        return {
            "model": self.model,
            "question": self.question,
            "fits": self.fits,
            "gpus": self.gpus,
            "limiting_term": self.limiting_term,
            "reason": self.reason,
            "error_band": self.error_band,
            "assumptions": list(self.assumptions),
            "advice": list(self.advice),
            "moment": self.moment,
            "cards": [_card_dict(card) for card in self.cards],
            "capacity": None
            if self.capacity is None
            else {
                "tokens": self.capacity.tokens,
                "logged_tokens": self.capacity.logged_tokens,
                "concurrency": round(self.capacity.concurrency, 2),
                "bytes_per_token": self.capacity.bytes_per_token,
            },
            "upper_bounds": None
            if self.bounds is None
            else {
                "decode_tokens_s": round(self.bounds.decode_tokens_s, 1),
                "prefill_tokens_s": round(self.bounds.prefill_tokens_s, 1),
            },
        }


def _card_dict(card: CardAnswer) -> dict[str, Any]:
    def gib(size: int) -> float:
        return round(size / GIB, 3)

    return {
        "gpu": card.card.gpu.name,
        "index": card.card.index,
        "fits": card.fits,
        "total_gib": gib(card.card.gpu.memory_bytes),
        "free_gib": gib(card.card.free_bytes),
        "budget_gib": gib(card.budget_bytes),
        "needed_gib": gib(card.needed_bytes),
        "pre_allocated_gib": gib(card.pre_allocated_bytes),
        "margin_gib": gib(card.margin_bytes),
        "terms": [{"name": t.name, "gib": gib(t.size_bytes), "why": t.why} for t in card.needed],
        "outside": [{"name": t.name, "gib": gib(t.size_bytes), "why": t.why} for t in card.outside],
    }

"""What a plan costs in a month, and from how many tokens on it is cheaper than a cloud API.

Answers: cost per month, the same tokens at a cloud price, and the break-even.
Not here: prices. They change, so the caller states them with the day they were read.

Units: one currency throughout; tokens per month; hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hybridllm.sizing.answers import Answer
from hybridllm.sizing.errors import SizingError

HOURS_PER_MONTH: Final = 730.0  # 8,760 / 12


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices that the caller knows.

    A GPU costs `gpu_hour`, or `gpu_price` spread over `years` plus electricity; the cloud charges
    per million tokens.
    """

    gpu_hour: float = 0.0
    gpu_price: float = 0.0
    years: float = 3.0
    watts: float = 0.0
    kwh: float = 0.0
    cloud_input_per_million: float = 0.0
    cloud_output_per_million: float = 0.0
    currency: str = "USD"
    read: str = ""  # the day the prices were read

    def __post_init__(self) -> None:
        for name in ("gpu_hour", "gpu_price", "watts", "kwh"):
            if getattr(self, name) < 0:
                raise SizingError(f"{name} is {getattr(self, name)}; a price is not negative.")
        if min(self.cloud_input_per_million, self.cloud_output_per_million) < 0:
            raise SizingError("a cloud price is negative.")
        if self.years <= 0:
            raise SizingError(f"years is {self.years}; expected more than 0.")

    @property
    def card_hour(self) -> float:
        """Cost of one card for one hour."""
        own = self.gpu_price / (self.years * 12 * HOURS_PER_MONTH)
        return self.gpu_hour + own + self.watts / 1000 * self.kwh


@dataclass(frozen=True, slots=True)
class MonthlyCost:
    """Cost of a plan against the cloud."""

    local: float
    cloud: float
    break_even_tokens: float | None  # per month, in the same mix; None: the cloud price is zero
    most_tokens: float | None  # what the speed bound allows in a month; None: unknown
    currency: str

    @property
    def is_cheaper(self) -> bool:
        """Whether the plan costs less than the same tokens in the cloud."""
        return self.local < self.cloud

    @property
    def is_reachable(self) -> bool:
        """Whether the hardware could produce the tokens of the break-even at all."""
        if self.break_even_tokens is None or self.most_tokens is None:
            return False
        return self.break_even_tokens <= self.most_tokens


def monthly_cost(
    answer: Answer, *, prices: Prices, input_tokens: float, output_tokens: float
) -> MonthlyCost:
    """Return what a plan costs in a month beside the same tokens in the cloud.

    Args:
        answer: The plan; all its cards run the whole month.
        prices: Prices that the caller read.
        input_tokens: Prompt tokens in a month.
        output_tokens: Reply tokens in a month.

    Raises:
        SizingError: A number of tokens is negative.
    """
    if input_tokens < 0 or output_tokens < 0:
        raise SizingError("tokens per month are negative.")
    local = answer.gpus * prices.card_hour * HOURS_PER_MONTH
    total = input_tokens + output_tokens
    share = output_tokens / total if total else 0.5
    mixed = (1 - share) * prices.cloud_input_per_million + share * prices.cloud_output_per_million
    cloud = total * mixed / 1e6
    even = local / mixed * 1e6 if mixed > 0 else None
    return MonthlyCost(local, cloud, even, _most_tokens(answer, share), prices.currency)


def _most_tokens(answer: Answer, share: float) -> float | None:
    """Tokens that the speed bounds allow in a month in this mix of prompt and reply."""
    bounds = answer.bounds
    if bounds is None or bounds.decode_tokens_s <= 0 or bounds.prefill_tokens_s <= 0:
        return None
    seconds = share / bounds.decode_tokens_s + (1 - share) / bounds.prefill_tokens_s
    return HOURS_PER_MONTH * 3600 / seconds

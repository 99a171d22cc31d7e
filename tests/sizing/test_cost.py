"""Costs compare a plan with a cloud API."""

import pytest

from hybridllm.sizing.cost import Prices, monthly_cost
from hybridllm.sizing.errors import SizingError
from hybridllm.sizing.planner import plan
from hybridllm.sizing.serving import Workload
from tests.sizing.facts import LLAMA_8B, cards

ANSWER = plan(LLAMA_8B, fleet=cards("L4-24GB"), workload=Workload(4096, 4))
PRICES = Prices(gpu_hour=1.0, cloud_input_per_million=1.0, cloud_output_per_million=3.0)


def test_a_rented_card_costs_its_hours():
    """One card at 1 an hour is 730 a month."""
    cost = monthly_cost(ANSWER, prices=PRICES, input_tokens=0, output_tokens=0)

    assert (730, 0) == (cost.local, cost.cloud)


def test_the_cloud_charges_prompts_and_replies():
    """300 million in and 100 million out: 300 + 300."""
    cost = monthly_cost(ANSWER, prices=PRICES, input_tokens=300e6, output_tokens=100e6)

    assert 600 == pytest.approx(cost.cloud)
    assert not cost.is_cheaper


def test_the_break_even_is_in_the_same_mix():
    """At 1.5 per million on average, 730 buys 487 million tokens."""
    cost = monthly_cost(ANSWER, prices=PRICES, input_tokens=300e6, output_tokens=100e6)

    assert pytest.approx(486.67e6, rel=1e-4) == cost.break_even_tokens


def test_a_break_even_beyond_the_hardware_is_marked():
    """A cheap cloud is not beaten by tokens that the card cannot produce."""
    cheap = Prices(gpu_hour=50.0, cloud_input_per_million=0.01, cloud_output_per_million=0.01)

    cost = monthly_cost(ANSWER, prices=cheap, input_tokens=1, output_tokens=1e6)

    assert not cost.is_reachable


def test_an_own_card_costs_its_price_and_its_power():
    """2,628 over three years is 0.1 an hour; 500 W at 0.2 is another 0.1."""
    own = Prices(gpu_price=2628.0, watts=500, kwh=0.2)

    assert pytest.approx(0.2) == own.card_hour


@pytest.mark.parametrize("wrong", [{"gpu_hour": -1}, {"years": 0}, {"cloud_input_per_million": -1}])
def test_an_impossible_price_is_refused(wrong):
    """Prices are not negative, and a card lives for a while."""
    with pytest.raises(SizingError):
        Prices(**wrong)


def test_negative_tokens_are_refused():
    """Nobody sends less than nothing."""
    with pytest.raises(SizingError, match="negative"):
        monthly_cost(ANSWER, prices=PRICES, input_tokens=-1, output_tokens=0)


def test_without_a_cloud_price_there_is_no_break_even():
    """Free cloud tokens are never beaten."""
    cost = monthly_cost(ANSWER, prices=Prices(gpu_hour=1.0), input_tokens=1e6, output_tokens=1e6)

    assert cost.break_even_tokens is None

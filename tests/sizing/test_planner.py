"""Plans take the fewest cards, and judge unlike cards one by one."""

from dataclasses import replace

import pytest

from hybridllm.sizing.fleet import Card, Fleet, fleet_of, parse_fleet
from hybridllm.sizing.gpus import find_gpu
from hybridllm.sizing.models import known_model
from hybridllm.sizing.planner import fits, plan
from hybridllm.sizing.quantisation import quantise
from hybridllm.sizing.reverse import (
    largest_batch,
    largest_model,
    longest_context,
    most_users,
    smallest_gpu,
)
from hybridllm.sizing.serving import EngineSettings, Workload
from hybridllm.sizing.training.run import TrainingRun
from tests.sizing.facts import H100, LLAMA_8B, LLAMA_70B, cards


@pytest.mark.parametrize(
    ("model", "gpus"),
    [
        ("meta-llama/Llama-3.2-3B", 1),
        ("Qwen/Qwen2.5-7B-Instruct", 1),
        ("Qwen/Qwen2.5-14B", 1),
        ("Qwen/Qwen3-32B", 1),  # loads in 61 GiB and leaves 4.45 at 16k
    ],
)
def test_the_rule_for_inference_holds_up_to_14b_and_is_conservative(model, gpus):
    """One H100 serves 3B, 7B and 14B in bf16; 32B as well, with little room."""
    answer = plan(known_model(model), fleet=cards("H100-80GB", 8), workload=Workload(8192, 1))

    assert (True, gpus) == (answer.fits, answer.gpus)


def test_70b_needs_several_cards_unless_it_has_four_bits():
    """True for bf16, false for AWQ."""
    awq = LLAMA_70B.with_quantisation(quantise("awq"))

    assert 2 <= plan(LLAMA_70B, fleet=cards("H100-80GB", 8)).gpus
    assert 1 == plan(awq, fleet=cards("H100-80GB", 8)).gpus


@pytest.mark.parametrize(
    ("method", "optimizer", "precision", "fits_one"),
    [
        ("full", "adamw", "mixed", False),
        ("full", "adamw-fused", "pure", True),  # published: 73 to 79 GiB for a 7B
        ("full", "paged-adamw-8bit", "pure", True),
        ("lora", "adamw", "mixed", True),
        ("qlora", "adamw", "mixed", True),
    ],
)
def test_the_rule_for_training_7b_depends_on_method_and_optimizer(
    method, optimizer, precision, fits_one
):
    """Several cards only for AdamW in mixed precision."""
    run = TrainingRun(method=method, optimizer=optimizer, precision=precision)

    assert fits_one is fits(known_model("Qwen/Qwen2.5-7B"), fleet=H100, workload=run)


def test_qlora_trains_70b_on_one_card_of_80_gb():
    """72B with QLoRA was published with 61 to 76 GiB."""
    run = TrainingRun(method="qlora", framework="qwen-finetune")

    assert fits(LLAMA_70B, fleet=H100, workload=run)


def test_each_card_of_a_mixed_fleet_is_judged_by_its_own_memory():
    """Not the sum: the busiest card decides."""
    answer = plan(LLAMA_70B, fleet=parse_fleet("2xL40S-48GB,1xA100-80GB"))

    assert answer.fits
    assert all(card.needed_bytes <= card.budget_bytes for card in answer.cards)
    assert answer.tightest.card.gpu.name == "L40S-48GB"


def test_unlike_cards_hold_unlike_stages():
    """The larger card takes more layers, and all layers are there."""
    answer = plan(LLAMA_70B, fleet=parse_fleet("2xL40S-48GB,1xA100-80GB"))
    partition = answer.settings.layer_partition

    assert 80 == sum(partition)
    assert partition[0] == max(partition)


def test_a_sum_that_would_do_is_not_enough():
    """Eight cards of 16 GB cannot train what one of 80 GB can, when a layer does not fit."""
    run = TrainingRun(method="full", sequence_tokens=131_072)

    assert not fits(LLAMA_70B, fleet=cards("T4-16GB", 8), workload=run)


def test_cards_in_use_offer_what_is_free():
    """A card that another process half fills is passed over for an idle one."""
    gpu = find_gpu("L40S-48GB")
    fleet = fleet_of([Card(gpu, gpu.usable_bytes // 3), Card(gpu, gpu.usable_bytes)])

    answer = plan(LLAMA_8B, fleet=fleet)

    assert answer.fits
    assert [1] == [card.card.index for card in answer.cards]


def test_given_parallelism_is_kept():
    """A user who says two ranks gets two."""
    settings = EngineSettings(tensor_parallel_size=2)
    answer = plan(LLAMA_8B, fleet=cards("L4-24GB", 4), settings=settings)

    assert 2 == answer.gpus


def test_a_plan_that_does_not_fit_says_what_limits_and_what_to_try():
    """The verdict comes with its reason."""
    answer = plan(LLAMA_70B, fleet=H100)

    assert not answer.fits
    assert "weights" == answer.limiting_term
    assert "are missing" in answer.reason
    assert any("4-bit" in text for text in answer.advice)


@pytest.mark.parametrize(
    ("work", "term"),
    [
        (Workload(131_072, 64), "KV cache"),
        (TrainingRun(method="full"), "optimizer states"),
        (TrainingRun(method="lora", micro_batch=64, gradient_checkpointing="none"), "activations"),
    ],
)
def test_the_limiting_term_is_named(work, term):
    """What to change is clear from the answer."""
    answer = plan(LLAMA_8B, fleet=H100, workload=work)

    assert term == answer.limiting_term
    assert answer.advice


def test_more_sequences_than_the_engine_schedules_raise_its_peak():
    """With 4,096 users the sampler needs four times its default."""
    few, many = (
        plan(LLAMA_8B, fleet=H100, workload=Workload(16, users)).tightest.needed_bytes
        for users in (1, 4096)
    )

    assert few < many


def test_a_run_that_asks_for_more_cards_than_there_are_is_told():
    """The message names both numbers."""
    run = TrainingRun(sharding="fsdp", data_parallel_size=4)

    answer = plan(LLAMA_8B, fleet=cards("H100-80GB", 2), workload=run)

    assert "4 GPUs; the fleet has 2" in answer.advice[0]


def test_the_longest_context_is_where_the_next_token_does_not_fit():
    """The reverse answer agrees with the forward one."""
    fleet = cards("L4-24GB")

    found = longest_context(LLAMA_8B, fleet=fleet)

    assert fits(LLAMA_8B, fleet=fleet, workload=Workload(found.value, 1))
    assert not fits(LLAMA_8B, fleet=fleet, workload=Workload(found.value + 16, 1))


def test_a_context_is_never_longer_than_the_model_allows():
    """Memory for more does not make the model longer."""
    found = longest_context(LLAMA_8B, fleet=H100)

    assert (131_072, True) == (found.value, found.is_limit)


def test_the_most_users_are_where_one_more_does_not_fit():
    """The reverse answer agrees with the forward one."""
    fleet = cards("L40S-48GB")

    found = most_users(LLAMA_8B, fleet=fleet, context_tokens=4096)

    assert fits(LLAMA_8B, fleet=fleet, workload=Workload(4096, found.value))
    assert not fits(LLAMA_8B, fleet=fleet, workload=Workload(4096, found.value + 1))


def test_the_largest_batch_is_where_one_more_does_not_fit():
    """The reverse answer agrees with the forward one."""
    run = TrainingRun(method="lora", gradient_checkpointing="none")

    found = largest_batch(LLAMA_8B, fleet=H100, run=run)

    assert fits(LLAMA_8B, fleet=H100, workload=replace(run, micro_batch=found.value))
    assert not fits(LLAMA_8B, fleet=H100, workload=replace(run, micro_batch=found.value + 1))


def test_nothing_fits_gives_zero():
    """A 70B on one T4 has no context at all."""
    assert 0 == longest_context(LLAMA_70B, fleet=cards("T4-16GB")).value


def test_the_largest_model_and_the_smallest_card_are_found():
    """Both are plans, with their reasons."""
    model = largest_model(fleet=cards("L4-24GB"))
    card = smallest_gpu(LLAMA_8B, workload=Workload(8192, 1))

    assert model is not None
    assert card is not None
    assert model.fits
    assert "L4-24GB" == card.cards[0].card.gpu.name


def test_nothing_is_found_where_nothing_fits():
    """No card of the catalogue holds a trillion parameters."""
    assert smallest_gpu(known_model("moonshotai/Kimi-K2-Instruct")) is None


def test_a_large_fleet_is_planned_within_its_nodes():
    """Tensor parallelism stays inside one machine."""
    fleet = Fleet(cards("L40S-48GB", 16).cards, cards_per_node=4)

    answer = plan(known_model("Qwen/Qwen3-235B-A22B"), fleet=fleet)

    assert answer.settings.tensor_parallel_size <= 4

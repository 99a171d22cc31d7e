"""Weights are counted as PyTorch counts them, and as engines load them."""

import pytest

from hybridllm.sizing.engines.stage import engine_tensors_bytes, stage_weights_bytes
from hybridllm.sizing.errors import UnknownKindError
from hybridllm.sizing.models import known_model
from hybridllm.sizing.quantisation import bits_per_weight, quantise
from hybridllm.sizing.weights import active_parameter_count, parameter_count, weights_bytes
from tests.sizing.facts import LLAMA_8B, gib, measured_config


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        ("meta-llama/Llama-3.1-8B", 8_030_261_248),
        ("Qwen/Qwen2.5-7B-Instruct", 7_615_616_512),
        ("Qwen/Qwen3-0.6B", 596_049_920),
        ("Qwen/Qwen3-32B", 32_762_123_264),
        ("openai/gpt-oss-20b", 20_914_757_184),
        ("meta-llama/Meta-Llama-3.1-405B", 405_853_388_800),
    ],
)
def test_parameters_are_those_that_torch_counts(model, parameters):
    """The number on a model's card is met to the last parameter."""
    assert parameters == parameter_count(known_model(model))


@pytest.mark.parametrize(
    ("model", "billions"),
    [
        ("deepseek-ai/DeepSeek-V3", 671.026),  # latent attention, 256 experts
        ("moonshotai/Kimi-K2-Instruct", 1026.408),
        ("nvidia/Nemotron-H-56B-Base-8K", 56.3),  # Mamba-2
        ("Qwen/Qwen3-235B-A22B", 235.09),
        ("mistralai/Mixtral-8x7B-v0.1", 46.703),
        ("meta-llama/Llama-4-Scout-17B-16E-Instruct", 107.77),  # text part
        ("meta-llama/Llama-4-Maverick-17B-128E-Instruct", 400.71),
        ("google/gemma-4-31B-it", 31.1),  # 30.7 and a vision tower
        ("google/gemma-4-26B-A4B", 25.65),  # 25.2 and a vision tower
    ],
)
def test_unusual_architectures_have_their_published_size(model, billions):
    """Experts, latent attention and state layers are counted, all experts resident."""
    assert pytest.approx(billions, rel=2e-3) == parameter_count(known_model(model)) / 1e9


def test_an_embedding_that_is_not_tied_counts_twice():
    """A calculator that forgets the head of Llama-3.1-8B says 13.98 GiB; it is 14.96."""
    assert 14.96 == gib(weights_bytes(LLAMA_8B))


def test_the_rotary_table_explains_what_the_log_says_beyond_the_checkpoint():
    """The start log of vLLM says 14.9888 for Llama-3.1-8B."""
    added = engine_tensors_bytes(LLAMA_8B, tensor_parallel_size=1)

    assert pytest.approx(14.9888, abs=5e-4) == (weights_bytes(LLAMA_8B) + added) / 2**30


def test_padded_experts_explain_the_size_of_gpt_oss():
    """The start log says 64.38 GiB for gpt-oss-120b on one H100; its tensors are 60.77."""
    shape = known_model("openai/gpt-oss-120b")
    loaded = stage_weights_bytes(
        shape, tensor_parallel_size=1, pipeline_parallel_size=1, stage=0
    ) + engine_tensors_bytes(shape, tensor_parallel_size=1)

    assert 60.77 == gib(weights_bytes(shape))
    assert pytest.approx(64.38, rel=5e-3) == loaded / 2**30


def test_two_ranks_share_matrices_but_not_norms():
    """Qwen2-7B logs 7.1217 GiB on each of two cards."""
    shape = measured_config("Qwen/Qwen2.5-7B-Instruct")

    assert pytest.approx(7.1217, rel=5e-3) == weights_bytes(shape, tensor_parallel_size=2) / 2**30


def test_ranks_beyond_the_key_value_heads_repeat_them():
    """Eight ranks cannot cut four key-value heads into eighths."""
    shape = measured_config("Qwen/Qwen2.5-7B-Instruct")

    assert weights_bytes(shape, tensor_parallel_size=8) > weights_bytes(shape) / 8


def test_experts_at_rest_are_resident_but_not_read():
    """A token of Qwen3-30B-A3B passes through about three billion parameters."""
    shape = known_model("Qwen/Qwen3-30B-A3B")

    assert pytest.approx(30.5, rel=5e-3) == parameter_count(shape) / 1e9
    assert pytest.approx(3.0, rel=0.05) == active_parameter_count(shape) / 1e9


@pytest.mark.parametrize(
    ("name", "group", "bits"),
    [
        ("gptq-int4", 128, 4.15),
        ("gptq-int4", 32, 4.63),
        ("nf4", 128, 4.5),
        ("nf4-dq", 128, 4.127),
        ("bnb-int8", 128, 8.03),
        ("fp8-block", 128, 8.002),
        ("mxfp4", 128, 4.25),
        ("nvfp4", 128, 4.5),
        ("q4_k", 128, 4.5),
        ("q6_k", 128, 6.5625),
        ("q2_k", 128, 2.625),
        ("q8_0", 128, 8.5),
    ],
)
def test_a_quantised_weight_carries_its_scales(name, group, bits):
    """Published bits per weight, scales and zero points included."""
    assert pytest.approx(bits, abs=0.01) == bits_per_weight(name, group_size=group)


def test_quantising_leaves_the_embedding_in_16_bit():
    """Four bits per weight do not make a quarter of the checkpoint."""
    quarter = weights_bytes(LLAMA_8B) / 4
    shape = LLAMA_8B.with_quantisation(quantise("awq"))

    assert weights_bytes(shape) > 1.3 * quarter


@pytest.mark.parametrize("ask", [bits_per_weight, quantise])
def test_an_unknown_number_format_is_refused_with_the_nearest(ask):
    """A typing error is not taken for 16 bit."""
    with pytest.raises(UnknownKindError, match="not known"):
        ask("fp5")


def test_the_nearest_format_is_named():
    """The message says what was probably meant."""
    with pytest.raises(UnknownKindError, match="Did you mean 'nf4-dq'"):
        quantise("nf4-qd")

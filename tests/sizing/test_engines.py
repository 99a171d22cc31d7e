"""Engines need what their start logs say."""

from dataclasses import replace

import pytest

from hybridllm.sizing.engines import engine_memory
from hybridllm.sizing.engines.llama_cpp import cache_bytes, compute_bytes
from hybridllm.sizing.engines.transformers import prefill_bytes
from hybridllm.sizing.engines.vllm import activation_bytes
from hybridllm.sizing.errors import SizingError, UnknownKindError
from hybridllm.sizing.fleet import Card
from hybridllm.sizing.gpus import find_gpu
from hybridllm.sizing.models import known_model
from hybridllm.sizing.serving import EngineSettings, Workload
from hybridllm.sizing.shape import dense_shape
from hybridllm.sizing.units import MIB
from hybridllm.sizing.verdict import serve_on
from tests.sizing.facts import H100, LLAMA_8B, LLAMA_70B, cards, gib, measured_config

CARD = H100.cards[0].gpu


def memory(shape, *, workload=None, gpu=CARD, stage=0, **settings):
    return engine_memory(
        shape,
        workload=workload or Workload(16_000, 1),
        settings=EngineSettings(**settings),
        gpu=gpu,
        stage=stage,
    )


@pytest.mark.parametrize(
    ("model", "share", "logged_gib"),
    [
        ("meta-llama/Meta-Llama-3.1-8B", 0.9, 51.38),
        ("Qwen/Qwen3-32B", 0.9, 4.45),
        # The log's own parts add up at 0.95 only, though its table says 0.9.
        ("openai/gpt-oss-120b", 0.95, 3.33),
    ],
)
def test_vllm_leaves_the_pool_of_the_log(model, share, logged_gib):
    """Three start logs on an H100: what is left for the cache."""
    pool = memory(known_model(model), gpu_memory_utilization=share).pool_bytes

    assert pytest.approx(logged_gib, abs=0.3) == pool / 2**30


@pytest.mark.parametrize(
    ("model", "logged_gib"),
    [
        ("meta-llama/Meta-Llama-3.1-8B", 4.76),
        ("Qwen/Qwen3-32B", 5.64),
        ("openai/gpt-oss-120b", 7.38),
    ],
)
def test_the_sampler_explains_the_profiled_peak(model, logged_gib):
    """Not experts, but 1,024 sequences over a large vocabulary."""
    peak = activation_bytes(known_model(model), settings=EngineSettings(), gpu=CARD, sequences=1024)

    assert pytest.approx(logged_gib, rel=0.02) == peak / 2**30


def test_fewer_sequences_shrink_the_profiled_peak():
    """The peak that costs 5 GiB on an H100 is 1.2 with the 256 of smaller cards."""
    small = memory(LLAMA_8B, gpu=find_gpu("L40S-48GB"))

    assert 1.19 == gib(next(t.size_bytes for t in small.needed if t.name == "activation"))


def test_needed_and_pre_allocated_are_told_apart():
    """Why does an 8B take 71 GiB? One user needs 22 of them; the engine takes the rest ahead."""
    answer = serve_on(
        LLAMA_8B, cards=H100.cards, workload=Workload(16_000, 1), settings=EngineSettings()
    )
    card = answer.cards[0]

    assert pytest.approx(21.8, abs=0.2) == card.needed_bytes / 2**30
    assert pytest.approx(71.26, abs=0.05) == (
        (card.needed_bytes + card.pre_allocated_bytes) / 2**30
    )


def test_a_share_of_the_total_must_be_free():
    """An engine wants 0.9 of the whole card; with 30 GiB in use the share is lowered."""
    busy = Card(CARD, CARD.usable_bytes - 30 * 2**30)
    answer = serve_on(LLAMA_8B, cards=[busy], workload=Workload(8192, 1), settings=EngineSettings())

    assert 0.6 == answer.settings.gpu_memory_utilization
    assert answer.fits


def test_a_pipeline_keeps_the_embedding_first_and_the_head_last():
    """The busiest stage is not the mean."""
    first, middle, last = (
        memory(LLAMA_70B, stage=stage, pipeline_parallel_size=4).needed[0].size_bytes
        for stage in (0, 1, 3)
    )

    assert 1.96 == gib(first - middle)
    assert first <= last


def test_generate_adds_126_kib_per_prompt_token():
    """Qwen2.5-7B grows by 182 KiB per token of context: 56 of cache, 126 of the prompt pass."""
    shape = measured_config("Qwen/Qwen2.5-7B-Instruct")
    short, long = (
        prefill_bytes(shape, workload=Workload(tokens, 1), settings=EngineSettings())
        for tokens in (1000, 2000)
    )

    assert pytest.approx(126 * 1024, rel=0.02) == (long - short) / 1000 + 1024


def test_llama_cpp_logs_its_compute_buffer():
    """Llama-3-8B with flash attention: 258.5 MiB; without, 560 at 8,192 cells."""
    shape = measured_config("meta-llama/Meta-Llama-3-8B")

    assert 258.5 == compute_bytes(shape, cells=8192, flash_attention=True) / MIB
    assert 560 == compute_bytes(shape, cells=8192, flash_attention=False) / MIB


def test_llama_cpp_pads_a_sliding_window():
    """1,536 cells are logged for a window of 1,024."""
    base = dense_shape(
        "sliding", layers=1, hidden=64, heads=1, kv_heads=1, intermediate=64, vocab=10, head_dim=64
    )
    group = base.layers[0]
    shape = replace(base, layers=(replace(group, mixer=replace(group.mixer, window=1024)),))

    cells = cache_bytes(shape, workload=Workload(32_768, 1), settings=EngineSettings()) / 256

    assert 1536 == cells


def test_a_logged_llama_cpp_cache_is_met():
    """GLM-4-32B logs 976 MiB of keys in 16 bit at 8,192 cells, and as many of values."""
    shape = measured_config("THUDM/GLM-4-32B-0414")

    held = cache_bytes(shape, workload=Workload(8192, 1), settings=EngineSettings())

    assert 2 * 976 == held / MIB


def test_an_8_bit_cache_of_llama_cpp_holds_34_bytes_per_32():
    """q8_0 keeps a scale for each block."""
    settings = EngineSettings(kv_cache_dtype="q8_0")
    full, small = (
        cache_bytes(LLAMA_8B, workload=Workload(8192, 1), settings=one)
        for one in (EngineSettings(), settings)
    )

    assert pytest.approx(17 / 32) == small / full


def test_sglang_keeps_a_reserve_for_running():
    """On an H100 about a sixth stays outside the static share."""
    found = memory(LLAMA_8B, engine="sglang")

    assert 0.8 < found.budget_bytes / CARD.usable_bytes < 0.9
    assert found.outside_bytes + found.budget_bytes == CARD.usable_bytes


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"engine": "vlm"}, "Did you mean 'vllm'"),
        ({"gpu_memory_utilization": 1.5}, "at most 1"),
        ({"tensor_parallel_size": 0}, "tensor_parallel_size is 0"),
        ({"max_num_seqs": 0}, "max_num_seqs is 0"),
        ({"layer_partition": (4, 4)}, "names 2 stages"),
    ],
)
def test_a_wrong_setting_is_refused(settings, match):
    """The message names setting and value."""
    with pytest.raises((SizingError, UnknownKindError), match=match):
        EngineSettings(**settings)


@pytest.mark.parametrize(
    ("work", "match"),
    [
        ({"context_tokens": -5}, "context_tokens is -5"),
        ({"users": -1}, "users is -1"),
        ({"context_tokens": 100, "prompt_tokens": 200}, "more than context_tokens"),
        ({"context_tokens": 1.5}, "whole number"),
    ],
)
def test_a_wrong_workload_is_refused(work, match):
    """Negative, fractional or contradictory counts."""
    with pytest.raises(SizingError, match=match):
        Workload(**work)


def test_parallelism_that_cannot_be_is_refused():
    """Three ranks do not divide 32 heads; 100 stages are more than 32 layers."""
    three = cards("H100-80GB", 3).cards

    with pytest.raises(SizingError, match="does not divide"):
        serve_on(
            LLAMA_8B,
            cards=three,
            workload=Workload(),
            settings=EngineSettings(tensor_parallel_size=3),
        )
    with pytest.raises(SizingError, match="more than its 32 layers"):
        serve_on(
            LLAMA_8B,
            cards=three[:1] * 100,
            workload=Workload(),
            settings=EngineSettings(pipeline_parallel_size=100),
        )


def test_a_drafter_brings_its_own_layer():
    """Speculative decoding loads one more layer and a projection: 0.8 GiB for Qwen3.5-27B."""
    shape = known_model("Qwen/Qwen3.5-27B")
    plain = memory(shape, workload=Workload(4096, 1))
    drafting = memory(shape, workload=Workload(4096, 1), speculative_tokens=3)

    (draft,) = (term for term in drafting.needed if term.name == "draft layers")

    assert 0.79 == gib(draft.size_bytes)
    assert plain.fixed_bytes + draft.size_bytes == drafting.fixed_bytes

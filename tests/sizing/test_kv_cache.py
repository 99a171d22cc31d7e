"""Caches are counted to the token that engines log."""

import pytest

from hybridllm.sizing.errors import SizingError, UnknownKindError
from hybridllm.sizing.from_config import shape_from_config
from hybridllm.sizing.kv_cache import CacheFormat, bytes_per_token, sequence_bytes
from hybridllm.sizing.models import known_model
from hybridllm.sizing.units import GIB
from hybridllm.sizing.vllm_pages import PageSettings, plan_pages
from tests.sizing.facts import LLAMA_8B, LLAMA_70B, TINY_CONFIG, measured_config

KIB = 1024


@pytest.mark.parametrize(
    ("model", "kib"),
    [
        ("meta-llama/Llama-3.1-8B", 128),
        ("meta-llama/Llama-3.1-70B", 320),
        ("Qwen/Qwen2.5-7B-Instruct", 56),
        ("meta-llama/Llama-2-7b-hf", 512),  # no grouped heads
    ],
)
def test_a_token_keeps_its_published_bytes(model, kib):
    """Bytes per token in 16 bit, as model makers and engines state them."""
    assert kib * KIB == bytes_per_token(known_model(model))


def test_fp8_halves_the_cache():
    """One byte instead of two."""
    assert 64 * KIB == bytes_per_token(LLAMA_8B, cache=CacheFormat("fp8"))


def test_a_scale_per_token_and_head_is_counted():
    """Eight heads, keys and values, four bytes each, 32 layers: 2 KiB more than plain fp8."""
    scaled = bytes_per_token(LLAMA_8B, cache=CacheFormat("fp8_per_token_head"))

    assert 66 * KIB == scaled


def test_latent_attention_is_not_split_over_ranks():
    """A calculator that divides it by eight is wrong by eight."""
    shape = known_model("moonshotai/Kimi-K2-Instruct")
    alone = bytes_per_token(shape)

    assert 70_272 == alone
    assert alone == bytes_per_token(shape, tensor_parallel_size=8)


def test_a_sparse_indexer_keeps_132_bytes_per_layer():
    """DeepSeek-V3.2 caches keys for its indexer besides; 61 layers."""
    dense = bytes_per_token(known_model("deepseek-ai/DeepSeek-V3"))

    assert dense + 61 * 132 == bytes_per_token(known_model("deepseek-ai/DeepSeek-V3.2"))


def test_a_sliding_layer_stops_growing_at_its_window():
    """gpt-oss keeps 128 tokens in every second layer."""
    shape = known_model("openai/gpt-oss-120b")
    short, long = (sequence_bytes(shape, tokens=tokens) for tokens in (10_000, 20_000))

    assert 18 * 2048 * 10_000 == long - short


@pytest.mark.parametrize(
    ("model", "ranks", "pool_gib", "logged"),
    [
        ("Qwen/Qwen2.5-32B", 2, 7.71, 63_152),
        ("moonshotai/Kimi-K2-Instruct", 8, 46.80, 715_088),
    ],
)
def test_a_uniform_cache_holds_the_tokens_of_the_log(model, ranks, pool_gib, logged):
    """The count of the start log, to the token."""
    pages = plan_pages(measured_config(model), settings=PageSettings(tensor_parallel_size=ranks))

    assert logged == pages.capacity_tokens(round(pool_gib * GIB))


def test_a_hybrid_cache_logs_its_tokens_exactly():
    """Qwen3.6-35B-A3B in fp8 on an RTX 5090: pages, groups and states, met to the token."""
    shape = measured_config("nvidia/Qwen3.6-35B-A3B-NVFP4")
    pages = plan_pages(shape, settings=PageSettings(cache=CacheFormat("fp8")))

    assert 2096 == pages.block_size
    assert 4 == pages.groups
    assert 569_878 == pages.logged_tokens(round(6.01 * GIB), max_model_len=131_072)


def test_a_sliding_hybrid_shares_one_pool():
    """gpt-oss-120b logs 78,384 tokens in 5.38 GiB; the pool is known to 0.1 %."""
    pages = plan_pages(measured_config("openai/gpt-oss-120b"))

    assert pytest.approx(78_384, rel=1e-3) == pages.capacity_tokens(round(5.38 * GIB))


def test_a_drafter_and_its_states_are_counted():
    """Qwen3.6-27B with speculative decoding logs 300,220 on each of two RTX 3090."""
    pages = plan_pages(
        measured_config("nvidia/Qwen3.6-27B-NVFP4"),
        settings=PageSettings(
            cache=CacheFormat("fp8"), tensor_parallel_size=2, draft_layers=1, speculative_tokens=3
        ),
    )

    logged = pages.logged_tokens(round(5.33 * GIB), max_model_len=262_144)

    assert pytest.approx(300_220, rel=5e-3) == logged


def test_unlike_groups_take_the_longer_one_when_little_is_padded():
    """gpt-oss-20b with a drafter has 12 sliding and 13 full layers: two groups of 13."""
    pages = plan_pages(known_model("openai/gpt-oss-20b"), settings=PageSettings(draft_layers=1))

    assert (13, 2) == (pages.group_size, pages.groups)


def test_an_empty_request_takes_no_blocks():
    """No users, no cache."""
    pages = plan_pages(LLAMA_70B)

    assert 0 == pages.pool_bytes_for(tokens=0, sequences=8)
    assert 0 == pages.pool_bytes_for(tokens=8192, sequences=0)


def test_a_negative_context_is_refused():
    """The message names the value."""
    with pytest.raises(SizingError, match="context tokens is -1"):
        sequence_bytes(LLAMA_8B, tokens=-1)


def test_an_unknown_cache_type_is_refused_with_the_nearest():
    """A typing error is not taken for 16 bit."""
    with pytest.raises(UnknownKindError, match="Did you mean 'fp8'"):
        CacheFormat("fp88")


def test_layers_of_unlike_heads_share_one_block():
    """Each layer keeps a page of its own size; the sum is what a block takes."""
    config = {**TINY_CONFIG, "num_key_value_heads": [2, 1]}
    pages = plan_pages(shape_from_config(config))

    assert 16 * (2 + 1) * 2 * 16 * 2 == pages.block_bytes
    assert 160 == pages.capacity_tokens(10 * pages.block_bytes)


def unlike(heads):
    """Return a full and a sliding layer with so many key-value heads each."""
    config = {
        **TINY_CONFIG,
        "num_key_value_heads": heads,
        "layer_types": ["full_attention", "sliding_attention"],
        "sliding_window": 8,
    }
    return shape_from_config(config)


def test_smaller_pages_hold_more_tokens():
    """A kind that keeps half as much per token gets blocks of twice the tokens."""
    pages = plan_pages(unlike([1, 2]))

    assert [32, 16] == [kind.block_size for kind, _ in pages.kinds]


def test_global_layers_of_gemma_4_share_the_pages_of_its_sliding_ones():
    """Four heads of 512 keep half of what sixteen of 256 keep: blocks of 32 and 16 tokens."""
    pages = plan_pages(known_model("google/gemma-4-31B-it"))

    assert {"sliding": 16, "full": 32} == {kind.kind: kind.block_size for kind, _ in pages.kinds}
    assert (10, 6) == (pages.group_size, pages.groups)


def test_pages_that_do_not_divide_are_refused():
    """The engine has no common page for them either."""
    with pytest.raises(SizingError, match="do not divide"):
        plan_pages(unlike([3, 2]))

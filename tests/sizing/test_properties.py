"""Laws that no size may break."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from hybridllm.sizing.engines import engine_memory
from hybridllm.sizing.fleet import Card, fleet_of
from hybridllm.sizing.gpus import find_gpu
from hybridllm.sizing.models import known_model
from hybridllm.sizing.planner import fits
from hybridllm.sizing.serving import EngineSettings, Workload
from hybridllm.sizing.shape import dense_shape
from hybridllm.sizing.training.memory import training_memory
from hybridllm.sizing.training.run import LoraSettings, TrainingRun
from hybridllm.sizing.weights import parameter_count
from tests.sizing.facts import LLAMA_8B

MODELS = (
    "meta-llama/Llama-3.1-8B",
    "openai/gpt-oss-20b",
    "Qwen/Qwen3.5-27B",
    "deepseek-ai/DeepSeek-V3",
    "nvidia/Nemotron-H-56B-Base-8K",
    "google/gemma-2-9b",
)
CARDS = ("L4-24GB", "L40S-48GB", "A100-80GB", "H100-80GB", "T4-16GB")

# Machines that run tests are shared; a law has no deadline.
UNTIMED = settings(deadline=None)
BRIEF = settings(deadline=None, max_examples=60)

models = st.sampled_from(MODELS).map(known_model)
engines = st.sampled_from(("vllm", "sglang", "transformers", "llama.cpp"))
tokens = st.integers(0, 200_000)
users = st.integers(0, 300)
cards = st.builds(
    lambda name, share: Card(find_gpu(name), int(find_gpu(name).usable_bytes * share)),
    st.sampled_from(CARDS),
    st.sampled_from((1.0, 1.0, 1.0, 0.5, 0.8)),
)
fleets = st.lists(cards, min_size=1, max_size=4)
shapes = st.builds(
    lambda layers, width, vocab: dense_shape(
        "drawn",
        layers=layers,
        hidden=128 * width,
        heads=width,
        kv_heads=width,
        intermediate=384 * width,
        vocab=1000 * vocab,
    ),
    st.integers(1, 40),
    st.sampled_from((2, 4, 8, 16, 32)),
    st.integers(1, 150),
)
runs = st.builds(
    TrainingRun,
    method=st.sampled_from(("full", "lora", "qlora")),
    sequence_tokens=st.integers(0, 8192),
    micro_batch=st.integers(0, 8),
    framework=st.sampled_from(
        ("plain", "transformers", "litgpt", "torchtune", "unsloth", "axolotl")
    ),
    gradient_checkpointing=st.sampled_from(("none", "selective", "full")),
    optimizer=st.sampled_from(("adamw", "adamw-8bit", "paged-adamw-8bit")),
    precision=st.sampled_from(("pure", "mixed")),
    loss=st.sampled_from(("plain", "chunked", "fused")),
)


def served(shape, workload, engine):
    return engine_memory(
        shape,
        workload=workload,
        settings=EngineSettings(engine=engine),
        gpu=find_gpu("H100-80GB"),
    ).needed_bytes


@UNTIMED
@given(models, engines, tokens, users, st.integers(0, 5000))
def test_more_tokens_never_need_less(shape, engine, context, count, more):
    """A longer context costs memory or nothing."""
    short = served(shape, Workload(context, count), engine)

    assert short <= served(shape, Workload(context + more, count), engine)


@UNTIMED
@given(models, engines, tokens, users, st.integers(0, 200))
def test_more_users_never_need_less(shape, engine, context, count, more):
    """One more request costs memory or nothing."""
    few = served(shape, Workload(context, count), engine)

    assert few <= served(shape, Workload(context, count + more), engine)


@UNTIMED
@given(shapes, engines, st.integers(1, 20))
def test_more_layers_never_need_less(shape, engine, more):
    """More parameters of the same width cost memory."""
    group = shape.layers[0]
    larger = replace(shape, layers=(replace(group, count=group.count + more),))

    assert parameter_count(shape) < parameter_count(larger)
    assert served(shape, Workload(4096, 2), engine) < served(larger, Workload(4096, 2), engine)


@UNTIMED
@given(shapes, engines, runs, st.integers(1, 64), st.integers(1, 5000))
def test_a_wider_model_never_needs_less(shape, engine, run, width, words):
    """A wider feed-forward and a larger vocabulary cost memory, serving and training."""
    group = shape.layers[0]
    block = replace(group.feed_forward, intermediate=group.feed_forward.intermediate + 128 * width)
    larger = replace(shape, vocab=shape.vocab + words, layers=(replace(group, feed_forward=block),))
    small = training_memory(shape, run=run).peak_bytes

    assert served(shape, Workload(4096, 2), engine) < served(larger, Workload(4096, 2), engine)
    assert small <= training_memory(larger, run=run).peak_bytes


@UNTIMED
@given(shapes, runs, st.integers(1, 20))
def test_training_a_deeper_model_never_needs_less(shape, run, more):
    """More parameters of the same width cost memory in training too."""
    group = shape.layers[0]
    larger = replace(shape, layers=(replace(group, count=group.count + more),))
    small = training_memory(shape, run=run).peak_bytes

    assert small <= training_memory(larger, run=run).peak_bytes


@UNTIMED
@given(models, runs, st.integers(0, 2000), st.integers(0, 4), st.integers(0, 64))
def test_more_training_tokens_or_rank_never_need_less(shape, run, more, batch, rank):
    """Longer sequences, larger batches and higher ranks cost memory or nothing."""
    larger = replace(
        run,
        sequence_tokens=run.sequence_tokens + more,
        micro_batch=run.micro_batch + batch,
        lora=LoraSettings(run.lora.rank + rank),
    )
    small = training_memory(shape, run=run).peak_bytes

    assert small <= training_memory(shape, run=larger).peak_bytes


@UNTIMED
@given(models, runs, st.integers(2, 16))
def test_more_gpus_never_hold_more_each(shape, run, ways):
    """Sharding over twice the cards lowers what each holds, or keeps it."""
    few = replace(run, sharding="fsdp", data_parallel_size=ways)
    many = replace(run, sharding="fsdp", data_parallel_size=2 * ways)

    held = training_memory(shape, run=few).peak_bytes

    assert held >= training_memory(shape, run=many).peak_bytes


@BRIEF
@given(models, fleets, fleets, st.integers(0, 40_000), st.integers(0, 40))
def test_a_plan_that_fits_on_a_fleet_fits_on_a_larger_one(shape, fleet, added, context, count):
    """More cards, idle or in use, like or unlike, never fit less."""
    work = Workload(context, count)
    small, large = fleet_of(fleet), fleet_of([*added, *fleet])

    assert not fits(shape, fleet=small, workload=work) or fits(shape, fleet=large, workload=work)


@BRIEF
@given(models, fleets, fleets, runs)
def test_training_that_fits_on_a_fleet_fits_on_a_larger_one(shape, fleet, added, run):
    """More cards never make a run impossible."""
    small, large = fleet_of(fleet), fleet_of([*added, *fleet])

    assert not fits(shape, fleet=small, workload=run) or fits(shape, fleet=large, workload=run)


@UNTIMED
@given(st.integers(0, 3000), st.integers(1, 64))
def test_pages_never_hold_less_than_they_are_asked_for(context, count):
    """Rounding to pages is upwards."""
    card = find_gpu("H100-80GB")
    exact = context * count * 131_072
    memory = engine_memory(
        LLAMA_8B, workload=Workload(context, count), settings=EngineSettings(), gpu=card
    )

    assert exact <= memory.cache_bytes

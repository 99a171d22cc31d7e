"""Training peaks follow from named causes."""

from dataclasses import replace

import pytest

from hybridllm.sizing.errors import FactsError, SizingError, UnknownKindError
from hybridllm.sizing.models import known_model
from hybridllm.sizing.training.activations import (
    Saving,
    checkpoint_bytes,
    final_norm_bytes,
    layer_bytes,
)
from hybridllm.sizing.training.adapters import adapter_parameters
from hybridllm.sizing.training.calibrate import calibrate, read_profile, write_profile
from hybridllm.sizing.training.memory import training_memory
from hybridllm.sizing.training.optimizers import find_optimizer
from hybridllm.sizing.training.profiles import find_profile, profiles
from hybridllm.sizing.training.run import LoraSettings, TrainingRun
from tests.sizing.facts import LLAMA_8B, gib, measured_config

PLAIN = TrainingRun(framework="plain", sequence_tokens=16)


def term(shape, run, name):
    found = training_memory(shape, run=run).terms
    return next((one.size_bytes for one in found if one.name == name), 0)


def activations(shape, run):
    """Bytes that one step keeps for its backward pass, logits left out."""
    saving = Saving(run, find_profile("transformers"))
    layers = sum(g.count * layer_bytes(g, shape=shape, saving=saving) for g in shape.layers)
    if run.gradient_checkpointing == "full":
        layers = shape.layer_count * checkpoint_bytes(shape, saving=saving)
    return run.tokens * (layers + final_norm_bytes(shape, saving=saving))


def bytes_per_parameter(shape, run):
    named = ("weights", "optimizer states", "gradients", "master weights", "step temporary")
    held = sum(t.size_bytes for t in training_memory(shape, run=run).terms if t.name in named)
    return held / training_memory(shape, run=run).trained_parameters


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"precision": "mixed", "optimizer": "adamw-fused"}, 16),
        ({"precision": "pure", "optimizer": "adamw-fused"}, 8),
        ({"precision": "pure", "optimizer": "adamw"}, 10),  # foreach: one more temporary
        ({"precision": "pure", "optimizer": "adamw-8bit"}, 6),
        ({"precision": "pure", "optimizer": "paged-adamw-8bit"}, 4),
        ({"precision": "pure", "optimizer": "sgd"}, 4),
    ],
)
def test_states_take_their_bytes_per_parameter(change, expected):
    """The published table of optimizers."""
    run = replace(PLAIN, **change)

    assert pytest.approx(expected, rel=0.01) == bytes_per_parameter(LLAMA_8B, run)


@pytest.mark.parametrize(("model", "gibs"), [("Qwen/Qwen-7B", 71.9), ("Qwen/Qwen-1_8B", 17.1)])
def test_the_foreach_temporary_explains_published_full_runs(model, gibs):
    """Qwen-7B in pure bf16 peaks at 57.5 + 14.4 GiB; a published run agrees within 2 %."""
    run = replace(PLAIN, precision="pure")

    peak = training_memory(measured_config(model), run=run).peak_bytes

    assert pytest.approx(gibs, rel=0.01) == peak / 2**30


def test_deepspeed_keeps_16_bit_weights_and_an_fp32_copy():
    """2 + 2 + 4 + 4 + 4 bytes under ZeRO, split over the GPUs from stage 1 on."""
    run = TrainingRun(
        framework="plain", sharding="zero1", data_parallel_size=4, optimizer="adamw-fused"
    )

    assert gib(12 * 8.03e9 / 4) == pytest.approx(
        gib(term(LLAMA_8B, run, "optimizer states") + term(LLAMA_8B, run, "master weights")),
        abs=0.1,
    )
    assert pytest.approx(14.96, abs=0.01) == term(LLAMA_8B, run, "weights") / 2**30


@pytest.mark.parametrize(
    ("sharding", "split"),
    [
        ("ddp", ()),
        ("zero1", ("optimizer states",)),
        ("zero2", ("optimizer states", "gradients")),
        ("zero3", ("optimizer states", "gradients", "weights")),
        ("fsdp", ("optimizer states", "gradients", "weights")),
    ],
)
def test_each_stage_of_sharding_splits_one_thing_more(sharding, split):
    """ZeRO 1 to 3 and FSDP over eight GPUs."""
    alone = replace(PLAIN, precision="pure", optimizer="adamw")
    run = replace(alone, sharding=sharding, data_parallel_size=8)

    for name in ("weights", "gradients", "optimizer states"):
        whole = term(LLAMA_8B, alone, name)
        expected = whole / 8 if name in split else whole
        assert pytest.approx(expected, rel=0.01) == term(LLAMA_8B, run, name)


@pytest.mark.parametrize(
    ("model", "rank", "targets", "parameters"),
    [
        ("meta-llama/Llama-2-7b-hf", 8, ("q", "v"), 4_194_304),
        ("meta-llama/Llama-2-13b-hf", 8, ("q", "v"), 6_553_600),
        ("microsoft/phi-1_5", 8, ("q", "v"), 1_572_864),
        ("stabilityai/stablelm-base-alpha-3b", 8, ("q", "v"), 2_097_152),
    ],
)
def test_adapters_have_the_parameters_that_frameworks_print(model, rank, targets, parameters):
    """LitGPT prints the trainable parameters of its runs."""
    lora = LoraSettings(rank, targets)

    assert parameters == adapter_parameters(measured_config(model), lora=lora)


def test_k_bit_preparation_casts_what_is_not_quantised():
    """PEFT turns embedding and head of Qwen-7B to fp32: 2.3 GiB more."""
    run = TrainingRun(method="qlora", framework="plain", quantisation="gptq-int4")
    plain, cast = (
        term(measured_config("Qwen/Qwen-7B"), replace(run, kbit_fp32=one), "weights")
        for one in (False, True)
    )

    assert pytest.approx(2.3, abs=0.05) == (cast - plain) / 2**30


def test_logits_can_be_larger_than_the_model():
    """At 152k entries and 8,192 tokens each fp32 copy takes 4.6 GiB."""
    run = replace(PLAIN, sequence_tokens=8192)
    shape = measured_config("Qwen/Qwen-1_8B")

    assert pytest.approx(3 * 4.64, rel=0.01) == term(shape, run, "logits") / 2**30
    assert 0 == term(shape, replace(run, loss="fused"), "logits")


def test_recomputing_keeps_one_input_per_layer():
    """32 layers and the last norm, 4,096 values in 16 bit, 2,048 tokens: 33 times 16 MiB."""
    run = TrainingRun(method="lora", framework="plain")

    assert 33 * 16 == term(LLAMA_8B, run, "activations") / 2**20


@pytest.mark.parametrize(
    ("model", "method", "targets", "checkpointing", "saved_gib"),
    [
        ("meta-llama/Llama-3.1-8B", "full", 0, "none", 6.153),
        ("meta-llama/Llama-3.1-8B", "full", 0, "full", 0.273),
        ("meta-llama/Llama-3.1-8B", "lora", 4, "none", 4.774),
        ("meta-llama/Llama-3.1-8B", "lora", 7, "none", 5.652),
        ("meta-llama/Llama-3.2-1B", "full", 0, "none", 1.670),
        ("codellama/CodeLlama-34b-hf", "full", 0, "none", 15.809),
    ],
)
def test_activations_are_those_that_autograd_saves(
    model, method, targets, checkpointing, saved_gib
):
    """Counted on the Llama of Transformers by `benchmarks/sizing_gpu.py`, 1,024 tokens."""
    names = ("q", "v", "o", "gate", "k", "up", "down")[:targets] or ("q",)
    lora = LoraSettings(16, names, dropout=0.0, adapter_bytes=2)
    run = TrainingRun(
        method=method,
        sequence_tokens=1024,
        precision="pure",
        gradient_checkpointing=checkpointing,
        lora=lora,
    )

    held = activations(known_model(model), run) / 2**30

    assert pytest.approx(saved_gib, abs=0.002) == held


def test_a_gradient_free_optimizer_step_is_not_the_peak():
    """Fusing the step into the backward pass drops all gradients."""
    run = replace(PLAIN, precision="pure", optimizer_in_backward=True)

    assert 0 == term(LLAMA_8B, run, "gradients")


def test_each_framework_says_where_it_was_read_and_how_wrong_it_may_be():
    """No profile without a source and an error band."""
    for profile in profiles().values():
        assert profile.source
        assert 0 < profile.error_band <= 0.35


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: find_profile("axolotle"), "Did you mean 'axolotl'"),
        (lambda: find_optimizer("adamwx"), "Did you mean 'adamw'"),
        (lambda: TrainingRun(method="lore"), "Did you mean 'lora'"),
        (lambda: LoraSettings(8, ("q", "vv")), "Did you mean 'v'"),
        (lambda: LoraSettings(0), "lora rank is 0"),
        (lambda: TrainingRun(micro_batch=-1), "micro_batch is -1"),
        (lambda: TrainingRun(data_parallel_size=2), "sharding is 'none'"),
    ],
)
def test_a_wrong_training_setting_is_refused(make, match):
    """Unknown names get the nearest one; counts are named."""
    with pytest.raises((SizingError, UnknownKindError), match=match):
        make()


def test_one_measured_step_calibrates_a_framework(tmp_path):
    """The kept profile predicts the measured peak, and is read back."""
    run = TrainingRun(method="lora", framework="litgpt")
    predicted = training_memory(LLAMA_8B, run=run).peak_bytes
    steps = []

    found = calibrate(
        LLAMA_8B,
        run=run,
        step=lambda: steps.append("step"),
        reset_peak=lambda: steps.append("reset"),
        read_peak=lambda: round(predicted * 1.1),
    )
    write_profile(found, path=tmp_path / "profile.json")
    profile = read_profile(tmp_path / "profile.json")

    assert ["reset", "step"] == steps
    assert pytest.approx(-9.1, abs=0.1) == found.error_percent
    assert pytest.approx(predicted * 1.1, rel=0.01) == (
        training_memory(LLAMA_8B, run=run, profile=profile).peak_bytes
    )


def test_a_calibration_that_hides_a_cause_is_refused():
    """A factor of three is no allocator slack."""
    run = TrainingRun(method="lora", framework="litgpt")
    peak = training_memory(LLAMA_8B, run=run).peak_bytes

    with pytest.raises(SizingError, match="hides a cause"):
        calibrate(
            LLAMA_8B,
            run=run,
            step=lambda: None,
            reset_peak=lambda: None,
            read_peak=lambda: 3 * peak,
        )


@pytest.mark.parametrize(
    "body",
    ["{", "[]", '{"format": 9, "framework": "litgpt", "reserved_ratio": 1, "error_band": 0.1}'],
)
def test_a_damaged_profile_is_refused(tmp_path, body):
    """A profile that cannot be read is not silently replaced by another."""
    (tmp_path / "profile.json").write_text(body, encoding="utf-8")

    with pytest.raises(FactsError):
        read_profile(tmp_path / "profile.json")


def test_hybrid_and_latent_layers_can_be_trained():
    """States and latent heads keep activations too."""
    for model in ("Qwen/Qwen3.5-27B", "deepseek-ai/DeepSeek-V3", "nvidia/Nemotron-H-56B-Base-8K"):
        run = TrainingRun(method="lora", gradient_checkpointing="none")

        assert 0 < term(known_model(model), run, "activations")


def test_data_parallel_copies_pay_for_their_buckets():
    """DDP keeps reduction buckets as large as the gradients."""
    run = replace(PLAIN, precision="pure", sharding="ddp", data_parallel_size=4)

    assert term(LLAMA_8B, run, "gradients") == term(LLAMA_8B, run, "buckets")


def test_a_pipeline_stage_holds_its_share_of_weights():
    """Two tensor ranks and two stages cut weights into four."""
    run = replace(PLAIN, tensor_parallel_size=2, pipeline_parallel_size=2)

    assert 4 == run.gpus
    assert pytest.approx(4, rel=0.01) == (
        term(LLAMA_8B, PLAIN, "weights") / term(LLAMA_8B, run, "weights")
    )

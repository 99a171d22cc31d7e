"""A configuration is read as it is meant, or refused by name."""

import pytest

from hybridllm.sizing.errors import FactsError, UnknownKindError
from hybridllm.sizing.from_config import shape_from_config
from hybridllm.sizing.models import known_model, known_models
from hybridllm.sizing.shape import FullAttention, GatedDelta, LatentAttention, Mamba2
from hybridllm.sizing.weights import parameter_count, weights_bytes
from tests.sizing.facts import DATA, TINY_CONFIG, measured_config


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("attention_chunk_size", 8192, "chunked attention"),  # elsewhere than in Llama 4
        ("compress_ratios", [0, 4], "compressed attention"),
        ("linear_attn_config", {"kda_layers": [1]}, "Kimi delta attention"),
        ("num_kv_shared_layers", 18, "share their cache"),
        ("sparse_attention_config", {"block": 64}, "block-sparse attention"),
        ("attention_type", "retention", "retention"),
    ],
)
def test_an_unknown_attention_is_refused_by_name(field, value, kind):
    """A guess would be wrong by a large factor, so there is none."""
    with pytest.raises(UnknownKindError, match=kind):
        shape_from_config({**TINY_CONFIG, field: value})


def test_an_unknown_layer_type_is_refused_with_the_nearest():
    """New hybrids are not counted as what they are not."""
    config = {**TINY_CONFIG, "layer_types": ["full_attention", "slide_attention"]}

    with pytest.raises(UnknownKindError, match="Did you mean 'sliding_attention'"):
        shape_from_config(config)


def test_an_unknown_quantisation_method_is_refused():
    """Half a checkpoint is not sized as a whole one."""
    config = {**TINY_CONFIG, "quantization_config": {"quant_method": "gptqq"}}

    with pytest.raises(UnknownKindError, match="Did you mean 'gptq'"):
        shape_from_config(config)


def test_an_unknown_dtype_is_refused():
    """The message lists what is known."""
    with pytest.raises(UnknownKindError, match="bfloat16"):
        shape_from_config({**TINY_CONFIG, "torch_dtype": "bfloat61"})


@pytest.mark.parametrize("field", ["hidden_size", "num_hidden_layers", "vocab_size"])
def test_a_missing_field_is_named(field):
    """A user learns which line of the file is missing."""
    config = {key: value for key, value in TINY_CONFIG.items() if key != field}

    with pytest.raises(FactsError, match=field):
        shape_from_config(config)


def test_an_unlisted_architecture_is_marked_as_unchecked():
    """A new name with the usual fields is counted, and the answer says what it rests on."""
    shape = shape_from_config({**TINY_CONFIG, "model_type": "brandnew"})

    assert "brandnew" in shape.assumptions[0]


def test_the_head_size_is_the_models_own():
    """Hidden size over heads is 80 for Qwen3-32B; its heads are 128 wide."""
    mixer = known_model("Qwen/Qwen3-32B").layers[0].mixer

    assert isinstance(mixer, FullAttention)
    assert 128 == mixer.head_dim


def test_a_window_that_is_not_used_is_no_window():
    """Qwen2.5-7B names a window and does not use it."""
    mixer = known_model("Qwen/Qwen2.5-7B-Instruct").layers[0].mixer

    assert isinstance(mixer, FullAttention)
    assert mixer.window is None


def test_every_kind_of_layer_is_recognised():
    """Hybrids are several groups of layers, each with its own kind."""
    kinds = {
        model: {type(group.mixer) for group in known_model(model).layers}
        for model in (
            "Qwen/Qwen3.5-27B",
            "deepseek-ai/DeepSeek-V3",
            "nvidia/Nemotron-H-56B-Base-8K",
        )
    }

    assert {FullAttention, GatedDelta} == kinds["Qwen/Qwen3.5-27B"]
    assert {LatentAttention} == kinds["deepseek-ai/DeepSeek-V3"]
    assert Mamba2 in kinds["nvidia/Nemotron-H-56B-Base-8K"]


def test_mixed_precision_of_a_checkpoint_is_read_role_by_role():
    """A ModelOpt file has fp8 attention and 4-bit experts; the head is 4 bit too."""
    formats = dict(known_model("nvidia/Qwen3.6-35B-A3B-NVFP4").quantisation.formats)

    assert "fp8" == formats["linear_attention"]
    assert "nvfp4" == formats["expert"]
    assert "nvfp4" == formats["head"]


@pytest.mark.parametrize(
    ("found", "label"),
    [
        ({"quant_method": "awq", "bits": 4, "group_size": 128}, "awq"),
        ({"quant_method": "gptq", "bits": 8, "group_size": -1}, "gptq-int8"),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "fp8-block"),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, "bnb-int8"),
        (
            {
                "quant_method": "bitsandbytes",
                "bnb_4bit_quant_type": "nf4",
                "bnb_4bit_use_double_quant": True,
            },
            "nf4-dq",
        ),
        (
            {
                "quant_method": "compressed-tensors",
                "config_groups": {"a": {"weights": {"num_bits": 4, "type": "int"}}},
            },
            "int4",
        ),
    ],
)
def test_the_usual_quantisation_files_are_read(found, label):
    """The five methods that checkpoints name."""
    shape = shape_from_config({**TINY_CONFIG, "quantization_config": found})

    assert label == shape.quantisation.label


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", "meta-llama/Meta-Llama-3.1-8B"),
        ("meta-llama/Llama-3.3-70B-Instruct", "meta-llama/Meta-Llama-3.1-70B"),
        ("google/gemma-2-9b-it", "google/gemma-2-9b"),
        ("elyza/ELYZA-Shortcut-1.0-Qwen-32B", "Qwen/Qwen2.5-32B"),
    ],
)
def test_a_known_shape_answers_to_its_other_names(asked, found):
    """Instruct versions and Japanese continuations have the shape of their base."""
    assert found == known_model(asked).name


def test_an_unknown_name_says_what_else_to_pass():
    """No network is asked behind the user's back."""
    with pytest.raises(FactsError, match=r"Did you mean .* Pass a folder"):
        known_model("meta-llama/Llama-3.1-9B")


@pytest.mark.parametrize("model", known_models())
def test_every_shipped_model_can_be_sized(model):
    """The package's own table holds nothing that its reader refuses."""
    assert 0 < weights_bytes(known_model(model))


def test_every_measured_model_can_be_read():
    """The table of measurements and its configurations belong together."""
    names = [path.stem.replace("--", "/") for path in (DATA / "configs").glob("*.json")]

    assert 45 == len(names)
    assert all(0 < weights_bytes(measured_config(name)) for name in names)


def test_each_layer_may_have_its_own_heads():
    """Searched and grown models give a list where others give a number."""
    config = {**TINY_CONFIG, "num_key_value_heads": [2, 1], "intermediate_size": [128, 256]}

    shape = shape_from_config(config)

    # 100 x 64 twice, norms, q and o twice, k and v of 2 and 1 heads, widths of 128 and 256
    expected = 12_800 + 5 * 64 + 2 * 8_192 + 2 * 64 * 16 * 3 + 3 * 64 * 384
    assert expected == parameter_count(shape)


def test_llama_4_says_that_its_chunks_are_cached_whole():
    """The engine does so by default, and the answer says it."""
    shape = known_model("meta-llama/Llama-4-Scout-17B-16E-Instruct")

    assert "cached whole" in shape.assumptions[0]

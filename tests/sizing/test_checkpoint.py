"""Headers of checkpoints are read exactly, and damaged ones are refused."""

import io
import json
import struct

import pytest

from hybridllm.sizing.checkpoint import bytes_by_role, read_header, role_of
from hybridllm.sizing.errors import FactsError, UnknownKindError
from hybridllm.sizing.gguf import read_gguf
from hybridllm.sizing.load import load_model
from hybridllm.sizing.shape import FullAttention
from hybridllm.sizing.weights import parameter_count, weights_bytes
from tests.sizing.facts import TINY_CONFIG, safetensors, tiny_tensors


@pytest.fixture
def folder(tmp_path):
    """A local checkpoint: configuration and one safetensors file."""
    (tmp_path / "config.json").write_text(json.dumps(TINY_CONFIG), encoding="utf-8")
    (tmp_path / "model.safetensors").write_bytes(safetensors(tiny_tensors()))
    return tmp_path


def gguf(fields, tensors):
    """Return a GGUF file's header: (key, type, value) and (name, dims, type)."""
    text = lambda s: struct.pack("<Q", len(s.encode())) + s.encode()  # noqa: E731
    body = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(fields))
    for key, value in fields.items():
        body += text(key)
        if isinstance(value, list):
            body += struct.pack("<IIQ", 9, 8, len(value)) + b"".join(text(v) for v in value)
        elif isinstance(value, tuple):
            body += struct.pack(f"<IIQ{len(value)}I", 9, 4, len(value), *value)
        elif isinstance(value, str):
            body += struct.pack("<I", 8) + text(value)
        else:
            body += struct.pack("<II", 4, value)
    for name, dims, kind in tensors:
        body += text(name) + struct.pack("<I", len(dims))
        body += struct.pack(f"<{len(dims)}Q", *dims) + struct.pack("<IQ", kind, 0)
    return body


GGUF_FIELDS = {
    "general.architecture": "llama",
    "llama.block_count": 2,
    "llama.embedding_length": 256,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2,
    "llama.attention.key_length": 64,
    "llama.feed_forward_length": 512,
    "llama.context_length": 4096,
    "tokenizer.ggml.tokens": [f"t{i}" for i in range(32)],
}
GGUF_TENSORS = [
    ("token_embd.weight", [256, 32], 8),  # Q8_0
    ("output_norm.weight", [256], 0),
    *(
        (f"blk.{layer}.{name}", dims, 12)  # Q4_K
        for layer in range(2)
        for name, dims in (
            ("attn_q.weight", [256, 256]),
            ("attn_k.weight", [256, 128]),
            ("attn_v.weight", [256, 128]),
            ("attn_output.weight", [256, 256]),
            ("ffn_gate.weight", [256, 512]),
            ("ffn_up.weight", [256, 512]),
            ("ffn_down.weight", [512, 256]),
        )
    ),
]


def test_a_local_checkpoint_is_sized_from_its_tensors(folder):
    """The bytes are those of the files, not of a formula."""
    held = sum(size for _, _, size in tiny_tensors().values())

    assert held == weights_bytes(load_model(str(folder)))


def test_tensors_beside_the_language_model_are_extra(folder):
    """A vision tower is loaded too."""
    tensors = {**tiny_tensors(), "visual.blocks.0.weight": ("BF16", [1000], 2000)}
    (folder / "model.safetensors").write_bytes(safetensors(tensors))

    assert 1000 == load_model(str(folder)).extra_parameters


def test_a_modelopt_file_beside_the_configuration_is_read(folder):
    """ModelOpt writes its formats into a file of their own."""
    (folder / "model.safetensors").unlink()
    (folder / "hf_quant_config.json").write_text(
        json.dumps({"quantization": {"quant_algo": "NVFP4"}}), encoding="utf-8"
    )

    assert "nvfp4" == load_model(str(folder)).quantisation.label


def test_a_folder_without_configuration_is_refused(tmp_path):
    """The message names the file that is missing."""
    with pytest.raises(FactsError, match=r"config\.json"):
        load_model(str(tmp_path))


@pytest.mark.parametrize("length", [0, 4, 8, 200])
def test_a_truncated_header_is_refused(folder, length):
    """A download that broke off is not sized."""
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[:length])

    with pytest.raises(FactsError, match="truncated"):
        load_model(str(folder))


def test_a_file_that_is_no_checkpoint_is_refused():
    """Eight bytes of text are an impossible length."""
    with pytest.raises(FactsError, match="not possible"):
        read_header(io.BytesIO(b"hello, world, and more"), name="notes.safetensors")


def test_a_header_that_is_no_table_is_refused():
    """Valid length, wrong content."""
    with pytest.raises(FactsError, match="not that of a safetensors file"):
        read_header(io.BytesIO(struct.pack("<Q", 4) + b"[12]"), name="x.safetensors")


def test_an_unknown_dtype_in_a_header_is_refused():
    """The message names the tensor and what is known."""
    body = safetensors({"model.embed_tokens.weight": ("BF61", [2], 4)})

    with pytest.raises(UnknownKindError, match="Did you mean 'BF16'"):
        read_header(io.BytesIO(body), name="x.safetensors")


def test_a_missing_shard_is_noticed(folder):
    """One of several files is too little for the configuration."""
    few = {"model.norm.weight": ("BF16", [64], 128)}
    (folder / "model.safetensors").write_bytes(safetensors(few))

    with pytest.raises(FactsError, match="a file is missing"):
        load_model(str(folder))


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("model.layers.0.mlp.experts.7.up_proj.weight", "expert"),
        ("model.layers.0.mlp.gate.weight", "router"),
        ("model.layers.0.mlp.shared_expert.up_proj.weight", "shared_expert"),
        ("model.layers.3.self_attn.q_proj.qweight", "attention"),
        ("model.layers.3.linear_attn.in_proj_qkv.weight", "linear_attention"),
        ("model.visual.patch_embed.weight", "extra"),
        ("lm_head.weight", "head"),
    ],
)
def test_tensors_have_their_role(name, role):
    """Names of the usual checkpoints."""
    assert role == role_of(name)


def test_roles_are_summed():
    """Two tensors of one role."""
    entries = read_header(io.BytesIO(safetensors(tiny_tensors())), name="x")

    assert 2 * 24_576 == bytes_by_role(entries)["attention"]


def test_a_gguf_file_is_sized_from_its_table(tmp_path):
    """Mixed types: Q8_0 holds 34 bytes per 32 weights, Q4_K 144 per 256."""
    path = tmp_path / "tiny.gguf"
    path.write_bytes(gguf(GGUF_FIELDS, GGUF_TENSORS))

    shape = read_gguf(path)
    mixer = shape.layers[0].mixer

    embedding, layers, norm = 8192 // 32 * 34, 2 * 589_824 // 256 * 144, 1024
    assert embedding + layers + norm == weights_bytes(shape)
    assert isinstance(mixer, FullAttention)
    assert (4, 2, 64) == (mixer.heads, mixer.kv_heads, mixer.head_dim)
    assert shape.tied_embeddings
    assert 8_192 + 2 * 589_824 + 5 * 256 == parameter_count(shape)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda body: body[:40], "truncated"),
        (lambda body: b"GGML" + body[4:], "no GGUF"),
        (lambda body: b"GGUF" + struct.pack("<I", 99) + body[8:], "version 99"),
    ],
)
def test_a_damaged_gguf_file_is_refused(tmp_path, change, match):
    """Truncated, foreign or newer files."""
    path = tmp_path / "tiny.gguf"
    path.write_bytes(change(gguf(GGUF_FIELDS, GGUF_TENSORS)))

    with pytest.raises(FactsError, match=match):
        read_gguf(path)


def test_an_unknown_gguf_architecture_is_refused_by_name(tmp_path):
    """A state-space file is not counted as a transformer."""
    path = tmp_path / "tiny.gguf"
    path.write_bytes(gguf({"general.architecture": "rwkv7"}, []))

    with pytest.raises(UnknownKindError, match="rwkv7"):
        read_gguf(path)


def test_a_gguf_file_that_is_not_there_is_named(tmp_path):
    """The message names the file."""
    with pytest.raises(FactsError, match=r"nothing\.gguf"):
        load_model(str(tmp_path / "nothing.gguf"))


def test_a_gguf_file_may_have_its_own_heads_in_each_layer(tmp_path):
    """A list of heads stands where others have a number."""
    fields = {**GGUF_FIELDS, "llama.attention.head_count_kv": (2, 1)}
    path = tmp_path / "tiny.gguf"
    path.write_bytes(gguf(fields, GGUF_TENSORS))

    heads = [group.mixer.kv_heads for group in read_gguf(path).layers]

    assert [2, 1] == heads


def test_latent_attention_in_a_gguf_file_is_read(tmp_path):
    """Ranks and head sizes have names of their own there."""
    own = {
        "attention.kv_lora_rank": 128,
        "attention.key_length_mla": 96,
        "attention.value_length_mla": 64,
        "rope.dimension_count": 32,
    }
    fields = {key.replace("llama", "deepseek2"): value for key, value in GGUF_FIELDS.items()}
    fields |= {f"deepseek2.{key}": value for key, value in own.items()}
    fields["general.architecture"] = "deepseek2"
    path = tmp_path / "tiny.gguf"
    path.write_bytes(gguf(fields, GGUF_TENSORS))

    mixer = read_gguf(path).layers[0].mixer

    assert (128, 32, 64, 64) == (mixer.kv_rank, mixer.rope_dim, mixer.nope_dim, mixer.value_dim)


def test_latent_attention_without_its_sizes_is_refused(tmp_path):
    """Half a description is no description."""
    fields = {key.replace("llama", "deepseek2"): value for key, value in GGUF_FIELDS.items()}
    fields |= {"general.architecture": "deepseek2", "deepseek2.attention.kv_lora_rank": 128}
    path = tmp_path / "tiny.gguf"
    path.write_bytes(gguf(fields, GGUF_TENSORS))

    with pytest.raises(FactsError, match="without the sizes"):
        read_gguf(path)


@pytest.mark.parametrize(("body", "match"), [("{", "not JSON"), ("[1]", "not a table")])
def test_a_damaged_configuration_is_refused(tmp_path, body, match):
    """The message names the file and not its content."""
    (tmp_path / "config.json").write_text(body, encoding="utf-8")

    with pytest.raises(FactsError, match=match):
        load_model(str(tmp_path))


def test_a_configuration_alone_can_be_passed(tmp_path):
    """A model that is not downloaded yet."""
    path = tmp_path / "ours.json"
    path.write_text(json.dumps(TINY_CONFIG), encoding="utf-8")

    assert "ours" == load_model(str(path)).name

"""Models load from files alone, and what is wrong with the files is said."""

import json
import subprocess
import sys

import pytest

pytest.importorskip("torch")

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

from hybridllm.engine.load import load
from hybridllm.engine.settings import LoadSettings
from hybridllm.errors import ConfigurationError
from tests.engine import tiny
from tests.engine.gguf_file import write_gguf
from tests.engine.scheduling import Bench

pytestmark = pytest.mark.local


def loaded_from(path, tmp_path, **settings):
    told = []
    settings = {"dtype": "float32", "device": "cpu"} | settings
    settings = LoadSettings(path=path, cache=tmp_path / "cache", **settings)
    return load(settings, progress=lambda what, _share: told.append(what)), told


def refusal(path, tmp_path):
    with pytest.raises(ConfigurationError) as caught:
        loaded_from(path, tmp_path)
    return str(caught.value)


SMALL = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 256, "vocab_size": 402,
    "initializer_range": 0.3, "bos_token_id": None, "eos_token_id": 1, "pad_token_id": None,
}  # fmt: skip
FAMILIES = {
    "gemma3_text": {
        "sliding_window": 8,
        "layer_types": ["sliding_attention", "full_attention"] * 2,
    },
    "mistral": {"sliding_window": 8},
    "qwen2": {},
    "qwen3": {},
    "phi3": {},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256},
    "granite": {"logits_scaling": 4.0},
    "gemma2": {"sliding_window": 8, "final_logit_softcapping": 5.0, "attn_logit_softcapping": None},
}


def family(folder, kind, settings):
    """Write a tiny random model of a family into a folder."""
    tiny.tokenizer().save_pretrained(folder)
    small = {key: SMALL[key] for key in ("vocab_size", "bos_token_id", "eos_token_id")}
    config = AutoConfig.for_model(kind, **((small if kind == "gpt2" else SMALL) | settings))
    torch.manual_seed(1)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", FAMILIES)
def test_families_of_models_answer_as_generate_does(tmp_path, kind):
    """Windows of attention, absolute positions and scaled outputs change nothing in a batch."""
    folder = family(tmp_path / "model", kind, FAMILIES[kind])
    loaded, _ = loaded_from(folder, tmp_path)
    prompts = [[5, 6, 7], list(range(10, 40)), [50, 51], list(range(60, 75))]
    expected = [tiny.greedy(folder, prompt=prompt, tokens=20) for prompt in prompts]

    bench = Bench(loaded, prefill_tokens=12)
    tickets = []
    for prompt in prompts:
        tickets.append(bench.submit(prompt, max_tokens=20))
        bench.run(turns=2, to_the_end=False)
    rows = {row.ticket: row for row in bench.rows()}
    bench.run()

    assert expected == [rows[ticket].output for ticket in tickets]


def test_layers_with_a_state_of_their_own_are_refused(tmp_path):
    """A model that cannot share a batch is refused, with where to serve it."""
    folder = tmp_path / "model"
    tiny.tokenizer().save_pretrained(folder)
    config = AutoConfig.for_model(
        "mamba", vocab_size=402, hidden_size=32, num_hidden_layers=1, state_size=4
    )
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)

    assert "vLLM" in refusal(folder, tmp_path)


def test_a_tensor_of_the_wrong_shape_is_named(tmp_path):
    """Weights that do not belong to the configuration are not loaded."""
    folder = tiny.build(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["intermediate_size"] = 96
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")

    reason = refusal(folder, tmp_path)

    assert "mlp" in reason
    assert "[128, 64]" in reason


def test_missing_tensors_are_not_made_up(tmp_path):
    """A model with random numbers in place of weights would answer nonsense."""
    folder = tiny.build(tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})

    assert "missing" in refusal(folder, tmp_path)


def test_a_template_that_is_no_template_is_refused(tmp_path):
    """A broken chat template is noticed at the start."""
    folder = tiny.build(tmp_path / "model")
    (folder / "chat_template.jinja").write_text("{% for %}", encoding="utf-8")

    assert "chat template" in refusal(folder, tmp_path)


def test_an_unknown_kind_of_model_is_refused(tmp_path):
    """Whatever transformers cannot read is refused with its reason."""
    folder = tiny.build(tmp_path / "model")
    (folder / "config.json").write_text('{"model_type": "nothing"}', encoding="utf-8")

    assert "transformers cannot load it" in refusal(folder, tmp_path)


def test_a_gguf_file_is_converted_once(tmp_path):
    """The second start reads the result of the first, and both answer the same."""
    file = write_gguf(tmp_path / "model.gguf")
    first, told = loaded_from(file, tmp_path)
    second, told_again = loaded_from(file, tmp_path)

    answers = []
    for loaded in (first, second):
        bench = Bench(loaded)
        ticket = bench.submit([5, 6, 7], max_tokens=8)
        bench.run()
        answers.append(bench.text(ticket))

    assert "unpacking the weights" in told
    assert "unpacking the weights" not in told_again
    assert answers[0] == answers[1] != ""


@pytest.mark.parametrize("damage", [lambda data: data[:-500], lambda data: data[:40]])
def test_a_damaged_gguf_file_is_refused(tmp_path, damage):
    """A broken download leaves nothing behind in the cache."""
    file = write_gguf(tmp_path / "model.gguf")
    file.write_bytes(damage(file.read_bytes()))

    assert "not readable" in refusal(file, tmp_path)
    assert [] == list((tmp_path / "cache" / "gguf").iterdir())


def test_another_kind_of_file_is_refused(tmp_path):
    """A file is a GGUF file by its content, not by its name."""
    file = tmp_path / "model.gguf"
    file.write_bytes(b"\x80\x04.")

    assert "no GGUF file" in refusal(file, tmp_path)


OFFLINE = """
import sys
def hook(event, arguments):
    if event == "subprocess.Popen" and str(arguments[0]).endswith("ldconfig"):
        return  # trio, where it is installed, looks for a library of the system
    if event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen"):
        print("FORBIDDEN", event)
sys.addaudithook(hook)
from pathlib import Path
from hybridllm.engine.load import load
from hybridllm.engine.settings import LoadSettings
settings = LoadSettings(path=Path(sys.argv[1]), cache=Path(sys.argv[2]), device="cpu")
loaded = load(settings, progress=lambda what, share: None)
print(loaded.max_model_len)
"""


def test_loading_opens_no_connection(tmp_path):
    """No hub is asked for anything, and no program is started."""
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE, str(tiny.shared()), str(tmp_path)],
        check=True, capture_output=True, text=True, encoding="utf-8",
    )  # fmt: skip

    assert str(tiny.CONTEXT) == done.stdout.strip()


def test_bfloat16_answers_as_generate_does(tmp_path):
    """Weights in the processor's own order give the same numbers."""
    folder = tiny.shared()
    model = AutoModelForCausalLM.from_pretrained(folder, dtype="bfloat16").eval()
    ids = torch.tensor([[5, 6, 7]])
    expected = model.generate(ids, do_sample=False, max_new_tokens=12, pad_token_id=0)[0, 3:]
    loaded, _ = loaded_from(folder, tmp_path, dtype="bfloat16")

    bench = Bench(loaded)
    bench.submit([5, 6, 7], max_tokens=12)
    bench.scheduler.turn()
    row = bench.rows()[0]
    bench.run()

    assert expected.tolist() == row.output

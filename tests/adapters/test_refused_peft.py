"""The same 26 adapters, made by PEFT from real models, and what PEFT says of them itself."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest

pytest.importorskip("peft")

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    LlamaConfig,
    Qwen3Config,
)

from hybridllm.adapters import read_skeleton
from tests.adapters.cases import CASES
from tests.adapters.judging import judge, judge_case
from tests.adapters.made import BASE, add_tokenizer, edit_config, facts

pytestmark = [
    pytest.mark.local,
    # PEFT, here the reference, reads an old name of transformers.
    pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning"),
]

SIZES = {
    "vocab_size": 64, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8,
    "max_position_embeddings": 64,
}  # fmt: skip
CONFIGS = {
    "base": LlamaConfig(**SIZES),
    "twin": LlamaConfig(**SIZES),
    "deep": LlamaConfig(**SIZES | {"num_hidden_layers": 4}),
    "shallow": LlamaConfig(**SIZES | {"num_hidden_layers": 1}),
    "wide": LlamaConfig(**SIZES | {"hidden_size": 48}),
    "qwen3": Qwen3Config(**SIZES),
    "gpt2": GPT2Config(vocab_size=64, n_positions=64, n_embd=32, n_layer=2, n_head=4),
}
# What PEFT itself lets pass with neither an error nor a warning, of those that load at all.
SILENT = {
    "same shape, other weights",
    "other architecture, same names",
    "1,000 bytes flipped",
    "a tensor that is no number",
    "lora_alpha times 1,000",
    "fewer targets than the file",
}


class PeftWorkshop:
    """Trains nothing, but lets PEFT write what it writes after training."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._count = 0

    def base(self, kind: str) -> Path:
        folder = self._root / "bases" / kind
        if not folder.exists():
            torch.manual_seed(sorted(CONFIGS).index(kind))
            AutoModelForCausalLM.from_config(CONFIGS[kind]).save_pretrained(folder)
            add_tokenizer(folder)
        return folder

    def adapter(self, kind: str) -> Path:
        targets = ["c_attn"] if kind == "gpt2" else ["q_proj", "v_proj"]
        folder = self._train(kind, settings={"target_modules": targets})
        if kind == "base":  # a trainer names its own path; the name is told instead
            edit_config(folder, base_model_name_or_path=BASE)
        return folder

    def replaced_vocabulary(self) -> Path:
        folder = self._train("base", settings={"target_modules": ["q_proj", "v_proj"]}, new_words=8)
        edit_config(folder, base_model_name_or_path=BASE)
        return folder

    def _train(self, kind: str, *, settings: dict, new_words: int = 0) -> Path:
        self._count += 1
        folder = self._root / "trained" / str(self._count)
        model = AutoModelForCausalLM.from_pretrained(self.base(kind), dtype="float32")
        if new_words:
            model.resize_token_embeddings(model.config.vocab_size + new_words)
        torch.manual_seed(self._count)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of GPT-2's transposed weights and new words
            config = LoraConfig(task_type="CAUSAL_LM", r=4, lora_alpha=8, **settings)
            adapted = get_peft_model(model, config)
            for name, weights in adapted.named_parameters():
                if "lora_B" in name:
                    torch.nn.init.normal_(weights, std=0.3)
            adapted.save_pretrained(folder, save_embedding_layers=bool(new_words))
        return folder


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    return PeftWorkshop(tmp_path_factory.mktemp("peft"))


@pytest.mark.parametrize(
    "settings",
    [
        {"target_modules": ["q_proj", "v_proj"]},
        {"target_modules": "all-linear"},
        {"target_modules": ["down_proj"], "use_rslora": True},
        {"target_modules": ["q_proj", "o_proj"], "layers_to_transform": [1]},
        {"target_modules": ["q_proj"], "exclude_modules": ["model.layers.0.self_attn.q_proj"]},
        {"target_modules": ["embed_tokens", "q_proj"]},
    ],
    ids=str,
)
def test_what_peft_writes_passes(settings, workshop, tmp_path):
    """No good adapter is refused, whichever modules it was trained on."""
    base = workshop.base("base")
    folder = workshop._train("base", settings=settings)
    running = read_skeleton(base, id=BASE, names=(str(base),))

    where, reasons = judge(
        tmp_path / "registry", folder=folder, told=facts(running.id), running=running
    )

    assert ("verify", ()) == (where, reasons)


def test_an_adapter_for_gpt2_passes_on_gpt2(workshop, tmp_path):
    """A model that keeps its weights the other way round, and a part of its names to itself."""
    base = workshop.base("gpt2")
    running = read_skeleton(base, id=BASE, names=(str(base),))

    where, reasons = judge(
        tmp_path / "registry",
        folder=workshop.adapter("gpt2"),
        told=facts(running.id),
        running=running,
    )

    assert ("verify", ()) == (where, reasons)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_bad_adapter_is_refused_with_the_right_reason(case, workshop, tmp_path, monkeypatch):
    """All 26 are refused before anything is served."""
    monkeypatch.chdir(tmp_path)

    reasons = judge_case(case, workshop=workshop, root=tmp_path)

    assert case.code in {reason.code for reason in reasons}
    assert not (tmp_path / "unpickled.txt").exists()


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.name in SILENT], ids=lambda case: case.name
)
def test_peft_itself_says_nothing_of_these(case, workshop, tmp_path):
    """The check is needed: without it these would serve."""
    folder = workshop.adapter(case.trained_on)
    if case.damage is not None:
        case.damage(folder)
    model = AutoModelForCausalLM.from_pretrained(workshop.base("base"), dtype="float32")

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        PeftModel.from_pretrained(model, folder)

    assert [] == [str(row.message) for row in said if row.category is UserWarning]
    assert json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))

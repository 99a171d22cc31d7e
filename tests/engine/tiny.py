"""A tiny model with random weights, made on the spot.

Answers: which model do the engine's tests run, and how is it asked without the engine?
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

CONTEXT = 256
TEMPLATE = (
    "{% for message in messages %}<|start|>{{ message.role }}\n{{ message.content }}<|end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)
CORPUS = [
    "The invoice for March is ready.",
    "Please send the report to the sales team today.",
    "三月の請求書ができました。",
    "営業部に報告書を送ってください。",
    '{"name": "value", "count": 12}',
]


def build(folder: Path, *, seed: int = 0, **settings: Any) -> Path:
    """Write a Llama of about 100,000 parameters with a byte-level tokenizer into a folder."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    words = tokenizer()
    words.save_pretrained(folder)
    torch.manual_seed(seed)
    shape = {
        "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "initializer_range": 0.3,
    } | settings  # fmt: skip
    config = LlamaConfig(
        vocab_size=len(words), max_position_embeddings=CONTEXT,
        eos_token_id=words.eos_token_id, bos_token_id=None, pad_token_id=None, **shape,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@cache
def shared() -> Path:
    """Return the folder of one such model, made once for all tests of a process."""
    _KEEP.append(TemporaryDirectory(prefix="tiny-model-"))
    return build(Path(_KEEP[0].name))


_KEEP: list[TemporaryDirectory[str]] = []


def tokenizer() -> Any:
    """Return a byte-level tokenizer of 400 tokens with a chat template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    fast = Tokenizer(models.BPE())
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|start|>", "<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    fast.train_from_iterator(CORPUS, trainer)
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=fast,
        eos_token="<|end|>",
        additional_special_tokens=["<|start|>"],
        clean_up_tokenization_spaces=False,
    )
    wrapped.chat_template = TEMPLATE
    return wrapped


def greedy(folder: Path, *, prompt: list[int], tokens: int) -> list[int]:
    """Return what transformers' own `generate` answers to one prompt alone."""
    import torch

    model = _reference(folder)
    with torch.inference_mode():
        whole = model.generate(
            torch.tensor([prompt]), do_sample=False, max_new_tokens=tokens,
            attention_mask=torch.ones(1, len(prompt), dtype=torch.long), pad_token_id=0,
        )  # fmt: skip
    answer: list[int] = whole[0, len(prompt) :].tolist()
    return answer


@cache
def _reference(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype="float32").eval()

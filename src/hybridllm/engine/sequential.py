"""Transformers' own `generate`, one prompt after the other.

Answers: how fast is the same model without this engine?
Not here: the engine (`engine.core`), asking and timing it (`backends.bench`).

Units: tokens, seconds.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch

from hybridllm.engine.exchange import Chat
from hybridllm.engine.load import load
from hybridllm.engine.settings import LoadSettings


def generate_in_turn(
    settings: LoadSettings, *, texts: Sequence[str], tokens: int, threads: int
) -> float:
    """Answer each text with exactly so many tokens; return the seconds that it took in all.

    Loading the model and a first short answer are not counted.
    """
    loaded = load(settings, progress=lambda _what, _share: None)
    if loaded.device.type == "cpu":
        torch.set_num_threads(threads)
    chats = [Chat(({"role": "user", "content": text},)) for text in texts]
    prompts = [loaded.prompts.read(chat, max_tokens=tokens) for chat in chats]

    def answer(prompt: Sequence[int], *, count: int) -> None:
        ids = torch.tensor([list(prompt)], device=loaded.device)
        loaded.model.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, pad_token_id=0,
            max_new_tokens=count, min_new_tokens=count,
        )  # fmt: skip

    with torch.inference_mode():
        answer(prompts[0], count=2)
        started = time.perf_counter()
        for prompt in prompts:
            answer(prompt, count=tokens)
        return time.perf_counter() - started

"""Settings of the engine.

Answers: which model, how is it loaded, and how much may be in the engine at once?
Not here: what happens at a limit (`engine.scheduler`, `engine.core`).

Units: rows, tokens, bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Pooling = Literal["mean", "cls", "last"]


@dataclass(frozen=True, slots=True)
class LoadSettings:
    """Which model, and how.

    Attributes:
        path: Folder with safetensors, or a GGUF file.
        cache: Folder for converted GGUF files.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.
        dtype: `auto`, `float32`, `bfloat16` or `float16`.
        max_model_len: Tokens of prompt and answer together; `None`: as the model says.
        pooling: How to make one vector of a text; `None`: as the model says.
        adapters: LoRA folders by name.
        packed: Whether a CPU may reorder the weights for speed.
    """

    path: Path
    cache: Path
    device: str = "auto"
    dtype: str = "auto"
    max_model_len: int | None = None
    pooling: Pooling | None = None
    packed: bool = True
    adapters: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much the engine takes on.

    Attributes:
        max_batch: Answers that grow at the same time.
        prefill_tokens: Prompt tokens read in one turn.
        max_waiting: Requests that may wait or run.
        max_waiting_tokens: Prompt tokens that may wait.
        kv_cache_bytes: Memory for keys and values; `None` takes a share of what is free.
        prefix_cache_bytes: Memory for what was read before, beside the former; 0 keeps nothing,
            `None` takes an eighth of it.
        threads: CPU threads; `None` leaves one core to the rest of the program.
    """

    max_batch: int = 64
    prefill_tokens: int = 512
    max_waiting: int = 256
    max_waiting_tokens: int = 1_000_000
    kv_cache_bytes: int | None = None
    prefix_cache_bytes: int | None = None
    threads: int | None = None

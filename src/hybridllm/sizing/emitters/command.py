"""The `vllm serve` command of a plan.

Answers: which flags make the engine do what the plan assumed?
Source: vLLM's engine arguments; every value that the plan depends on is written out, so that a new
default does not change it.
"""

from __future__ import annotations

import json
import re
import shlex
from typing import Final

from hybridllm.sizing.answers import Answer
from hybridllm.sizing.emitters.yaml_text import Plain
from hybridllm.sizing.engines.vllm import (
    UTILIZATION,
    VERSION,
    default_batched_tokens,
    default_max_num_seqs,
)
from hybridllm.sizing.serving import EngineSettings, Workload

VLLM_VERSION: Final = VERSION
IMAGE: Final = f"vllm/vllm-openai:v{VLLM_VERSION}"
PORT: Final = 8000
MODEL_FOLDER: Final = "/models"  # inside the container
# The engine reports usage statistics and asks hubs for updates unless it is told not to.
ENVIRONMENT: Final = {
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}


def vllm_command(answer: Answer) -> str:
    """Return a shell command that serves the plan on this machine."""
    lines = [f"# vllm=={VLLM_VERSION}; planned on {cards_label(answer)}", *notes(answer)]
    lines += [f"export {name}={value}" for name, value in ENVIRONMENT.items()]
    lines += [f"export {name}={value}" for name, value in partition_variable(answer).items()]
    lines.append(f"export CUDA_VISIBLE_DEVICES={device_ids(answer)}")
    words = ["vllm", "serve", *serve_arguments(answer, host="127.0.0.1")]
    lines.append(" \\\n  ".join(_pairs(words)))
    return "\n".join((*lines, ""))


def serve_arguments(answer: Answer, *, host: str) -> list[str]:
    """Return the arguments of `vllm serve`, the model first."""
    return [answer.model, "--host", host, "--port", str(PORT), *engine_arguments(answer)]


def engine_arguments(answer: Answer) -> list[str]:
    """Return the flags that the plan depends on."""
    flags: list[str] = ["--served-model-name", served_name(answer)]
    for name, value in engine_values(answer).items():
        option = f"--{name.replace('_', '-')}"
        if value is True:
            flags.append(option)
        elif value is False:
            flags.append(f"--no-{name.replace('_', '-')}")
        elif isinstance(value, dict):
            flags += [option, json.dumps(value)]
        else:
            flags += [option, str(value)]
    return flags


def engine_values(answer: Answer) -> dict[str, Plain]:
    """Return the engine's settings by name, as `AsyncEngineArgs` calls them."""
    settings, workload = _parts(answer)
    gpu = answer.cards[0].card.gpu
    users = workload.users
    values: dict[str, Plain] = {
        "max_model_len": workload.context_tokens,
        "max_num_seqs": settings.max_num_seqs or max(users, default_max_num_seqs(gpu)),
        "max_num_batched_tokens": settings.max_num_batched_tokens or default_batched_tokens(gpu),
        "gpu_memory_utilization": settings.gpu_memory_utilization or UTILIZATION,
        "tensor_parallel_size": settings.tensor_parallel_size,
        "pipeline_parallel_size": settings.pipeline_parallel_size,
        "kv_cache_dtype": settings.kv_cache_dtype,
        "block_size": settings.block_size,
        "enable_prefix_caching": settings.prefix_caching,
    }
    if settings.enforce_eager:
        values["enforce_eager"] = True
    if settings.speculative_tokens:
        count = settings.speculative_tokens
        values["speculative_config"] = {"method": "mtp", "num_speculative_tokens": count}
    return values


def partition_variable(answer: Answer) -> dict[str, str]:
    """Return the variable that spreads layers unevenly over pipeline stages, when the plan does."""
    settings, _ = _parts(answer)
    if not settings.layer_partition:
        return {}
    return {"VLLM_PP_LAYER_PARTITION": ",".join(str(count) for count in settings.layer_partition)}


def served_name(answer: Answer) -> str:
    """Return a short name for clients: letters, digits, dots and dashes."""
    short = answer.model.rsplit("/", 1)[-1].lower()
    return re.sub(r"[^a-z0-9.-]+", "-", short).strip("-.") or "model"


def label_name(answer: Answer) -> str:
    """Return the served name as a DNS label of at most 40 characters."""
    return re.sub(r"[^a-z0-9-]+", "-", served_name(answer))[:40].strip("-") or "model"


def notes(answer: Answer) -> list[str]:
    """Return comments on what the plan assumed of the model, such as another number format."""
    return [f"# {' '.join(text.split())}" for text in answer.shape.assumptions]


def device_ids(answer: Answer) -> str:
    """Return the indexes of the plan's cards."""
    return ",".join(str(card.card.index) for card in answer.cards)


def cards_label(answer: Answer) -> str:
    """Return the plan's cards for a comment."""
    names = [card.card.gpu.name for card in answer.cards]
    return ", ".join(f"{names.count(name)} x {name}" for name in dict.fromkeys(names))


def _parts(answer: Answer) -> tuple[EngineSettings, Workload]:
    settings, workload = answer.settings, answer.workload
    if not isinstance(settings, EngineSettings) or workload is None:
        raise TypeError("a plan for serving is needed")
    return settings, workload


def _pairs(words: list[str]) -> list[str]:
    """Put each option on a line with its value."""
    lines = [" ".join(shlex.quote(word) for word in words[:3])]
    for word in words[3:]:
        if word.startswith("--"):
            lines.append(word)
        else:
            lines[-1] += f" {shlex.quote(word)}"
    return lines

"""Rules of the engines that serve adapters.

Answers: what does an engine refuse, or worse, accept and serve differently?
Not here: what no engine may get (`adapters.lora`, `adapters.tensors`).

Sources: vLLM 0.33.0, `vllm/lora/peft_helper.py` (reads r, lora_alpha, use_rslora) and
`vllm/config/lora.py` (ranks, default 16); SGLang, `srt/lora/lora.py` (the scale is always
alpha / r, so rsLoRA would be served with another scale). Embeddings and output heads are
refused where it is not known that an engine serves them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hybridllm.adapters.reasons import Reason, Reasons, quoted

if TYPE_CHECKING:
    from collections.abc import Collection

    from hybridllm.adapters.lora import LoraConfig

VLLM_RANKS: Final = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""What `--max-lora-rank` may be."""


@dataclass(frozen=True, slots=True)
class EngineRules:
    """What one engine serves.

    Attributes:
        name: As in the configuration.
        max_rank: The largest rank that this server was started for; `None` for any.
        modules: Last parts of the names that may have an adapter; `None` for any.
        scales_rslora: It divides by the root of the rank where the adapter asks for it.
        serves_embeddings: Embeddings may have an adapter.
        serves_head: The output head may have one.
    """

    name: str
    max_rank: int | None = None
    modules: frozenset[str] | None = None
    scales_rslora: bool = True
    serves_embeddings: bool = False
    serves_head: bool = False


IN_PROCESS: Final = EngineRules("in_process")
VLLM: Final = EngineRules("vllm", max_rank=16)
SGLANG: Final = EngineRules("sglang", scales_rslora=False)

ENGINES: Final = {rules.name: rules for rules in (IN_PROCESS, VLLM, SGLANG)}


def check_engine(
    config: LoraConfig, *, modules: Collection[str], embeddings: Collection[str], rules: EngineRules
) -> tuple[Reason, ...]:
    """Return why an engine must not get an adapter.

    Args:
        config: Of the adapter.
        modules: Names of all modules that it changes.
        embeddings: Those of them that are embeddings.
        rules: Of the engine.
    """
    reasons = Reasons()
    if rules.max_rank is not None and config.rank > rules.max_rank:
        text = f"its rank is {config.rank}, and {rules.name} serves at most {rules.max_rank}"
        reasons.add("engine_rank", message=text)
    if config.use_rslora and not rules.scales_rslora:
        text = f"{rules.name} does not know the scale of rsLoRA and would use another"
        reasons.add("engine_rslora", message=text)
    for name in sorted(modules):
        last = name.rpartition(".")[2]
        if name in embeddings and not rules.serves_embeddings:
            text = f"{rules.name} serves no adapter on embeddings"
        elif last == "lm_head" and not rules.serves_head:
            text = f"{rules.name} serves no adapter on the output head"
        elif rules.modules is not None and last not in rules.modules:
            text = f"this {rules.name} was started for other modules"
        else:
            continue
        reasons.add("engine_module", message=text, place=quoted(name))
    return reasons.all()

"""Commands and manifests that start a plan.

Answers: what do I run, with the flags that the plan assumed?
Not here: the plan (`sizing.planner`).

Versions are pinned here and nowhere else. A plan for serving is needed; ports listen on the
loopback address or inside the cluster, telemetry of the engine is off.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hybridllm.sizing.answers import Answer
from hybridllm.sizing.emitters.backend import backend_entry
from hybridllm.sizing.emitters.clusters import kubernetes_manifest, ray_serve_config, slurm_script
from hybridllm.sizing.emitters.command import VLLM_VERSION, vllm_command
from hybridllm.sizing.emitters.compose import compose_file
from hybridllm.sizing.errors import SizingError, UnknownKindError, nearest
from hybridllm.sizing.serving import EngineSettings

__all__ = ["TARGETS", "VLLM_VERSION", "backend_entry", "emit"]

_EMITTERS: Final[dict[str, Callable[[Answer], str]]] = {
    "vllm": vllm_command,
    "compose": compose_file,
    "kubernetes": kubernetes_manifest,
    "ray-serve": ray_serve_config,
    "slurm": slurm_script,
    "backend": backend_entry,
}
TARGETS: Final = tuple(_EMITTERS)
_CARDS_PER_NODE: Final = 8


def emit(answer: Answer, *, target: str) -> str:
    """Return the text that starts a plan.

    Args:
        answer: A plan for serving with vLLM that fits.
        target: `vllm`, `compose`, `kubernetes`, `ray-serve`, `slurm`, or `backend` for the entry in
            `hybridllm.toml`.

    Raises:
        UnknownKindError: No such target.
        SizingError: The plan is for training, for another engine, or does not fit.
    """
    if target not in _EMITTERS:
        raise UnknownKindError(
            f"cannot emit '{target}'; expected one of {', '.join(TARGETS)}."
            f"{nearest(target, allowed=TARGETS)}"
        )
    if not isinstance(answer.settings, EngineSettings):
        raise SizingError("only plans for serving can be emitted; this one is for training.")
    if answer.settings.engine != "vllm":
        raise SizingError(
            f"this plan is for {answer.settings.engine}; commands are emitted for vllm. Plan with "
            "engine vllm."
        )
    if not answer.fits:
        raise SizingError(f"the plan does not fit, so no command is written: {answer.reason}")
    _check_cards(answer, target)
    return _EMITTERS[target](answer)


def _check_cards(answer: Answer, target: str) -> None:
    """Refuse what the target cannot start: CPUs, AMD in NVIDIA manifests, several machines."""
    vendors = {card.card.gpu.vendor for card in answer.cards}
    if "cpu" in vendors:
        raise SizingError(
            "commands are emitted for GPUs; for a CPU plan with llama.cpp and start it there."
        )
    if "amd" in vendors and target in ("compose", "kubernetes"):
        raise SizingError(
            f"'{target}' is written for NVIDIA cards; emit vllm, ray-serve or slurm for AMD."
        )
    if answer.gpus > _CARDS_PER_NODE and target not in ("ray-serve", "backend"):
        raise SizingError(
            f"the plan takes {answer.gpus} cards, more than one machine holds; "
            "emit ray-serve for a cluster."
        )

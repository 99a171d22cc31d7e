"""Bytes that an optimizer keeps for each trained parameter.

Answers: how large are the optimizer's states, and what does one step allocate besides?
Not here: weights and gradients (`sizing.training.memory`).

Units: bytes per trained parameter.
Sources: Loshchilov and Hutter 2019 (two moments); Dettmers et al. 2022 (8-bit states, blocks of
2,048 with an fp32 scale; paged states live in host memory); Shazeer and Stern 2018 (factored second
moment); torch.optim.AdamW: the default `foreach` path allocates one more parameter-sized temporary,
`fused` does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hybridllm.sizing.errors import UnknownKindError, nearest


@dataclass(frozen=True, slots=True)
class Optimizer:
    """States of one optimizer: `moments` values per parameter, as wide as it unless given."""

    moments: float
    moment_bytes: float = 0.0  # 0: as wide as the parameter
    on_gpu: bool = True
    foreach: bool = False  # may take the foreach path

    def state_bytes(self, parameter_bytes: float) -> float:
        """Return bytes of states per parameter on the GPU."""
        return self.moments * (self.moment_bytes or parameter_bytes) if self.on_gpu else 0.0


_8BIT: Final = 1 + 4 / 2048
OPTIMIZERS: Final = {
    "adamw": Optimizer(2, foreach=True),
    "adamw-fused": Optimizer(2),
    "adamw-8bit": Optimizer(2, _8BIT),
    "adamw-4bit": Optimizer(2, 0.5 + 4 / 128),
    "paged-adamw": Optimizer(2, on_gpu=False),
    "paged-adamw-8bit": Optimizer(2, on_gpu=False),
    "adafactor": Optimizer(0.01),
    "lion": Optimizer(1, foreach=True),
    "lion-8bit": Optimizer(1, _8BIT),
    "sgd": Optimizer(0),
    "sgd-momentum": Optimizer(1, foreach=True),
    "muon": Optimizer(1.2),
}
_ALIASES: Final = {
    "adam": "adamw",
    "adamw_torch": "adamw",
    "adamw_torch_fused": "adamw-fused",
    "adamw_torch_8bit": "adamw-8bit",
    "adamw_8bit": "adamw-8bit",
    "adamw_bnb_8bit": "adamw-8bit",
    "adamw8bit": "adamw-8bit",
    "adamw_torch_4bit": "adamw-4bit",
    "pagedadamw": "paged-adamw",
    "pagedadamw8bit": "paged-adamw-8bit",
    "paged_adamw_8bit": "paged-adamw-8bit",
    "paged_adamw_32bit": "paged-adamw",
}


def find_optimizer(name: str) -> Optimizer:
    """Return an optimizer by the name that torch, transformers or bitsandbytes gives it.

    Raises:
        UnknownKindError: No such optimizer.

    Check: AdamW in fp32 keeps 8 bytes per parameter, in bf16 4, in 8 bit about 2.
    """
    lowered = name.lower()
    lowered = _ALIASES.get(lowered, lowered).replace("_", "-")
    if lowered not in OPTIMIZERS:
        raise UnknownKindError(
            f"optimizer '{name}' is not known; expected one of {', '.join(OPTIMIZERS)}."
            f"{nearest(lowered, allowed=OPTIMIZERS)}"
        )
    return OPTIMIZERS[lowered]

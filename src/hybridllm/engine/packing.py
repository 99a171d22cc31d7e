"""Weights in the order that the processor reads them.

Answers: how do matrix products with few rows get faster on a CPU?
Not here: which type the numbers have (`engine.load`).

A step of a small batch is bound by reading the weights. oneDNN reads them about 1.4 times as
fast (measured on one core with AMX, 1 to 128 rows) when they were put in its own order once, and
gives the same numbers. The original is dropped, so this takes memory only for a weight that is
shared, such as an output layer tied to the embeddings.
Source: what torch's own compiler does when it freezes a model; the operators have no public name,
so they are tried first, and everything stays as it is where they are missing or disagree.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

_PROBE_ROWS = 3


class PackedLinear(nn.Module):  # type: ignore[misc]
    """A linear layer with its weight in oneDNN's order."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.in_features = layer.in_features
        self.out_features = layer.out_features
        self.bias = layer.bias
        self._weight = torch.ops.mkldnn._reorder_linear_weight(layer.weight.data)  # noqa: SLF001

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Return `values @ weight.T + bias`."""
        product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(  # noqa: SLF001
            values, self._weight, self.bias, "none", [], ""
        )
        return product


def pack(model: Any) -> bool:
    """Pack the linear layers of a bfloat16 model on a CPU; return whether that was possible."""
    if model.device.type != "cpu" or model.dtype is not torch.bfloat16:
        return False
    found = [
        (parent, name, layer)
        for parent in model.modules()
        for name, layer in parent.named_children()
        if type(layer) is nn.Linear
    ]
    if not found or not _works(found[0][2]):
        return False
    for parent, name, layer in found:
        setattr(parent, name, PackedLinear(layer))
    return True


def _works(layer: nn.Linear) -> bool:
    probe = torch.linspace(-1, 1, _PROBE_ROWS * layer.in_features, dtype=torch.bfloat16)
    probe = probe.view(_PROBE_ROWS, layer.in_features)
    try:
        with torch.inference_mode():
            return bool(torch.allclose(PackedLinear(layer)(probe), layer(probe), rtol=0.02))
    except (AttributeError, RuntimeError):  # another build of torch
        return False

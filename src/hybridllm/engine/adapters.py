"""LoRA adapters, several in one batch.

Answers: how does each row of a batch get the weights of its own adapter, and of no other?
Not here: which adapters there are and who may use them.

The adapters of a batch stand side by side in one matrix, and a mask leaves each row only the
columns of its own:

    output = base(x) + ((x A) * mask) B      A, B: the adapters of this batch, one after the other

A row without an adapter has a mask of zeros, so it gets exactly the base model. There is no
active adapter and no hook that could outlive a forward pass: which row has which adapter is told
with each pass, and forgotten after it, whatever happens.
Source: Hu et al. 2021 (LoRA); Kalajdzievski 2023 (rank-stabilised scaling); PEFT's file format.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from hybridllm.engine.adapter_files import LoraPair, read_adapter
from hybridllm.engine.exchange import AdapterChange, Refusal
from hybridllm.engine.folder import refused
from hybridllm.errors import ConfigurationError


@dataclass(slots=True)
class _Selection:
    """Which rows have which adapter, during one forward pass."""

    active: tuple[str, ...] = ()
    member: torch.Tensor | None = None  # [rows, adapters], 1 where the row has the adapter
    masks: dict[tuple[int, ...], torch.Tensor] = field(default_factory=dict)

    def mask(self, ranks: tuple[int, ...]) -> torch.Tensor:
        """Return the mask `[rows, 1, columns]` for adapters of these ranks."""
        if ranks not in self.masks:
            assert self.member is not None  # noqa: S101 - told to the type checker
            widths = torch.tensor(ranks, device=self.member.device)
            self.masks[ranks] = self.member.repeat_interleave(widths, dim=1).unsqueeze(1)
        return self.masks[ranks]


class AdaptedLinear(nn.Module):  # type: ignore[misc]
    """A linear layer that adds to each row what the row's adapter says."""

    def __init__(self, base: Any, *, selection: _Selection) -> None:
        super().__init__()
        self.base = base
        self.in_features = base.in_features
        self.out_features = base.out_features
        self.pairs: dict[str, LoraPair] = {}
        self._selection = selection
        self._stacked: tuple[tuple[str, ...], tuple[int, ...], torch.Tensor, torch.Tensor] | None
        self._stacked = None

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Return the layer's output for all rows."""
        output: torch.Tensor = self.base(values)
        names = tuple(name for name in self._selection.active if name in self.pairs)
        if not names:
            return output
        ranks, down, up = self._stack()
        narrow = nn.functional.linear(values, down) * self._selection.mask(ranks)
        return output + nn.functional.linear(narrow, up)

    def forget(self) -> None:
        """Drop what was put together from adapters that have changed."""
        self._stacked = None

    def _stack(self) -> tuple[tuple[int, ...], torch.Tensor, torch.Tensor]:
        """Return the ranks and the matrices of the adapters of this pass, side by side."""
        active = self._selection.active
        if self._stacked is None or self._stacked[0] != active:
            found = [self.pairs.get(name) for name in active]
            ranks = tuple(pair.rank if pair else 0 for pair in found)
            down = torch.cat([pair.down for pair in found if pair], dim=0)
            up = torch.cat([pair.up for pair in found if pair], dim=1)
            self._stacked = (active, ranks, down, up)
        return self._stacked[1:]


class Adapters:
    """The adapters of one model."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._selection = _Selection()
        self._layers: dict[str, AdaptedLinear] = {}
        self._names: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def load(self, name: str, *, path: Path) -> None:
        """Add an adapter.

        Raises:
            ConfigurationError: It does not belong to this model, or is not one that can be
                served here; nothing has changed then.
        """
        if name in self._names:
            raise refused(f"an adapter {name!r} is loaded already", path=path)
        pairs = read_adapter(path)
        modules = {target: self._target(target, path=path) for target in pairs}
        for target, pair in pairs.items():
            _check(pair, target=target, module=modules[target], path=path)
        for target, pair in pairs.items():
            layer = self._layers.get(target) or self._wrap(target, module=modules[target])
            layer.pairs[name] = pair.to(self._model.device, dtype=self._model.dtype)
            layer.forget()
        self._names.add(name)

    def unload(self, name: str) -> None:
        """Remove an adapter that no row uses."""
        self._names.discard(name)
        for layer in self._layers.values():
            layer.pairs.pop(name, None)
            layer.forget()

    @contextmanager
    def selected(self, names: Sequence[str | None]) -> Iterator[None]:
        """Give each row its adapter for one forward pass."""
        chosen = self._selection
        active = tuple(sorted({name for name in names if name is not None}))
        if not self._names.issuperset(active):
            raise LookupError("a row asks for an adapter that is not loaded")
        if active:
            member = [[float(name == other) for other in active] for name in names]
            chosen.member = torch.tensor(member, device=self._model.device, dtype=self._model.dtype)
        chosen.active = active
        try:
            yield
        finally:
            chosen.active, chosen.member = (), None
            chosen.masks.clear()

    def _target(self, target: str, *, path: Path) -> Any:
        if target in self._layers:
            return self._layers[target]
        try:
            module = self._model.get_submodule(target)
        except AttributeError:
            raise refused(f"this model has no module {target!r}", path=path) from None
        if module is self._model.get_output_embeddings() or not hasattr(module, "in_features"):
            raise refused(f"module {target!r} cannot have an adapter in-process", path=path)
        return module

    def _wrap(self, target: str, *, module: Any) -> AdaptedLinear:
        parent, _, name = target.rpartition(".")
        layer = AdaptedLinear(module, selection=self._selection)
        setattr(self._model.get_submodule(parent), name, layer)
        self._layers[target] = layer
        return layer


def _check(pair: LoraPair, *, target: str, module: Any, path: Path) -> None:
    found = (pair.down.shape[1], pair.up.shape[0])
    expected = (module.in_features, module.out_features)
    if found != expected:
        raise refused(
            f"for {target!r} it maps {found[0]} to {found[1]} numbers; the model has "
            f"{expected[0]} and {expected[1]}",
            path=path,
        )


def change_adapters(
    adapters: Adapters, *, change: AdapterChange, in_use: Collection[str | None]
) -> None:
    """Load or unload an adapter between two steps.

    Raises:
        Refusal: It cannot be served, or requests still use it.
    """
    if change.path is not None:
        try:
            adapters.load(change.name, path=change.path)
        except ConfigurationError as error:
            raise Refusal(str(error), code="adapter_refused") from None
    elif change.name in in_use:
        raise Refusal("requests still use it", code="adapter_in_use", status=429)
    else:
        adapters.unload(change.name)


def load_all(adapters: Adapters, *, paths: Mapping[str, Path]) -> None:
    """Load several adapters.

    Raises:
        ConfigurationError: One of them is refused.
    """
    for name, path in paths.items():
        adapters.load(name, path=path)

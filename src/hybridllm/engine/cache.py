"""Keys and values of the running rows, side by side.

Answers: where do the cached keys and values of each row stand, and how do rows come and go?
Not here: which rows run (`engine.core`), the forward pass (`engine.batch`).

All rows end at the same column, since the next token of each is written there:

    columns   start                 end
    row 0     . . . k k k k k k k k |        a short row is padded on the left
    row 1     k k k k k k k k k k k |

Joining copies the newcomer's own keys and values into the next free row; leaving moves the last
row into the gap. Neither touches the other rows. Padding is zero, so that no row ever multiplies
with what another has left behind.
Units: rows, columns (tokens).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

# Growing by a half moves each key a constant number of times on average.
_GROWTH = 1.5
_SPARE_COLUMNS = 64


class _Layer(DynamicLayer):  # type: ignore[misc]
    """One layer's keys and values; `rows`, `start` and `end` belong to all layers."""

    keys: torch.Tensor
    values: torch.Tensor

    def __init__(self, slots: Slots) -> None:
        super().__init__()
        self.slots = slots
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        rows, start, end = self.slots.rows, self.slots.start, self.slots.end
        after = end + key_states.shape[-2]
        self.keys[:rows, :, end:after] = key_states
        self.values[:rows, :, end:after] = value_states
        return self.keys[:rows, :, start:after], self.values[:rows, :, start:after]

    def get_seq_length(self) -> int:
        return self.slots.end - self.slots.start


class Slots:
    """The cache of a batch whose rows join and leave."""

    def __init__(self) -> None:
        self.rows = 0
        self.start = 0
        self.end = 0
        self.lengths: list[int] = []
        self._capacity = (0, 0)
        self._layers: list[_Layer] = []
        self.cache = Cache(layers=[])

    def clear(self) -> None:
        """Drop all rows and give their memory back."""
        self.__init__()  # type: ignore[misc]

    def reserve(self, *, rows: int, before: int, after: int = 1) -> None:
        """Make room for rows, for `before` columns to the end and `after` beyond it."""
        most_rows, columns = self._capacity
        before = max(before, self.end - self.start)
        if not self.rows and rows <= most_rows and before + after <= columns:
            self.start = self.end = before
        if rows <= most_rows and before <= self.end and self.end + after <= columns:
            return
        if rows > most_rows:
            most_rows = max(rows, int(most_rows * _GROWTH))
        columns = int((before + after) * _GROWTH) + _SPARE_COLUMNS
        # The live columns move to where `before` fits; what is left of them stays zero.
        start = before - (self.end - self.start)
        for layer in self._layers:
            layer.keys = self._moved(layer.keys, rows=most_rows, columns=columns, start=start)
            layer.values = self._moved(layer.values, rows=most_rows, columns=columns, start=start)
        self.start, self.end = start, before
        self._capacity = (most_rows, columns)

    def join(self, cache: DynamicCache, *, sources: Sequence[int], lengths: Sequence[int]) -> None:
        """Add rows from the cache of a prefill, whose rows start at column 0.

        Args:
            cache: Keys and values of the newcomers.
            sources: Row of `cache` for each newcomer; one may be taken several times.
            lengths: Tokens of each newcomer.
        """
        count, longest = len(sources), max(lengths)
        if not self._layers:
            self._layers = [_Layer(self) for _ in cache.layers]
            self.cache = Cache(layers=list(self._layers))
            for layer, source in zip(self._layers, cache.layers, strict=True):
                layer.keys, layer.values = source.keys[:0, :, :0], source.values[:0, :, :0]
        self.reserve(rows=self.rows + count, before=longest)
        first = self.end - longest
        for layer, source in zip(self._layers, cache.layers, strict=True):
            for mine, theirs in ((layer.keys, source.keys), (layer.values, source.values)):
                # Older rows get zeros where only the newcomers reach; newcomers, where they do not.
                mine[: self.rows, :, first : self.start] = 0
                for row, (from_row, length) in enumerate(
                    zip(sources, lengths, strict=True), start=self.rows
                ):
                    begin = self.end - length
                    mine[row, :, min(first, self.start) : begin] = 0
                    mine[row, :, begin : self.end] = theirs[from_row, :, :length]
        self.start = min(first, self.start) if self.rows else first
        self.rows += count
        self.lengths += lengths

    def leave(self, row: int) -> None:
        """Remove a row; the last one takes its place."""
        last = self.rows - 1
        if row != last:
            live = slice(self.start, self.end)
            for layer in self._layers:
                layer.keys[row, :, live] = layer.keys[last, :, live]
                layer.values[row, :, live] = layer.values[last, :, live]
        self.lengths[row] = self.lengths[last]
        self.lengths.pop()
        self.rows = last
        if not last:
            self.start = self.end = 0
            return
        self.start = self.end - max(self.lengths)

    def advance(self) -> None:
        """Count the column that a step has written."""
        self.end += 1
        self.lengths = [length + 1 for length in self.lengths]

    @property
    def padded(self) -> bool:
        """Whether some row is shorter than another."""
        return len(set(self.lengths)) > 1

    def _moved(self, old: torch.Tensor, *, rows: int, columns: int, start: int) -> torch.Tensor:
        new = old.new_zeros((rows, old.shape[1], columns, old.shape[3]))
        new[: self.rows, :, start : start + self.end - self.start] = (
            old[: self.rows, :, self.start : self.end]
        )  # fmt: skip
        return new

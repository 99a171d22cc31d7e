"""What the model has read before, kept for prompts that begin alike.

Answers: which part of this prompt need not be read again, and whose may it be?
Not here: reading the rest (`engine.batch`), who runs when (`engine.scheduler`).

Keys and values stand in blocks of some tokens, and the blocks in trees: a child goes on where
its parent ends. Each *scope* (one label of one department) and adapter has a tree of its own, so
a search never comes past a block that another scope has left; not even the time that an answer
takes tells what others have asked. A request without a scope finds and leaves nothing.
When the room is used up, the blocks at the ends of branches that were not used for the longest
time go first.
Units: tokens, bytes.
Source: Kwon et al. 2023 (blocks of keys and values), Zheng et al. 2024 (trees of prefixes).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

BLOCK_TOKENS = 32
"""A prompt shares whole blocks; copying smaller ones costs more than reading them."""

Tree = tuple[Hashable, str | None]


@dataclass(slots=True, eq=False)
class _Block:
    """Some tokens, with the keys and values of all layers: `[layers, 2, heads, tokens, size]`."""

    parent: _Block | None = None
    tokens: tuple[int, ...] = field(default=(), repr=False)
    values: torch.Tensor | None = field(default=None, repr=False)
    children: dict[tuple[int, ...], _Block] = field(default_factory=dict, repr=False)
    used: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Prefix:
    """The beginning of a prompt that has been read before.

    Attributes:
        length: Its tokens.
    """

    length: int
    last: _Block = field(repr=False)

    def layers(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Return keys and values of each layer, `[1, heads, tokens, size]`."""
        values = []
        block: _Block | None = self.last
        while block is not None and block.values is not None:
            values.append(block.values)
            block = block.parent
        whole = torch.cat(values[::-1], dim=3)
        return [(layer[0].unsqueeze(0), layer[1].unsqueeze(0)) for layer in whole]


class Prefixes:
    """Keeps prefixes, up to some bytes.

    Args:
        most_bytes: What all blocks together may take; 0 keeps nothing.

    Attributes:
        held_bytes: What they take.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._trees: dict[Tree, _Block] = {}
        self._time = 0
        self.held_bytes = 0

    def find(self, tokens: Sequence[int], *, scope: Hashable, adapter: str | None) -> Prefix | None:
        """Return the longest known beginning, one token at least left to read."""
        block = None if scope is None else self._trees.get((scope, adapter))
        length = 0
        while block is not None and length + BLOCK_TOKENS < len(tokens):
            child = block.children.get(tuple(tokens[length : length + BLOCK_TOKENS]))
            if child is None:
                break
            block, length = child, length + BLOCK_TOKENS
        if block is None or not length:
            return None
        self._touch(block)
        return Prefix(length, block)

    def keep(
        self, tokens: Sequence[int], *, layers: Sequence[Any], row: int, first: int,
        scope: Hashable, adapter: str | None,
    ) -> None:  # fmt: skip
        """Keep what was read, as far as it is new.

        Args:
            tokens: What the row has read.
            layers: With `keys` and `values` of `[rows, heads, columns, size]`.
            row: Which one it is.
            first: Column of its first token.
            scope: Whose it is; `None` keeps nothing.
            adapter: What it was read with.
        """
        if scope is None or not self._most_bytes or not _are_alike(layers):
            return
        block = self._trees.setdefault((scope, adapter), _Block())
        place = 0
        while place + BLOCK_TOKENS <= len(tokens):
            name = tuple(tokens[place : place + BLOCK_TOKENS])
            child = block.children.get(name)
            if child is None:
                columns = slice(first + place, first + place + BLOCK_TOKENS)
                child = _Block(block, name, _copied(layers, row=row, columns=columns))
                block.children[name] = child
                self.held_bytes += _bytes(child)
            block, place = child, place + BLOCK_TOKENS
        self._touch(block)
        self._make_room()

    def forget_adapter(self, adapter: str) -> None:
        """Forget what was read with an adapter: its name may stand for other weights soon."""
        for tree in [tree for tree in self._trees if tree[1] == adapter]:
            root = self._trees.pop(tree)
            self.held_bytes -= sum(map(_bytes, _below(root)))

    def clear(self) -> None:
        """Give all memory back."""
        self._trees.clear()
        self.held_bytes = 0

    def _touch(self, block: _Block) -> None:
        """Note that a branch was used, up to its root."""
        self._time += 1
        branch: _Block | None = block
        while branch is not None:
            branch.used = self._time
            branch = branch.parent

    def _make_room(self) -> None:
        """Drop ends of branches until what is left fits."""
        if self.held_bytes <= self._most_bytes:
            return
        ends = [
            block
            for root in self._trees.values()
            for block in _below(root)
            if not block.children
        ]  # fmt: skip
        ends.sort(key=lambda block: block.used, reverse=True)
        while self.held_bytes > self._most_bytes and ends:
            block = ends.pop()
            parent = block.parent
            assert parent is not None  # noqa: S101 - told to the type checker: a root is no end
            del parent.children[block.tokens]
            self.held_bytes -= _bytes(block)
            if not parent.children and parent.parent is not None:
                # It was used no earlier than its children, so it seldom goes in the same turn.
                ends.append(parent)
                ends.sort(key=lambda block: block.used, reverse=True)
        self._trees = {tree: root for tree, root in self._trees.items() if root.children}


def _are_alike(layers: Sequence[Any]) -> bool:
    """Say whether all layers can stand in one tensor; some models have heads of several sizes."""
    return len({(layer.keys.shape[1], layer.keys.shape[3], layer.values.shape[3], layer.keys.dtype)
                for layer in layers}) == 1 and (
        layers[0].keys.shape[3] == layers[0].values.shape[3]
    )  # fmt: skip


def _copied(layers: Sequence[Any], *, row: int, columns: slice) -> torch.Tensor:
    return torch.stack([
        torch.stack((layer.keys[row, :, columns], layer.values[row, :, columns]))
        for layer in layers
    ])  # fmt: skip


def _below(block: _Block) -> list[_Block]:
    found, stack = [], [*block.children.values()]
    while stack:
        found.append(stack.pop())
        stack += found[-1].children.values()
    return found


def _bytes(block: _Block) -> int:
    return 0 if block.values is None else block.values.numel() * block.values.element_size()

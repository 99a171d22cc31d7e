"""A request with every field of the SDK's own parameter types filled in.

Answers: which strings can a caller of the OpenAI SDK put into a request, and where?
Not here: whether the walker sees them (`test_every_string`).

The types are the source: `CompletionCreateParams`, `EmbeddingCreateParams` and
`ResponseCreateParams` of the `openai` package. Every string position gets a canary of its
own; unions give one request for each member, so that no alternative is left out.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import (
    Any,
    ForwardRef,
    Literal,
    NotRequired,
    Required,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)
from typing import get_args as extended_args
from typing import get_origin as extended_origin

from typing_extensions import TypeAliasType, is_typeddict

_DEEPEST = 9
_WRAPPERS = (Required, NotRequired)


@dataclass
class Filler:
    """Fills types with values; `canaries` says which strings it planted, and where.

    Attributes:
        turn: Which member of each union is taken; counts round.
        canaries: Planted string by the path of type names that leads to it.
    """

    turn: int = 0
    canaries: dict[str, str] = field(default_factory=dict)

    def request(self, shape: Any, *, leave_out: Iterable[str] = ()) -> dict[str, Any]:
        """Return a request of this type, with every field but some."""
        left_out = frozenset(leave_out)
        hints = _hints(shape)
        return {
            name: self._value(hint, path=f"/{name}", depth=0)
            for name, hint in hints.items()
            if name not in left_out
        }

    def _value(self, hint: Any, *, path: str, depth: int) -> Any:
        hint = _bare(hint)
        if is_typeddict(hint):
            return self._table(hint, path=path, depth=depth)
        origin = extended_origin(hint) or hint
        args = extended_args(hint)
        if origin in {Union, types.UnionType}:
            return self._value(self._member(args, depth=depth), path=path, depth=depth)
        if origin is Literal:
            return args[0]
        if hint is str or hint is object or hint is Any or isinstance(hint, TypeVar):
            return self._plant(path)
        if hint in {bool, int, float}:
            return {bool: False, int: 3, float: 0.5}[hint]
        if hint is type(None) or hint is None:
            return None
        if origin in {dict, Mapping} or _is_a(origin, Mapping):
            value = args[1] if len(args) == 2 else object
            return {
                self._plant(f"{path}/key"): self._value(value, path=f"{path}/*", depth=depth + 1)
            }
        if _is_a(origin, Iterable) or origin in {list, Sequence, Iterable}:
            return self._items(args[0] if args else object, path=path, depth=depth)
        return self._plant(path)  # a type this does not know: a string is the hardest case

    def _table(self, shape: Any, *, path: str, depth: int) -> dict[str, Any]:
        return {
            name: self._value(hint, path=f"{path}/{shape.__name__}.{name}", depth=depth + 1)
            for name, hint in _hints(shape).items()
            if depth < _DEEPEST or name in shape.__required_keys__
        }

    def _items(self, hint: Any, *, path: str, depth: int) -> list[Any]:
        """Return one item for each member of the item's union."""
        bare = _bare(hint)
        origin = extended_origin(bare)
        members = extended_args(bare) if origin in {Union, types.UnionType} else (bare,)
        chosen = members if depth < _DEEPEST else members[:1]
        return [
            self._value(one, path=f"{path}/{i}", depth=depth + 1) for i, one in enumerate(chosen)
        ]

    def _member(self, args: Sequence[Any], *, depth: int) -> Any:
        real = [one for one in args if one is not type(None)]
        return real[0 if depth >= _DEEPEST else self.turn % len(real)]

    def _plant(self, path: str) -> str:
        canary = f"canary-{self.turn}-{len(self.canaries)}-finch"
        self.canaries[canary] = path
        return canary


def requests(
    shape: Any, *, turns: int, leave_out: Iterable[str] = ()
) -> Iterator[tuple[dict[str, Any], Mapping[str, str]]]:
    """Yield requests that together take every member of unions of up to `turns` members."""
    for turn in range(turns):
        filler = Filler(turn)
        yield filler.request(shape, leave_out=leave_out), filler.canaries


def strings(value: Any) -> Iterator[str]:
    """Yield every string of JSON, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from strings(key)
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def _hints(shape: Any) -> dict[str, Any]:
    import sys

    module = sys.modules[shape.__module__]
    names = {**vars(module), "Required": Required, "NotRequired": NotRequired}
    return get_type_hints(shape, globalns=names)


def _bare(hint: Any) -> Any:
    """Take aliases, annotations and wrappers off."""
    while True:
        if isinstance(hint, TypeAliasType):
            hint = hint.__value__
        elif isinstance(hint, ForwardRef | str):
            return object
        elif get_origin(hint) in _WRAPPERS or hasattr(hint, "__metadata__"):
            hint = get_args(hint)[0]
        else:
            return hint


def _is_a(origin: Any, kind: type) -> bool:
    return isinstance(origin, type) and issubclass(origin, kind)

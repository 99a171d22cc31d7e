"""The walker: every string of a request, wherever it stands.

Answers: which texts does this request hold, where, and what in it cannot be read?
Not here: what the texts mean (`classify.detector`).

Nothing is skipped by name. Keys are text as well as values, numbers are read as
their digits, and JSON inside a string (tool arguments) is walked as JSON too,
since its escapes would hide words. What is not text, such as an image, audio, a
file or a list of token ids, is reported as unreadable.

Paths are JSON Pointers (RFC 6901). A key that the API does not define may be
content, so it appears as its position: `/metadata/{0}`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_READABLE_PARTS = frozenset(
    "text input_text output_text refusal summary_text reasoning_text".split()
)
"""Types of content parts that hold nothing but text."""

_TEXT_PART_FIELDS = frozenset(
    "annotations cache_control id logprobs prompt_cache_breakpoint refusal text type".split()
)
"""Fields of a text part. With any other one, it holds more than text."""

_READABLE_ITEMS = frozenset(
    """
    message function_call function_call_output custom_tool_call custom_tool_call_output reasoning
    """.split()
)
"""Types of items in the input of `responses` whose strings are all in the request itself."""

_PARTS = {
    "content": _READABLE_PARTS,
    "summary": _READABLE_PARTS,
    "output": _READABLE_PARTS,
    "input": _READABLE_ITEMS | _READABLE_PARTS,
}
"""Lists of typed parts, with the types that can be read. Any other type cannot."""

_HOLDERS = _PARTS.keys() | {"messages"}
"""Lists whose objects may hold what is not text."""

_OPAQUE_FIELDS = frozenset(
    "audio encrypted_content file file_data file_id file_url image_url input_audio".split()
)
"""Fields that hold or point to something that is not text."""

_FIELD_NAMES = frozenset(
    """
    allowed_tools annotations anyOf arguments audio call_id content custom data default
    definition description detail enum examples file file_data file_id filename format
    function function_call functions id image_url include input input_audio input_image
    instructions items json_schema logit_bias messages metadata model name output parameters
    prediction prompt properties refusal required response_format role safety_identifier
    schema stop strict suffix summary syntax text title tool_call_id tool_calls tool_choice tools
    type url user
    """.split()
)
"""Keys that the API defines; only these stand in a path in clear."""

_MAX_INNER_JSON = 1_000_000
"""Longest string, in characters, that is tried as JSON. A longer one counts as unreadable."""

_MAX_INNER_DEPTH = 8
"""JSON inside JSON inside JSON: deeper nesting counts as unreadable."""


@dataclass(frozen=True, slots=True)
class Text:
    """One string of a request.

    Attributes:
        path: Where it stands, as a JSON Pointer.
        text: The string itself. Never shown: `repr` gives its length.
    """

    path: str
    text: str

    def __repr__(self) -> str:
        return f"Text(path={self.path!r}, characters={len(self.text)})"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A part of a request that cannot be read.

    Attributes:
        path: Where it stands.
        code: What it is, such as `unreadable:image_url`.
    """

    path: str
    code: str


@dataclass(frozen=True, slots=True)
class _Node:
    path: str
    value: Any
    key: str = ""
    in_list: bool = False
    inner_depth: int = 0

    def child(self, step: str, value: Any, *, key: str, in_list: bool = False) -> _Node:
        return _Node(f"{self.path}/{step}", value, key, in_list, self.inner_depth)


def walk(fields: Mapping[str, Any]) -> Iterator[Text | Unreadable]:
    """Yield every text of a request in order, and everything that is not text."""
    stack = [_Node("", fields)]
    while stack:
        node = stack.pop()
        value = node.value
        if isinstance(value, str):
            yield Text(node.path, value)
            inner = _inner_json(node)
            if isinstance(inner, Unreadable):
                yield inner
            elif inner is not None:
                stack.append(inner)
        elif isinstance(value, dict):
            yield from _keys(node)
            yield from _opaque(node)
            stack.extend(reversed(_children(node)))
        elif isinstance(value, list):
            if _is_token_ids(node):
                yield Unreadable(node.path, "unreadable:token_ids")
            items = [
                node.child(str(i), item, key=node.key, in_list=True) for i, item in enumerate(value)
            ]
            stack.extend(reversed(items))
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield Text(node.path, _digits(value))


def _digits(value: float) -> str:
    """Return a number as people write it: 4111111111111111.0 is a card number."""
    is_whole = type(value) is not int and value.is_integer()  # an int has that only since 3.12
    return str(int(value)) if is_whole else str(value)


def _keys(node: _Node) -> Iterator[Text]:
    for position, key in enumerate(node.value):
        if key not in _FIELD_NAMES:
            yield Text(f"{node.path}/{{{position}}}#key", key)


def _children(node: _Node) -> list[_Node]:
    return [
        node.child(key if key in _FIELD_NAMES else f"{{{position}}}", child, key=key)
        for position, (key, child) in enumerate(node.value.items())
    ]


def _inner_json(node: _Node) -> _Node | Unreadable | None:
    """Return the JSON inside a string, to be walked as well."""
    text = node.value.strip().removeprefix("\ufeff").strip()
    if text[:1] not in {"{", "["}:
        return None
    if node.inner_depth >= _MAX_INNER_DEPTH or len(text) > _MAX_INNER_JSON:
        return Unreadable(node.path, "unreadable:nested_json")
    try:
        inner = json.loads(text, object_pairs_hook=_every_value)
    except RecursionError:
        return Unreadable(node.path, "unreadable:nested_json")
    except ValueError:
        return None  # not JSON, so the string itself is all there is
    return _Node(f"{node.path}#", inner, inner_depth=node.inner_depth + 1)


def _every_value(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object in which a repeated key keeps all its values, as a list."""
    found: dict[str, Any] = {}
    repeated: dict[str, list[Any]] = {}
    for key, value in pairs:
        if key in found:
            repeated.setdefault(key, [found[key]]).append(value)
        found[key] = value
    return {**found, **repeated}


def _opaque(node: _Node) -> Iterator[Unreadable]:
    """Yield what a message or a content part holds that is not text.

    In a list of typed parts only the types known to be text are readable: a
    type that a provider invents tomorrow is unreadable until somebody reads it.
    """
    if node.key not in _HOLDERS or not (node.in_list or _is_in_conversation(node.path)):
        return
    if _is_opaque_part(node):
        yield Unreadable(node.path, "unreadable:part")
    for field in sorted(_OPAQUE_FIELDS & node.value.keys()):
        if node.value[field] is not None:
            yield Unreadable(f"{node.path}/{field}", f"unreadable:{field}")


def _is_in_conversation(path: str) -> bool:
    """Return whether this is no schema or argument, in which any key may mean anything."""
    return path.startswith(("/messages/", "/input")) and "#" not in path


def _is_opaque_part(node: _Node) -> bool:
    """Return whether a part has a type, or a field, that is not known to be text."""
    readable = _PARTS.get(node.key)
    kind = node.value.get("type", "message")
    if readable is None:
        return False
    if not isinstance(kind, str) or kind not in readable:
        return True
    return kind in _READABLE_PARTS and bool(node.value.keys() - _TEXT_PART_FIELDS)


def _is_token_ids(node: _Node) -> bool:
    """Return whether a list may be text in token ids. Servers take floats and booleans for ids."""
    return node.key in {"input", "prompt"} and any(
        isinstance(item, (int, float)) for item in node.value
    )

"""Freezing a request: from the caller's objects to bytes that no longer change.

Answers: what exactly is going to be judged and sent?
Not here: what it contains (`classify`) or whether it may go (`policy`).

The caller's values are turned into JSON once and read back from it. Everything
later works on that private snapshot, so changing an object after the call has
started changes nothing: what is judged is what is sent.

Errors name parameters and limits, never a value.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hybridllm.errors import (
    RequestError,
    RequestTooLargeError,
    UnknownParameterError,
    unknown_name,
)
from hybridllm.params import ENGINE_CONTROLS

if TYPE_CHECKING:
    from hybridllm.params import Endpoint

MAX_DEPTH = 64
"""Nesting that is still read. Tool schemas in the field stay below 20."""

_REFUSED_OPTIONS = {
    "extra_headers": "headers could carry content past the policy",
    "extra_query": "the query string could carry content past the policy",
}


@dataclass(frozen=True, slots=True)
class FrozenRequest:
    """A request that no longer changes.

    Attributes:
        endpoint: The operation.
        fields: The private snapshot. Nobody outside the flow holds a reference.
        size_bytes: Length of its JSON.
        engine_fields: Names in `fields` that only local engines understand.
    """

    endpoint: Endpoint
    fields: Mapping[str, Any]
    size_bytes: int
    engine_fields: frozenset[str] = frozenset()

    @property
    def alias(self) -> str:
        """The model alias that the caller named."""
        return str(self.fields["model"])

    @property
    def stream(self) -> bool:
        """Whether the caller wants the reply in pieces."""
        return self.fields.get("stream") is True

    def body(self, *, model: str, defaults: Mapping[str, Any]) -> bytes:
        """Return the JSON for one backend: its own model name and defaults filled in."""
        return _encode({**defaults, **self.fields, "model": model})

    def __repr__(self) -> str:
        return f"FrozenRequest(endpoint={self.endpoint.name!r}, bytes={self.size_bytes})"


def freeze(endpoint: Endpoint, *, params: Mapping[str, Any], max_bytes: int) -> FrozenRequest:
    """Return the request as a private snapshot.

    Args:
        endpoint: The operation.
        params: As the caller gave them, `extra_body` included.
        max_bytes: Largest JSON that is accepted.

    Raises:
        UnknownParameterError: A parameter is not in the ledger.
        RequestTooLargeError: The JSON is larger than `max_bytes`.
        RequestError: A parameter is missing, empty or no JSON.
    """
    given = {name: value for name, value in params.items() if not _is_omitted(value)}
    engine_fields = _merge_extra_body(endpoint, given)
    for name in given:
        if name not in endpoint.ledger and name not in engine_fields:
            raise UnknownParameterError(_unknown(endpoint, name))
    body = _encode(given)
    if len(body) > max_bytes:
        raise RequestTooLargeError(
            f"the request has {len(body):,} bytes; limits.max_request_bytes is {max_bytes:,}"
        )
    fields = json.loads(body)
    _check_depth(fields)
    _check_required(endpoint, fields)
    return FrozenRequest(endpoint, fields, len(body), engine_fields)


def _is_omitted(value: object) -> bool:
    """Return whether this is the SDK's "not given" (by name: `openai` is not imported here)."""
    return type(value).__name__ in {"Omit", "NotGiven"}


def _merge_extra_body(endpoint: Endpoint, given: dict[str, Any]) -> frozenset[str]:
    for name, why in _REFUSED_OPTIONS.items():
        if given.pop(name, None) is not None:
            raise UnknownParameterError(f"{name} is not accepted: {why}")
    extra = given.pop("extra_body", None)
    if extra is None:
        return frozenset()
    if not isinstance(extra, Mapping):
        raise RequestError("extra_body must be a mapping")
    for name in extra:
        if name not in endpoint.ledger and name not in ENGINE_CONTROLS:
            raise UnknownParameterError(f"extra_body: {_unknown(endpoint, name)}")
        if name in given or name == "model":
            raise RequestError("extra_body repeats a parameter of the call")
    given.update(extra)
    return frozenset(extra) & ENGINE_CONTROLS


def _unknown(endpoint: Endpoint, name: object) -> str:
    return f"{endpoint.name} has a parameter that {unknown_name(name, allowed=endpoint.ledger)}"


def _encode(value: Mapping[str, Any]) -> bytes:
    try:
        text = json.dumps(
            value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain
        )
        return text.encode()
    except UnicodeEncodeError:
        problem = "holds a lone surrogate (half a character), which is no valid Unicode"
    except RecursionError:
        problem = "is nested too deeply, or contains itself"
    except RequestError:
        raise
    except ValueError:
        problem = "contains itself, or a number that JSON lacks"
    except TypeError:
        problem = "holds a key that is no text"
    # Raised out here, so that the cause, which quotes the request, is not attached to it.
    raise RequestError(f"the request {problem}")


def _plain(value: object) -> object:
    """Turn what callers pass in the field into plain JSON values."""
    if isinstance(value, type):
        raise RequestError(
            f"the request holds the class {value.__name__}; pass a value, or for response_format "
            'a schema: {"type": "json_schema", "json_schema": {...}}'
        )
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        # Without warnings: they quote the value.
        return dump(mode="json", exclude_unset=True, by_alias=True, warnings=False)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Iterable) and not isinstance(value, (bytes, bytearray, memoryview)):
        return list(value)
    raise RequestError(f"the request holds a value of type {type(value).__name__}; use JSON types")


def _check_depth(value: object) -> None:
    layer: list[object] = [value]
    for _ in range(MAX_DEPTH):
        layer = [
            child
            for item in layer
            if isinstance(item, (dict, list))
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not layer:
            return
    raise RequestError(f"the request is nested more than {MAX_DEPTH} levels deep")


def _check_required(endpoint: Endpoint, fields: Mapping[str, Any]) -> None:
    for name in endpoint.required:
        if not fields.get(name):
            raise RequestError(f"{endpoint.name} needs {name!r}, and it must not be empty")
    if not isinstance(fields["model"], str):
        raise RequestError("'model' must be text: the alias of a model")
    if fields.get("stream") is True and not endpoint.streams:
        raise RequestError(f"{endpoint.name} cannot be streamed")

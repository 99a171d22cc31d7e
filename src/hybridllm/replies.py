"""Replies as they come off the wire: just enough of them for labels and the log.

Answers: is this a reply of the endpoint, how many tokens did it take, which texts
does it hold, has a stream come to its end?
Not here: the SDK's types (`resources`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hybridllm.params import Endpoint

_PRODUCED: Mapping[str, tuple[str, type]] = {
    "chat.completions": ("choices", list),
    "completions": ("choices", list),
    "embeddings": ("data", list),
    "responses": ("output", list),
    "responses.input_tokens": ("input_tokens", int),
}
_COUNTS = ("prompt_tokens", "completion_tokens", "input_tokens", "output_tokens", "total_tokens")
_LAST_EVENTS = frozenset({"response.completed", "response.incomplete", "response.failed"})


class UnreadableReplyError(Exception):
    """The reply is not what the endpoint promises. Holds none of it."""


def read_reply(endpoint: Endpoint, *, body: bytes) -> dict[str, Any]:
    """Return the JSON of a whole reply.

    Raises:
        UnreadableReplyError: It is no JSON, or not a reply of this endpoint.
    """
    reply = _json(body)
    name, kind = _PRODUCED[endpoint.name]
    if type(reply.get(name)) is not kind:
        raise UnreadableReplyError
    return reply


def usage(reply: Mapping[str, Any]) -> dict[str, int]:
    """Return the token counts that a reply or a chunk states."""
    counts = reply.get("usage")
    if not isinstance(counts, Mapping):
        return {}
    return {name: counts[name] for name in _COUNTS if type(counts.get(name)) is int}


class StreamReader:
    """Follows a streamed reply: its texts, its token counts, its end."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._texts: dict[tuple[object, ...], list[str]] = {}
        self.usage: dict[str, int] = {}
        self._is_over = False

    def take(self, event: bytes) -> dict[str, Any]:
        """Return the JSON of one event.

        Raises:
            UnreadableReplyError: It is no JSON object, or a very odd one.
        """
        chunk = _json(event)
        is_odd = False
        try:
            if self._endpoint.name == "responses":
                self._take_response_event(chunk)
            else:
                self._take_chunk(chunk)
        except (KeyError, TypeError, RecursionError):
            is_odd = True
        if is_odd:
            raise UnreadableReplyError
        return chunk

    @property
    def may_end(self) -> bool:
        """Whether the reply is whole. Chat streams say so on the wire, responses in an event."""
        return self._is_over or self._endpoint.name != "responses"

    @property
    def texts(self) -> list[str]:
        """The texts of the reply so far, each one put together."""
        return ["".join(pieces) for pieces in self._texts.values()]

    def _take_chunk(self, chunk: dict[str, Any]) -> None:
        self.usage = usage(chunk) or self.usage
        for choice in _objects(chunk.get("choices")):
            delta = choice.get("delta")
            if isinstance(delta, dict):
                self._collect((choice.get("index"),), delta)
            text = choice.get("text")  # of plain completions
            if isinstance(text, str):
                self._collect((choice.get("index"), "text"), text)

    def _take_response_event(self, event: dict[str, Any]) -> None:
        kind = event["type"]
        if not isinstance(kind, str):
            raise TypeError
        if kind.endswith(".delta") and isinstance(event.get("delta"), str):
            key = (event.get("item_id"), event.get("content_index"), kind)
            self._texts.setdefault(key, []).append(event["delta"])
        response = event.get("response")
        if isinstance(response, dict):
            self.usage = usage(response) or self.usage
        self._is_over = self._is_over or kind in _LAST_EVENTS

    def _collect(self, key: tuple[object, ...], value: object) -> None:
        """Put every string of a delta where the same string of the next one goes."""
        if isinstance(value, str):
            self._texts.setdefault(key, []).append(value)
        elif isinstance(value, dict):
            for name, child in value.items():
                self._collect((*key, name), child)
        elif isinstance(value, list):
            for position, child in enumerate(value):
                index = child.get("index", position) if isinstance(child, dict) else position
                self._collect((*key, index), child)


def _json(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    # Raised out here: the parser's own error holds the whole document.
    if not isinstance(value, dict):
        raise UnreadableReplyError
    return value


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []

"""Tool calls in a model's answer.

Answers: where does an answer stop being text, and which functions does it call?
Not here: telling the model of the tools (its chat template does), making the calls.

A model writes a call in the way that it was trained on; its chat template shows which one:

    hermes    <tool_call>{"name": "find", "arguments": {"id": 7}}</tool_call>
    json      {"name": "find", "parameters": {"id": 7}}        and nothing else

What cannot be read as a call stays text: nothing that the model said is lost.
Source: the templates of Hermes 2 Pro and Qwen (hermes), of Llama 3.1 (json).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Literal

ToolFormat = Literal["hermes", "json"]

_MARK = "<tool_call>"
_CALL = re.compile(r"<tool_call>\s*(.*?)\s*(?:</tool_call>|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function that the model wants called, with its arguments as JSON text."""

    name: str = field(repr=False)
    arguments: str = field(repr=False)


def tool_format(template: str | None) -> ToolFormat | None:
    """Return how a model writes calls, by its chat template; `None`: not in a way known here."""
    if not template or "tools" not in template:
        return None
    if _MARK in template:
        return "hermes"
    # Llama 3.1 names the shape in its instructions.
    return "json" if '"parameters"' in template and "[TOOL_CALLS]" not in template else None


class ToolReader:
    """Splits one answer into text and calls, as it comes."""

    __slots__ = ("_format", "_held")

    def __init__(self, kind: ToolFormat) -> None:
        self._format = kind
        self._held = ""

    def push(self, text: str) -> str:
        """Add text; return what is certain to be no call."""
        self._held += text
        if self._format == "json":
            stripped = self._held.lstrip()
            keep = len(self._held) if not stripped or stripped[0] == "{" else 0
        else:
            keep = self._from_mark()
        shown = self._held[: len(self._held) - keep]
        self._held = self._held[len(self._held) - keep :]
        return shown

    def finish(self) -> tuple[str, tuple[ToolCall, ...]]:
        """Return the rest of the text, and the calls."""
        calls = _read(_CALL.findall(self._held) if self._format == "hermes" else [self._held])
        return ("", calls) if calls else (self._held, ())

    def _from_mark(self) -> int:
        """Return how many characters at the end may belong to a call."""
        place = self._held.find(_MARK)
        if place >= 0:
            return len(self._held) - place
        sizes = range(min(len(_MARK) - 1, len(self._held)), 0, -1)
        return next((size for size in sizes if self._held.endswith(_MARK[:size])), 0)


def _read(texts: list[str]) -> tuple[ToolCall, ...]:
    """Return the calls, or none when one of them is not readable."""
    calls = []
    for text in texts:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return ()
        name = value.get("name") if isinstance(value, dict) else None
        arguments = value.get("arguments", value.get("parameters", {})) if name else None
        if not isinstance(name, str) or not isinstance(arguments, dict):
            return ()
        calls.append(ToolCall(name, arguments=json.dumps(arguments, ensure_ascii=False)))
    return tuple(calls)

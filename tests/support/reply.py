"""What a stub says when it is asked: text, tool calls, models.

Answers: which words go into a reply?
Not here: their wire form (`chat_shapes`, `responses_shapes`).
"""

from __future__ import annotations

from dataclasses import dataclass

CREATED = 1_700_000_000  # Unix seconds; a constant keeps recordings equal between runs
_PIECE_CHARACTERS = 4


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One function call that the stub asks for; `arguments` is JSON text."""

    name: str
    arguments: str = "{}"
    call_id: str = "call_1"


@dataclass(frozen=True, slots=True)
class Reply:
    """The content of one answer. With tool calls, the text is usually empty."""

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()


def pieces(text: str) -> list[str]:
    """Cut a text into the pieces that a stream carries."""
    return [text[i : i + _PIECE_CHARACTERS] for i in range(0, len(text), _PIECE_CHARACTERS)]


def token_count(text: str) -> int:
    """Return a stand-in for a token count: stable, and never zero."""
    return len(text.encode("utf-8", "replace")) // 4 + 1

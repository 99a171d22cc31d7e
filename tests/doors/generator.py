"""Requests of all sorts, drawn from a seed: English and Japanese, harmless and not, with tools.

Answers: which requests are asked through every door?
Not here: the doors (`test_doors_agree`).
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_HARMLESS = (
    "What is a good name for a cat?",
    "Explain the difference between lists and tuples.",
    "会議の進め方を三つ教えてください。",
    "潤滑油と作動油の違いは何ですか。",
    "Write a haiku about autumn rain.",
    "この文章を敬語に直してください。",
)
_TELLING = (
    "Write to hanako.mori@example.co.jp, please",
    "社外秘：来期の売上計画",
    "携帯は090-0000-1234です",
    "マイナンバーは1234 5678 9018",
    "Confidential: board minutes of the spring meeting",
    "card 4539 1488 0343 6467",
    "東京都架空区見本町1-2-3",
)
_LABELS = (None, None, None, "public", "internal", "confidential", "restricted")
_DEPARTMENTS = (None, "legal", "support")


@dataclass(frozen=True, slots=True)
class Drawn:
    """One request, with what the client says of it."""

    number: int
    params: dict[str, Any] = field(repr=False)
    options: dict[str, Any]


def drawn(count: int, *, seed: int) -> list[Drawn]:
    """Return that many requests; the same for the same seed."""
    dice = random.Random(seed)
    return [_draw(dice, number) for number in range(count)]


def _draw(dice: random.Random, number: int) -> Drawn:
    params: dict[str, Any] = {"messages": _messages(dice, number)}
    for chance, add in _EXTRAS:
        if dice.random() < chance:
            params |= add(dice)
    options: dict[str, Any] = {
        "label": dice.choice(_LABELS),
        "department": dice.choice(_DEPARTMENTS),
    }
    if dice.random() < 0.1:
        options["compartments"] = ("customer",)
    return Drawn(number, params, options)


def _text(dice: random.Random) -> str:
    return dice.choice(_TELLING if dice.random() < 0.3 else _HARMLESS)


def _messages(dice: random.Random, number: int) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = []
    if dice.random() < 0.3:
        turns.append({"role": "system", "content": "You are a patient assistant."})
    for _ in range(dice.randrange(3)):
        turns += [
            {"role": "user", "content": f"{_text(dice)} ({number})"},
            {"role": "assistant", "content": f"ok ({number})"},
        ]
    content: Any = f"{_text(dice)} [{number}]"
    if dice.random() < 0.2:
        content = [{"type": "text", "text": content}]
        if dice.random() < 0.3:
            content.append(
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
            )
    return [*turns, {"role": "user", "content": content}]


def _tools(dice: random.Random) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"city": {"type": "string", "enum": [_text(dice)]}}}
    function = {"name": "look_up", "description": _text(dice), "parameters": schema}
    return {"tools": [{"type": "function", "function": function}]}


def _format(dice: random.Random) -> dict[str, Any]:
    schema = {"type": "object", "description": json.dumps({"note": _text(dice)})}
    return {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "note", "schema": schema},
        }
    }


_EXTRAS: tuple[tuple[float, Callable[[random.Random], dict[str, Any]]], ...] = (
    (0.3, _tools),
    (0.1, _format),
    (0.2, lambda dice: {"temperature": round(dice.random(), 2), "seed": dice.randrange(100)}),
    (0.1, lambda dice: {"metadata": {"note": _text(dice)}}),
    (0.1, lambda dice: {"user": f"u-{dice.randrange(9)}"}),
    (0.1, lambda dice: {"stop": ["\n\n"]}),
    (0.05, lambda _: {"store": True}),
    (0.05, lambda _: {"store": False}),
    (0.05, lambda _: {"web_search_options": {}}),
    (0.05, lambda _: {"extra_body": {"top_k": 20}}),
)

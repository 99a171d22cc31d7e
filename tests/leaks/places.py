"""Where confidential text stands in a request, and why it is confidential.

Answers: which requests must stay on the premises, and which text of them must show nowhere?
Not here: how they are sent (`operations`).

Every text is made for one cell, from its number: the memory of labelled messages would
otherwise keep one cell's request inside because of another's. All values are fabricated; card
numbers are test numbers with a right check digit and an issuer prefix of the test range.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.leaks.chat_places import CUTS, PUTS, Params, halves, parts, schema, tool, user
from tests.leaks.residue import escaped

_PNG = "data:image/png;base64,iVBORw0KGgo="


@dataclass(frozen=True, slots=True)
class Ask:
    """One request that must stay inside.

    Attributes:
        params: Without the model.
        secret: Must show nowhere; the premises receive it.
        label: What the caller says of the call.
        sent: How the secret goes over the wire, where it does not do so in one piece.
        before: Labelled call that another client object makes first.
        innocent: The same request without what makes it confidential, where that exists.
    """

    params: Params = field(repr=False)
    secret: str = field(repr=False)
    label: str | None = None
    sent: tuple[str, ...] = field(default=(), repr=False)
    before: Params | None = field(default=None, repr=False)
    innocent: Params | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Place:
    """A part of the request that holds the secret, or another reason to stay inside."""

    name: str
    endpoint: str
    ask: Callable[[int], Ask] = field(repr=False)


def card(number: int) -> str:
    """Return a test card number: 16 digits, right check digit (ISO/IEC 7812-1, Luhn)."""
    body = f"4539148{number % 10**8:08d}"
    digits = [int(digit) for digit in reversed(body)]
    total = sum(sum(divmod(d * 2, 10)) if i % 2 == 0 else d for i, d in enumerate(digits))
    return body + str(-total % 10)


def _spaced(number: int) -> str:
    digits = card(number)
    return " ".join(digits[i : i + 4] for i in range(0, 16, 4))


def _harmless(number: int) -> str:
    return f"lantern {number} plum"


# -- reasons that do not depend on a detector


def _labelled(key: str) -> Callable[[int], Ask]:
    def ask(number: int) -> Ask:
        text = f"Kestrel{number}東和 revenue plan"
        value = user(text) if key == "messages" else text
        return Ask({key: value}, text, label="confidential", innocent={key: value})

    return ask


def _remembered(key: str) -> Callable[[int], Ask]:
    def ask(number: int) -> Ask:
        text = f"Osprey{number} 東和 will close two plants in spring"
        before = {key: user(text) if key == "messages" else text}
        if key == "messages":
            turns = [*user(text), {"role": "assistant", "content": "ok"}, *user(f"so? {number}")]
            return Ask({key: turns}, text, before=before)
        return Ask({key: text}, text, before=before)

    return ask


# -- text that detectors find, at every place of a chat request


def _chat(
    put: Callable[[str], Params],
    text: Callable[[int], str],
    *,
    cut: Callable[[str], tuple[str, ...]] | None = None,
) -> Callable[[int], Ask]:
    def ask(number: int) -> Ask:
        base = {"messages": user(f"hello {number}")}
        secret = text(number)
        innocent = base | put(_harmless(number).replace(" ", "_"))
        return Ask(base | put(secret), secret, sent=cut(secret) if cut else (), innocent=innocent)

    return ask


_SINGLE: Mapping[str, Callable[[int], Ask]] = {
    "label": _labelled("messages"),
    "message memory": _remembered("messages"),
    "marking": _chat(lambda s: {"messages": user(s)}, lambda n: f"社外秘 ハヤブサ{n}号"),
    "mail address": _chat(lambda s: {"messages": user(s)}, lambda n: f"hanako{n}@example.co.jp"),
    "full-width digits": _chat(
        lambda s: {"messages": user(s)},
        lambda n: _spaced(n).translate({**{48 + d: 0xFF10 + d for d in range(10)}, 32: 0x3000}),
    ),
    "number, not text": lambda n: Ask(
        {"messages": user(f"hello {n}"), "metadata": {"card": int(card(n))}},
        card(n),
        innocent={"messages": user(f"hello {n}"), "metadata": {"card": n}},
    ),
    "number in a schema": lambda n: Ask(
        {"messages": user(f"hello {n}"), **tool(parameters=schema(const=int(card(n))))},
        card(n),
        innocent={"messages": user(f"hello {n}"), **tool(parameters=schema(const=n))},
    ),
    "base64": lambda n: Ask(
        {"messages": user(f"hello {n} {_base64(f'card {_spaced(n)} !')}")},
        _base64(f"card {_spaced(n)} !"),
    ),
    "image part": lambda n: Ask(
        {"messages": user([*parts(f"see {n} kestrel"), _image(_PNG + f"Kestrel{n}+")])},
        f"Kestrel{n}+",
        innocent={"messages": user(parts(f"see {n} kestrel"))},
    ),
    "audio part": lambda n: Ask(
        {"messages": user([{"type": "input_audio", "input_audio": {"data": f"Kestrel{n}+"}}])},
        f"Kestrel{n}+",
    ),
    "file by id": lambda n: Ask(
        {"messages": user([{"type": "file", "file": {"file_id": f"file-Kestrel{n}"}}])},
        f"file-Kestrel{n}",
    ),
    "part of a new type": lambda n: Ask(
        {"messages": user([{"type": "hologram", "hologram": f"Kestrel{n}"}])}, f"Kestrel{n}"
    ),
}


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _image(url: str) -> Params:
    return {"type": "image_url", "image_url": {"url": url}}


def _responses(put: Callable[[str], Params]) -> Callable[[int], Ask]:
    def ask(number: int) -> Ask:
        base = {"input": f"hello {number}"}
        secret = _spaced(number)
        return Ask(base | put(secret), secret, innocent=base | put(_harmless(number)))

    return ask


_RESPONSES: Mapping[str, Callable[[str], Params]] = {
    "input": lambda s: {"input": f"note {s}"},
    "instructions": lambda s: {"instructions": f"note {s}"},
    "early item": lambda s: {
        "input": [*user(f"note {s}"), {"role": "assistant", "content": "ok"}, *user("thanks")]
    },
    "part": lambda s: {"input": user([{"type": "input_text", "text": s}])},
    "function call, escaped": lambda s: {
        "input": [
            *user("hi"),
            {
                "type": "function_call",
                "call_id": "call_1",
                "name": "f",
                "arguments": f'{{"a": "{escaped(s)}"}}',
            },
            {"type": "function_call_output", "call_id": "call_1", "output": "done"},
        ]
    },
    "function result": lambda s: {
        "input": [
            *user("hi"),
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": s},
        ]
    },
    "reasoning": lambda s: {
        "input": [
            *user("hi"),
            {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": s}]},
        ]
    },
    "tool description": lambda s: {"tools": [{"type": "function", "name": "f", "description": s}]},
    "text format": lambda s: {
        "text": {"format": {"type": "json_schema", "name": "r", "schema": {"const": s}}}
    },
    "metadata": lambda s: {"metadata": {"ticket": s}},
    "user": lambda s: {"user": s},
}


def _embedded(
    shape: Callable[[str], Any], *, cut: Callable[[str], tuple[str, ...]] | None = None
) -> Callable[[int], Ask]:
    def ask(number: int) -> Ask:
        secret = _spaced(number)
        innocent = {"input": shape(_harmless(number))}
        sent = cut(secret) if cut else ()
        return Ask({"input": shape(secret)}, secret, sent=sent, innocent=innocent)

    return ask


_EMBEDDINGS: Mapping[str, Callable[[int], Ask]] = {
    "label": _labelled("input"),
    "text memory": _remembered("input"),
    "input": _embedded(lambda s: f"note {s}"),
    "input in a list": _embedded(lambda s: ["plum", f"note {s}"]),
    "input split over a list": _embedded(lambda s: [*halves(s)], cut=halves),
    "user": lambda n: Ask({"input": f"hi {n}", "user": _spaced(n)}, _spaced(n)),
    "token ids": lambda n: Ask({"input": [101, 20000 + n, 102]}, f"[101,{20000 + n},102]"),
    "lists of token ids": lambda n: Ask({"input": [[101], [20000 + n]]}, f"[[101],[{20000 + n}]]"),
    "full-width digits": _embedded(
        lambda s: s.translate({48 + digit: 0xFF10 + digit for digit in range(10)})
    ),
}


def _continued(
    put: Callable[[str], Params], *, cut: Callable[[str], tuple[str, ...]] | None = None
) -> Callable[[int], Ask]:
    def ask(number: int) -> Ask:
        base, secret = {"prompt": f"hello {number}"}, _spaced(number)
        sent = cut(secret) if cut else ()
        return Ask(base | put(secret), secret, sent=sent, innocent=base | put(_harmless(number)))

    return ask


_COMPLETIONS: Mapping[str, Callable[[int], Ask]] = {
    "label": _labelled("prompt"),
    "text memory": _remembered("prompt"),
    "prompt": _continued(lambda s: {"prompt": f"note {s}"}),
    "prompt in a list": _continued(lambda s: {"prompt": ["plum", f"note {s}"]}),
    "prompt split over a list": _continued(lambda s: {"prompt": [*halves(s)]}, cut=halves),
    "prompt split with its end": _continued(
        lambda s: {"prompt": halves(s)[0], "suffix": halves(s)[1]}, cut=halves
    ),
    "suffix": _continued(lambda s: {"suffix": f"note {s}"}),
    "stop": _continued(lambda s: {"stop": [f"note {s}"]}),
    "user": _continued(lambda s: {"user": s}),
    "token ids": lambda n: Ask({"prompt": [101, 20000 + n, 102]}, f"[101,{20000 + n},102]"),
    "lists of token ids": lambda n: Ask({"prompt": [[101], [20000 + n]]}, f"[[101],[{20000 + n}]]"),
}
_COUNTED = ("input", "instructions", "early item", "function result", "tool description")

PLACES: tuple[Place, ...] = (
    *(Place(name, "chat.completions", ask) for name, ask in _SINGLE.items()),
    *(
        Place(name, "chat.completions", _chat(put, _spaced, cut=CUTS.get(name)))
        for name, put in PUTS.items()
    ),
    Place("label", "responses", _labelled("input")),
    Place("text memory", "responses", _remembered("input")),
    *(Place(name, "responses", _responses(put)) for name, put in _RESPONSES.items()),
    Place(
        "image part",
        "responses",
        lambda n: Ask(
            {"input": user([{"type": "input_image", "image_url": _PNG + f"Kestrel{n}+"}])},
            f"Kestrel{n}+",
        ),
    ),
    *(Place(name, "embeddings", ask) for name, ask in _EMBEDDINGS.items()),
    *(Place(name, "completions", ask) for name, ask in _COMPLETIONS.items()),
    Place("label", "responses.input_tokens", _labelled("input")),
    Place("text memory", "responses.input_tokens", _remembered("input")),
    *(Place(name, "responses.input_tokens", _responses(_RESPONSES[name])) for name in _COUNTED),
)


def places(endpoint: str) -> tuple[Place, ...]:
    """Return the places of one endpoint's requests."""
    return tuple(place for place in PLACES if place.endpoint == endpoint)

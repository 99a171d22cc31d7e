"""Labelled prompts, one JSON object a line.

Answers: which prompts stand in this file, what is sensitive in them, and where?
Not here: scoring (`evaluation.detection`).

    {"id": "a1", "language": "ja", "text": "...", "label": "sensitive",
     "spans": [{"kind": "personal.name", "start": 3, "end": 7}]}

`label` is `sensitive` or `ordinary`. In place of `text` there may be `messages`, as in a
chat request; a span then says in which string it lies: "path": "/messages/1/content".
Offsets count code points. Other keys are ignored, and named, so that a slip is noticed.
Errors name file and line, never a text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from hybridllm.classify.walk import Text, walk
from hybridllm.errors import ConfigurationError, expected_one_of

_LABELS: Final = {"sensitive": True, "ordinary": False}
_KEYS: Final = frozenset({"id", "language", "text", "messages", "label", "spans"})
_MAX_NAME: Final = 200
ONE_TEXT: Final = "/messages/0/content"
"""Where the text of an example without messages stands."""


@dataclass(frozen=True, slots=True)
class Span:
    """Where something sensitive stands.

    Attributes:
        kind: What it is.
        path: String of the request, as a JSON Pointer.
        start: First character, in code points.
        end: One past the last character.
    """

    kind: str
    path: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Labelled:
    """One labelled prompt.

    Attributes:
        id: As in the file; reports say only this.
        language: As in the file, such as `en` or `ja`.
        fields: The prompt as a chat request. Never shown.
        is_sensitive: Whether it must be noticed.
        spans: What is sensitive in it, if anybody marked it.
        size_bytes: All strings of the request together, in UTF-8.
    """

    id: str
    language: str
    fields: dict[str, Any]
    is_sensitive: bool
    spans: tuple[Span, ...]
    size_bytes: int

    def __repr__(self) -> str:
        return f"Labelled(id={self.id!r}, language={self.language!r})"


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """What stands in a file.

    Attributes:
        examples: In the order of the file.
        ignored_keys: Keys that mean nothing here.
    """

    examples: tuple[Labelled, ...]
    ignored_keys: frozenset[str]


def read_labelled(text: str, *, file: str) -> LabelledSet:
    """Return the examples of a file.

    Args:
        text: What stands in it.
        file: How errors name it.

    Raises:
        ConfigurationError: A line has another shape, or there is none.
    """
    examples: list[Labelled] = []
    lines: dict[str, int] = {}
    ignored: set[str] = set()
    for number, row in _rows(text, file=file):
        try:
            example = _labelled(row)
        except ConfigurationError as error:
            raise ConfigurationError(str(error), file=file, key=f"line {number}") from None
        if example.id in lines:
            text = f"has the same id as line {lines[example.id]}"
            raise ConfigurationError(text, file=file, key=f"line {number}")
        lines[example.id] = number
        ignored |= {key for key in row.keys() - _KEYS if len(key) <= _MAX_NAME}
        examples.append(example)
    if not examples:
        raise ConfigurationError("holds no example", file=file)
    return LabelledSet(tuple(examples), frozenset(ignored))


def _rows(text: str, *, file: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects. Only a line feed ends a line: JSON strings may hold the others."""
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise ConfigurationError("is no valid JSON", file=file, key=f"line {number}") from None
        if not isinstance(row, dict):
            raise ConfigurationError("must be a JSON object", file=file, key=f"line {number}")
        yield number, row


def _labelled(row: dict[str, Any]) -> Labelled:
    label = row.get("label")
    if not isinstance(label, str) or label not in _LABELS:
        raise ConfigurationError(f"label {_expected(label)}")
    fields = _fields(row)
    strings = {item.path: item.text for item in walk(fields) if isinstance(item, Text)}
    spans = row.get("spans", [])
    if not isinstance(spans, list):
        raise ConfigurationError("spans must be a list")
    if spans and not _LABELS[label]:
        raise ConfigurationError("an ordinary example has no spans")
    return Labelled(
        id=_name(row, key="id"),
        language=_name(row, key="language"),
        fields=fields,
        is_sensitive=_LABELS[label],
        spans=tuple(
            _span(item, strings=strings, position=position) for position, item in enumerate(spans)
        ),
        size_bytes=sum(len(text.encode("utf-8", "replace")) for text in strings.values()),
    )


def _fields(row: dict[str, Any]) -> dict[str, Any]:
    text, messages = row.get("text"), row.get("messages")
    if isinstance(text, str) and messages is None:
        return {"messages": [{"role": "user", "content": text}]}
    if text is None and isinstance(messages, list) and messages:
        if all(isinstance(message, dict) for message in messages):
            return {"messages": messages}
        raise ConfigurationError("messages must be a list of objects")
    raise ConfigurationError("must have either text, a string, or messages, a list")


def _name(row: dict[str, Any], *, key: str) -> str:
    value = row.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_NAME or not value.isprintable():
        raise ConfigurationError(f"{key} must be a name of 1 to {_MAX_NAME} characters")
    return value


def _span(item: object, *, strings: dict[str, str], position: int) -> Span:
    where = f"spans[{position}]"
    if not isinstance(item, dict):
        raise ConfigurationError(f"{where} must be an object with kind, start and end")
    path = item.get("path", ONE_TEXT)
    if not isinstance(path, str) or path not in strings:
        raise ConfigurationError(
            f"{where}.path must name a string of the messages, such as {ONE_TEXT}"
        )
    start, end, length = item.get("start"), item.get("end"), len(strings[path])
    if type(start) is not int or type(end) is not int or not 0 <= start < end <= length:
        raise ConfigurationError(
            f"{where}: start and end must be offsets in a string of {length} characters"
        )
    return Span(_name(item, key="kind"), path, start, end)


def _expected(label: object) -> str:
    """Return what was expected. What stands there may be content, so only short words are told."""
    is_word = isinstance(label, str) and label.isalpha() and len(label) <= 20
    return expected_one_of(label if is_word else type(label).__name__, allowed=_LABELS)

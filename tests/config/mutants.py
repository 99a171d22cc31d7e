"""Broken configuration files, made from the valid one by one change each.

Answers: which files must not load, and which key must their message name?
Not here: the valid files (`tests.config.writing`), hand-written mistakes (`test_broken_files`).

Each kind of change breaks a file for certain, whatever the code says of it: a key that nobody
knows, a value of another type, a name that does not exist, something that must be there and
is not.
"""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hybridllm.config.files import key_path
from tests.config.writing import FILE, LEGAL, TEXTS

Path = tuple[str | int, ...]

MORE = """\
revision = 3

[reload]
check_s = 10.0

[identity]
timeout_s = 1.0

[audit]
checkpoint_lines = 1_000
copies = ["second"]
"""
"""Tables that the valid file of the other tests does not have."""

NAMED = {"findings", "backends", "models"}
"""Tables whose keys are names of the user's own."""

REQUIRED = re.compile(
    r"version|labels(\.levels|\.default)?|backends(\.\w+\.(place|clearance))?"
    r"|models(\.\w+\.candidates(\[\d\](\.backend|\.model))?)?"
    r"|rules\[\d\]\.(name|then)|backends\.local\.networks|backends\.cloud\.provider"
)
"""What cannot be left out. Without its provider the cloud lacks a base URL."""

REFERENCES = re.compile(
    r"labels\.default|default|organisation\.default_department|.*\.(level|level_at_least|place)"
    r"|backends\.\w+\.(clearance|provider)|findings\..*"
    r"|(?!labels).*\.(compartments|endpoints|parameters|kinds|departments|models|only_backends"
    r"|forbid_places|forbid_backends)\[\d\]|.*\.backend"
)
"""Texts that name something which must exist."""


@dataclass(frozen=True)
class Mutant:
    """One broken file.

    Attributes:
        file: Which of the files it is.
        text: What stands in it.
        key: The key that its message must name.
        kind: What was done to it.
        meant: What stood there before, if the message must suggest it.
    """

    file: str
    text: str
    key: str
    kind: str
    meant: str = ""


def mutants() -> list[Mutant]:
    """Return all of them, always in the same order."""
    texts = {FILE: MORE + TEXTS[FILE].removeprefix("version = 1\n"), LEGAL: TEXTS[LEGAL]}
    texts[FILE] = f"version = 1\n{texts[FILE]}"
    return [mutant for name, text in texts.items() for mutant in _mutants(name, text)]


def _mutants(name: str, text: str) -> Iterator[Mutant]:
    tables = tomllib.loads(text)
    for path, value in _walk(tables):
        key = _key(path)
        if isinstance(value, dict) and not (path and path[-1] in NAMED):
            place = (*path, "colour")
            yield Mutant(name, _changed(tables, place, "red"), _key(place), "unknown key")
        if not path:
            continue
        for wrong in _wrong(value):
            yield Mutant(name, _changed(tables, path, wrong), key, f"not a {wrong!r}")
        if isinstance(value, str) and REFERENCES.fullmatch(key):
            text = _changed(tables, path, value[:-1] + value[-1] * 2)
            yield Mutant(name, text, key, "misspelt", value)
        if REQUIRED.fullmatch(key) and not (name == LEGAL and key == "default"):
            where = "backends.cloud.base_url" if key == "backends.cloud.provider" else key
            yield Mutant(name, _without(tables, path), where, "left out")


def _wrong(value: object) -> list[object]:
    """Return values of other types."""
    if isinstance(value, bool):
        return ["true", 1]
    if isinstance(value, str):
        return [7, {"x": 1}] if value == "all" else [7, ["x"]]
    if isinstance(value, (int, float)):
        return [str(value), [value]]
    if isinstance(value, list):
        return [7, {"x": 1}]
    return [7, ["x"]]


def _walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    yield path, value
    items = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for key, inner in items:
        yield from _walk(inner, (*path, key))


def _key(path: Path) -> str:
    return key_path(path)


def _changed(tables: Any, path: Path, value: object) -> str:
    copied = copy.deepcopy(tables)
    place = copied
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return _dump(copied)


def _without(tables: Any, path: Path) -> str:
    copied = copy.deepcopy(tables)
    place = copied
    for step in path[:-1]:
        place = place[step]
    del place[path[-1]]
    return _dump(copied)


def _dump(tables: dict[str, Any]) -> str:
    return "".join(f"{_quoted(key)} = {_inline(value)}\n" for key, value in tables.items())


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{_quoted(key)} = {_inline(item)}" for key, item in value.items())
        return f"{{ {inner} }}"
    if isinstance(value, list):
        return f"[{', '.join(_inline(item) for item in value)}]"
    if isinstance(value, bool):
        return str(value).lower()
    return _quoted(value) if isinstance(value, str) else repr(value)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

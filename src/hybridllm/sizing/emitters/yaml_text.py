"""Plain values as YAML.

Answers: how is a manifest of tables, lists and scalars written?
Not here: anchors, tags or other YAML that manifests do without.

Strings are quoted as JSON strings, which YAML 1.2 reads as they are; `no` and `1.0` therefore stay
text.
"""

from __future__ import annotations

import json
import re
from typing import Final

Plain = str | int | float | bool | None | list["Plain"] | dict[str, "Plain"]

_KEY: Final = re.compile(r"^[A-Za-z][\w./-]*$")


def to_yaml(value: Plain, *, indent: int = 0) -> str:
    """Return a table or list as YAML, ended by a line break."""
    return "".join(f"{line}\n" for line in _lines(value, indent))


def _lines(value: Plain, indent: int) -> list[str]:
    pad = " " * indent
    if isinstance(value, dict):
        found = []
        for key, inner in value.items():
            name = key if _KEY.match(key) else json.dumps(key)
            if isinstance(inner, dict | list) and inner:
                found.append(f"{pad}{name}:")
                found += _lines(inner, indent + 2)
            else:
                found.append(f"{pad}{name}: {_scalar(inner)}")
        return found
    if isinstance(value, list):
        found = []
        for item in value:
            if isinstance(item, dict | list) and item:
                first, *rest = _lines(item, indent + 2)
                found += [f"{pad}- {first.lstrip()}", *rest]
            else:
                found.append(f"{pad}- {_scalar(item)}")
        return found
    return [f"{pad}{_scalar(value)}"]


def _scalar(value: Plain) -> str:
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, list):
        return "[]"
    return json.dumps(value, ensure_ascii=False)

"""JSON Schema of the configuration files, for editors and checks.

Answers: which keys and types may a file have, in a form that other programs read?
Not here: names that refer to each other (`hybridllm check` knows those).

The descriptions are those of `docs/reference/configuration.md`; a test holds
`descriptions.toml` against that page.
"""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, get_args

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_PLACEHOLDERS: Final = {"models": "ALIAS", "sources": "SOURCE"}
_TABLES: Final = {
    "backends": "destinations that requests may go to, by name",
    "models": "names that programs ask for, each with its candidates",
    "rules": "restrictions; their order never matters",
    "vector_stores": "documents that questions are answered from, by name",
    "vector_stores.NAME.sources": "folders whose documents the store holds, by name",
}
"""Tables that have a heading of the reference instead of a row."""


def json_schema(shape: type[BaseModel], *, title: str, part: str) -> dict[str, Any]:
    """Return the JSON Schema of a file.

    Args:
        shape: The file's tables.
        title: What the file is called.
        part: Whose descriptions count first: `organisation` or `department`.
    """
    schema: dict[str, Any] = _for_toml(shape.model_json_schema())
    texts = descriptions(part)
    for model, name, key in _fields(shape):
        table = schema if model is shape else schema["$defs"][model.__name__]
        if key in texts:
            table["properties"][name].setdefault("description", texts[key])
    return {"$schema": DIALECT, **schema, "title": title}


def descriptions(part: str) -> Mapping[str, str]:
    """Return what each key means, by its path as the reference writes it."""
    resource = files("hybridllm.policy") / "descriptions.toml"
    tables = tomllib.loads(resource.read_text(encoding="utf-8"))
    own: dict[str, str] = tables[part]
    shared: dict[str, str] = tables["organisation"]
    return {**_TABLES, **shared, **own}


def _for_toml(node: Any, *, is_map: bool = False) -> Any:
    """Return a part of a schema without `null`, which TOML lacks, and without derived titles.

    Args:
        node: The part.
        is_map: Whether its keys are names of the files and no words of JSON Schema.
    """
    if isinstance(node, list):
        return [_for_toml(item) for item in node if item != {"type": "null"}]
    if not isinstance(node, dict):
        return node
    kept = {
        key: _for_toml(value, is_map=not is_map and key in ("properties", "$defs"))
        for key, value in node.items()
        if is_map or not (key == "title" or (key == "default" and _is_table(value)))
    }
    branches = kept.get("anyOf", ())
    if len(branches) == 1:
        del kept["anyOf"]
        kept |= branches[0]
    return kept


def _is_table(default: object) -> bool:
    """Return whether a default says no more than that nothing is set."""
    return default is None or isinstance(default, dict)


def _fields(shape: type[BaseModel], prefix: str = "") -> Iterator[tuple[type[BaseModel], str, str]]:
    """Yield each field below a table: its table, its name, and its path in the reference."""
    for name, field in shape.model_fields.items():
        yield shape, name, f"{prefix}{name}"
        inner, holder = _table_in(field.annotation)
        if inner is not None:
            place = f".{_PLACEHOLDERS.get(name, 'NAME')}" if holder is dict else ""
            place = "[]" if holder is list else place
            yield from _fields(inner, f"{prefix}{name}{place}.")


def _table_in(annotation: Any, holder: type | None = None) -> tuple[type[BaseModel] | None, Any]:
    """Return the table that a field holds, and whether in a list or a dictionary."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, holder
    origin = getattr(annotation, "__origin__", None)
    for inner in get_args(annotation):
        found, where = _table_in(inner, origin if origin in (list, dict) else holder)
        if found is not None:
            return found, where
    return None, holder

"""Models known by name, offline.

Answers: what is the shape of a well-known model?
Not here: folders and files (`sizing.load`), hubs (`sizing.hub`).

Source: `data/models.json`; each entry names where its configuration was read and when.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from importlib import resources
from typing import Any, Final

from hybridllm.sizing.errors import FactsError, nearest
from hybridllm.sizing.from_config import shape_from_config
from hybridllm.sizing.shape import ModelShape

# Endings of names that change nothing about the shape.
_SAME_SHAPE: Final = re.compile(r"-(instruct|chat|it|hf|base|thinking|instruct-hf|v0\.[12])$")
_DATED: Final = re.compile(r"-\d{4}$")


def known_models() -> tuple[str, ...]:
    """Return the names of all models that are known offline."""
    return tuple(_table())


def known_model(name: str) -> ModelShape:
    """Return the shape of a known model; the owner, `-Instruct` and the like may differ.

    Raises:
        FactsError: The name is not known, with the nearest ones and what else to pass.
    """
    table = _table()
    if name in table:
        return _shape(name)
    found = _aliases().get(_plain(name))
    if found is None:
        raise FactsError(
            f"'{name}' is not known offline.{nearest(name, allowed=table)} "
            "Pass a folder with config.json, a .gguf file, or --hub to ask a model hub."
        )
    return _shape(found)


@lru_cache(maxsize=256)
def _shape(name: str) -> ModelShape:
    return shape_from_config(_table()[name], name=name)


@lru_cache(maxsize=1)
def _table() -> dict[str, dict[str, Any]]:
    text = (
        resources.files("hybridllm.sizing").joinpath("data/models.json").read_text(encoding="utf-8")
    )
    table: dict[str, dict[str, Any]] = json.loads(text)
    return table


@lru_cache(maxsize=1)
def _aliases() -> dict[str, str]:
    found: dict[str, str] = {}
    for name, entry in _table().items():
        for one in (name, *entry.get("aliases", ())):
            found.setdefault(_plain(one), name)
    return found


def _plain(name: str) -> str:
    """`meta-llama/Meta-Llama-3.1-8B-Instruct` and `Llama-3.1-8B` are one shape."""
    short = name.rsplit("/", 1)[-1].lower().removeprefix("meta-")
    while True:
        cut = _DATED.sub("", _SAME_SHAPE.sub("", short))
        if cut == short:
            return short
        short = cut
